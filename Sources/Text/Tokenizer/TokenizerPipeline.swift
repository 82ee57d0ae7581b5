import Foundation

/// Reads what a `tokenizer.json` does before and after cutting: normalizer, pre-tokenizer, post-processor and decoder.
///
/// The names are those of Hugging Face's `tokenizers`. Knows nothing about vocabularies.
struct TokenizerPipeline {
    /// What to do about a tokenizer that is not supported.
    static let remedy =
        "BPE, Unigram and WordPiece are read as GPT-2, Llama, Qwen, Mistral, Gemma, Phi, T5 and BERT use them"

    /// The file, for errors.
    let source: String
    /// The whole of `tokenizer.json`.
    let root: TemplateValue

    private func unsupported(_ feature: String) -> TokenizerError {
        .unsupported(source: source, feature: feature, remedy: Self.remedy)
    }

    private func malformed(_ reason: String) -> TokenizerError {
        .malformed(source: source, reason: reason)
    }

    /// An element that stands alone, or the elements of a sequence; none for null.
    private func sequence(_ element: TemplateValue?, of key: String) -> [TemplateValue] {
        guard let element, !element.isNull else { return [] }
        guard element["type"]?.string == "Sequence" else { return [element] }
        return (element[key]?.array ?? []).flatMap { sequence($0, of: key) }
    }

    private func name(_ element: TemplateValue) -> String {
        element["type"]?.string ?? "without a type"
    }

    // MARK: Before cutting

    /// The steps of the normalizer.
    func normalization() throws -> [Normalizer.Step] {
        try sequence(root["normalizer"], of: "normalizers").flatMap { element -> [Normalizer.Step] in
            let flag = { (key: String) in element[key]?.bool }
            switch element["type"]?.string {
            case "NFC", "NFD", "NFKC", "NFKD":
                return Normalizer.Form(rawValue: name(element)).map { [.form($0)] } ?? []
            case "Prepend": return [.prepend(Array((element["prepend"]?.string ?? "").utf8))]
            case "Replace": return [try replacement(element)]
            case "Lowercase": return [.lowercase]
            case "StripAccents": return [.removeMarks(all: true)]
            case "Strip": return [.strip(left: flag("strip_left") ?? true, right: flag("strip_right") ?? true)]
            case "BertNormalizer":
                return Self.bert(
                    cleans: flag("clean_text") ?? true,
                    spacesIdeographs: flag("handle_chinese_chars") ?? true,
                    removesMarks: flag("strip_accents"),
                    lowercases: flag("lowercase") ?? true
                )
            case "Precompiled":
                guard let text = element["precompiled_charsmap"]?.string, let data = Data(base64Encoded: text),
                    let map = CharacterMap([UInt8](data))
                else { throw malformed("'normalizer.precompiled_charsmap' is not a whole table") }
                return [.characterMap(map)]
            default: throw unsupported("normalizer '\(name(element))'")
            }
        }
    }

    private func replacement(_ element: TemplateValue) throws -> Normalizer.Step {
        let new = Array((element["content"]?.string ?? "").utf8)
        if let text = element["pattern"]?["String"]?.string {
            return .replace(pattern: text.unicodeScalars.map(\.value), with: new)
        }
        let regex = element["pattern"]?["Regex"]?.string ?? ""
        guard regex == " {2,}" else { throw unsupported("the normalizer pattern \(regex)") }
        return .collapseSpaces(with: new)
    }

    /// BERT's normalizer; accents go with capitals unless it is said otherwise.
    static func bert(
        cleans: Bool,
        spacesIdeographs: Bool,
        removesMarks: Bool?,
        lowercases: Bool
    ) -> [Normalizer.Step] {
        var steps: [Normalizer.Step] = []
        if cleans { steps.append(.clean) }
        if spacesIdeographs { steps.append(.spaceIdeographs) }
        if removesMarks ?? lowercases { steps += [.form(.nfd), .removeMarks(all: false)] }
        if lowercases { steps.append(.lowercase) }
        return steps
    }

    /// Whether the vocabulary is written in ``ByteAlphabet``.
    var isByteLevel: Bool {
        sequence(root["pre_tokenizer"], of: "pretokenizers").contains { $0["type"]?.string == "ByteLevel" }
    }

