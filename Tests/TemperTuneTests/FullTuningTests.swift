import Foundation
import TemperModel
import TemperTorch
import TemperWeights
import Testing

@testable import TemperTune

/// Training of all weights against the reference implementation; see `make_full` in Tests/Goldens/model/generate.py.
@TorchActor
@Suite(.serialized)
struct FullTuningTests {
    private struct File: Decodable {
        struct Batch: Decodable {
            var sequences: [GoldenTuningTests.File.Sequence]
            var loss: Double
        }
        var gradients: [String: Batch]
        var curve: GoldenTuningTests.File.Curve
    }

    private static func golden() throws -> File {
        let url = GoldenTuningTests.folder.appending(path: "full.json")
        return try JSONDecoder().decode(File.self, from: Data(contentsOf: url))
    }

    private static func floats(_ name: String) throws -> [Float] {
        try SafetensorsFile(contentsOf: GoldenTuningTests.folder.appending(path: "full.safetensors"))
            .withBytes(of: name) { bytes in
                (0..<(bytes.count / 4)).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
            }
    }

    private static func start(_ name: String = "tiny-llama", dtype: DType = .float32) async throws -> LanguageModel {
        try await LanguageModel.load(from: GoldenTuningTests.folder.appending(path: name), dtype: dtype)
    }

    private func trainer(
        _ model: LanguageModel,
        rows: [TokenizedExample],
        steps: Int = 10,
        recomputing: Bool = false
    ) throws -> Trainer {
        var settings = GoldenTuningTests.settings()
        settings.finetuningType = .full
        settings.maxSteps = steps
        settings.gradientCheckpointing = recomputing
        return try Trainer(
            model: model,
            training: settings.trainable(for: model, seed: 0),
            rows: rows,
            settings: settings,
            seed: 0,
            fingerprint: "full",
            shuffles: false
        )
    }

    /// The rows of the ten steps, in their order.
    private func rows() throws -> [TokenizedExample] {
        let golden = try GoldenTuningTests.golden()
        return golden.curve.steps.flatMap { $0.micro_batches.flatMap { $0 } }.map(golden.row)
    }

