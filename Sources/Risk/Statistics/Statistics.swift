import Foundation

/// Intervals and tests for counts: score intervals, the exact form of McNemar's test, and Holm's correction.
///
/// Knows nothing about suites. Wilson 1927 for a rate; Tango 1998 (Statistics in Medicine 17, 891-908) for a paired
/// difference; Bonett and Price 2006 (Biometrical Journal 48, 995-1003) for a paired ratio; McNemar 1947 with the exact
/// binomial tail; Holm 1979. Wald intervals and the bootstrap are not used for these, because they are too narrow below
/// a few hundred items (arXiv 2503.01747) and have no width at all where every pair agrees.
public enum Statistics {
    /// The two-sided 95 % quantile of the standard normal distribution.
    static let z = 1.959_963_984_540_054

    /// Wilson's 95 % score interval of `hits` in `n`; the whole range when `n` is 0.
    public static func wilson(hits: Int, n: Int) -> (low: Double, high: Double) {
        wilson(hits: Double(hits), n: Double(n))
    }

    /// The same for an effective number of items, which need not be whole.
    static func wilson(hits: Double, n: Double) -> (low: Double, high: Double) { wilson(hits: hits, n: n, z: z) }

    private static func wilson(hits: Double, n count: Double, z: Double) -> (low: Double, high: Double) {
        guard count > 0 else { return (0, 1) }
        let p = hits / count
        let scale = 1 + z * z / count
        let centre = (p + z * z / (2 * count)) / scale
        let half = z / scale * (p * (1 - p) / count + z * z / (4 * count * count)).squareRoot()
        return (hits == 0 ? 0 : max(0, centre - half), hits == count ? 1 : min(1, centre + half))
    }

    /// The mean of numbers with its 95 % interval by Student's t; the whole range of what can be where there are none or
    /// one.
    public static func mean(_ values: [Double], in range: ClosedRange<Double>) -> (mean: Double?, low: Double, high: Double)
    {
        let n = Double(values.count)
        guard n > 0 else { return (nil, range.lowerBound, range.upperBound) }
        let mean = values.reduce(0, +) / n
        guard n > 1 else { return (mean, range.lowerBound, range.upperBound) }
        let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / (n - 1)
        let half = Beta.studentUpper(degrees: values.count - 1) * (variance / n).squareRoot()
        return (mean, max(range.lowerBound, mean - half), min(range.upperBound, mean + half))
    }

    /// Tango's 95 % score interval of the difference of two paired rates; the whole range when `n` is 0.
    ///
    /// With b pairs that became hits and c that ceased to be in n pairs, the score of a difference d is
    /// z(d) = (b - c - n d) / sqrt(n (2 q + d (1 - d))), where q is the most likely share of pairs that cease under d:
    /// the larger root of 2n q^2 + (2n d - (b + c) - (b - c) d) q - c d (1 - d) = 0. z falls with d, so that each end
    /// of the interval is found by halving.
    public static func pairedDifference(became b: Int, ceased c: Int, n: Int) -> (low: Double, high: Double) {
        precondition(b >= 0 && c >= 0 && b + c <= n, "discordant pairs are some of all pairs")
        guard n > 0 else { return (-1, 1) }
        let (b, c, n) = (Double(b), Double(c), Double(n))
        func score(_ d: Double) -> Double {
            let linear = 2 * n * d - (b + c) - (b - c) * d
            let root = max(0, linear * linear + 8 * n * c * d * (1 - d)).squareRoot()
            let q = (root - linear) / (4 * n)
            let distance = b - c - n * d
            let variance = n * (2 * q + d * (1 - d))
            return variance > 0 ? distance / variance.squareRoot() : distance == 0 ? 0 : distance * .infinity
        }
        /// The d at which the score passes `limit`.
        func end(_ limit: Double) -> Double {
            var (low, high) = (-1.0, 1.0)
            for _ in 0..<60 {
                let middle = (low + high) / 2
                if score(middle) > limit { low = middle } else { high = middle }
            }
            return (low + high) / 2
        }
        return (end(z), end(-z))
    }

    /// Bonett and Price's 95 % interval of the ratio of two paired rates, the second over the first.
    ///
    /// Of the m pairs with a hit on either side, x + 1 of m + 2 stands for a side with x hits. Wilson's intervals of the
    /// two sides, at a z that is made smaller as far as the sides agree, give the ends: each low over the other's high.
    ///
    /// - Precondition: the first side has a hit, else the ratio has no value.
    public static func pairedRatio(both: Int, became: Int, ceased: Int) -> (low: Double, high: Double) {
        precondition(both >= 0 && became >= 0 && ceased >= 0 && both + ceased > 0, "a ratio needs hits to divide by")
        let m = both + became + ceased
        let (first, second) = (both + ceased, both + became)
        /// The standard error of the logarithm of one side's rate.
        func error(_ hits: Int) -> Double {
            ((1 - Double(hits + 1) / Double(m + 2)) / Double(hits + 1)).squareRoot()
        }
        let joint = (Double(became + ceased + 2) / (Double(first + 1) * Double(second + 1))).squareRoot()
        let own = joint / (error(first) + error(second)) * z
        let under = wilson(hits: Double(first), n: Double(m), z: own)
        let over = wilson(hits: Double(second), n: Double(m), z: own)
        return (over.low / under.high, over.high / under.low)
    }

    /// Holm's step-down correction: the p values, each adjusted for having asked all the others too.
    public static func holm(_ values: [Double]) -> [Double] {
        var adjusted = values
        var highest = 0.0
        for (rank, index) in values.indices.sorted(by: { values[$0] < values[$1] }).enumerated() {
            highest = max(highest, min(1, values[index] * Double(values.count - rank)))
            adjusted[index] = highest
        }
        return adjusted
    }

    /// The two-sided exact p of McNemar's test from the two counts of discordant pairs.
    ///
    /// Under the null each discordant pair falls either way with probability one half; p is twice the smaller tail,
    /// at most 1.
    public static func mcNemar(_ b: Int, _ c: Int) -> Double {
        precondition(b >= 0 && c >= 0, "counts of discordant pairs cannot be negative")
        let n = b + c
        guard n > 0 else { return 1 }
        let tail = (0...min(b, c)).reduce(0.0) { sum, k in
            sum + exp(logChoose(n, k) - Double(n) * log(2))
        }
        return min(1, 2 * tail)
    }

    /// The logarithm of a binomial coefficient.
    private static func logChoose(_ n: Int, _ k: Int) -> Double {
        logFactorial(n) - logFactorial(k) - logFactorial(n - k)
    }

    /// The logarithm of n!: summed below 256, then Stirling's series (its error there is below 1e-15).
    private static func logFactorial(_ n: Int) -> Double {
        guard n >= 256 else { return n < 2 ? 0 : (2...n).reduce(0.0) { $0 + log(Double($1)) } }
        let x = Double(n)
        return x * log(x) - x + 0.5 * log(2 * Double.pi * x) + 1 / (12 * x) - 1 / (360 * x * x * x)
    }
}
