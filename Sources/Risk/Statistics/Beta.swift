import Foundation

/// The beta distribution and what is made from it: Jeffreys' interval for a rate, and quantiles of Student's t.
///
/// Knows nothing about suites. The incomplete beta function is the continued fraction of DLMF 8.17.22, evaluated by
/// Lentz's method; quantiles are found by halving, which needs no start and cannot leave the range.
enum Beta {
    /// The share of the distribution Beta(a, b) that lies below x.
    static func cumulative(_ x: Double, _ a: Double, _ b: Double) -> Double {
        precondition(a > 0 && b > 0, "a beta distribution has positive parameters")
        guard x > 0 else { return 0 }
        guard x < 1 else { return 1 }
        // The fraction converges fast below the mean; above it the mirrored one does.
        guard x <= (a + 1) / (a + b + 2) else { return 1 - cumulative(1 - x, b, a) }
        let scale: Double = lgamma(a + b) - lgamma(a) - lgamma(b)
        let front = exp(scale + a * log(x) + b * log(1 - x)) / a
        let tiny = 1e-300
        func kept(_ value: Double) -> Double { abs(value) < tiny ? tiny : value }
        var numerator = 1.0
        let start: Double = (a + b) * x / (a + 1)
        var denominator = 1 / kept(1 - start)
        var fraction = denominator
        for index in 1...1000 {
            let m = Double(index)
            let place = a + 2 * m
            let even: Double = m * (b - m) * x / ((place - 1) * place)
            denominator = 1 / kept(1 + even * denominator)
            numerator = kept(1 + even / numerator)
            fraction *= denominator * numerator
            let odd: Double = -(a + m) * (a + b + m) * x / (place * (place + 1))
            denominator = 1 / kept(1 + odd * denominator)
            numerator = kept(1 + odd / numerator)
            let step = denominator * numerator
            fraction *= step
            if abs(step - 1) < 1e-15 { break }
        }
        return min(1, front * fraction)
    }

    /// The x below which the share `level` of Beta(a, b) lies.
    static func quantile(_ level: Double, _ a: Double, _ b: Double) -> Double {
        var (low, high) = (0.0, 1.0)
        for _ in 0..<100 {
            let middle = (low + high) / 2
            if cumulative(middle, a, b) < level { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }
}

extension Statistics {
    /// Jeffreys' 95 % interval of `hits` in `n`: the middle of Beta(hits + 1/2, n - hits + 1/2), the ends set to 0 and
    /// 1 where no or every item is a hit (Brown, Cai and DasGupta 2001); the whole range when `n` is 0.
    ///
    /// Bayesian where Wilson's is not; below a few hundred items either is sound, and the usual normal one is not
    /// (arXiv 2503.01747).
    public static func jeffreys(hits: Int, n: Int) -> (low: Double, high: Double) {
        precondition(hits >= 0 && n >= hits, "an interval needs 0 <= hits <= n")
        guard n > 0 else { return (0, 1) }
        let (a, b) = (Double(hits) + 0.5, Double(n - hits) + 0.5)
        return (hits == 0 ? 0 : Beta.quantile(0.025, a, b), hits == n ? 1 : Beta.quantile(0.975, a, b))
    }

    /// The quantile of Student's t above which a share of 2.5 % lies.
    static func studentUpper(degrees: Int) -> Double {
        precondition(degrees > 0, "Student's t has at least one degree of freedom")
        // t^2 / (degrees + t^2) is Beta(1/2, degrees / 2).
        let x = Beta.quantile(0.95, 0.5, Double(degrees) / 2)
        return (Double(degrees) * x / (1 - x)).squareRoot()
    }

    /// The share of the standard normal distribution below `value`.
    static func normalCumulative(_ value: Double) -> Double { 0.5 * erfc(-value / 2.0.squareRoot()) }
}
