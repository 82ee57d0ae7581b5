import TemperText

/// Changes the characters of a request so that it looks the same and reads differently to a tokenizer.
///
/// Boucher et al. 2021, "Bad Characters" (arXiv 2106.09898): invisible characters and homoglyphs. One fixed placement, no
/// search for the best one.
enum HiddenCharacters {
    /// U+200B after every character but the last.
    static let zeroWidth = Attacks.Method.transform(
        .rewriting(
            AttackCard(
                name: "zero-width",
                title: "Zero-width characters",
                paper: "Boucher et al. 2021, arXiv 2106.09898",
                fidelity: .simplified,
                summary: "Zero-width spaces between the characters of every word of four letters and more."
            ),
            hiding
        )
    )

    /// Cyrillic and Greek letters in the place of Latin ones.
    static let homoglyphs = Attacks.Method.transform(
        .rewriting(
            AttackCard(
                name: "homoglyphs",
                title: "Homoglyphs",
                paper: "Boucher et al. 2021, arXiv 2106.09898",
                fidelity: .simplified,
                summary: "Cyrillic letters in the place of the Latin ones that look the same."
            ),
            lookalike
        )
    )

    static func hiding(_ text: String) -> String {
        text.split(separator: " ", omittingEmptySubsequences: false).map { word in
            word.count < 4 ? String(word) : word.map(String.init).joined(separator: "\u{200B}")
        }.joined(separator: " ")
    }

    static func shown(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.filter { $0 != "\u{200B}" }))
    }

    private static let pairs: [(latin: UnicodeScalar, other: UnicodeScalar)] = [
        ("a", "\u{0430}"), ("c", "\u{0441}"), ("e", "\u{0435}"), ("i", "\u{0456}"), ("j", "\u{0458}"),
        ("o", "\u{043E}"), ("p", "\u{0440}"), ("s", "\u{0455}"), ("x", "\u{0445}"), ("y", "\u{0443}"),
        ("A", "\u{0410}"), ("B", "\u{0412}"), ("C", "\u{0421}"), ("E", "\u{0415}"), ("H", "\u{041D}"),
        ("K", "\u{041A}"), ("M", "\u{041C}"), ("O", "\u{041E}"), ("P", "\u{0420}"), ("T", "\u{0422}"),
        ("X", "\u{0425}"),
    ]

    static func lookalike(_ text: String) -> String {
        swapped(text, Dictionary(pairs.map { ($0.latin, $0.other) }) { first, _ in first })
    }

    static func latin(_ text: String) -> String {
        swapped(text, Dictionary(pairs.map { ($0.other, $0.latin) }) { first, _ in first })
    }

    private static func swapped(_ text: String, _ table: [UnicodeScalar: UnicodeScalar]) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { table[$0] ?? $0 }))
    }
}