    /// The steps of the pre-tokenizer.
    func steps() throws -> [PreTokenizer.Step] {
        let stages = sequence(root["pre_tokenizer"], of: "pretokenizers")
        // Bytes are written in the alphabet from there on, so nothing that reads text may follow.
        guard !stages.dropLast().contains(where: { $0["type"]?.string == "ByteLevel" }) else {
            throw unsupported("a pre_tokenizer after ByteLevel")
        }
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
        case "Split": return [try split(stage)]
        case "Metaspace":
            return [
                .metaspace(
                    sign: try sign(stage),
                    prepend: try prepend(stage),
                    splits: stage["split"]?.bool ?? true
                )
            ]
        case "WhitespaceSplit": return [.whiteSpace]
        case "BertPreTokenizer": return [.whiteSpace, .punctuation]
        case "Punctuation":
            guard stage["behavior"]?.string ?? "Isolated" == "Isolated" else {
                throw unsupported("the pre_tokenizer behaviour '\(stage["behavior"]?.string ?? "")'")
            }
            return [.punctuation]
        default: throw unsupported("the pre_tokenizer '\(name(stage))'")
        }
    }

    private func split(_ stage: TemplateValue) throws -> PreTokenizer.Step {
        let behaviour = stage["behavior"]?.string ?? ""
        let inverted = stage["invert"]?.bool ?? false
        if let text = stage["pattern"]?["String"]?.string {
            guard let separation = PreTokenizer.Separation(rawValue: behaviour), !inverted,
                text.unicodeScalars.count == 1, let scalar = text.unicodeScalars.first
            else { throw unsupported("the pre_tokenizer behaviour '\(behaviour)' for '\(text)'") }
            return .separator(scalar.value, separation)
        }
        let regex = stage["pattern"]?["Regex"]?.string ?? ""
        guard let known = PreTokenizer.patterns.first(where: { $0.regex == regex }) else {
            throw unsupported("the pre_tokenizer pattern \(regex)")
        }
        var keepsAll = behaviour == "Isolated"
        // Dropping what does not match drops nothing where the pattern matches everything.
        if case .digits = known.step {
        } else {
            keepsAll = keepsAll && !inverted || behaviour == "Removed" && inverted
        }
        guard keepsAll else { throw unsupported("the pre_tokenizer behaviour '\(behaviour)'") }
        return known.step
    }

    private func sign(_ element: TemplateValue) throws -> UInt32 {
        let text = element["replacement"]?.string ?? "\u{2581}"
        guard text.unicodeScalars.count == 1, let scalar = text.unicodeScalars.first else {
            throw malformed("'\(text)', which stands for spaces, is not one character")
        }
        return scalar.value
    }

    private func prepend(_ element: TemplateValue) throws -> PreTokenizer.Prepend {
        if let scheme = element["prepend_scheme"]?.string {
            guard let prepend = PreTokenizer.Prepend(rawValue: scheme) else {
                throw unsupported("the prepend_scheme '\(scheme)'")
            }
            return prepend
        }
        return element["add_prefix_space"]?.bool ?? true ? .always : .never
    }

    // MARK: After cutting

    /// The ids that go before and after a text.
    func surroundings() throws -> (before: [Int], after: [Int]) {
        var (before, after): ([Int], [Int]) = ([], [])
        for processor in sequence(root["post_processor"], of: "processors") {
            switch processor["type"]?.string {
            case "ByteLevel": continue
            case "BertProcessing", "RobertaProcessing":
                guard let first = processor["cls"]?.array?.last?.int, let last = processor["sep"]?.array?.last?.int
                else {
                    throw malformed("'post_processor' lacks 'cls' or 'sep'")
                }
                before.append(first)
                after.append(last)
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
                    if isBefore { before += ids } else { after += ids }
                }
            default: throw unsupported("the post_processor '\(name(processor))'")
            }
        }
        return (before, after)
    }

    /// The steps of the decoder; byte-level tokens need none.
    func decoding() throws -> [TokenDecoder.Step] {
        guard !isByteLevel else { return [] }
        let elements = sequence(root["decoder"], of: "decoders")
        guard !elements.isEmpty else { return [.joined] }
        return try elements.map { element in
            switch element["type"]?.string {
            case "ByteFallback": return .byteFallback
            case "Fuse": return .fuse
            case "Strip":
                let sign = Array((element["content"]?.string ?? " ").utf8)
                let (start, stop) = (element["start"]?.int ?? 0, element["stop"]?.int ?? 0)
                guard !sign.isEmpty, (0...1024).contains(start), (0...1024).contains(stop) else {
                    throw malformed("a decoder of type Strip takes \(start) and \(stop) of \(sign.count) bytes away")
                }
                return .strip(sign, start: start, stop: stop)
            case "Metaspace":
                return .metaspace(
                    Unicode.Scalar(try sign(element))?.utf8Bytes ?? [],
                    dropsFirst: try prepend(element) != .never
                )
            case "WordPiece":
                return .wordPiece(
                    prefix: Array((element["prefix"]?.string ?? "##").utf8),
                    cleansUp: element["cleanup"]?.bool ?? true
                )
            case "Replace":
                guard let text = element["pattern"]?["String"]?.string else { fallthrough }
                return .replace(Array(text.utf8), with: Array((element["content"]?.string ?? "").utf8))
            default: throw unsupported("the decoder '\(name(element))'")
            }
        }
    }
}
