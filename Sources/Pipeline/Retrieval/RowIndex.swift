import Foundation

/// Finds the rows of a data set that are most like a question, by the words they share.
///
/// BM25 as in Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with k1 = 1.2 and
/// b = 0.75: `sum over the question's words of idf * f (k1 + 1) / (f + k1 (1 - b + b l / mean l))`, where f counts the
/// word in the row, l is the row's length in words, and `idf = ln(1 + (N - n + 0.5) / (n + 0.5))` for a word that n of N
/// rows have.
struct RowIndex: Sendable {
    /// By word: which rows have it, and what it adds to their scores.
    private let weights: [String: [(row: Int, weight: Double)]]

    /// An index of texts.
    init(_ texts: [String]) {
        let rows = texts.map { Self.words($0) }
        let mean = Double(rows.reduce(0) { $0 + $1.count }) / Double(max(1, rows.count))
        var found: [String: [(row: Int, weight: Double)]] = [:]
        for (row, words) in rows.enumerated() {
            let norm = 1.2 * (1 - 0.75 + 0.75 * Double(words.count) / max(mean, 1))
            for (word, times) in Dictionary(words.map { ($0, 1.0) }, uniquingKeysWith: +) {
                found[word, default: []].append((row, times * 2.2 / (times + norm)))
            }
        }
        let all = Double(rows.count)
        weights = found.mapValues { entries in
            let share = Double(entries.count)
            let rarity = log(1 + (all - share + 0.5) / (share + 0.5))
            return entries.map { ($0.row, $0.weight * rarity) }
        }
    }

    /// The rows most like `text`, the most alike first; those that share no word with it are left out.
    func nearest(to text: String, _ limit: Int) -> [Int] {
        var scores: [Int: Double] = [:]
        for word in Self.words(text) {
            for (row, weight) in weights[word] ?? [] { scores[row, default: 0] += weight }
        }
        return scores.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(limit).map(\.key)
    }

    private static func words(_ text: String) -> [String] {
        text.lowercased().split { !$0.isLetter && !$0.isNumber }.map(String.init)
    }
}
