import Foundation

/// Changes text before it is cut: Unicode forms, letter case, accents, and the signs that stand for spaces.
///
/// Each step is one of Hugging Face's normalizers, or a part of one. Knows nothing about tokens.
struct Normalizer: Sendable {
    /// One change.
    enum Step: Sendable {
        case form(Form)
        /// Puts bytes before a text that is not empty.
        case prepend([UInt8])
        /// Replaces each occurrence, from the left; `pattern` is in scalars.
        case replace(pattern: [UInt32], with: [UInt8])
        /// Makes one of each run of two or more spaces.
        case collapseSpaces(with: [UInt8])
        case lowercase
        /// Takes marks out: the nonspacing ones, as BERT does, or all.
        case removeMarks(all: Bool)
        /// Takes control characters out and makes each white space a plain one, as BERT does.
        case clean
        /// Puts spaces around Chinese characters, as BERT does.
        case spaceIdeographs
        /// Takes white space off the ends.
        case strip(left: Bool, right: Bool)
        case characterMap(CharacterMap)
    }

    /// The normalisation forms of Unicode (UAX 15).
    enum Form: String, Sendable {
        case nfc = "NFC"
        case nfd = "NFD"
        case nfkc = "NFKC"
        case nfkd = "NFKD"

        fileprivate func apply(_ bytes: some Collection<UInt8>) -> [UInt8] {
            let text = String(decoding: bytes, as: UTF8.self)
            return switch self {
            case .nfc: Array(text.precomposedStringWithCanonicalMapping.utf8)
            case .nfd: Array(text.decomposedStringWithCanonicalMapping.utf8)
            case .nfkc: Array(text.precomposedStringWithCompatibilityMapping.utf8)
            case .nfkd: Array(text.decomposedStringWithCompatibilityMapping.utf8)
            }
        }

        /// The first scalar that the form may change.
        fileprivate var lowest: UInt32 {
            switch self {
            case .nfc: 0x300
            case .nfd, .nfkc, .nfkd: 0xA0
            }
        }
    }

    /// The changes, in order.
    let steps: [Step]

    /// The changed text.
    func apply(to text: ScalarText) -> ScalarText {
        steps.reduce(text) { Self.apply($1, to: $0) }
    }

    private static func apply(_ step: Step, to text: ScalarText) -> ScalarText {
        switch step {
        case .form(let form): return text.normalized(form)
        case .prepend(let bytes):
            guard text.count > 0 else { return text }
            var rewriter = Rewriter(text)
            rewriter.put(bytes, for: 0..<0)
            rewriter.keep(0..<text.count)
            return rewriter.finish()
        case .replace(let pattern, let bytes): return text.replacing(pattern, with: bytes)
        case .collapseSpaces(let bytes): return text.collapsingSpaces(with: bytes)
        case .lowercase:
            return text.changingScalars { scalar in
                if scalar < 0x80 { return (0x41...0x5A).contains(scalar) ? [UInt8(scalar + 0x20)] : nil }
                guard let scalar = Unicode.Scalar(scalar), scalar.properties.changesWhenLowercased else { return nil }
                return Array(scalar.properties.lowercaseMapping.utf8)
            }
        case .removeMarks(let all):
            return text.changingScalars { scalar in
                guard scalar >= 0x300 else { return nil }
                switch Unicode.Scalar(scalar)?.category(inUnicode: all ? 9 : 8) {
                case .nonspacingMark: return []
                case .spacingMark, .enclosingMark: return all ? [] : nil
                default: return nil
                }
            }
        case .clean:
            return text.changingScalars { scalar in
                if (0x21..<0x7F).contains(scalar) || scalar == 0x20 { return nil }
                return isRemovedByBERT(scalar) ? [] : isSpace(scalar) ? [0x20] : nil
            }
        case .spaceIdeographs:
            return text.changingScalars { scalar in
                guard isIdeograph(scalar), let bytes = Unicode.Scalar(scalar)?.utf8Bytes else { return nil }
                return [0x20] + bytes + [0x20]
            }
        case .strip(let left, let right):
            let start = left ? text.kinds.firstIndex { !$0.isSpace } ?? text.count : 0
            let end = right ? text.kinds.lastIndex { !$0.isSpace }.map { $0 + 1 } ?? 0 : text.count
            return text.part(text.byteRange(start..<max(start, end)))
        case .characterMap(let map): return map.apply(to: text)
        }
    }

