/// A text as lower-case words and as sentences of words.
///
/// Knows nothing about what is looked for. A word is a run of letters, digits and apostrophes. The sentences of a text
/// that goes on are the same, but for the last one.
package enum PlainWords {
    /// The words of a text, in order.
    package static func of(_ text: some StringProtocol) -> [String] {
        var words: [String] = []
        var word = ""
        for scalar in text.unicodeScalars {
            if scalar.properties.isAlphabetic || scalar.properties.numericType != nil {
                word.unicodeScalars.append(scalar)
            } else if (scalar == "'" || scalar == "\u{2019}") && !word.isEmpty {
                word.unicodeScalars.append("'")
            } else if !word.isEmpty {
                words.append(finished(word))
                word = ""
            }
        }
        if !word.isEmpty { words.append(finished(word)) }
        return words
    }

    /// A word without the closing quotation marks that look like apostrophes.
    private static func finished(_ word: String) -> String {
        var word = word.lowercased()
        while word.last == "'" { word.removeLast() }
        return word
    }

    /// The sentences in order: each ends at a line's end, or where space follows a full stop, `!` or `?`, perhaps with
    /// marks between.
    ///
    /// - Returns: the words of each, and whether it has ended.
    static func sentences(of text: String) -> [(words: [String], isComplete: Bool)] {
        var sentences: [(words: [String], isComplete: Bool)] = []
        var current = ""
        var hasStop = false
        func end(_ isComplete: Bool) {
            let words = of(current)
            if !words.isEmpty { sentences.append((words, isComplete)) }
            current = ""
            hasStop = false
        }
        for character in text {
            if character.isNewline || (character.isWhitespace && hasStop) {
                end(true)
                continue
            }
            current.append(character)
            switch character {
            case ".", "!", "?": hasStop = true
            case "\"", "'", ")", "]", "*", "\u{201D}", "\u{2019}", "`": break
            default: hasStop = false
            }
        }
        end(false)
        return sentences
    }

    /// Whether a phrase occurs among words.
    static func contains(_ phrase: [String], in words: [String]) -> Bool {
        guard !phrase.isEmpty, phrase.count <= words.count else { return false }
        return words.indices.contains { words[$0...].starts(with: phrase) }
    }

    /// The part of a text up to its last space: no later text changes the words in it.
    static func settled(_ partial: String) -> Substring {
        partial.lastIndex(where: \.isWhitespace).map { partial[..<$0] } ?? ""
    }
}
