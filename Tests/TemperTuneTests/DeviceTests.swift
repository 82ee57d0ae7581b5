import Foundation
import TemperModel
import TemperTorch
import Testing

@testable import TemperTune

/// Training on an accelerator, and on weights that are drawn where they are needed.
@TorchActor
@Suite(.serialized)
struct DeviceTests {
    private func losses(_ device: Device, gradientCheckpointing: Bool) async throws -> [Double] {
        let folder = GoldenTuningTests.folder
        let model = try await LanguageModel.load(
            from: folder.appending(path: "tiny-llama"),
            dtype: .float32,
            device: device
        )
        let golden = try GoldenTuningTests.golden()
        var settings = GoldenTuningTests.settings()
        settings.gradientCheckpointing = gradientCheckpointing
        let trainer = try Trainer(
            model: model,
            training: try Adapter.load(from: folder.appending(path: "lora"), for: model),
            rows: golden.batch.indices.map(golden.row),
            settings: settings,
            seed: 1
        )
        return try (0..<4).map { _ in try trainer.takeStep().loss }
    }

    @Test(.enabled(if: Torch.acceleratorCount > 0, "no CUDA device here"), arguments: [false, true])
    func lossesAreThoseOfTheProcessor(gradientCheckpointing: Bool) async throws {
        let expected = try await losses(.cpu, gradientCheckpointing: false)
        let found = try await losses(.cuda(0), gradientCheckpointing: gradientCheckpointing)
        for (one, other) in zip(found, expected) { #expect(abs(one - other) < 1e-3, "\(found), \(expected)") }
        #expect(try Torch.peakMemory(of: .cuda(0)) > 0)
    }

    @Test func drawnWeightsAreTheSameForOneSeedAndLearn() throws {
        let folder = GoldenTuningTests.folder.appending(path: "tiny-llama")
        func logits(seed: UInt64) throws -> (model: LanguageModel, values: [Float]) {
            let model = try LanguageModel.drawn(shape: folder, seed: seed, dtype: .float32, device: .cpu)
            let states = try model.network.hiddenStates(PackedBatch([[1, 2, 3, 4]], device: .cpu))
            return (model, try model.network.logits(states).floats())
        }
        let (model, values) = try logits(seed: 1)
        #expect(try logits(seed: 1).values == values)
        #expect(try logits(seed: 2).values != values)
        #expect(values.allSatisfy { $0.isFinite })
        let golden = try GoldenTuningTests.golden()
        var settings = TrainingSettings()
        settings.maxSteps = 8
        settings.learningRate = 1e-2
        let trainer = try Trainer(
            model: model,
            training: Adapter(LoRAConfiguration(), for: model, seed: 1),
            rows: golden.batch.indices.map(golden.row),
            settings: settings,
            seed: 1
        )
        let losses = try (0..<8).map { _ in try trainer.takeStep().loss }
        #expect(losses[7] < losses[0], "\(losses)")
    }
}
