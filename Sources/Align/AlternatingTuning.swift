public import TemperModel
import TemperTorch
public import TemperTune

/// Alternating tuning: some steps on safety rows, some on the user's, each phase held to where it began.
///
/// Lisa (Huang et al., arXiv 2405.18641, algorithm 1): two states by turns,
/// `w' = argmin f(w) + rho / 2 || w - w_t ||^2` on alignment data and `w_(t+1) = argmin h(w) + rho / 2 || w - w' ||^2`
/// on the user's, each for some steps of the one optimiser. Simplified: w are the trained parameters, as in the authors'
/// code; phases are short enough for short trainings (theirs are 100 and 900 steps); and the alignment data is the
/// embedded one, twins and ordinary rows included. Training is longer by the safety steps, so that the user's rows are
/// seen as often as before. In a safety step the logged loss is that of the safety rows.
public struct AlternatingTuning: PhasedDefence {
    /// Steps in a row on safety rows.
    public var alignmentSteps: Int
    /// Steps in a row on the user's rows.
    public var userSteps: Int
    /// Weight of the proximal term.
    public var rho: Double
    /// Safety rows in each micro-batch of a safety step.
    public var rows: Int

    static let method = Defences.Method(
        card: DefenceCard(
            method: "alternating-tuning",
            title: "Alternating safety and user steps",
            stage: .training,
            paper: "arXiv 2405.18641",
            fidelity: .simplified,
            summary:
                "Tunes again, some steps on safety rows and some on the user's by turns, each phase held near its beginning."
        )
    ) { knobs in
        .training(
            AlternatingTuning(
                alignmentSteps: try knobs.count("alignment_steps", default: 2, in: 1...10_000),
                userSteps: try knobs.count("user_steps", default: 8, in: 1...10_000),
                rho: try knobs.number("rho", default: 1, in: 0...1000),
                rows: try knobs.count("rows", default: 8, in: 1...256)
            )
        )
    }

    /// The two kinds of steps, by turns.
    public var phases: TrainingScheme.Phases { .init(own: alignmentSteps, user: userSteps) }

    /// `rho / 2 || w - anchor ||^2`, a scalar; nil where nothing is held.
    @TorchActor
    static func proximal(_ parameters: [Tensor], _ anchor: [Tensor], rho: Double) throws(TorchError) -> Tensor? {
        guard rho > 0 else { return nil }
        var sum: Tensor?
        for (parameter, start) in zip(parameters, anchor) {
            let distance = try parameter.adding(start, times: -1)
            let square = try distance.multiplied(by: distance).sum()
            sum = if let sum { try sum.adding(square) } else { square }
        }
        return try sum?.scaled(by: rho / 2)
    }

    /// The cross-entropy of the phase's rows plus the proximal term.
    public func scheme(for model: LanguageModel, seed: UInt64) throws -> TrainingScheme {
        let safety = try AlignmentData.mixed(for: model, seed: seed)
        let (phases, rho, count) = (phases, rho, rows)
        return TrainingScheme(
            { step throws(TorchError) in
                var loss: Tensor
                if phases.isOwn(step.index) {
                    loss = try step.crossEntropy(ofTurn: step.turn(count, of: safety))
                } else {
                    loss = try step.crossEntropy()
                }
                let logged = loss
                if let anchor = step.anchor, step.shareOfStep > 0,
                    let term = try Self.proximal(step.parameters, anchor, rho: rho)
                {
                    loss = try loss.adding(term, times: step.shareOfStep)
                }
                return TrainingLoss(total: loss, logged: logged)
            },
            phases: phases
        )
    }
}
