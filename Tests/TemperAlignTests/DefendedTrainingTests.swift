import Foundation
import TemperModel
import TemperText
import TemperTorch
import TemperTune
import Testing

@testable import TemperAlign

/// Every training defence trains a small noise model, twice to the same bits, and in two goes as in one.
@TorchActor
@Suite(.serialized)
struct DefendedTrainingTests {
    private nonisolated static let knobs: [String: [String: String]] = [
        "lower-rate": ["batch": "2"],
        "proximal-update": [:],
        "frozen-layers": ["from": "0", "to": "0.5"],
        "constrained-tuning": [:],
        "alternating-tuning": ["alignment_steps": "3", "user_steps": "3", "rows": "2"],
        "gradient-projection": ["rows": "2"],
        "base-regularisation": ["anchors": "2"],
        "vaccine": ["alignment_steps": "3", "rows": "2"],
        "booster": ["alignment_steps": "3", "rows": "2"],
    ]

    private func trainer(_ method: String) async throws -> Trainer {
        let model = try await LanguageModel.load(
            from: URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "Goldens/model/tiny-llama.gguf"),
            dtype: .float32
        )
        guard case .training(let defence) = try Defences.make(method, knobs: Self.knobs[method] ?? [:]) else {
            preconditionFailure("\(method) acts on training")
        }
        var tuning = TrainingSettings()
        tuning.learningRate = 1e-2
        tuning.maxSteps = 6
        tuning.perDeviceTrainBatchSize = 2
        tuning.warmupSteps = 0
        tuning.loraR = 2
        let settings = try defence.settings(after: tuning, steps: 6, on: model)
        let examples = (0..<8).map { index in
            Example(
                chat: Chat([Message(.user, "question \(index)"), Message(.assistant, "answer \(index)")]),
                source: Example.Source(file: "rows", line: index + 1)
            )
        }
        return try Trainer(
            model: model,
            training: settings.trainable(for: model, seed: 7),
            rows: Dataset(name: "rows", examples: examples).tokenized(for: model, settings: settings).rows,
            settings: settings,
            seed: 7,
            scheme: defence.scheme(for: model, seed: 7)
        )
    }

    private func values(_ trainer: Trainer) throws -> [Float] {
        try trainer.trained.parameters.flatMap { try $0.floats() }
    }

    @Test(arguments: knobs.keys.sorted()) func trainsTheSameAgainAndInTwoGoes(method: String) async throws {
        let first = try await trainer(method)
        let start = try values(first)
        // Before a phase's end, so that what it is held to has to be kept.
        let stop = method == "alternating-tuning" ? 5 : 2
        let folder = FileManager.default.temporaryDirectory.appending(path: "temper-defended-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var checkpoint: URL?
        while !first.isFinished {
            if first.step == stop { checkpoint = try first.saveCheckpoint(under: folder, last: nil) }
            let report = try first.takeStep()
            #expect(report.loss.isFinite)
            if method == "gradient-projection" { #expect(report.metrics?["safety/cosine"] != nil) }
            // Three steps of their own, then the user's.
            if let name = ["vaccine": "safety/shifted_loss", "booster": "harm/gradient_change"][method] {
                #expect((report.metrics?[name] != nil) == (report.step <= 3))
            }
        }
        let steps = ["lower-rate": 3, "alternating-tuning": 12, "vaccine": 9, "booster": 9]
        #expect(first.totalSteps == steps[method] ?? 6)
        let end = try values(first)
        #expect(end != start)

        let second = try await trainer(method)
        while !second.isFinished { _ = try second.takeStep() }
        #expect(try values(second) == end)

        let third = try await trainer(method)
        _ = try third.restore(from: try #require(checkpoint))
        #expect(third.step == stop)
        while !third.isFinished { _ = try third.takeStep() }
        #expect(try values(third) == end)
    }
}
