import Foundation
import TemperModel
import TemperText
import TemperTorch
import TemperWeights
import Testing

@testable import TemperTune

/// LoRA training against `peft`: every gradient, a ten-step loss curve, the final matrices.
/// See Tests/Goldens/model/generate.py.
@TorchActor
@Suite(.serialized)
struct GoldenTuningTests {
    static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Goldens/model")

    struct File: Decodable {
        struct Sequence: Decodable {
            var ids: [Int]
            var labels: [Int]
        }
        struct Batch: Decodable {
            var indices: [Int]
            var loss: Double
            var grad_norm: Double
        }
        struct Curve: Decodable {
            struct Step: Decodable {
                var micro_batches: [[Int]]
                var loss: Double
                var grad_norm: Double
                var lr: Double
            }
            var steps: [Step]
        }
        var sequences: [Sequence]
        var batch: Batch
        var curve: Curve

        func row(_ index: Int) -> TokenizedExample {
            let sequence = sequences[index]
            var marks = sequence.labels.map { $0 != -100 }
            marks[0] = false
            return TokenizedExample(
                ids: sequence.ids,
                isTarget: marks,
                source: Example.Source(file: "golden", line: index + 1)
            )
        }
    }

    static func golden() throws -> File {
        try JSONDecoder().decode(File.self, from: Data(contentsOf: folder.appending(path: "sft.json")))
    }

    static func floats(_ name: String) throws -> [Float] {
        try SafetensorsFile(contentsOf: folder.appending(path: "sft.safetensors")).withBytes(of: name) { bytes in
            (0..<(bytes.count / 4)).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
        }
    }