    private static func isSpace(_ scalar: UInt32) -> Bool {
        scalar == 0x09 || scalar == 0x0A || scalar == 0x0D
            || Unicode.Scalar(scalar)?.properties.isWhitespace ?? false
    }

    /// What BERT's cleaning drops: NUL, U+FFFD, control, format and private characters, but for tab and line ends.
    private static func isRemovedByBERT(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0, 0xFFFD: return true
        case 0x09, 0x0A, 0x0D: return false
        default: break
        }
        switch Unicode.Scalar(scalar)?.category(inUnicode: 8) {
        case .control, .format, .privateUse: return true
        default: return false
        }
    }

    /// The blocks that BERT's tokenizer counts as Chinese, gaps included.
    private static func isIdeograph(_ scalar: UInt32) -> Bool {
        switch scalar {
        case 0x4E00...0x9FFF, 0x3400...0x4DBF, 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F,
            0x2B920...0x2CEAF, 0xF900...0xFAFF, 0x2F800...0x2FA1F:
            true
        default: false
        }
    }
}

extension ScalarText {
    /// The same text in a normalisation form.
    ///
    /// Where normalising changes a base scalar and its marks, all their bytes stand for the whole of it.
    fileprivate func normalized(_ form: Normalizer.Form) -> ScalarText {
        guard scalars.contains(where: { $0 >= form.lowest }), form.apply(bytes) != bytes else { return self }
        var rewriter = Rewriter(self)
        var first = 0
        while first < count {
            var last = first + 1
            while last < count, Self.mayCompose(scalars[last]) { last += 1 }
            let cluster = bytes[byteRange(first..<last)]
            let changed = form.apply(cluster)
            if cluster.elementsEqual(changed) {
                rewriter.keep(first..<last)
            } else {
                rewriter.put(changed, for: first..<last)
            }
            first = last
        }
        return rewriter.finish()
    }

    /// Whether a scalar may join the scalars before it under normalisation: marks, Hangul vowels and finals, and the
    /// halfwidth forms of such.
    private static func mayCompose(_ scalar: UInt32) -> Bool {
        guard scalar >= 0x300 else { return false }
        if (0x1160...0x11FF).contains(scalar) || (0xFF9E...0xFFDC).contains(scalar) { return true }
        switch Unicode.Scalar(scalar)?.properties.generalCategory {
        case .nonspacingMark, .spacingMark, .enclosingMark: return true
        default: return false
        }
    }

    fileprivate func replacing(_ pattern: [UInt32], with bytes: [UInt8]) -> ScalarText {
        guard let head = pattern.first, scalars.contains(head) else { return self }
        var rewriter = Rewriter(self)
        var index = 0
        while index < count {
            let end = index + pattern.count
            if end <= count, scalars[index] == head, scalars[index..<end].elementsEqual(pattern) {
                rewriter.put(bytes, for: index..<end)
                index = end
            } else {
                rewriter.keep(index..<index + 1)
                index += 1
            }
        }
        return rewriter.finish()
    }

    fileprivate func collapsingSpaces(with bytes: [UInt8]) -> ScalarText {
        var rewriter = Rewriter(self)
        var index = 0
        while index < count {
            var end = index
            while end < count, scalars[end] == 0x20 { end += 1 }
            if end - index > 1 {
                rewriter.put(bytes, for: index..<end)
            } else {
                end = index + 1
                rewriter.keep(index..<end)
            }
            index = end
        }
        return rewriter.finish()
    }
}
