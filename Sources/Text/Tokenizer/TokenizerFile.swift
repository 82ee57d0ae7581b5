public import Foundation

/// Reads the tokenizer of a Hugging Face model directory.
///
/// `tokenizer.json` says how text is split and merged, `tokenizer_config.json` names the special tokens, and
/// `chat_template.jinja` or the configuration holds the template. A feature that would change ids is never ignored.
extension Tokenizer {
    /// Reads `tokenizer.json` and what lies beside it.
    ///
    /// - Parameter directory: a model directory as Hugging Face lays it out.
    /// - Throws: ``TokenizerError``, or ``TemplateError`` if the chat template cannot be parsed.
    public init(directory: URL) throws {
        try self.init(try TokenizerFile(directory: directory).parts())
    }
}

private struct TokenizerFile {
    private let source: String
    private let root: TemplateValue
    private let configuration: TemplateValue
    private let specialTokens: TemplateValue
    private let templateFile: String?

    init(directory: URL) throws {
        let file = directory.appendingPathComponent("tokenizer.json")
        source = file.path
        guard let root = try Self.read(file) else {
            let model = directory.appendingPathComponent("tokenizer.model")
            if FileManager.default.fileExists(atPath: model.path) {
                throw TokenizerError.unsupported(
                    source: model.path,
                    feature: "SentencePiece",
                    remedy: "use a model with a byte-level tokenizer.json"
                )
            }
            throw TokenizerError.unreadable(file: file.path, reason: "there is no such file")
        }
        self.root = root
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
        .unsupported(
            source: source,
            feature: feature,
            remedy: "use a model with a byte-level BPE tokenizer (GPT-2, Llama 3, Qwen 2)"
        )
    }

    func parts() throws -> Tokenizer.Parts {
        guard let model = root["model"] else { throw malformed("'model' is missing") }
        let type = model["type"]?.string ?? "BPE"
        guard type == "BPE" else { throw unsupported("model type '\(type)'") }
        for key in ["continuing_subword_prefix", "end_of_word_suffix"] where !(model[key]?.string ?? "").isEmpty {
            throw unsupported("model.\(key)")
        }
        if model["byte_fallback"]?.bool == true { throw unsupported("model.byte_fallback") }
        switch model["dropout"] {
        case nil, .null?, .int(0)?, .double(0)?: break
        default: throw unsupported("model.dropout")
        }
        let added = try addedTokens()
        let (steps, vocabulary) = (try preTokenizerSteps(), try vocabulary(model))
        var parts = Tokenizer.Parts(
            source: source,
            vocabulary: vocabulary,
            added: added,
            merges: try merges(model),
            steps: steps
        )
        parts.composes = try composes(root["normalizer"] ?? .null)
        parts.takesWholeWords = model["ignore_merges"]?.bool ?? false
        if let unknown = model["unk_token"]?.string {
            guard let id = id(of: unknown, added: added, vocabulary: vocabulary) else {
                throw malformed("model.unk_token '\(unknown)' is not in the vocabulary")
            }
            parts.missingByte = .unknown(id: Int32(id), fused: model["fuse_unk"]?.bool ?? false)
        }
        try readPostProcessor(root["post_processor"] ?? .null, into: &parts)
        let special = { (key: String) in
            self.specialToken(key).flatMap { self.id(of: $0, added: added, vocabulary: vocabulary) }
        }
        parts.bosID = special("bos_token")
        parts.eosID = special("eos_token")
        parts.unknownID = special("unk_token")
        parts.padID = special("pad_token")
        parts.chatTemplate = templateFile ?? configuredTemplate()
        return parts
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

    private func addedTokens() throws -> [AddedTokens.Entry] {
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

    private func composes(_ normalizer: TemplateValue) throws -> Bool {
        guard !normalizer.isNull else { return false }
        switch normalizer["type"]?.string {
        case "NFC": return true
        case "Sequence":
            return try (normalizer["normalizers"]?.array ?? []).map(composes).contains(true)
        case let type: throw unsupported("normalizer '\(type ?? "without a type")'")
        }
    }

    private func preTokenizerSteps() throws -> [PreTokenizer.Step] {
        let whole = root["pre_tokenizer"] ?? .null
        let stages = whole["type"]?.string == "Sequence" ? whole["pretokenizers"]?.array ?? [] : [whole]
        guard stages.filter({ $0["type"]?.string == "ByteLevel" }).count == 1,
            stages.last?["type"]?.string == "ByteLevel"
        else { throw unsupported("a pre_tokenizer that does not end in ByteLevel") }
        return try stages.flatMap(steps)
    }

    private func steps(_ stage: TemplateValue) throws -> [PreTokenizer.Step] {
        switch stage["type"]?.string {
        case "ByteLevel":
            let addsSpace = stage["add_prefix_space"]?.bool ?? true
            let splits = stage["use_regex"]?.bool ?? true
            return (addsSpace ? [.leadingSpace] : []) + (splits ? [.gpt2] : [])
        case "Digits":
            return [.digits(individually: stage["individual_digits"]?.bool ?? false)]
        case "Split":
            guard let regex = stage["pattern"]?["Regex"]?.string else {
                throw unsupported("a pre_tokenizer that splits on a fixed string")
            }
            guard let known = PreTokenizer.patterns.first(where: { $0.regex == regex }) else {
                throw unsupported("the pre_tokenizer pattern \(regex)")
            }
            let behaviour = stage["behavior"]?.string ?? ""
            let inverted = stage["invert"]?.bool ?? false
            var keepsAll = behaviour == "Isolated"
            // Dropping what does not match drops nothing where the pattern matches everything.
            if case .digits = known.step {
            } else {
                keepsAll = keepsAll && !inverted || behaviour == "Removed" && inverted
            }
            guard keepsAll else { throw unsupported("the pre_tokenizer behaviour '\(behaviour)'") }
            return [known.step]
        case let type:
            throw unsupported("the pre_tokenizer '\(type ?? "without a type")'")
        }
    }

    private func readPostProcessor(_ processor: TemplateValue, into parts: inout Tokenizer.Parts) throws {
        guard !processor.isNull else { return }
        switch processor["type"]?.string {
        case "ByteLevel": return
        case "Sequence":
            for inner in processor["processors"]?.array ?? [] { try readPostProcessor(inner, into: &parts) }
        case "TemplateProcessing":
            var isBefore = true
            for piece in processor["single"]?.array ?? [] {
                if piece["Sequence"] != nil {
                    isBefore = false
                    continue
                }
                guard let name = piece["SpecialToken"]?["id"]?.string,
                    let ids = processor["special_tokens"]?[name]?["ids"]?.array?.compactMap(\.int)
                else { throw malformed("'post_processor.single' names a token it does not define") }
                if isBefore { parts.prefixIDs += ids } else { parts.suffixIDs += ids }
            }
        case let type: throw unsupported("the post_processor '\(type ?? "without a type")'")
        }
    }
}
