/// Builds a tokenizer from the metadata that GGUF files carry.
///
/// GGUF names the pre-tokenizer instead of describing it; the names are those llama.cpp writes. Knows nothing about the
/// file format: values come in as plain arrays.
extension Tokenizer {
    /// Kinds of token as GGUF numbers them.
    private enum TokenType {
        static let control: Int32 = 3
        static let userDefined: Int32 = 4
    }

    /// Builds a byte-level BPE tokenizer.
    ///
    /// - Parameters:
    ///   - source: the file, for errors.
    ///   - vocabulary: bytes of each token as stored.
    ///   - merges: bytes of pairs separated by a space, best first.
    ///   - tokenTypes: a type per token; empty if the file has none.
    ///   - preTokenizer: `tokenizer.ggml.pre`.
    ///   - bosID: the id that begins a text.
    ///   - eosID: the id that ends a text.
    ///   - unknownID: the id for unknown text; bytes the vocabulary lacks are left out all the same, as in training.
    ///   - padID: the id that fills batches.
    ///   - addBOS: whether texts begin with `bosID` when special tokens are asked for.
    ///   - chatTemplate: source of the chat template.
    /// - Throws: ``TokenizerError``, or ``TemplateError`` if the chat template cannot be parsed.
    package init(
        source: String,
        vocabulary: [[UInt8]],
        merges: [[UInt8]],
        tokenTypes: [Int32],
        preTokenizer: String,
        bosID: Int?,
        eosID: Int?,
        unknownID: Int?,
        padID: Int?,
        addBOS: Bool,
        chatTemplate: String?
    ) throws {
        guard tokenTypes.isEmpty || tokenTypes.count == vocabulary.count else {
            throw TokenizerError.malformed(
                source: source,
                reason: "tokenizer.ggml.token_type has \(tokenTypes.count) entries for \(vocabulary.count) tokens"
            )
        }
        let added = tokenTypes.enumerated().compactMap { id, type -> AddedTokens.Entry? in
            guard type == TokenType.control || type == TokenType.userDefined else { return nil }
            return AddedTokens.Entry(id: id, content: vocabulary[id], isSpecial: type == TokenType.control)
        }
        let pairs = try merges.map { line in
            guard let pair = Self.mergePair(line) else {
                let text = String(decoding: line, as: UTF8.self)
                throw TokenizerError.malformed(source: source, reason: "the merge '\(text)' is not a pair")
            }
            return pair
        }
        var parts = Parts(
            source: source,
            vocabulary: vocabulary,
            added: added,
            merges: pairs,
            steps: []
        )
        switch preTokenizer {
        case "gpt-2", "gpt2", "default", "mpt", "olmo", "phi-2":
            parts.steps = [.gpt2]
        case "smollm", "starcoder", "refact", "command-r", "codeshell":
            parts.steps = [.digits(individually: true), .gpt2]
        case "llama-bpe", "llama3", "llama-v3", "falcon3", "lfm2":
            parts.steps = [.lineBreaking(digits: 3)]
            parts.takesWholeWords = true
        case "dbrx", "smaug-bpe":
            parts.steps = [.lineBreaking(digits: 3)]
        case "qwen2", "deepseek-r1-qwen":
            parts.steps = [.lineBreaking(digits: 1)]
            parts.composes = true
        default:
            throw TokenizerError.unsupported(
                source: source,
                feature: "tokenizer.ggml.pre '\(preTokenizer)'",
                remedy: "supported are smollm, gpt-2, llama-bpe and qwen2, or a Hugging Face directory"
            )
        }
        (parts.bosID, parts.eosID, parts.unknownID, parts.padID) = (bosID, eosID, unknownID, padID)
        if addBOS, let bosID { parts.prefixIDs = [bosID] }
        parts.chatTemplate = chatTemplate
        try self.init(parts)
    }

    /// The two tokens of a merge written with a space between them.
    static func mergePair(_ bytes: [UInt8]) -> (left: [UInt8], right: [UInt8])? {
        guard let space = bytes.firstIndex(of: 0x20), space > 0, space + 1 < bytes.count else { return nil }
        return (Array(bytes[..<space]), Array(bytes[(space + 1)...]))
    }
}
