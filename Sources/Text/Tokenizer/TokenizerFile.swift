public import Foundation

/// Reads the tokenizer of a Hugging Face model directory.
///
/// `tokenizer.json` says how text is split and merged, `tokenizer_config.json` names the special tokens, and
/// `chat_template.jinja` or the configuration holds the template. BERT's `vocab.txt` stands for a `tokenizer.json` where
/// there is none. A feature that would change ids is never ignored.
extension Tokenizer {
    /// Reads `tokenizer.json`, or `vocab.txt`, and what lies beside it.
    ///
    /// - Parameter directory: a model directory as Hugging Face lays it out.
    /// - Throws: ``TokenizerError``, or ``TemplateError`` if the chat template cannot be parsed.
    public init(directory: URL) throws {
        try self.init(try TokenizerFile(directory: directory).parts())
    }
}

/// The files of a directory, and what they say of vocabulary and special tokens.
private struct TokenizerFile {
    /// What describes the tokenizer, of the two that are read.
    private enum Description {
        case json(TemplateValue)
        case words([[UInt8]])
    }

    private let source: String
    private let description: Description
    private let configuration: TemplateValue
    private let specialTokens: TemplateValue
    private let templateFile: String?

    init(directory: URL) throws {
        let file = directory.appendingPathComponent("tokenizer.json")
        let words = directory.appendingPathComponent("vocab.txt")
        if let root = try Self.read(file) {
            (source, description) = (file.path, .json(root))
        } else if let text = try Self.bytes(of: words) {
            var lines = text.split(separator: 0x0A, omittingEmptySubsequences: false).map { line in
                Array(line.last == 0x0D ? line.dropLast() : line)
            }
            if lines.last?.isEmpty == true { lines.removeLast() }
            (source, description) = (words.path, .words(lines))
        } else {
            let model = directory.appendingPathComponent("tokenizer.model")
            if FileManager.default.fileExists(atPath: model.path) {
                throw TokenizerError.unsupported(
                    source: model.path,
                    feature: "SentencePiece's own format",
                    remedy: "put the tokenizer.json of the same model beside it"
                )
            }
            throw TokenizerError.unreadable(file: file.path, reason: "there is no such file")
        }
        configuration = try Self.read(directory.appendingPathComponent("tokenizer_config.json")) ?? .null
        specialTokens = try Self.read(directory.appendingPathComponent("special_tokens_map.json")) ?? .null
        let template = directory.appendingPathComponent("chat_template.jinja")
        templateFile = try Self.bytes(of: template).map { String(decoding: $0, as: UTF8.self) }
    }

    private static func bytes(of file: URL) throws -> [UInt8]? {
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        do {
            return [UInt8](try Data(contentsOf: file))
        } catch {
            throw TokenizerError.unreadable(file: file.path, reason: "\(error)")
        }
    }

    private static func read(_ file: URL) throws -> TemplateValue? {
        guard let bytes = try bytes(of: file) else { return nil }
        do {
            return try JSONReader.read(bytes)
        } catch {
            throw TokenizerError.unreadable(file: file.path, reason: "\(error)")
        }
    }

    private func malformed(_ reason: String) -> TokenizerError {
        .malformed(source: source, reason: reason)
    }

    private func unsupported(_ feature: String) -> TokenizerError {
        .unsupported(source: source, feature: feature, remedy: TokenizerPipeline.remedy)
    }

    func parts() throws -> Tokenizer.Parts {
        var parts =
            switch description {
            case .json(let root): try parts(of: root)
            case .words(let words): try wordParts(words)
            }
        let special = { (key: String) in
            self.specialToken(key).flatMap { self.id(of: $0, added: parts.added, vocabulary: parts.vocabulary) }
        }
        (parts.bosID, parts.eosID) = (special("bos_token"), special("eos_token"))
        (parts.unknownID, parts.padID) = (special("unk_token"), special("pad_token"))
        parts.chatTemplate = templateFile ?? configuredTemplate()
        return parts
    }

    private func parts(of root: TemplateValue) throws -> Tokenizer.Parts {
        guard let model = root["model"] else { throw malformed("'model' is missing") }
        let pipeline = TokenizerPipeline(source: source, root: root)
        var parts = Tokenizer.Parts(
            source: source,
            vocabulary: try vocabulary(model),
            added: try addedTokens(root),
            algorithm: try algorithm(model),
            isByteLevel: pipeline.isByteLevel,
            fallsBackToBytes: model["byte_fallback"]?.bool ?? false
        )
        parts.unknown = try unknown(model, added: parts.added, vocabulary: parts.vocabulary)
        parts.normalization = try pipeline.normalization()
        parts.steps = try pipeline.steps()
        parts.decoding = try pipeline.decoding()
        (parts.prefixIDs, parts.suffixIDs) = try pipeline.surroundings()
        return parts
    }

