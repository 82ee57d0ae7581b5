import Foundation
import TemperTorch
import TemperWeights
import Testing

@testable import TemperModel
@testable import TemperTune

/// Training of text classifiers against `transformers` and `peft`; see Tests/Goldens/encoder/generate.py.
@TorchActor
@Suite(.serialized)
struct ClassifierTests {
    struct Expected: Decodable {
        struct Kind: Decodable {
            var loss: Double
            var head: [Double]
            var lora: [Double]
        }
        var sequences: [[Int]]
        var labels: [Int]
        var marks: [[Int]]
        var rank: Int
        var alpha: Double
        var single: Kind
        var multi: Kind

        func kind(_ problem: TextClassifier.ProblemType) -> Kind { problem == .singleLabel ? single : multi }

        func rows(_ problem: TextClassifier.ProblemType) -> [LabelledText] {
            sequences.indices.map { index in
                let marked = Set(marks[index].indices.filter { marks[index][$0] == 1 })
                return LabelledText(
                    ids: sequences[index],
                    labels: problem == .singleLabel ? [labels[index]] : marked
                )
            }
        }
    }

    private static let folder = GoldenTuningTests.folder.deletingLastPathComponent().appending(path: "encoder")

    private func expected() throws -> Expected {
        let file = Self.folder.appending(path: "golden.json")
        return try JSONDecoder().decode(Expected.self, from: Data(contentsOf: file))
    }

    private func golden(_ name: String) throws -> [Float] {
        let file = try SafetensorsFile(contentsOf: Self.folder.appending(path: "golden.safetensors"))
        return try file.withBytes(of: name) { bytes in
            (0..<(bytes.count / 4)).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
        }
    }

