public import TemperTune

/// Realignment: after the user's training, a few steps of safety training on the same adapter.
///
/// Safety fine-tuning after the fact, as in Bianchi et al. (arXiv 2309.07875) and the post-fine-tuning stage of the
/// survey arXiv 2409.18169; simplified: plain cross-entropy on the embedded refusals, twins and ordinary rows, at a
/// rate of its own, with no term that holds the user's task beyond the small number of steps.
public struct Realignment: RealignmentDefence {
    /// Optimiser steps.
    public var steps: Int
    /// Learning rate relative to the user's training.
    public var rate: Double
    /// What the first token of an answer weighs in the loss.
    public var openingWeight: Double = 10

    static let method = Defences.Method(
        card: DefenceCard(
            method: "realignment",
            title: "Realignment after tuning",
            stage: .realignment,
            paper: "arXiv 2309.07875; arXiv 2409.18169",
            fidelity: .simplified,
            summary: "Trains the tuned adapter a few steps further on refusals, twins and ordinary rows."
        )
    ) { knobs in
        .realignment(
            Realignment(
                steps: try knobs.count("steps", default: 16, in: 1...10_000),
                rate: try knobs.number("rate", default: 0.5, in: 0.001...10),
                openingWeight: try knobs.number("opening_weight", default: 10, in: 1...1000)
            )
        )
    }

    /// Refusals, twins and ordinary rows in the shares 2 : 1 : 1.
    public func data(seed: UInt64) throws -> Dataset {
        Dataset(
            name: "realignment",
            examples: try AlignmentData.draw(
                AlignmentData.refusals.load().count * 2,
                from: AlignmentData.mixture,
                seed: seed
            )
        )
    }

    /// The user's settings with other steps and rate.
    public func settings(after tuning: TrainingSettings) -> TrainingSettings {
        var settings = tuning
        settings.stage = .sft
        settings.maxSteps = steps
        settings.learningRate = min(tuning.learningRate * rate, 1)
        settings.warmupSteps = min(2, steps - 1)
        settings.openingWeight = max(tuning.openingWeight, openingWeight)
        return settings
    }
}
