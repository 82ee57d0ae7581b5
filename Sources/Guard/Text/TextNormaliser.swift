import Foundation

/// Undoes what hides a text from a classifier and not from a reader: look-alike letters, invisible characters, digits that
/// stand for letters.
///
/// Knows nothing about rails. Compatibility forms are folded (Unicode Standard Annex 15, NFKC); the look-alikes are the
/// Cyrillic, Greek and Armenian letters that are drawn as Latin ones in most typefaces (compare Unicode Technical Standard
/// 39). The result is for reading, never for passing on.
public enum TextNormaliser {
    /// The text in compatibility form without invisible characters; letters of the tag block become what they stand for,
    /// and look-alikes become Latin in words that hold nothing else.
    public static func plain(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text }
        var visible = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            if let tag = tagged(scalar) {
                visible.append(tag)
            } else if !isInvisible(scalar) {
                visible.append(scalar)
            }
        }
        let folded = String(visible).precomposedStringWithCompatibilityMapping
        var result = String.UnicodeScalarView()
        var word: [Unicode.Scalar] = []
        func close() {
            let isDisguised = word.allSatisfy { $0.isASCII || lookAlikes[$0] != nil }
            result.append(contentsOf: isDisguised ? word.map { lookAlikes[$0] ?? $0 } : word)
            word = []
        }
        for scalar in folded.unicodeScalars {
            if scalar.properties.isAlphabetic {
                word.append(scalar)
            } else {
                close()
                result.append(scalar)
            }
        }
        close()
        return String(result)
    }

    /// The text with digits and signs inside words read as the letters that they resemble, and single letters that are
    /// spaced out joined; nil where that changes nothing.
    public static func unleeted(_ text: String) -> String? {
        var result: [String] = []
        var hasChanged = false
        var spaced: [String] = []
        func close() {
            if spaced.count >= 4 {
                result.append(spaced.joined())
                hasChanged = true
            } else {
                result += spaced
            }
            spaced = []
        }
        let pieces = text.split(whereSeparator: \.isWhitespace)
        // Where many words are disguised, short ones are as well: `d0 1` is `do i` then, and a number otherwise.
        let isDense = pieces.count(where: isDisguised) * 4 >= pieces.count
        for piece in pieces {
            if piece.utf8.count == 1, piece.first?.isLetter == true {
                spaced.append(String(piece))
                continue
            }
            close()
            guard isDisguised(piece) || isDense else {
                result.append(String(piece))
                continue
            }
            let word = read(piece)
            hasChanged = hasChanged || word != String(piece)
            result.append(word)
        }
        close()
        return hasChanged ? result.joined(separator: " ") : nil
    }

    /// Whether a word of three or more mixes letters with signs that resemble letters.
    private static func isDisguised(_ piece: Substring) -> Bool {
        let letters = piece.utf8.count { ($0 | 0x20) >= 0x61 && ($0 | 0x20) <= 0x7A }
        let signs = core(of: piece).count { leet[$0] != nil }
        return letters > 0 && signs > 0 && letters + signs >= 3 && !isQuantity(piece)
    }

    /// The word in letters; marks at its end stay, for they are punctuation.
    private static func read(_ piece: Substring) -> String {
        let core = core(of: piece)
        var word = String.UnicodeScalarView()
        for scalar in core { word.append(leet[scalar] ?? scalar) }
        word.append(contentsOf: piece.unicodeScalars[core.endIndex...])
        return String(word)
    }

    /// The word up to its last letter or digit.
    private static func core(of piece: Substring) -> Substring.UnicodeScalarView {
        let scalars = piece.unicodeScalars
        guard let last = scalars.lastIndex(where: { $0.properties.isAlphabetic || ("0"..."9").contains($0) }) else {
            return scalars[..<scalars.startIndex]
        }
        return scalars[...last]
    }

    /// Whether a scalar is drawn as nothing: zero-width, joiners, bidirectional controls, fillers, variation selectors.
    public static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        guard scalar.value >= 0x80 else { return false }
        return scalar.properties.isDefaultIgnorableCodePoint
            || scalar.properties.generalCategory == .format && !(0x600...0x8FF).contains(scalar.value)
    }

    /// The ASCII character that a scalar of the tag block stands for.
    static func tagged(_ scalar: Unicode.Scalar) -> Unicode.Scalar? {
        (0xE0020...0xE007E).contains(scalar.value) ? Unicode.Scalar(scalar.value - 0xE0000) : nil
    }

    /// The Latin letter that a scalar of another script is drawn like.
    static func lookAlike(_ scalar: Unicode.Scalar) -> Unicode.Scalar? { lookAlikes[scalar] }

    /// 3pm, 2nd, 50mg, 1,000s: a number with a unit behind it.
    private static func isQuantity(_ piece: Substring) -> Bool {
        guard let first = piece.unicodeScalars.first, ("0"..."9").contains(first) || first == "$" else { return false }
        let digits = piece.unicodeScalars.prefix { ("0"..."9").contains($0) || "$.,:-/".unicodeScalars.contains($0) }
        let rest = piece.unicodeScalars.dropFirst(digits.count)
        return rest.allSatisfy { leet[$0] == nil } && rest.count <= 3
    }

    private static let leet: [Unicode.Scalar: Unicode.Scalar] = [
        "0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g", "@": "a", "$": "s", "!": "i",
        "|": "l", "+": "t",
    ]

    private static let lookAlikes: [Unicode.Scalar: Unicode.Scalar] = {
        let pairs: [(String, String)] = [
            ("АВЕЅІЈКМНОРСТУХҮԌԚԜ", "ABESIJKMHOPCTYXYGQW"), ("аеіјорсухѕһԁԛԝгпӏ", "aeijopcyxshdqwrnl"),
            ("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX"), ("αεικνορτυχγ", "aeikvoptuxy"), ("ոսօցհզ", "nuoghq"),
            ("ıɡɑⅼ", "igal"),
        ]
        var map: [Unicode.Scalar: Unicode.Scalar] = [:]
        for (from, to) in pairs {
            for (other, latin) in zip(from.unicodeScalars, to.unicodeScalars) { map[other] = latin }
        }
        return map
    }()
}