    private func distance(_ a: [Float], _ b: [Float]) -> Float {
        a.count == b.count ? zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } : .infinity
    }

    /// The golden classifier for a kind of problem.
    private func classifier(_ problem: TextClassifier.ProblemType = .singleLabel) async throws -> TextClassifier {
        let loaded = try await TextClassifier.load(from: Self.folder, dtype: .float32)
        return try TextClassifier(
            encoder: loaded.encoder,
            labels: loaded.labels,
            problemType: problem,
            features: .pooler,
            weight: loaded.weight,
            bias: loaded.bias
        )
    }

    private func adapter(_ classifier: TextClassifier, _ expected: Expected) throws -> Adapter {
        let lora = LoRAConfiguration(r: expected.rank, loraAlpha: expected.alpha)
        let adapter = try classifier.adapter(lora, seed: 1)
        for (module, pair) in adapter.pairs {
            try pair.a.copy(from: Tensor(golden("lora.\(module).lora_A"), shape: pair.a.shape))
            try pair.b.copy(from: Tensor(golden("lora.\(module).lora_B"), shape: pair.b.shape))
        }
        return adapter
    }

    private func settings(batch: Int, accumulation: Int = 1) -> TrainingSettings {
        var settings = TrainingSettings()
        settings.learningRate = 0.01
        settings.maxSteps = 4
        settings.warmupSteps = 0
        settings.lrSchedulerType = .constant
        settings.perDeviceTrainBatchSize = batch
        settings.gradientAccumulationSteps = accumulation
        return settings
    }

    private func trainer(
        _ classifier: TextClassifier,
        _ adapter: Adapter?,
        _ expected: Expected,
        settings: TrainingSettings
    ) throws -> ClassifierTrainer {
        try ClassifierTrainer(
            classifier,
            adapter: adapter,
            rows: expected.rows(classifier.problemType),
            settings: settings,
            orderSeed: nil
        )
    }

    private func logits(_ classifier: TextClassifier, _ sequences: [[Int]]) throws -> [Float] {
        try withoutGradients { () throws(TorchError) in
            let batch = try EncoderBatch(sequences, device: .cpu)
            let hidden = try classifier.encoder.network.hiddenStates(batch)
            return try classifier.logits(classifier.featureStates(batch, hidden: hidden)).floats()
        }
    }

    @Test(arguments: TextClassifier.ProblemType.allCases)
    func gradientsEqualPEFT(problem: TextClassifier.ProblemType) async throws {
        let expected = try expected()
        let classifier = try await classifier(problem)
        let adapter = try adapter(classifier, expected)
        let trainer = try trainer(classifier, adapter, expected, settings: settings(batch: 4))
        #expect(distance(try logits(classifier, expected.sequences), try golden("lora_logits")) < 2e-5)
        let loss = try trainer.loss(of: [0, 1, 2, 3], rowsInStep: 4)
        #expect(abs(try loss.item() - expected.kind(problem).loss) < 1e-5)
        let found = try loss.gradients(of: trainer.optimizer.parameters).map { try $0.floats() }
        let matrices = adapter.pairs.flatMap { ["\($0.module).lora_A", "\($0.module).lora_B"] }
        let names = ["classifier.weight", "classifier.bias"] + matrices
        #expect(names.count == found.count)
        let kind = problem == .singleLabel ? "single" : "multi"
        for (name, gradient) in zip(names, found) {
            let reference = try golden("grad.\(kind).\(name)")
            let largest = reference.map(abs).max() ?? 0
            #expect(distance(gradient, reference) < 1e-6 + 2e-4 * largest, "\(name)")
        }
    }

    /// Whole steps, and the same from smaller batches.
    @Test(arguments: TextClassifier.ProblemType.allCases, [1, 2])
    func trainingEqualsPEFT(problem: TextClassifier.ProblemType, accumulation: Int) async throws {
        let expected = try expected()
        let classifier = try await classifier(problem)
        let trainer = try trainer(
            classifier,
            adapter(classifier, expected),
            expected,
            settings: settings(batch: 4 / accumulation, accumulation: accumulation)
        )
        var losses: [Double] = []
        while !trainer.isFinished { losses.append(try trainer.takeStep().loss) }
        #expect(losses.count == 4)
        for (found, reference) in zip(losses, expected.kind(problem).lora) { #expect(abs(found - reference) < 1e-4) }
        let kind = problem == .singleLabel ? "single" : "multi"
        let merged = try classifier.merged()
        #expect(distance(try logits(merged, expected.sequences), try golden("trained.\(kind).logits")) < 2e-3)
    }

    @Test(arguments: TextClassifier.ProblemType.allCases)
    func headAloneEqualsTransformers(problem: TextClassifier.ProblemType) async throws {
        let expected = try expected()
        let classifier = try await classifier(problem)
        let trainer = try trainer(classifier, nil, expected, settings: settings(batch: 2, accumulation: 2))
        var losses: [Double] = []
        while !trainer.isFinished {
            let report = try trainer.takeStep()
            losses.append(report.loss)
            #expect(report.targets == 4 && report.tokens == expected.sequences.joined().count)
        }
        #expect(losses.count == 4)
        for (found, reference) in zip(losses, expected.kind(problem).head) { #expect(abs(found - reference) < 1e-5) }
        #expect(classifier.linears.allSatisfy { $0.lora == nil })
    }

    /// A row that weighs three counts like three.
    @Test(arguments: TextClassifier.ProblemType.allCases)
    func rowsCountByTheirWeight(problem: TextClassifier.ProblemType) async throws {
        let expected = try expected()
        let classifier = try await classifier(problem)
        var rows = expected.rows(problem)
        func loss(_ rows: [LabelledText], _ indices: [Int]) throws -> Double {
            let trainer = try ClassifierTrainer(
                classifier,
                adapter: nil,
                rows: rows,
                settings: settings(batch: 4),
                orderSeed: nil
            )
            return try trainer.loss(of: indices, rowsInStep: 4).item()
        }
        let wanted = try loss(rows, [0, 0, 0, 1])
        rows[0].weight = 3
        #expect(abs(try loss(rows, [0, 1]) - wanted) < 1e-5)
    }

    /// From a fresh head to files: what was learned is there again, and says what the rows say.
    @Test(arguments: [false, true]) func freshHeadLearns(usesLoRA: Bool) async throws {
        let expected = try expected()
        let encoder = try await TextEncoder.load(from: Self.folder, dtype: .float32)
        let classifier = try TextClassifier(
            on: encoder,
            labels: ["a", "b", "c"],
            problemType: .multiLabel,
            features: .mean,
            seed: 2
        )
        let rows = expected.rows(.multiLabel)
        var settings = settings(batch: 4)
        settings.maxSteps = usesLoRA ? 80 : 400
        settings.learningRate = usesLoRA ? 0.003 : 0.03
        settings.loraR = 2
        settings.loraAlpha = 4
        let trainer = try ClassifierTrainer(classifier, rows: rows, settings: settings, usesLoRA: usesLoRA, seed: 3)
        #expect((trainer.adapter == nil) == !usesLoRA)
        while !trainer.isFinished { _ = try trainer.takeStep() }
        let folder = FileManager.default.temporaryDirectory.appending(path: "temper-classifier-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try classifier.save(to: folder)
        let loaded = try await TextClassifier.load(from: folder, dtype: .float32)
        let probabilities = try loaded.probabilities(ofTokens: rows.map(\.ids))
        for (row, found) in zip(rows, probabilities) {
            #expect(Set(found.indices.filter { found[$0] > 0.5 }) == row.labels, "\(found)")
        }
    }

    @Test func impossibleRowsAreRefused() async throws {
        let classifier = try await classifier()
        func text(_ rows: [LabelledText]) -> String {
            do {
                _ = try ClassifierTrainer(
                    classifier,
                    rows: rows,
                    settings: TrainingSettings(),
                    usesLoRA: false,
                    seed: 1
                )
                return "no error"
            } catch {
                return "\(error)"
            }
        }
        #expect(text([]).contains("the data set is empty"))
        let both = text([LabelledText(ids: [1], labels: [0]), LabelledText(ids: [1], labels: [0, 1])])
        #expect(both.contains("row 2 has 2 labels"), "\(both)")
        #expect(text([LabelledText(ids: [1], labels: [])]).contains("row 1 has 0 labels"))
    }
    @Test func rowsAreMadeOfTextsAndNames() async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "temper-rows-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for name in ["config.json", "model.safetensors"] {
            try FileManager.default.copyItem(at: Self.folder.appending(path: name), to: folder.appending(path: name))
        }
        let words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "bread", "butter"]
        try Data(words.joined(separator: "\n").utf8).write(to: folder.appending(path: "vocab.txt"))
        let classifier = try await TextClassifier.load(from: folder, dtype: .float32)
        let row = try LabelledText("bread butter bread", labels: ["unclear"], for: classifier, cutoffLength: 4)
        #expect(row == LabelledText(ids: [2, 5, 6, 3], labels: [2]))
        let error = #expect(throws: TrainingError.self) {
            try LabelledText("bread", labels: ["evil"], for: classifier, cutoffLength: 4)
        }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains("evil") && text.contains("harmless, harmful, unclear"), "\(text)")
    }
}
