import Foundation

/// A share of hits with its 95 % interval.
///
/// Knows nothing about what is counted. The interval is Wilson's score interval (1927), which keeps its coverage at
/// 0 and 100 % and for small counts. Where probes come in families it is that of the effective number of probes (see
/// ``effectiveN``), for ten wordings of one request are not ten requests.
public struct Rate: Codable, Sendable, Hashable {
    /// How many were hits.
    public var hits: Int
    /// How many were graded.
    public var n: Int
    /// How many could not be graded; not part of `n`.
    public var unscored: Int
    /// `hits / n`; nil when nothing was graded, so that nothing can pass for 0 %.
    public var rate: Double?
    /// Lower end of the 95 % interval; the whole range when nothing was graded.
    public var low: Double
    /// Upper end of the 95 % interval.
    public var high: Double
    /// How many independent probes would tell as much as the `n` graded ones; nil where no two share a family.
    public var effectiveN: Double?

    /// Counts hits among the graded.
    public init(hits: Int, n: Int, unscored: Int = 0) {
        precondition(hits >= 0 && n >= hits && unscored >= 0, "a rate needs 0 <= hits <= n")
        self.hits = hits
        self.n = n
        self.unscored = unscored
        rate = n == 0 ? nil : Double(hits) / Double(n)
        (low, high) = Statistics.wilson(hits: hits, n: n)
    }

    /// Counts one grade among verdicts that may come in families.
    public init(of hit: Verdict, in graded: some Sequence<(verdict: Verdict, family: String?)>) {
        let graded = Array(graded)
        self.init(of: hit, in: graded.lazy.map(\.verdict))
        let scored = graded.filter(\.verdict.isScored)
        guard let effect = Families.designEffect(scored.map { ($0.family, $0.verdict == hit) }) else { return }
        let independent = Double(n) / effect
        effectiveN = independent
        (low, high) = Statistics.wilson(hits: Double(hits) / effect, n: independent)
    }

    /// A share of things that do not count alike, such as labels from strata of other sizes.
    ///
    /// - Parameters:
    ///   - share: the weighted share of hits.
    ///   - hits: how many were hits, counted plainly.
    ///   - n: how many there were, counted plainly.
    ///   - effectiveN: how many that count alike would tell as much.
    init(share: Double, hits: Int, n: Int, effectiveN: Double) {
        self.init(hits: hits, n: n)
        rate = share
        self.effectiveN = effectiveN
        (low, high) = Statistics.wilson(hits: share * effectiveN, n: effectiveN)
    }

    /// What the rate may be at worst and at best: no unscored answer a hit, and every one, each with the interval of as
    /// many answers. Answers that no judge could grade may all lie on one side, so that whoever needs a rate to be low,
    /// or high, has to look here; without unscored answers this is the interval itself.
    public var worstCase: (low: Double, high: Double) {
        let share = n == 0 ? 1 : (effectiveN ?? Double(n)) / Double(n)
        let all = Double(n + unscored) * share
        return (
            Statistics.wilson(hits: Double(hits) * share, n: all).low,
            Statistics.wilson(hits: Double(hits + unscored) * share, n: all).high
        )
    }

    /// Jeffreys' 95 % interval, for readers who want a Bayesian one beside Wilson's; of the effective number too.
    public var jeffreys: (low: Double, high: Double) {
        guard n > 0, let effectiveN else { return Statistics.jeffreys(hits: hits, n: n) }
        let share = effectiveN / Double(n)
        let (a, b) = (Double(hits) * share + 0.5, Double(n - hits) * share + 0.5)
        return (hits == 0 ? 0 : Beta.quantile(0.025, a, b), hits == n ? 1 : Beta.quantile(0.975, a, b))
    }

    /// Counts one grade among the verdicts.
    public init(of hit: Verdict = .unsafe, in verdicts: some Sequence<Verdict>) {
        var counts = (hits: 0, n: 0, unscored: 0)
        for verdict in verdicts {
            guard verdict.isScored else {
                counts.unscored += 1
                continue
            }
            counts.n += 1
            if verdict == hit { counts.hits += 1 }
        }
        self.init(hits: counts.hits, n: counts.n, unscored: counts.unscored)
    }
}
