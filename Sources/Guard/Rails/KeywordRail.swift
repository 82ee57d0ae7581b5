import Foundation

/// Finds words and phrases of a list.
///
/// Knows nothing about meaning. Whole words, whatever their case; spaces and line ends between the words of a phrase are
/// all alike.
public struct KeywordRail: Rail {
    /// What the rail is.
    public let card: RailCard
    private let phrases: [[String]]

    /// Looks for `phrases`; words are runs of letters and digits.
    public init(name: String = "keywords", phrases: [String]) {
        self.phrases = phrases.map { Self.words(of: $0).map(\.text) }.filter { !$0.isEmpty }
        card = RailCard(
            name: name,
            looksFor: "\(self.phrases.count) words and phrases of a list",
            labels: ["keyword"],
            limits: ["Finds the words as they are written, not what is meant by them."]
        )
    }

    /// Every occurrence, with a replacement.
    public func findings(in passage: Passage) async throws -> [Finding] {
        let words = Self.words(of: passage.text)
        return words.indices.flatMap { start in
            phrases.compactMap { phrase in
                let end = start + phrase.count
                guard end <= words.count, words[start..<end].map(\.text) == phrase else { return nil }
                let range = words[start].utf8.lowerBound..<words[end - 1].utf8.upperBound
                return Finding("keyword", range: range, replacement: "[KEYWORD]")
            }
        }
    }

    private static func words(of text: String) -> [(text: String, utf8: Range<Int>)] {
        var words: [(text: String, utf8: Range<Int>)] = []
        var word = ""
        var position = 0
        func close(_ end: Int, _ word: inout String) {
            guard !word.isEmpty else { return }
            words.append((word.lowercased(), end - word.utf8.count..<end))
            word = ""
        }
        for scalar in text.unicodeScalars {
            if scalar.properties.isAlphabetic || scalar.properties.numericType != nil {
                word.unicodeScalars.append(scalar)
            } else {
                close(position, &word)
            }
            position += UTF8.width(scalar)
        }
        close(position, &word)
        return words
    }
}
