import Foundation
public import TemperModel
import TemperTorch
public import TemperTune

/// Constrained tuning: a token that has become likelier than it was under the reference model is pulled further up only
/// weakly, and the first tokens of an answer least of all.
///
/// Qi et al., "Safety Alignment Should Be Made More Than Just a Few Tokens Deep" (arXiv 2406.05946, section 4). The
/// objective is `sum over t of -2 / beta_t * log sigmoid(beta_t * d_t)` with `d_t = log pi(y_t) - log pi_ref(y_t)`. Its
/// gradient is that of the cross-entropy, each token weighed by
/// `w_t = 2 * (1 - sigmoid(beta_t * d_t))`, which is how it is computed, `w_t` being held fixed and at least 1e-3. It is 1
/// where nothing has moved. The betas are the paper's: 0.5 for the first token of an answer, 2 for the second to the
/// fifth, 0.1 for the rest. The reference is the model before this training, in one more forward pass without gradients.
public struct ConstrainedTuning: TrainingDefence {
    /// Beta of the first token.
    public var first: Double = 0.5
    /// Beta of the further tokens of the opening.
    public var opening: Double = 2
    /// Beta of all others.
    public var beta: Double = 0.1
    /// Tokens in the opening, the first included.
    public var openingTokens = 5

    static let least = 1e-3

    static let method = Defences.Method(
        card: DefenceCard(
            method: "constrained-tuning",
            title: "Constrained tuning of the first tokens",
            stage: .training,
            paper: "arXiv 2406.05946",
            fidelity: .faithful,
            summary:
                "Weighs each token down as it grows likelier than under the reference model, an answer's first tokens most; costs one more forward pass."
        )
    ) { knobs in
        let range = 0.0001...100.0
        return .training(
            ConstrainedTuning(
                first: try knobs.number("first_beta", default: 0.5, in: range),
                opening: try knobs.number("opening_beta", default: 2, in: range),
                beta: try knobs.number("beta", default: 0.1, in: range),
                openingTokens: try knobs.count("opening_tokens", default: 5, in: 1...1000)
            )
        )
    }

    /// The beta of an answer's token, counted from 1.
    func beta(at position: Int) -> Double {
        position == 1 ? first : position <= openingTokens ? opening : beta
    }

    /// The weight of an answer's token, counted from 1, from its log-probabilities now and before.
    func weight(at position: Int, now: Double, before: Double) -> Double {
        // 1 - sigmoid(x) is 1 / (1 + e^x).
        max(2 / (1 + exp(beta(at: position) * (now - before))), Self.least)
    }

    /// The place of each target in its answer, counted from 1, row by row.
    static func positions(in row: TokenizedExample) -> [Int] {
        var last = 0
        return row.targets.map { target in
            last = row.isOpening(target) ? 1 : last + 1
            return last
        }
    }

    /// Cross-entropy, each target weighed.
    public func scheme(for model: LanguageModel, seed: UInt64) throws -> TrainingScheme {
        TrainingScheme { step throws(TorchError) in
            let logs = try step.targetLogProbabilities()
            let before = try withoutGradients { () throws(TorchError) in
                try step.targetLogProbabilities(adapted: false).floats()
            }
            let now = try logs.detached().floats()
            let own = step.targetWeights
            let places = step.rows.flatMap(Self.positions)
            let weights = places.indices.map { index in
                own[index]
                    * Float(weight(at: places[index], now: Double(now[index]), before: Double(before[index])))
            }
            return TrainingLoss(
                total: try step.crossEntropy(from: logs, weights: weights),
                logged: try step.crossEntropy(from: logs.detached(), weights: own)
            )
        }
    }
}
