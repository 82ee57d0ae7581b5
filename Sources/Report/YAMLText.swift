/// Scalars of YAML that mean the same to every reader.
package enum YAMLText {
    /// The text plain where no reader could take it for anything else, in double quotes otherwise.
    package static func scalar(_ text: String) -> String {
        isPlain(text) ? text : JSONText.quoted(text)
    }

    /// The same for a file in which `${NAME}` stands for a variable: none is put into the text.
    package static func text(_ text: String) -> String { scalar(text.replacing("${", with: "$${")) }

    /// The shortest digits that mean the same number; `null` where there is none.
    package static func number(_ value: Double?) -> String {
        JSONText.number(value).compact
    }

    /// Letters, digits and a few signs inside, a letter first; not a word that YAML 1.1 or 1.2 knows.
    private static func isPlain(_ text: String) -> Bool {
        let words = ["true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf"]
        guard let first = text.utf8.first, (0x61...0x7A).contains(first | 0x20) else { return false }
        let isSafe = text.utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x61...0x7A).contains(byte | 0x20) && byte != 0x40
                || "._-/@ ".utf8.contains(byte)
        }
        return isSafe && !text.hasSuffix(" ") && !words.contains(text.lowercased())
    }
}
