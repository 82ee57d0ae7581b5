public import TemperModel
import TemperTorch
public import TemperTune

/// Gradient projection: what the user's gradient would undo of the safety rows is taken out of it.
///
/// With g the gradient of the user's loss and s that of the safety loss, both over all trained parameters:
/// `g' = g - (g . s) / (s . s) s` where `g . s < 0`, else g; the optimiser follows `g' + weight * s`. The projection is
/// PCGrad's (Yu et al., arXiv 2001.06782, algorithm 1), its use for safety SafeGrad's (Yi et al., arXiv 2508.07172).
/// Variant: s is the gradient of the cross-entropy of refusals and of twins' answers, where SafeGrad takes the divergence
/// from the reference model, whose gradient is zero at the first step; and s itself is not projected.
public struct GradientProjection: TrainingDefence {
    /// What the safety gradient weighs beside the user's.
    public var weight: Double
    /// Safety rows in each micro-batch.
    public var rows: Int

    static let method = Defences.Method(
        card: DefenceCard(
            method: "gradient-projection",
            title: "Projection off the safety gradient",
            stage: .training,
            paper: "arXiv 2508.07172; arXiv 2001.06782",
            fidelity: .variant,
            summary:
                "Takes out of the user's gradient what opposes that of a few safety rows; costs a second pass of these rows."
        )
    ) { knobs in
        .training(
            GradientProjection(
                weight: try knobs.number("weight", default: 0.5, in: 0...100),
                rows: try knobs.count("rows", default: 4, in: 1...256)
            )
        )
    }

    /// The gradient to follow, and the cosine between the two.
    @TorchActor
    static func combined(
        _ own: [Tensor],
        _ safety: [Tensor],
        weight: Double
    ) throws(TorchError) -> (gradients: [Tensor], metrics: [String: Double]) {
        func product(_ first: [Tensor], _ second: [Tensor]) throws(TorchError) -> Double {
            var sum = 0.0
            for (a, b) in zip(first, second) { sum += try a.multiplied(by: b).sum().item() }
            return sum
        }
        let (dot, square) = (try product(own, safety), try product(safety, safety))
        let length = (try product(own, own) * square).squareRoot()
        let metrics = ["safety/cosine": length > 0 ? dot / length : 0]
        let factor = weight - (dot < 0 && square > 0 ? dot / square : 0)
        var gradients: [Tensor] = []
        for (g, s) in zip(own, safety) { gradients.append(try g.adding(s, times: factor)) }
        return (gradients, metrics)
    }

    /// Cross-entropy of the user's rows, and apart from it that of safety rows.
    public func scheme(for model: LanguageModel, seed: UInt64) throws -> TrainingScheme {
        let safety = try AlignmentData.contrast(for: model, seed: seed)
        let (weight, count) = (weight, rows)
        return TrainingScheme(
            { step throws(TorchError) in
                let shared = step.turn(count, of: safety)
                let crossEntropy = try step.crossEntropy()
                return TrainingLoss(
                    total: crossEntropy,
                    logged: crossEntropy,
                    second: try step.crossEntropy(ofShared: shared)
                )
            },
            combination: { own, safety throws(TorchError) in try Self.combined(own, safety, weight: weight) }
        )
    }
}
