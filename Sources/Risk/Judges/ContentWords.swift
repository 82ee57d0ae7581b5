/// The words of a text that carry its meaning, without endings.
///
/// Knows nothing about who reads them. English only: a list of the commonest function words, and three endings.
package enum ContentWords {
    /// The content words in order, in lower case.
    package static func of(_ text: String) -> [String] {
        var words: [String] = []
        var word: [UInt8] = []
        func close() {
            defer { word.removeAll(keepingCapacity: true) }
            guard !word.isEmpty else { return }
            let text = String(decoding: word, as: UTF8.self)
            if !functionWords.contains(text) { words.append(stem(text)) }
        }
        for byte in text.lowercased().utf8 {
            if isPart(byte) {
                word.append(byte)
            } else if byte != UInt8(ascii: "'") {
                close()
            }
        }
        close()
        return words
    }

    /// Whether a byte belongs to a word: a letter, a digit, an underscore, or a part of a character beyond ASCII.
    private static func isPart(_ byte: UInt8) -> Bool {
        byte >= 0x80 || byte == UInt8(ascii: "_") || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
    }

    /// A word without a plural's or a participle's ending.
    static func stem(_ word: String) -> String {
        for (ending, least) in [("ing", 6), ("ed", 5), ("es", 5), ("s", 4)] {
            if word.utf8.count >= least, word.hasSuffix(ending), !word.hasSuffix("ss") {
                return String(word.dropLast(ending.count))
            }
        }
        return word
    }

    package static let functionWords: Set<String> = Set(
        """
        a an the this that these those i me my mine we us our you your he him his she her it its they them their who whom \
        whose which what where when why how is am are was were be been being do does did doing have has had having can could \
        will would shall should may might must to of in on at by for with from into onto about as than then so if or and but \
        not no nor please there here some any all more most very just also too out up down over again im ive id dont cant
        """.split(whereSeparator: \.isWhitespace).map(String.init)
    )
}
