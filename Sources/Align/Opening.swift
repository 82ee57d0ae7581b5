/// The beginning of an answer, where it is decided whether a model refuses (Qi et al., arXiv 2406.05946).
///
/// Knows nothing about what a refusal is.
package enum Opening {
    /// The words of an answer that are its beginning.
    private static let words = 3

    /// The first words of an answer; nil of an empty one.
    package static func of(_ answer: String) -> String? {
        let parts = answer.split(separator: " ", maxSplits: words, omittingEmptySubsequences: false)
        let opening = parts.prefix(words).joined(separator: " ")
        return opening.allSatisfy(\.isWhitespace) ? nil : opening
    }
}
