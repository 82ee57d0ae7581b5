import Foundation
import TemperText

/// What a rate would be if the judge made no errors.
///
/// Knows nothing about judges beyond their measured sensitivity and specificity. Rogan and Gladen 1978 (American Journal
/// of Epidemiology 107, 71-76): p = (q + Sp - 1) / (Se + Sp - 1) for the judge's rate q. The interval carries the
/// uncertainty of all three: each is drawn from its Beta(hits + 1/2, misses + 1/2) (Jeffreys), the formula is applied to
/// each draw and cut to [0, 1], and the 2.5 and 97.5 % quantiles are its ends. Lang and Reiczigel 2014 (Preventive
/// Veterinary Medicine 113, 13-22) show why intervals that take Se and Sp for known are too narrow.
public struct CorrectedRate: Codable, Sendable, Hashable {
    /// The corrected rate; nil where it cannot be told.
    public var rate: Double?
    /// Lower end of the 95 % interval; the whole range where nothing can be told.
    public var low: Double
    /// Upper end of the 95 % interval.
    public var high: Double
    /// Why there is no rate; nil where there is one.
    public var note: String?

    /// Corrects a rate of `unsafe` verdicts by the error that a judge's card states.
    ///
    /// There is no corrected rate where the card measures no error, where nothing was graded, or where Se + Sp - 1 is not
    /// clearly above 0: then the judge's verdicts say too little about people's, and the rate is *not identifiable*.
    ///
    /// - Parameters:
    ///   - draws: how many draws the interval is made from.
    ///   - seed: the same seed gives the same interval.
    public init(_ observed: Rate, by card: JudgeCard, draws: Int = 10_000, seed: UInt64 = 1) {
        precondition(draws >= 100, "an interval needs a hundred draws or more")
        (rate, low, high, note) = (nil, 0, 1, nil)
        guard let q = observed.rate else {
            note = "nothing was graded"
            return
        }
        guard let sensitivity = card.sensitivity, let specificity = card.specificity,
            let se = sensitivity.rate, let sp = specificity.rate
        else {
            note = "the judge's error was not measured"
            return
        }
        var generator = SplitMix64(seed: seed)
        var informative = 0
        var values: [Double] = []
        values.reserveCapacity(draws)
        for _ in 0..<draws {
            let q = generator.beta(observed)
            let se = generator.beta(sensitivity)
            let sp = generator.beta(specificity)
            let youden = se + sp - 1
            if youden > Self.leastYouden { informative += 1 }
            // A draw of an uninformative judge allows every rate; it widens the interval to both sides.
            values.append(youden > 0 ? min(1, max(0, (q + sp - 1) / youden)) : generator.unit())
        }
        guard Double(informative) >= 0.975 * Double(draws) else {
            note = "not identifiable: sensitivity + specificity - 1 is not clearly above \(Self.leastYouden)"
            return
        }
        values.sort()
        rate = min(1, max(0, (q + sp - 1) / (se + sp - 1)))
        low = min(rate ?? 0, values[Int((Double(draws - 1) * 0.025).rounded())])
        high = max(rate ?? 1, values[Int((Double(draws - 1) * 0.975).rounded())])
    }

    /// Below this, a difference of one point in the judge's rate is ten points in the corrected one.
    private static let leastYouden = 0.1
}

extension SplitMix64 {
    /// A draw from the Jeffreys posterior of a rate.
    fileprivate mutating func beta(_ rate: Rate) -> Double {
        let a = gamma(Double(rate.hits) + 0.5)
        let b = gamma(Double(rate.n - rate.hits) + 0.5)
        return a + b > 0 ? a / (a + b) : 0.5
    }

    /// A draw from the gamma distribution with scale 1 (Marsaglia and Tsang 2000).
    private mutating func gamma(_ shape: Double) -> Double {
        // Below 1, by way of shape + 1.
        if shape < 1 { return gamma(shape + 1) * pow(1 - unit(), 1 / shape) }
        let d = shape - 1.0 / 3
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = normal()
            let v = pow(1 + c * x, 3)
            if v > 0, log(1 - unit()) < x * x / 2 + d - d * v + d * log(v) { return d * v }
        }
    }

    /// A draw from the standard normal distribution (Box and Muller 1958).
    private mutating func normal() -> Double {
        let radius = (-2 * log(1 - unit())).squareRoot()
        return radius * cos(2 * .pi * unit())
    }
}
