import TemperText

/// The request in Morse code (ITU-R M.1677-1: letters, digits and the common signs).
///
/// Knows nothing about other scripts: what has no code is left out.
enum MorseCode {
    private static let codes: [Character: String] = [
        "a": ".-", "b": "-...", "c": "-.-.", "d": "-..", "e": ".", "f": "..-.", "g": "--.", "h": "....", "i": "..",
        "j": ".---", "k": "-.-", "l": ".-..", "m": "--", "n": "-.", "o": "---", "p": ".--.", "q": "--.-", "r": ".-.",
        "s": "...", "t": "-", "u": "..-", "v": "...-", "w": ".--", "x": "-..-", "y": "-.--", "z": "--..",
        "0": "-----", "1": ".----", "2": "..---", "3": "...--", "4": "....-", "5": ".....", "6": "-....",
        "7": "--...", "8": "---..", "9": "----.", ".": ".-.-.-", ",": "--..--", "?": "..--..", "'": ".----.",
        "/": "-..-.", "(": "-.--.", ")": "-.--.-", ":": "---...", "=": "-...-", "+": ".-.-.", "-": "-....-",
        "\"": ".-..-.", "@": ".--.-.",
    ]
    private static let characters = Dictionary(codes.map { ($0.value, $0.key) }) { first, _ in first }

    static let method = Attacks.Method.transform(
        .encoding(
            AttackCard(
                name: "morse",
                title: "Morse code",
                paper: "Yuan et al. 2023, arXiv 2308.06463 (Morse among the ciphers)",
                fidelity: .simplified,
                summary: "The request in Morse code, which is named, not taught. Answers in it are decoded."
            ),
            called: "Morse code, with / between words",
            encode: encode,
            decode: decode
        )
    )

    static func encode(_ text: String) -> String {
        text.lowercased().split(whereSeparator: \.isWhitespace).map { word in
            word.compactMap { codes[$0] }.joined(separator: " ")
        }.joined(separator: " / ")
    }

    /// The text in small letters; a group that is no code stays as it is.
    static func decode(_ text: String) -> String {
        text.split(separator: "/").map { word in
            word.split(whereSeparator: \.isWhitespace).map { group in
                characters[String(group)].map { String($0) } ?? String(group)
            }.joined()
        }.joined(separator: " ")
    }
}
