import ArgumentParser
import Foundation
import TemperModel
import TemperText
import TemperTorch
import TemperTune

/// The same training in float32 and in bfloat16: how far the losses part.
struct LossCurve: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Trains in float32 and in bfloat16 and compares the losses."
    )

    /// One step of both.
    struct Step: Encodable {
        var step: Int
        var float32: Double
        var bfloat16: Double
    }

    @Argument(help: "The model.") var model: String
    @Argument(help: "Rows, a file that temper reads.") var data: String
    @Option(help: "Optimiser steps.") var steps = 100
    @Option(help: "Rows a step.") var rows = 4

    func run() async throws {
        let exact = try await losses(.float32)
        let narrow = try await losses(.bfloat16)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        for (index, (float32, bfloat16)) in zip(exact, narrow).enumerated() {
            let step = Step(step: index + 1, float32: float32, bfloat16: bfloat16)
            print(String(decoding: try encoder.encode(step), as: UTF8.self))
        }
        let gaps = zip(exact, narrow).map { abs($1 - $0) / $0 }
        let mean = gaps.reduce(0, +) / Double(max(gaps.count, 1))
        let percent = { (share: Double) in String(format: "%.2f %%", share * 100) }
        print("the losses part by \(percent(mean)) on average and \(percent(gaps.max() ?? 0)) at most")
    }

    @TorchActor
    private func losses(_ dtype: DType) async throws -> [Double] {
        let model = try await LanguageModel.load(from: URL(fileURLWithPath: model), dtype: dtype)
        var settings = TrainingSettings()
        settings.perDeviceTrainBatchSize = rows
        settings.maxSteps = steps
        let trainer = try Trainer(
            model: model,
            training: Adapter(LoRAConfiguration(), for: model, seed: 1),
            rows: try Dataset.load(URL(fileURLWithPath: data)).tokenized(for: model, cutoffLength: 256).rows,
            settings: settings,
            seed: 1
        )
        return try (0..<steps).map { _ in try trainer.takeStep().loss }
    }
}
