extension Tokenizer {
    /// What every format is reduced to.
    struct Parts {
        /// How a piece of text is cut into tokens.
        enum Algorithm {
            /// Byte pairs, best first, over byte-level or character-level vocabularies.
            case merges([(left: [UInt8], right: [UInt8])], takesWholeWords: Bool)
            /// Byte pairs in the order of the tokens' scores, as SentencePiece keeps them.
            case scores([Float])
            /// The most likely path, by the tokens' log-probabilities.
            case unigram([Double])
            /// The longest tokens from the front.
            case wordPiece(prefix: [UInt8], longestWord: Int)
        }

        /// What becomes of text the vocabulary lacks.
        struct Unknown {
            var id: Int
            /// Whether a run becomes one token.
            var isFused: Bool
        }

        /// Where it came from, for errors.
        var source: String
        /// Each id's text as stored; empty where there is none.
        var vocabulary: [[UInt8]]
        var added: [AddedTokens.Entry]
        var algorithm: Algorithm
        /// Whether the vocabulary is written in ``ByteAlphabet``.
        var isByteLevel = true
        /// Whether text the vocabulary lacks becomes tokens such as `<0x0A>`.
        var fallsBackToBytes = false
        /// Tokens that cutting never yields.
        var hidden: Set<Int> = []
        /// Without one, text the vocabulary lacks is left out.
        var unknown: Unknown?
        var normalization: [Normalizer.Step] = []
        var steps: [PreTokenizer.Step] = []
        var decoding: [TokenDecoder.Step] = []
        var prefixIDs: [Int] = []
        var suffixIDs: [Int] = []
        var bosID: Int?
        var eosID: Int?
        var unknownID: Int?
        var padID: Int?
        var chatTemplate: String?

        /// The bytes of every id, and whether cutting may find it by them.
        func tokens() -> (tokens: [[UInt8]], isSearchable: [Bool]) {
            var tokens: [[UInt8]] = []
            var isSearchable: [Bool] = []
            let size = max(vocabulary.count, (added.map(\.id).max() ?? -1) + 1)
            tokens.reserveCapacity(size)
            for (id, stored) in vocabulary.enumerated() {
                let decoded = isByteLevel ? ByteAlphabet.decode(stored) : stored
                tokens.append(decoded ?? stored)
                isSearchable.append(decoded != nil && !hidden.contains(id))
            }
            tokens.append(contentsOf: repeatElement([], count: size - tokens.count))
            isSearchable.append(contentsOf: repeatElement(false, count: size - isSearchable.count))
            for entry in added {
                if tokens[entry.id] != entry.content { isSearchable[entry.id] = false }
                tokens[entry.id] = entry.content
            }
            return (tokens, isSearchable)
        }

        /// What cuts pieces of text into tokens of the table.
        func segmenter(_ table: TokenTable) throws -> Segmenter {
            let missing = unknown.map { BytePairMerger.Missing.unknown(id: Int32($0.id), fused: $0.isFused) }
            let unit = isByteLevel ? BytePairMerger.Unit.byte : .character(byteTokens: byteTokens)
            switch algorithm {
            case .merges(let merges, let takesWholeWords):
                return .bytePair(
                    BytePairMerger(
                        table: table,
                        unit: unit,
                        order: .listed(try merges.map { try resolve($0, in: table) }),
                        missing: missing ?? .dropped,
                        takesWholeWords: takesWholeWords
                    )
                )
            case .scores(let scores):
                return .bytePair(
                    BytePairMerger(
                        table: table,
                        unit: unit,
                        order: .scored(scores),
                        missing: missing ?? .dropped,
                        takesWholeWords: false
                    )
                )
            case .unigram(let scores):
                return .unigram(
                    UnigramSegmenter(
                        table: table,
                        scores: scores,
                        unknownID: unknown.map { Int32($0.id) },
                        byteTokens: byteTokens
                    )
                )
            case .wordPiece(let prefix, let longestWord):
                guard let unknown else {
                    throw TokenizerError.malformed(source: source, reason: "WordPiece needs a token for unknown words")
                }
                return .wordPiece(
                    WordPieceSegmenter(
                        table: table,
                        prefix: prefix,
                        unknownID: Int32(unknown.id),
                        longestWord: longestWord
                    )
                )
            }
        }

        /// The id of the token of each byte, such as `<0x0A>`.
        private var byteTokens: [Int32?] {
            var ids = [Int32?](repeating: nil, count: 256)
            guard fallsBackToBytes else { return ids }
            for (id, token) in vocabulary.enumerated() {
                if let byte = TokenDecoder.byte(of: token) { ids[Int(byte)] = Int32(id) }
            }
            return ids
        }

        private func resolve(
            _ pair: (left: [UInt8], right: [UInt8]),
            in table: TokenTable
        ) throws -> (left: Int32, right: Int32, result: Int32) {
            let bytes = { (stored: [UInt8]) in isByteLevel ? ByteAlphabet.decode(stored) : stored }
            guard let left = bytes(pair.left), let right = bytes(pair.right), let leftID = table.find(left),
                let rightID = table.find(right), let result = table.find(left + right)
            else {
                let names = [pair.left, pair.right].map { String(decoding: $0, as: UTF8.self) }
                throw TokenizerError.malformed(
                    source: source,
                    reason: "the merge of '\(names[0])' and '\(names[1])' names a token the vocabulary lacks"
                )
            }
            return (leftID, rightID, result)
        }
    }

    /// The way of cutting that a vocabulary was made for.
    enum Segmenter: Sendable {
        case bytePair(BytePairMerger)
        case unigram(UnigramSegmenter)
        case wordPiece(WordPieceSegmenter)

        /// Space reused between pieces of text.
        struct Scratch {
            fileprivate var merging = BytePairMerger.Scratch()
            /// The tokens of the piece cut last.
            fileprivate(set) var pieces: [TokenPiece] = []
        }

        /// Cuts a piece of text; the tokens are left in `scratch.pieces`.
        func segment(_ bytes: UnsafeBufferPointer<UInt8>, scratch: inout Scratch) {
            scratch.pieces.removeAll(keepingCapacity: true)
            switch self {
            case .bytePair(let merger): merger.merge(bytes, scratch: &scratch.merging, into: &scratch.pieces)
            case .unigram(let segmenter): segmenter.segment(bytes, into: &scratch.pieces)
            case .wordPiece(let segmenter): segmenter.segment(bytes, into: &scratch.pieces)
            }
        }
    }
}
