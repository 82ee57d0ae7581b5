public import TemperModel
import TemperTorch
public import TemperTune

/// Base regularisation: the tuned model's answers to anchor requests are held close to the reference model's.
///
/// The loss of a step is `CE(user rows) + weight * mean over anchor targets of KL(p_reference || p_tuned)`, the forward
/// divergence between the model before this training (what is trained switched off) and the model being trained. Anchors
/// are the embedded harmful requests with refusals and their harmless twins. Idea: KL to the aligned model as in RLHF
/// (Ouyang et al., arXiv 2203.02155, section 3.5) and in Qi et al. (arXiv 2406.05946, section 4); variant: the
/// divergence is taken on anchors, because on the user's own rows it does not hold refusal.
public struct BaseRegularisation: TrainingDefence {
    /// Weight of the divergence.
    public var weight: Double
    /// Anchor rows in each micro-batch.
    public var anchors: Int

    static let method = Defences.Method(
        card: DefenceCard(
            method: "base-regularisation",
            title: "Regularisation to the base",
            stage: .training,
            paper: "arXiv 2203.02155; arXiv 2406.05946",
            fidelity: .variant,
            summary:
                "Adds the divergence from the reference model on anchor requests to the loss; costs two more forward passes of a few rows."
        )
    ) { knobs in
        .training(
            BaseRegularisation(
                weight: try knobs.number("weight", default: 1, in: 0.001...100),
                anchors: try knobs.count("anchors", default: 4, in: 1...256)
            )
        )
    }

    /// Cross-entropy plus the weighted divergence on anchors.
    public func scheme(for model: LanguageModel, seed: UInt64) throws -> TrainingScheme {
        let rows = try AlignmentData.contrast(for: model, seed: seed)
        let (weight, anchors) = (weight, anchors)
        return TrainingScheme { step throws(TorchError) in
            let crossEntropy = try step.crossEntropy()
            // The same anchors at the same step, however often the run was resumed.
            let all = step.turn(anchors, of: rows)
            let targets = all.reduce(0) { $0 + $1.targetCount }
            let batch = step.own(all)
            guard !batch.isEmpty else { return TrainingLoss(total: crossEntropy, logged: crossEntropy) }
            let network = step.model.network
            let reference = try withoutGradients { () throws(TorchError) in
                try step.targetStates(of: batch, adapted: false)
            }
            let divergence = try Layers.linearDivergence(
                hidden: step.targetStates(of: batch),
                head: network.outputHead(),
                referenceHidden: reference,
                referenceHead: network.outputHead(adapted: false)
            )
            let total = try crossEntropy.adding(divergence, times: weight * step.share / Double(targets))
            return TrainingLoss(total: total, logged: crossEntropy)
        }
    }
}
