/// A tokenizer: text to token ids and back, id for id as the model was trained.
///
/// Built from a Hugging Face directory or from GGUF metadata. Special tokens written in the text are recognised, as in
/// Hugging Face's `tokenizers`. Knows nothing about models; conversations are ``ChatTemplate``'s business.
public struct Tokenizer: Sendable {
    /// A token and the part of the text it stands for.
    public struct Token: Sendable, Hashable {
        /// The id in the vocabulary.
        public var id: Int
        /// UTF-8 offsets into the original text; where normalisation changed the text, those of the whole cluster.
        public var utf8: Range<Int>
    }

    /// The id that begins a text, if the model has one.
    public let bosID: Int?
    /// The id that ends a text, if the model has one.
    public let eosID: Int?
    /// The id that stands for unknown text, if the model has one.
    public let unknownID: Int?
    /// The id that fills batches, if the model has one.
    public let padID: Int?
    /// The ids at which an answer is over: end of text and the end-of-turn tokens present.
    public let endOfTurnIDs: Set<Int>
    /// How text is cut: `byte-pair encoding`, `unigram` or `WordPiece`.
    public var kind: String {
        switch segmenter {
        case .bytePair: "byte-pair encoding"
        case .unigram: "unigram"
        case .wordPiece: "WordPiece"
        }
    }
    /// How conversations are written as text, if the model says so.
    public let chatTemplate: ChatTemplate?

    let table: TokenTable
    private let specialIDs: Set<Int>
    private let addedIDs: [[UInt8]: Int]
    private let rawTokens: AddedTokens
    private let normalizedTokens: AddedTokens
    private let normalizer: Normalizer
    private let preTokenizer: PreTokenizer
    private let segmenter: Segmenter
    private let decoder: TokenDecoder
    private let prefixIDs: [Int]
    private let suffixIDs: [Int]

    /// Names under which models end a turn.
    private static let endOfTurnNames = [
        "<|im_end|>", "<|eot_id|>", "<|eom_id|>", "<|endoftext|>", "<|end_of_text|>", "<|end|>", "<|end_of_turn|>",
        "<end_of_turn>", "<|return|>", "<|call|>", "</s>",
    ]

    init(_ source: Parts) throws {
        var parts = source
        let normalizer = Normalizer(steps: parts.normalization)
        // From here on such tokens are what normalising makes of them, in the text and when it is written again.
        for index in parts.added.indices where parts.added[index].isNormalized {
            parts.added[index].content = normalizer.apply(to: ScalarText(parts.added[index].content, base: 0)).bytes
        }
        let (tokens, isSearchable) = parts.tokens()
        func check(_ ids: [Int]) throws {
            for id in ids where !tokens.indices.contains(id) {
                throw TokenizerError.malformed(
                    source: source.source,
                    reason: "special token id \(id) is not in the vocabulary"
                )
            }
        }
        try check([parts.unknown?.id].compactMap { $0 })
        let table = TokenTable(tokens, isSearchable: isSearchable)
        self.table = table
        segmenter = try parts.segmenter(table)
        try check(
            [parts.bosID, parts.eosID, parts.unknownID, parts.padID].compactMap { $0 } + parts.prefixIDs
                + parts.suffixIDs
        )
        specialIDs = Set(parts.added.filter(\.isSpecial).map(\.id))
        addedIDs = Dictionary(source.added.map { ($0.content, $0.id) }) { _, last in last }
        rawTokens = AddedTokens(parts.added.filter { !$0.isNormalized })
        normalizedTokens = AddedTokens(parts.added.filter(\.isNormalized))
        self.normalizer = normalizer
        preTokenizer = PreTokenizer(steps: parts.steps)
        decoder = TokenDecoder(steps: parts.decoding)
        (prefixIDs, suffixIDs) = (parts.prefixIDs, parts.suffixIDs)
        (bosID, eosID, unknownID, padID) = (parts.bosID, parts.eosID, parts.unknownID, parts.padID)
        let enders = source.added.filter { entry in
            Self.endOfTurnNames.contains { $0.utf8.elementsEqual(entry.content) }
        }
        endOfTurnIDs = Set(enders.map(\.id) + [parts.eosID].compactMap { $0 })
        let names = Dictionary(source.added.map { ($0.id, $0.content) }) { _, last in last }
        let name = { (id: Int?) in id.map { String(decoding: names[$0] ?? tokens[$0], as: UTF8.self) } }
        let endOfTurnTokens = endOfTurnIDs.sorted().compactMap(name)
        chatTemplate = try parts.chatTemplate.map {
            try ChatTemplate(
                source: $0,
                bosToken: name(parts.bosID),
                eosToken: name(parts.eosID),
                unknownToken: name(parts.unknownID),
                padToken: name(parts.padID),
                endOfTurnTokens: endOfTurnTokens
            )
        }
    }

