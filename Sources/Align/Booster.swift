public import TemperModel
import TemperText
import TemperTorch
public import TemperTune

/// Booster: safety rows are learned so that a step towards complying with harm gains as little as possible; then the
/// user's rows are tuned on as before.
///
/// Huang et al. (arXiv 2409.01586, section 4 and algorithm 1): with f the loss of safety rows and h that of harmful
/// ones, an alignment minimises `f(w) + lambda * (h(w) - h(w - alpha * grad h(w) / ||grad h(w)||))`. Its gradient, the
/// second order left out as in the paper, is `grad f(w) + lambda * (grad h(w) - grad h(w - alpha * grad h(w) / ||grad
/// h(w)||))`, which takes a pass of the safety rows and two of the harmful ones.
///
/// Variant: no harmful answer is used. h is the cross-entropy of the first tokens of agreeing words that say nothing,
/// such as "Sure, here is how.", after harmful requests (as in `DeepRefusals`): it is there that complying begins, and
/// nothing is known of how far the effect reaches behind them. As with `Vaccine`, the paper's alignment comes before a
/// user's tuning; here the first steps of the defence's training are one, on the embedded safety rows and on top of the
/// run's own, and the steps on the user's rows go on with the same adapter, optimiser and rate.
public struct Booster: PhasedDefence {
    /// Steps on safety rows, before the user's.
    public var alignmentSteps: Int
    /// What the harmful loss's fall weighs.
    public var lambda: Double
    /// Length of the step towards harm, over all that is trained.
    public var alpha: Double
    /// Safety rows, and as many harmful ones, in each micro-batch of a safety step.
    public var rows: Int

    /// The first tokens of agreeing words that count: all of them begin to comply, and few end earlier.
    static let tokens = 3

    static let method = Defences.Method(
        card: DefenceCard(
            method: "booster",
            title: "Attenuated harmful gradient (Booster)",
            stage: .training,
            paper: "arXiv 2409.01586",
            fidelity: .variant,
            summary:
                "Learns safety rows where a step towards agreeing to harm gains little, then tunes again; a safety "
                + "step costs three passes."
        )
    ) { knobs in
        .training(
            Booster(
                alignmentSteps: try knobs.count("alignment_steps", default: 16, in: 1...10_000),
                lambda: try knobs.number("lambda", default: 5, in: 0...1000),
                alpha: try knobs.number("alpha", default: 0.1, in: 0.0001...100),
                rows: try knobs.count("rows", default: 8, in: 1...256)
            )
        )
    }

    /// Steps on safety rows, then the user's.
    public var phases: TrainingScheme.Phases { .leading(alignmentSteps) }

    /// Agreeing words after harmful requests, the first tokens of which are learned.
    static func harmful(for model: LanguageModel, seed: UInt64) throws -> [TokenizedExample] {
        let requests = try AlignmentData.refusals.load().examples.shuffled(seed: seed)
        return try Dataset(name: "agreeing words", examples: RefusalAnchors.agreeing(requests))
            .tokenized(for: model, cutoffLength: 512).rows.compactMap { $0.cut(behind: tokens) }
    }

    /// `own + lambda * change`, and how long the change is.
    @TorchActor
    static func combined(
        _ own: [Tensor],
        _ change: [Tensor],
        lambda: Double
    ) throws(TorchError) -> (gradients: [Tensor], metrics: [String: Double]) {
        var gradients: [Tensor] = []
        for (g, c) in zip(own, change) { gradients.append(try g.adding(c, times: lambda)) }
        return (gradients, ["harm/gradient_change": try AdamW.globalNorm(change)])
    }

    /// The cross-entropy of safety rows and, seen from two places, that of agreeing words; then the user's rows.
    public func scheme(for model: LanguageModel, seed: UInt64) throws -> TrainingScheme {
        let safety = try AlignmentData.mixed(for: model, seed: seed)
        let agreeing = try Self.harmful(for: model, seed: seed)
        let (phases, lambda, count) = (phases, lambda, rows)
        return TrainingScheme(
            { step throws(TorchError) in
                guard phases.isOwn(step.index) else { return try TrainingLoss.supervised(step) }
                let own = try step.crossEntropy(ofTurn: step.turn(count, of: safety))
                return TrainingLoss(
                    total: own,
                    logged: own,
                    second: try step.crossEntropy(ofShared: step.turn(count, of: agreeing))
                )
            },
            combination: { own, change throws(TorchError) in try Self.combined(own, change, lambda: lambda) },
            lookAhead: TrainingScheme.LookAhead(length: alpha) { step throws(TorchError) in
                try step.crossEntropy(ofShared: step.turn(count, of: agreeing))
            },
            phases: phases
        )
    }
}
