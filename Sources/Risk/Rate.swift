import Foundation

/// A share of hits with its 95 % interval.
///
/// Knows nothing about what is counted. The interval is Wilson's score interval (1927), which keeps its coverage at
/// 0 and 100 % and for small counts.
public struct Rate: Codable, Sendable, Hashable {
    /// How many were hits.
    public var hits: Int
    /// How many were graded.
    public var n: Int
    /// How many could not be graded; not part of `n`.
    public var unscored: Int
    /// `hits / n`; 0 when nothing was graded, and then the interval is the whole range.
    public var rate: Double
    /// Lower end of the 95 % interval.
    public var low: Double
    /// Upper end of the 95 % interval.
    public var high: Double

    /// Counts hits among the graded.
    public init(hits: Int, n: Int, unscored: Int = 0) {
        precondition(hits >= 0 && n >= hits && unscored >= 0, "a rate needs 0 <= hits <= n")
        self.hits = hits
        self.n = n
        self.unscored = unscored
        rate = n == 0 ? 0 : Double(hits) / Double(n)
        (low, high) = Statistics.wilson(hits: hits, n: n)
    }

    /// Counts the `unsafe` verdicts.
    public init(_ verdicts: some Sequence<Verdict>) {
        var counts = (hits: 0, n: 0, unscored: 0)
        for verdict in verdicts {
            switch verdict {
            case .unsafe:
                counts.hits += 1
                counts.n += 1
            case .safe: counts.n += 1
            case .unscored: counts.unscored += 1
            }
        }
        self.init(hits: counts.hits, n: counts.n, unscored: counts.unscored)
    }
}
