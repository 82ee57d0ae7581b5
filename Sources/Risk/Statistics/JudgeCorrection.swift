import Foundation
import TemperText

/// What a rate would be if the judge made no errors.
///
/// Knows nothing about judges beyond their measured sensitivity and specificity. The rate is Rogan and Gladen's, 1978
/// (American Journal of Epidemiology 107, 71-76): p = (q + Sp - 1) / (Se + Sp - 1) for the judge's rate q, cut to [0, 1].
/// The interval carries the uncertainty of all three (Lang and Reiczigel 2014, Preventive Veterinary Medicine 113, 13-22,
/// show that one which takes Se and Sp for known is too narrow): it is the posterior's of Joseph, Gyorkos and Coupal 1995
/// (American Journal of Epidemiology 141, 263-272), with a uniform prior on p and Se and Sp from Beta(hits + 1/2,
/// misses + 1/2). Cutting draws of the formula instead would give 0 hits an interval of almost no width.
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
    /// There is no corrected rate where the card measures no error, where nothing was graded, where Se + Sp - 1 is not
    /// clearly above 0 (then the verdicts say too little about people's, and the rate is *not identifiable*), or where the
    /// verdicts cannot come from a judge with that error, as when there are far fewer hits than its false ones.
    ///
    /// - Parameters:
    ///   - draws: how many draws the interval is made from; fewer where verdicts and card hardly fit together.
    ///   - seed: the same seed gives the same interval.
    public init(_ observed: Rate, by card: JudgeCard, draws: Int = 5_000, seed: UInt64 = 1) {
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
        var values: [(rate: Double, weight: Double)] = []
        var tries = 0
        while values.count < draws, tries < 50 * draws {
            tries += 1
            let se = generator.beta(sensitivity, prior: 0.5)
            let sp = generator.beta(specificity, prior: 0.5)
            let youden = se + sp - 1
            if youden > Self.leastYouden { informative += 1 }
            // A uniform p makes q uniform from 1 - Sp to Se, with density 1 / (Se + Sp - 1); all other q are impossible.
            let q = generator.beta(observed, prior: 1)
            if youden > 0, q >= 1 - sp, q <= se { values.append(((q + sp - 1) / youden, 1 / youden)) }
            if tries == draws, Double(informative) < 0.975 * Double(draws) {
                note = "not identifiable: sensitivity + specificity - 1 is not clearly above \(Self.leastYouden)"
                return
            }
        }
        guard values.count >= 200 else {
            note = "the judge's error on these answers cannot be what its card says; measure it on them"
            return
        }
        values.sort { $0.rate < $1.rate }
        let estimate = min(1, max(0, (q + sp - 1) / (se + sp - 1)))
        rate = estimate
        low = min(estimate, Self.quantile(0.025, of: values))
        high = max(estimate, Self.quantile(0.975, of: values))
    }

    private static func quantile(_ share: Double, of values: [(rate: Double, weight: Double)]) -> Double {
        var rest = values.reduce(0) { $0 + $1.weight } * share
        for (rate, weight) in values {
            rest -= weight
            if rest <= 0 { return rate }
        }
        return values.last?.rate ?? 1
    }

    /// Below this, a difference of one point in the judge's rate is ten points in the corrected one.
    private static let leastYouden = 0.1
}

extension SplitMix64 {
    /// A draw from the posterior of a rate whose prior is Beta(prior, prior).
    fileprivate mutating func beta(_ rate: Rate, prior: Double) -> Double {
        // Probes of one family, and labels of unlike weight, tell less than their number.
        let (share, n) = (rate.rate ?? 0, rate.effectiveN ?? Double(rate.n))
        let a = gamma(share * n + prior)
        let b = gamma((1 - share) * n + prior)
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