    /// Number of ids.
    public var vocabularySize: Int { table.count }

    /// The ids of control tokens.
    package var specialTokenIDs: Set<Int> { specialIDs }

    /// The id of the token with exactly this text, normal or special, such as `"<|im_end|>"`.
    public func id(ofToken token: String) -> Int? {
        let bytes = Array(token.utf8)
        return addedIDs[bytes] ?? table.find(bytes).map(Int.init)
    }

    /// The bytes a token stands for, which need not be whole characters; nil if there is no such id.
    public func bytes(of id: Int) -> [UInt8]? {
        table.bytes(of: id).map { decoder.bytes(of: Array($0)) }
    }

    /// The ids of a text.
    ///
    /// - Parameters:
    ///   - text: the text; special tokens written in it are taken as such.
    ///   - addSpecialTokens: whether to add what the model puts around a text, such as a leading BOS.
    public func encode(_ text: String, addSpecialTokens: Bool = false) -> [Int] {
        let ids = encodeWithOffsets(text).map(\.id)
        return addSpecialTokens ? prefixIDs + ids + suffixIDs : ids
    }

    /// The tokens of a text with the UTF-8 offsets each covers; nothing is added around them.
    public func encodeWithOffsets(_ text: String) -> [Token] {
        let bytes = Array(text.utf8)
        var tokens: [Token] = []
        tokens.reserveCapacity(bytes.count / 3 + 1)
        var scratch = Segmenter.Scratch()
        for segment in rawTokens.split(bytes) {
            if let id = segment.id {
                tokens.append(Token(id: id, utf8: segment.range))
                continue
            }
            let part = normalizer.apply(
                to: ScalarText(Array(bytes[segment.range]), base: segment.range.lowerBound)
            )
            for inner in normalizedTokens.split(part.bytes) {
                if let id = inner.id {
                    tokens.append(Token(id: id, utf8: part.origin(of: inner.range)))
                } else {
                    let isWhole = inner.range == 0..<part.bytes.count
                    encode(isWhole ? part : part.part(inner.range), into: &tokens, scratch: &scratch)
                }
            }
        }
        return tokens
    }

    private func encode(_ text: ScalarText, into tokens: inout [Token], scratch: inout Segmenter.Scratch) {
        let (text, pieces) = preTokenizer.pieces(of: text)
        text.bytes.withUnsafeBufferPointer { bytes in
            for piece in pieces {
                let range = text.byteRange(piece)
                segmenter.segment(UnsafeBufferPointer(rebasing: bytes[range]), scratch: &scratch)
                for part in scratch.pieces {
                    let covered = range.lowerBound + Int(part.start)..<range.lowerBound + Int(part.end)
                    tokens.append(Token(id: Int(part.id), utf8: text.origin(of: covered)))
                }
            }
        }
    }

    /// The text of ids; bytes that are not whole characters become U+FFFD, unknown ids nothing.
    public func decode(_ ids: [Int], skipSpecialTokens: Bool = false) -> String {
        let tokens = ids.compactMap { id in
            skipSpecialTokens && specialIDs.contains(id) ? nil : table.bytes(of: id).map(Array.init)
        }
        return String(decoding: decoder.decode(tokens), as: UTF8.self)
    }
}