    private func withFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "temper-full-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder)
    }

    /// Tied and untied heads, norms, biases, the embedding: every weight, also where layers are computed again.
    @Test(arguments: ["tiny-llama", "tiny-llama-untied"], [false, true])
    func everyGradientEqualsTheReference(name: String, recomputing: Bool) async throws {
        let batch = try #require(try Self.golden().gradients[name])
        let rows = batch.sequences.enumerated().map { index, sequence in
            var marks = sequence.labels.map { $0 != -100 }
            marks[0] = false
            return TokenizedExample(
                ids: sequence.ids,
                isTarget: marks,
                source: .init(file: "golden", line: index + 1)
            )
        }
        let model = try await Self.start(name)
        let trained = try trainer(model, rows: rows, recomputing: recomputing).trained
        let targets = rows.reduce(0) { $0 + $1.targetCount }
        let loss = try TrainingLoss.supervised(
            TrainingStep(model: model, rows: rows, targetWeight: Double(targets), index: 0)
        )
        #expect(abs(try loss.total.item() - batch.loss) < 1e-4)
        let gradients = try loss.total.gradients(of: trained.parameters)
        #expect(trained.names.count == (name == "tiny-llama" ? 20 : 16))
        for (weight, gradient) in zip(trained.names, gradients) {
            let expected = try Self.floats("grad.\(name).\(weight)")
            #expect(GoldenTuningTests.distance(try gradient.floats(), expected) < 2e-5, "\(weight)")
        }
    }

    @Test func tenStepsEqualTheReference() async throws {
        let model = try await Self.start()
        let trainer = try trainer(model, rows: rows())
        for expected in try Self.golden().curve.steps {
            let report = try trainer.takeStep()
            #expect(abs(report.loss - expected.loss) < 1e-4)
            #expect(abs(report.gradientNorm - expected.grad_norm) < 1e-3)
        }
        for (name, weight) in zip(trainer.trained.names, trainer.trained.parameters) {
            #expect(GoldenTuningTests.distance(try weight.floats(), try Self.floats("final.\(name)")) < 5e-5, "\(name)")
        }
    }

    @Test(arguments: [DType.float32, .bfloat16]) func resumedEqualsUninterrupted(dtype: DType) async throws {
        try await withFolder { folder in
            let whole = try trainer(await Self.start(dtype: dtype), rows: rows())
            let losses = try (0..<6).map { _ in try whole.takeStep().loss }
            let first = try trainer(await Self.start(dtype: dtype), rows: rows())
            for _ in 0..<4 { _ = try first.takeStep() }
            let checkpoint = try first.saveCheckpoint(under: folder, last: nil)
            let second = try trainer(await Self.start(dtype: dtype), rows: rows())
            _ = try second.restore(from: checkpoint)
            #expect(try (0..<2).map { _ in try second.takeStep().loss } == Array(losses[4...]))
            for (a, b) in zip(whole.trained.parameters, second.trained.parameters) {
                #expect(try a.floats() == b.floats())
            }
        }
    }

    /// A checkpoint on the model as it came does what the trained model does; taken off again, nothing is left of it.
    @Test func checkpointsFitTheBase() async throws {
        try await withFolder { folder in
            let model = try await Self.start()
            let ids = try PackedBatch([[3, 7, 20, 41]], device: .cpu)
            @TorchActor func answer(_ network: DecoderNetwork) throws -> [Float] {
                try withoutGradients { try network.logits(network.hiddenStates(ids)).floats() }
            }
            let untouched = try answer(model.network)
            let trainer = try trainer(model, rows: rows())
            for _ in 0..<3 { _ = try trainer.takeStep() }
            let trained = try answer(model.network)
            #expect(GoldenTuningTests.distance(trained, untouched) > 1e-3)
            let before = try PackedBatch([[3, 7, 20, 41]], adapted: false, device: .cpu)
            let states = try withoutGradients { try model.network.hiddenStates(before) }
            let base = try await Self.start()
            #expect(try states.floats() == withoutGradients { try base.network.hiddenStates(ids).floats() })

            let checkpoint = try trainer.saveCheckpoint(under: folder, last: nil)
            #expect(try answer(base.forInference(adapter: checkpoint).network) == trained)
            #expect(try answer(base.network) == untouched)
            let other = try await Self.start("tiny-llama-untied")
            #expect(throws: (any Error).self) { try other.forInference(adapter: checkpoint) }
        }
    }

    private nonisolated static let families = [
        "llama2", "mistral", "qwen2", "qwen3", "qwen3moe", "gemma2", "gemma3", "phi3", "olmo2", "smollm3", "mpt",
        "mixtral",
    ]

    /// A checkpoint of a model that lies in a folder is a model itself, with all that lay beside the weights.
    @Test(arguments: families) func checkpointsAreModels(family: String) async throws {
        try await withFolder { folder in
            let goldens = GoldenTuningTests.folder.deletingLastPathComponent().appending(path: "families/\(family)")
            let (base, manager) = (folder.appending(path: "base"), FileManager.default)
            try manager.createDirectory(at: base, withIntermediateDirectories: true)
            for name in ["config.json", "model.safetensors"] {
                try manager.copyItem(at: goldens.appending(path: name), to: base.appending(path: name))
            }
            // As in a cache of models, where files are links.
            let blob = folder.appending(path: "blob")
            try Data("{{ messages }}".utf8).write(to: blob)
            try manager.createSymbolicLink(
                atPath: base.appending(path: "chat_template.jinja").path,
                withDestinationPath: blob.path
            )
            try Data("# A card".utf8).write(to: base.appending(path: "README.md"))
            let model = try await LanguageModel.load(from: base, dtype: .float32)
            let row = TokenizedExample(
                ids: [3, 7, 20, 41],
                isTarget: [false, true, true, true],
                source: .init(file: "golden", line: 1)
            )
            let trainer = try trainer(model, rows: Array(repeating: row, count: 8), steps: 1)
            _ = try trainer.takeStep()
            let checkpoint = try trainer.saveCheckpoint(under: folder.appending(path: "run"), last: nil)
            #expect(
                try manager.contentsOfDirectory(atPath: checkpoint.path).sorted() == [
                    "chat_template.jinja", "config.json", "model.safetensors", "optimizer.safetensors", "state.json",
                ]
            )
            try manager.removeItem(at: base)
            try manager.removeItem(at: blob)
            let template = try String(contentsOf: checkpoint.appending(path: "chat_template.jinja"), encoding: .utf8)
            #expect(template == "{{ messages }}")
            let ids = try PackedBatch([[3, 7, 20, 41]], device: .cpu)
            @TorchActor func answer(_ network: DecoderNetwork) throws -> [Float] {
                try withoutGradients { try network.logits(network.hiddenStates(ids)).floats() }
            }
            let loaded = try await LanguageModel.load(from: checkpoint, dtype: .float32)
            let distance = GoldenTuningTests.distance(try answer(loaded.network), try answer(model.network))
            #expect(distance < 1e-5, "\(distance)")
        }
    }
}
