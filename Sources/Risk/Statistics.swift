import Foundation

/// Interval and test for counts: Wilson's score interval and the exact form of McNemar's test.
///
/// Knows nothing about suites. Wilson 1927; McNemar 1947 with the exact binomial tail. Normal approximations are not
/// used, because they are too narrow below a few hundred items (arXiv 2503.01747).
public enum Statistics {
    /// The two-sided 95 % quantile of the standard normal distribution.
    static let z = 1.959_963_984_540_054

    /// Wilson's 95 % score interval of `hits` in `n`; the whole range when `n` is 0.
    public static func wilson(hits: Int, n: Int) -> (low: Double, high: Double) {
        guard n > 0 else { return (0, 1) }
        let count = Double(n)
        let p = Double(hits) / count
        let scale = 1 + z * z / count
        let centre = (p + z * z / (2 * count)) / scale
        let half = z / scale * (p * (1 - p) / count + z * z / (4 * count * count)).squareRoot()
        return (hits == 0 ? 0 : max(0, centre - half), hits == n ? 1 : min(1, centre + half))
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
