package import Foundation
import TemperModel
package import TemperRisk
import TemperTorch
public import TemperTune

/// Tunes a sentence encoder for labels: LoRA on its layers, with one linear head for all of them that is thrown away, since
/// those who read its vectors fit a head of their own for each.
///
/// Knows nothing about where rows come from. On one machine with one number of threads the same rows always give the same
/// bytes; between machines rounding differs.
public enum EncoderTuning {
    /// The settings that made the adapter in the package: LoRA on every linear layer of the upper three of six blocks, whose
    /// gradients need no pass through the lower ones.
    public static var settings: TrainingSettings {
        var settings = TrainingSettings()
        settings.learningRate = 1e-3
        settings.numTrainEpochs = 2
        settings.perDeviceTrainBatchSize = 32
        settings.loraR = 8
        settings.loraAlpha = 16
        settings.loraTarget = targets(3..<6)
        settings.warmupRatio = 0.06
        settings.lrSchedulerType = .linear
        settings.weightDecay = 0.01
        settings.cutoffLen = 64
        return settings
    }

    /// Every linear layer of some of the encoder's blocks.
    static func targets(_ blocks: Range<Int>) -> [String] {
        blocks.flatMap { block in
            [
                "attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense",
                "intermediate.dense", "output.dense",
            ].map { "bert.encoder.layer.\(block).\($0)" }
        }
    }

    /// Trains the adapter and writes it, in PEFT's files and 16 bits.
    ///
    /// - Parameters:
    ///   - encoder: The encoder's folder.
    ///   - rows: What it learns from.
    ///   - labels: All labels that rows may have.
    ///   - output: The reader's folder.
    ///   - progress: Called after every step, with the number of all steps.
    package static func tune(
        _ encoder: URL,
        on rows: [ReaderRow],
        labels: [String],
        settings: TrainingSettings = EncoderTuning.settings,
        seed: UInt64 = 1,
        to output: URL,
        progress: @Sendable (StepReport, _ of: Int) -> Void = { _, _ in }
    ) async throws {
        try await train(encoder, rows, labels, settings, seed, output, progress)
    }

    @TorchActor
    private static func train(
        _ encoder: URL,
        _ rows: [ReaderRow],
        _ labels: [String],
        _ settings: TrainingSettings,
        _ seed: UInt64,
        _ output: URL,
        _ progress: @Sendable (StepReport, _ of: Int) -> Void
    ) async throws {
        let classifier = try TextClassifier(
            on: await TextEncoder.load(from: encoder, dtype: .float32),
            labels: labels,
            problemType: .multiLabel,
            features: .mean,
            seed: seed
        )
        let texts = try rows.map { row in
            var text = try LabelledText(
                row.text,
                labels: row.labels,
                for: classifier,
                cutoffLength: settings.cutoffLen
            )
            text.weight = Float(row.weight)
            return text
        }
        let trainer = try ClassifierTrainer(classifier, rows: texts, settings: settings, usesLoRA: true, seed: seed)
        while !trainer.isFinished { progress(try trainer.takeStep(), trainer.totalSteps) }
        try trainer.adapter?.save(
            to: output,
            baseModel: encoder.lastPathComponent,
            taskType: "FEATURE_EXTRACTION",
            inHalves: true
        )
    }
}
