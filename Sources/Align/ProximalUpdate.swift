public import TemperModel
import TemperTorch
public import TemperTune

/// Proximal update: the square of the update itself is added to the loss.
///
/// `CE + lambda * sum over adapted layers of || s B A ||_F^2`, the distance of the weights from where this training
/// started. L2-SP (Li et al., arXiv 1802.01483, section 3), which pulls toward the starting point rather than toward
/// zero; variant: only LoRA's update can move, and the norm is that of the product, not of its factors. With
/// `|| B A ||_F^2 = sum of (B^T B) * (A A^T)`, elementwise, no matrix larger than rank by rank is made.
public struct ProximalUpdate: TrainingDefence {
    /// Weight of the squared norm.
    public var lambda: Double

    static let method = Defences.Method(
        card: DefenceCard(
            method: "proximal-update",
            title: "Proximal term on the update",
            stage: .training,
            paper: "arXiv 1802.01483",
            fidelity: .variant,
            summary:
                "Adds the squared size of the update to the loss, so that weights stay near."
        )
    ) { knobs in
        .training(ProximalUpdate(lambda: try knobs.number("lambda", default: 0.1, in: 1e-6...1e6)))
    }

    /// The term is made of LoRA's matrices.
    public var needsAdapter: Bool { true }

    /// `|| s B A ||_F^2` of one pair, a scalar.
    @TorchActor
    static func squaredNorm(of pair: LoRAPair) throws(TorchError) -> Tensor {
        let inner = try pair.b.transposed(0, 1).matmul(pair.b)
        let outer = try pair.a.matmul(pair.a.transposed(0, 1))
        return try inner.multiplied(by: outer).sum().scaled(by: pair.scale * pair.scale)
    }

    /// Cross-entropy plus the weighted squared norm of the update.
    public func scheme(for model: LanguageModel, seed: UInt64) throws -> TrainingScheme {
        let lambda = lambda
        return TrainingScheme { step throws(TorchError) in
            let crossEntropy = try step.crossEntropy()
            var total = crossEntropy
            let weight = lambda * step.shareOfStep
            guard weight > 0 else { return TrainingLoss(total: total, logged: crossEntropy) }
            for linear in step.model.network.linears {
                guard let pair = linear.lora else { continue }
                total = try total.adding(Self.squaredNorm(of: pair), times: weight)
            }
            return TrainingLoss(total: total, logged: crossEntropy)
        }
    }
}