    static func distance(_ a: [Float], _ b: [Float]) -> Float {
        a.count == b.count ? zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } : .infinity
    }

    static func start() async throws -> (LanguageModel, Adapter) {
        let model = try await LanguageModel.load(from: folder.appending(path: "tiny-llama"), dtype: .float32)
        return (model, try Adapter.load(from: folder.appending(path: "lora"), for: model))
    }

    static func settings() -> TrainingSettings {
        var settings = TrainingSettings()
        settings.learningRate = 1e-3
        settings.maxSteps = 10
        settings.perDeviceTrainBatchSize = 2
        settings.gradientAccumulationSteps = 2
        settings.warmupSteps = 3
        settings.weightDecay = 0.01
        return settings
    }

    @Test func everyGradientEqualsPEFT() async throws {
        let golden = try Self.golden()
        let (model, adapter) = try await Self.start()
        adapter.attach(to: model)
        for parameter in adapter.parameters { try parameter.setRequiresGradient(true) }
        let rows = golden.batch.indices.map(golden.row)
        let step = TrainingStep(
            model: model,
            rows: rows,
            targetWeight: Double(rows.reduce(0) { $0 + $1.targetCount }),
            index: 0
        )
        let loss = try TrainingLoss.supervised(step)
        #expect(abs(try loss.total.item() - golden.batch.loss) < 1e-4)
        try loss.total.backward()
        #expect(adapter.pairs.count == 14)
        for (module, pair) in adapter.pairs {
            for (matrix, tensor) in [("lora_A", pair.a), ("lora_B", pair.b)] {
                let expected = try Self.floats("grad.base_model.model.\(module).\(matrix).weight")
                let found = try #require(try tensor.gradient()).floats()
                #expect(Self.distance(found, expected) < 2e-5, "\(module).\(matrix)")
            }
        }
    }

    /// Steps are the same, up to rounding, in however many parts the rows go through the model, and the opening's weight
    /// is a weight: a weight of 1 is none.
    @Test func partsAndWeights() async throws {
        let golden = try Self.golden()
        func losses(threads: Int, openingWeight: Double) async throws -> [Double] {
            let before = Torch.threads
            Torch.setThreads(threads)
            defer { Torch.setThreads(before) }
            let (model, adapter) = try await Self.start()
            var settings = Self.settings()
            settings.perDeviceTrainBatchSize = 6
            settings.openingWeight = openingWeight
            let trainer = try Trainer(
                model: model,
                training: adapter,
                rows: golden.batch.indices.map(golden.row),
                settings: settings,
                seed: 0
            )
            return try (0..<4).map { _ in try trainer.takeStep().loss }
        }
        let whole = try await losses(threads: 1, openingWeight: 1)
        for threads in [2, 3] {
            let parts = try await losses(threads: threads, openingWeight: 1)
            for (one, other) in zip(whole, parts) { #expect(abs(one - other) < 1e-5) }
        }
        let weighed = try await losses(threads: 1, openingWeight: 10)
        let parts = try await losses(threads: 3, openingWeight: 10)
        for (one, other) in zip(weighed, parts) { #expect(abs(one - other) < 1e-5) }
        #expect(abs(weighed[0] - whole[0]) > 1e-4)
    }

    @Test func tenStepsEqualPEFT() async throws {
        let golden = try Self.golden()
        let (model, adapter) = try await Self.start()
        // The golden takes the rows in order; a shuffle of the trainer's own would be another order.
        let sequence = golden.curve.steps.flatMap { $0.micro_batches.flatMap { $0 } }.map(golden.row)
        let trainer = try Trainer(
            model: model,
            training: adapter,
            rows: sequence,
            settings: Self.settings(),
            seed: 0,
            shuffles: false
        )
        for expected in golden.curve.steps {
            let report = try trainer.takeStep()
            #expect(abs(report.loss - expected.loss) < 1e-4)
            #expect(abs(report.gradientNorm - expected.grad_norm) < 1e-3)
            #expect(abs(report.learningRate - expected.lr) < 1e-12)
        }
        for (module, pair) in adapter.pairs {
            for (matrix, tensor) in [("lora_A", pair.a), ("lora_B", pair.b)] {
                let expected = try Self.floats("final.base_model.model.\(module).\(matrix).weight")
                #expect(Self.distance(try tensor.floats(), expected) < 1e-5, "\(module).\(matrix)")
            }
        }
    }

    @Test func resumedEqualsUninterrupted() async throws {
        let golden = try Self.golden()
        let rows = golden.sequences.indices.map(golden.row)
        let folder = FileManager.default.temporaryDirectory.appending(path: "temper-resume-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }

        func train(_ steps: Int, from checkpoint: URL?) async throws -> (Trainer, [Double]) {
            let (model, adapter) = try await Self.start()
            let trainer = try Trainer(
                model: model,
                training: adapter,
                rows: rows,
                settings: Self.settings(),
                seed: 5,
                fingerprint: "test"
            )
            if let checkpoint { _ = try trainer.restore(from: checkpoint) }
            var losses: [Double] = []
            for _ in 0..<steps { losses.append(try trainer.takeStep().loss) }
            return (trainer, losses)
        }
        let (whole, losses) = try await train(10, from: nil)
        let (first, _) = try await train(4, from: nil)
        let checkpoint = try first.saveCheckpoint(under: folder, last: nil)
        #expect(Checkpoint.all(in: folder).map(\.step) == [4])
        let (second, later) = try await train(6, from: checkpoint)
        #expect(Array(losses[4...]) == later)
        for (a, b) in zip(whole.trained.parameters, second.trained.parameters) {
            #expect(try a.floats() == b.floats())
        }

        // What a killed write leaves behind does not count, and another training's checkpoint is refused.
        try FileManager.default.createDirectory(
            at: folder.appending(path: ".tmp-step-000005"),
            withIntermediateDirectories: true
        )
        #expect(Checkpoint.all(in: folder).map(\.step) == [4])
        let (model, adapter) = try await Self.start()
        let other = try Trainer(
            model: model,
            training: adapter,
            rows: rows,
            settings: Self.settings(),
            seed: 5,
            fingerprint: "other"
        )
        #expect(throws: CheckpointError.self) { try other.restore(from: checkpoint) }
    }

    /// Layers that are computed again give the same gradients, bit for bit, in however many parts, and leave nothing behind.
    @Test(arguments: [1, 3]) func recomputedLayersChangeNothing(threads: Int) async throws {
        let golden = try Self.golden()
        let before = Torch.threads
        Torch.setThreads(threads)
        defer { Torch.setThreads(before) }
        func train(recomputing: Bool) async throws -> (losses: [Double], norms: [Double], adapter: [[Float]]) {
            let (model, adapter) = try await Self.start()
            var settings = Self.settings()
            settings.gradientCheckpointing = recomputing
            let trainer = try Trainer(
                model: model,
                training: adapter,
                rows: golden.sequences.indices.map(golden.row),
                settings: settings,
                seed: 0
            )
            let reports = try (0..<4).map { _ in try trainer.takeStep() }
            let handles = Torch.liveHandles
            _ = try trainer.takeStep()
            #expect(Torch.liveHandles <= handles)
            return (reports.map(\.loss), reports.map(\.gradientNorm), try adapter.parameters.map { try $0.floats() })
        }
        let kept = try await train(recomputing: false)
        let recomputed = try await train(recomputing: true)
        #expect(recomputed.losses == kept.losses && recomputed.norms == kept.norms)
        #expect(recomputed.adapter == kept.adapter)
    }

    /// Training over weights in four bits is the training over what is left of them when they are whole again.
    @Test func trainingOverCoarseWeights() async throws {
        let golden = try Self.golden()
        func losses(whole: Bool) async throws -> [Double] {
            var (model, adapter) = try await Self.start()
            try model.quantize()
            if whole {
                model = try model.merged()
                adapter = try Adapter.load(from: Self.folder.appending(path: "lora"), for: model)
            }
            let trainer = try Trainer(
                model: model,
                training: adapter,
                rows: golden.sequences.indices.map(golden.row),
                settings: Self.settings(),
                seed: 0
            )
            return try (0..<10).map { _ in try trainer.takeStep().loss }
        }
        let coarse = try await losses(whole: false)
        #expect(try await losses(whole: true) == coarse)
        #expect(abs(coarse[0] - golden.curve.steps[0].loss) > 1e-3)
    }

    @Test func trainingLeaksNoHandles() async throws {
        let golden = try Self.golden()
        let rows = golden.sequences.indices.map(golden.row)
        let (model, _) = try await Self.start()
        // No other suite's tensors come while nothing is awaited; a model that another suite is done with may go.
        func train() throws {
            let adapter = try Adapter.load(from: Self.folder.appending(path: "lora"), for: model)
            let trainer = try Trainer(model: model, training: adapter, rows: rows, settings: Self.settings(), seed: 1)
            for _ in 0..<3 { _ = try trainer.takeStep() }
        }
        try train()
        let before = Torch.liveHandles
        try train()
        #expect(Torch.liveHandles <= before)
    }
}
