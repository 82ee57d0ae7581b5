/// Finds characters that hide something from a reader: invisible ones, controls of direction, letters of the tag block, and
/// words that mix scripts.
///
/// Knows nothing about what is hidden. After Unicode Technical Report 36 and Boucher et al. 2021 (arXiv 2106.09898). What
/// scripts and emoji need to join is left alone.
public struct UnicodeRail: Rail {
    /// Creates the rail.
    public init() {}

    /// What the rail is.
    public var card: RailCard {
        RailCard(
            name: "unicode",
            looksFor: "invisible characters, controls of direction, tag letters, words that mix scripts",
            labels: ["zero-width", "direction", "tag", "mixed-script"],
            limits: ["A whole word in look-alike letters of one script is no finding; classifiers read it as Latin."]
        )
    }

    /// Every hidden character or mixed word, with what it would be without.
    public func findings(in passage: Passage) async throws -> [Finding] {
        guard !passage.text.utf8.allSatisfy({ $0 < 0x80 }) else { return [] }
        let scalars = Array(passage.text.unicodeScalars)
        var findings: [Finding] = []
        var offset = 0
        var wordStart = 0
        var word: [Unicode.Scalar] = []
        func closeWord() {
            if let plain = Self.unmixed(word) {
                findings.append(Finding("mixed-script", range: wordStart..<offset, replacement: plain))
            }
            word = []
        }
        for (index, scalar) in scalars.enumerated() {
            let end = offset + UTF8.width(scalar)
            if scalar.properties.isAlphabetic {
                if word.isEmpty { wordStart = offset }
                word.append(scalar)
            } else {
                closeWord()
            }
            let next = index + 1 < scalars.count ? scalars[index + 1] : " "
            let previous = index > 0 ? scalars[index - 1] : " "
            if let label = Self.hidden(scalar, between: previous, and: next) {
                findings.append(Finding(label, range: offset..<end, replacement: ""))
            }
            offset = end
        }
        closeWord()
        return findings
    }

    private static func hidden(
        _ scalar: Unicode.Scalar,
        between previous: Unicode.Scalar,
        and next: Unicode.Scalar
    ) -> String? {
        switch scalar.value {
        // Flags of regions are spelled with tags after a black flag; no text is.
        case 0xE0000...0xE007F:
            return previous.value == 0x1F3F4 || (0xE0000...0xE007F).contains(previous.value) ? nil : "tag"
        case 0x202A...0x202E, 0x2066...0x2069: return "direction"
        case 0x200B, 0x2060...0x2064, 0x180E, 0x3164, 0xFFA0: return "zero-width"
        case 0xFEFF: return "zero-width"
        case 0x200C, 0x200D, 0x00AD, 0xFE00...0xFE0F, 0xE0100...0xE01EF, 0x034F:
            return isLatinLetter(previous) && isLatinLetter(next) && scalar.value != 0xAD ? "zero-width" : nil
        default: return nil
        }
    }

    private static func isLatinLetter(_ scalar: Unicode.Scalar) -> Bool {
        scalar.value < 0x250 && scalar.properties.isAlphabetic
    }

    /// A word of Latin letters and look-alikes, in Latin; nil for any other word.
    private static func unmixed(_ word: [Unicode.Scalar]) -> String? {
        guard word.contains(where: \.isASCII) else { return nil }
        let others = word.filter { TextNormaliser.lookAlike($0) != nil && $0.value >= 0x370 }
        guard !others.isEmpty, word.allSatisfy({ isLatinLetter($0) || TextNormaliser.lookAlike($0) != nil }) else {
            return nil
        }
        var plain = String.UnicodeScalarView()
        plain.append(contentsOf: word.map { TextNormaliser.lookAlike($0) ?? $0 })
        return String(plain)
    }
}
