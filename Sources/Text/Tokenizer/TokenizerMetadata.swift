/// What GGUF files say of their tokenizer, as plain values.
///
/// Knows nothing about the file format.
package struct TokenizerMetadata: Sendable {
    /// The file, for errors.
    package var source: String
    /// `tokenizer.ggml.model`.
    package var model: String
    /// `tokenizer.ggml.pre`.
    package var preTokenizer = "default"
    /// Bytes of each token as stored.
    package var vocabulary: [[UInt8]]
    /// Bytes of pairs separated by a space, best first.
    package var merges: [[UInt8]] = []
    /// A score per token; empty if the file has none.
    package var scores: [Float] = []
    /// A type per token; empty if the file has none.
    package var tokenTypes: [Int32] = []
    /// The id that begins a text.
    package var bosID: Int?
    /// The id that ends a text.
    package var eosID: Int?
    /// The id for unknown text.
    package var unknownID: Int?
    /// The id that fills batches.
    package var padID: Int?
    /// Whether texts begin with `bosID` when special tokens are asked for; nil if the file does not say.
    package var addsBOS: Bool?
    /// Whether texts end with `eosID` when special tokens are asked for; nil if the file does not say.
    package var addsEOS: Bool?
    /// Whether a text gets a space in front; nil if the file does not say.
    package var addsSpace: Bool?
    /// Source of the chat template.
    package var chatTemplate: String?

    /// Starts with what every file has.
    package init(source: String, model: String, vocabulary: [[UInt8]]) {
        (self.source, self.model, self.vocabulary) = (source, model, vocabulary)
    }
}

/// Builds a tokenizer from the metadata that GGUF files carry.
///
/// GGUF names the pre-tokenizer instead of describing it; the names and what is understood by default are those of
/// llama.cpp.
extension Tokenizer {
    /// Kinds of token as GGUF numbers them.
    private enum TokenType {
        static let unknown: Int32 = 2
        static let control: Int32 = 3
        static let userDefined: Int32 = 4
        static let unused: Int32 = 5
        static let byte: Int32 = 6
    }

    /// Builds the tokenizer of a GGUF file.
    ///
    /// - Throws: ``TokenizerError``, or ``TemplateError`` if the chat template cannot be parsed.
    package init(_ metadata: TokenizerMetadata) throws {
        for (key, count) in [("token_type", metadata.tokenTypes.count), ("scores", metadata.scores.count)]
        where count != 0 && count != metadata.vocabulary.count {
            throw TokenizerError.malformed(
                source: metadata.source,
                reason: "tokenizer.ggml.\(key) has \(count) entries for \(metadata.vocabulary.count) tokens"
            )
        }
        var parts =
            switch metadata.model {
            case "gpt2": try Self.bytePairParts(metadata)
            case "llama": try Self.scoredParts(metadata)
            case "bert": try Self.wordParts(metadata)
            default:
                throw TokenizerError.unsupported(
                    source: metadata.source,
                    feature: "tokenizer.ggml.model '\(metadata.model)'",
                    remedy:
                        "gpt2, llama and bert are read; a Hugging Face directory may have the same tokenizer in another form"
                )
            }
        (parts.bosID, parts.eosID) = (metadata.bosID, metadata.eosID)
        (parts.unknownID, parts.padID) = (metadata.unknownID, metadata.padID)
        parts.chatTemplate = metadata.chatTemplate
        try self.init(parts)
    }

    /// Tokens that are found as they are written.
    private static func added(_ metadata: TokenizerMetadata, also other: Int32? = nil) -> [AddedTokens.Entry] {
        metadata.tokenTypes.enumerated().compactMap { id, type in
            guard type == TokenType.control || type == TokenType.userDefined || type == other else { return nil }
            return AddedTokens.Entry(
                id: id,
                content: metadata.vocabulary[id],
                isSpecial: type != TokenType.userDefined
            )
        }
    }

    /// Byte-level BPE; bytes the vocabulary lacks are left out, as in training.
    private static func bytePairParts(_ metadata: TokenizerMetadata) throws -> Parts {
        let pairs = try metadata.merges.map { line in
            guard let pair = Self.mergePair(line) else {
                let text = String(decoding: line, as: UTF8.self)
                throw TokenizerError.malformed(source: metadata.source, reason: "the merge '\(text)' is not a pair")
            }
            return pair
        }
        let known = try preTokenizer(metadata)
        var parts = Parts(
            source: metadata.source,
            vocabulary: metadata.vocabulary,
            added: added(metadata),
            algorithm: .merges(pairs, takesWholeWords: known.takesWholeWords)
        )
        parts.steps = known.steps
        if known.composes { parts.normalization = [.form(.nfc)] }
        if metadata.addsBOS ?? known.addsBOS, let id = metadata.bosID { parts.prefixIDs = [id] }
        if metadata.addsEOS ?? false, let id = metadata.eosID { parts.suffixIDs = [id] }
        return parts
    }

