public import TemperModel
import TemperTorch
public import TemperTune

/// Lower rate: the user's training again, with a smaller learning rate and larger steps.
///
/// The baseline that costs nothing, and that every other defence has to beat: Qi et al. (arXiv 2310.03693, section 4
/// and its ablation) find that the loss of safety grows with the learning rate and shrinks with the batch. Faithful: it
/// is the ablation itself. With a batch that is n times as large, training has an nth of the steps, so that each row is
/// seen as often as before.
public struct LowerRate: TrainingDefence {
    /// Learning rate relative to the user's training.
    public var rate: Double
    /// Rows in a step relative to the user's training.
    public var batch: Int

    static let method = Defences.Method(
        card: DefenceCard(
            method: "lower-rate",
            title: "Lower learning rate",
            stage: .training,
            paper: "arXiv 2310.03693",
            fidelity: .faithful,
            summary:
                "Tunes again with a smaller learning rate, or with more rows in a step; the baseline of all defences."
        )
    ) { knobs in
        .training(
            LowerRate(
                rate: try knobs.number("rate", default: 0.25, in: 0.0001...1),
                batch: try knobs.count("batch", default: 1, in: 1...1024)
            )
        )
    }

    /// The user's settings with another rate and another batch.
    @TorchActor
    public func settings(
        after tuning: TrainingSettings,
        steps: Int,
        on model: LanguageModel
    ) throws -> TrainingSettings {
        var settings = tuning
        settings.learningRate = tuning.learningRate * rate
        settings.gradientAccumulationSteps *= batch
        let fewer = max(1, (steps + batch - 1) / batch)
        settings.maxSteps = fewer
        settings.warmupSteps = tuning.warmupSteps.map { min($0, fewer - 1) }
        return settings
    }

    /// Supervised fine-tuning.
    public func scheme(for model: LanguageModel, seed: UInt64) throws -> TrainingScheme { .supervised }
}