    private func algorithm(_ model: TemplateValue) throws -> Tokenizer.Parts.Algorithm {
        switch model["type"]?.string ?? "BPE" {
        case "BPE":
            for key in ["continuing_subword_prefix", "end_of_word_suffix"] where !(model[key]?.string ?? "").isEmpty {
                throw unsupported("model.\(key)")
            }
            switch model["dropout"] {
            case nil, .null?, .int(0)?, .double(0)?: break
            default: throw unsupported("model.dropout")
            }
            return .merges(try merges(model), takesWholeWords: model["ignore_merges"]?.bool ?? false)
        case "Unigram":
            guard let entries = model["vocab"]?.array else {
                throw malformed("'model.vocab' of a Unigram model is no list of texts and scores")
            }
            return .unigram(
                try entries.map { entry in
                    guard let score = entry.array?.last?.number else {
                        throw malformed("an entry of 'model.vocab' has no score")
                    }
                    return score
                }
            )
        case "WordPiece":
            return .wordPiece(
                prefix: Array((model["continuing_subword_prefix"]?.string ?? "##").utf8),
                longestWord: model["max_input_chars_per_word"]?.int ?? 100
            )
        case let type: throw unsupported("model type '\(type)'")
        }
    }

    /// The token for unknown text: a place in a Unigram vocabulary, or else a name.
    private func unknown(
        _ model: TemplateValue,
        added: [AddedTokens.Entry],
        vocabulary: [[UInt8]]
    ) throws -> Tokenizer.Parts.Unknown? {
        if let id = model["unk_id"]?.int {
            guard vocabulary.indices.contains(id) else {
                throw malformed("model.unk_id \(id) is not in the vocabulary")
            }
            return .init(id: id, isFused: true)
        }
        guard let name = model["unk_token"]?.string else { return nil }
        guard let id = id(of: name, added: added, vocabulary: vocabulary) else {
            throw malformed("model.unk_token '\(name)' is not in the vocabulary")
        }
        return .init(id: id, isFused: model["fuse_unk"]?.bool ?? false)
    }

    /// A BERT vocabulary of one token a line; the configuration says how its text is written.
    private func wordParts(_ words: [[UInt8]]) throws -> Tokenizer.Parts {
        let flag = { (key: String) in self.configuration[key]?.bool }
        let name = { (key: String, usual: String) in Array((self.specialToken(key) ?? usual).utf8) }
        return try Tokenizer.Parts(
            source: source,
            words: words,
            special: [
                name("unk_token", "[UNK]"), name("cls_token", "[CLS]"), name("sep_token", "[SEP]"),
                name("pad_token", "[PAD]"), name("mask_token", "[MASK]"),
            ],
            normalization: TokenizerPipeline.bert(
                cleans: true,
                spacesIdeographs: flag("tokenize_chinese_chars") ?? true,
                removesMarks: flag("strip_accents"),
                lowercases: flag("do_lower_case") ?? true
            )
        )
    }

    private func id(of token: String, added: [AddedTokens.Entry], vocabulary: [[UInt8]]) -> Int? {
        added.first { $0.content.elementsEqual(token.utf8) }?.id
            ?? vocabulary.firstIndex { $0.elementsEqual(token.utf8) }
    }

    private func specialToken(_ key: String) -> String? {
        for file in [configuration, specialTokens] {
            if let token = file[key]?.string ?? file[key]?["content"]?.string { return token }
        }
        return nil
    }

    private func configuredTemplate() -> String? {
        let template = configuration["chat_template"]
        if let text = template?.string { return text }
        let named = template?.array ?? []
        return (named.first { $0["name"]?.string == "default" } ?? named.first)?["template"]?.string
    }

    private func vocabulary(_ model: TemplateValue) throws -> [[UInt8]] {
        if let entries = model["vocab"]?.array {
            return try entries.map { entry in
                guard let token = entry.array?.first?.string else {
                    throw malformed("an entry of 'model.vocab' has no text")
                }
                return Array(token.utf8)
            }
        }
        guard case .object(let pairs)? = model["vocab"] else { throw malformed("'model.vocab' is missing") }
        var tokens: [[UInt8]] = []
        for (token, value) in pairs {
            guard let id = value.int, id >= 0, id < 1 << 24 else {
                throw malformed("token '\(token)' of 'model.vocab' has no usable id")
            }
            if id >= tokens.count { tokens.append(contentsOf: repeatElement([], count: id + 1 - tokens.count)) }
            tokens[id] = Array(token.utf8)
        }
        return tokens
    }

    private func merges(_ model: TemplateValue) throws -> [(left: [UInt8], right: [UInt8])] {
        guard let entries = model["merges"]?.array else { throw malformed("'model.merges' is missing") }
        return try entries.map { entry in
            if let pair = entry.array, pair.count == 2, let left = pair[0].string, let right = pair[1].string {
                return (Array(left.utf8), Array(right.utf8))
            }
            guard let line = entry.string, let pair = Tokenizer.mergePair(Array(line.utf8)) else {
                throw malformed("an entry of 'model.merges' is not a pair")
            }
            return pair
        }
    }

    private func addedTokens(_ root: TemplateValue) throws -> [AddedTokens.Entry] {
        try (root["added_tokens"]?.array ?? []).map { token in
            guard let id = token["id"]?.int, id >= 0, id < 1 << 24, let content = token["content"]?.string else {
                throw malformed("an entry of 'added_tokens' lacks 'id' or 'content'")
            }
            let flag = { (key: String) in token[key]?.bool ?? false }
            return AddedTokens.Entry(
                id: id,
                content: Array(content.utf8),
                isSpecial: flag("special"),
                isSingleWord: flag("single_word"),
                stripsLeft: flag("lstrip"),
                stripsRight: flag("rstrip"),
                isNormalized: flag("normalized")
            )
        }
    }
}