    /// What the name of a pre-tokenizer stands for.
    private struct Known {
        var steps: [PreTokenizer.Step]
        var takesWholeWords = false
        var composes = false
        /// Whether texts begin with a token where the file does not say.
        var addsBOS = false
    }

    private static func preTokenizer(_ metadata: TokenizerMetadata) throws -> Known {
        switch metadata.preTokenizer {
        case "gpt-2", "gpt2", "default", "mpt", "olmo", "phi-2":
            return Known(steps: [.gpt2])
        case "smollm", "starcoder", "refact", "command-r", "codeshell":
            return Known(steps: [.digits(individually: true), .gpt2])
        case "llama-bpe", "llama3", "llama-v3", "falcon3", "falcon-h1", "pixtral", "lfm2":
            return Known(steps: [.lineBreaking(digits: 3)], takesWholeWords: true, addsBOS: true)
        case "dbrx", "smaug-bpe", "glm4", "chatglm-bpe":
            return Known(steps: [.lineBreaking(digits: 3)])
        case "qwen2", "deepseek-r1-qwen":
            return Known(steps: [.lineBreaking(digits: 1)], composes: true)
        case "gpt-4o":
            return Known(steps: [.cased(digits: 3, contractions: true)])
        case "tekken":
            return Known(steps: [.cased(digits: 1, contractions: false)], takesWholeWords: true, addsBOS: true)
        default:
            throw TokenizerError.unsupported(
                source: metadata.source,
                feature: "tokenizer.ggml.pre '\(metadata.preTokenizer)'",
                remedy:
                    "supported are smollm, gpt-2, llama-bpe, dbrx, qwen2, gpt-4o and tekken, or a Hugging Face directory"
            )
        }
    }

    /// SentencePiece's BPE: the score of a token is the rank of the merge that makes it.
    private static func scoredParts(_ metadata: TokenizerMetadata) throws -> Parts {
        guard metadata.scores.count == metadata.vocabulary.count else {
            throw TokenizerError.malformed(source: metadata.source, reason: "tokenizer.ggml.scores is missing")
        }
        let sign = Array("\u{2581}".utf8)
        let addsSpace = metadata.addsSpace ?? true
        var parts = Parts(
            source: metadata.source,
            vocabulary: metadata.vocabulary,
            added: added(metadata, also: TokenType.unknown),
            algorithm: .scores(metadata.scores),
            isByteLevel: false,
            fallsBackToBytes: true
        )
        // They stand in the list of tokens, but are not what merging yields.
        parts.hidden = Set(
            metadata.tokenTypes.indices.filter {
                [TokenType.unused, TokenType.byte].contains(metadata.tokenTypes[$0])
            }
        )
        parts.unknown = metadata.unknownID.map { .init(id: $0, isFused: true) }
        parts.normalization = (addsSpace ? [.prepend(sign)] : []) + [.replace(pattern: [0x20], with: sign)]
        parts.decoding = [.replace(sign, with: [0x20]), .byteFallback, .fuse]
        if addsSpace { parts.decoding.append(.strip([0x20], start: 1, stop: 0)) }
        if metadata.addsBOS ?? true, let id = metadata.bosID { parts.prefixIDs = [id] }
        if metadata.addsEOS ?? false, let id = metadata.eosID { parts.suffixIDs = [id] }
        return parts
    }

    /// BERT's WordPiece, stored with a sign before the words instead of one before what goes on a word.
    private static func wordParts(_ metadata: TokenizerMetadata) throws -> Parts {
        let sign = Array("\u{2581}".utf8)
        let words = metadata.vocabulary.map { stored -> [UInt8] in
            if stored.starts(with: sign) { return Array(stored.dropFirst(sign.count)) }
            return stored.first == UInt8(ascii: "[") && stored.last == UInt8(ascii: "]")
                ? stored : Array("##".utf8) + stored
        }
        return try Parts(
            source: metadata.source,
            words: words,
            special: ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"].map { Array($0.utf8) },
            normalization: TokenizerPipeline.bert(
                cleans: true,
                spacesIdeographs: true,
                removesMarks: nil,
                lowercases: true
            )
        )
    }

    /// The two tokens of a merge written with a space between them.
    static func mergePair(_ bytes: [UInt8]) -> (left: [UInt8], right: [UInt8])? {
        guard let space = bytes.firstIndex(of: 0x20), space > 0, space + 1 < bytes.count else { return nil }
        return (Array(bytes[..<space]), Array(bytes[(space + 1)...]))
    }
}
