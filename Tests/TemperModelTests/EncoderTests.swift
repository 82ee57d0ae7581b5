import Foundation
import TemperTorch
import TemperWeights
import Testing

@testable import TemperModel

/// Text encoders and classifiers against `transformers`; see Tests/Goldens/encoder/generate.py.
@TorchActor
@Suite(.serialized)
struct EncoderTests {
    struct Expected: Decodable {
        var sequences: [[Int]]
        var types: [Int]
    }

    nonisolated private static let folder = Golden.folder.deletingLastPathComponent().appending(path: "encoder")

    private func expected() throws -> Expected {
        try JSONDecoder().decode(
            Expected.self,
            from: Data(contentsOf: Self.folder.appending(path: "golden.json"))
        )
    }

    private func golden(_ name: String) throws -> [Float] {
        try Golden.floats("../encoder/golden.safetensors", name)
    }

    private func hidden(_ encoder: TextEncoder, _ batch: EncoderBatch) throws -> [Float] {
        try withoutGradients { () throws(TorchError) in try encoder.network.hiddenStates(batch).floats() }
    }

    /// A copy of the golden model with other tensors or another configuration.
    private func withCopy(
        _ change: (inout [SafetensorsWriter.Tensor]) -> Void = { _ in },
        configuration: (inout [String: Any]) -> Void = { _ in },
        files: [String: String] = [:],
        _ body: (URL) async throws -> Void
    ) async throws {
        try await withFolder { folder in
            let stored = try SafetensorsFile(contentsOf: Self.folder.appending(path: "model.safetensors"))
            var tensors = try Golden.tensors(of: stored)
            change(&tensors)
            try SafetensorsWriter.write(
                tensors: tensors,
                metadata: [:],
                to: folder.appending(path: "model.safetensors")
            )
            let data = try Data(contentsOf: Self.folder.appending(path: "config.json"))
            var object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            configuration(&object)
            try JSONSerialization.data(withJSONObject: object).write(to: folder.appending(path: "config.json"))
            for (name, text) in files {
                let file = folder.appending(path: name)
                try FileManager.default.createDirectory(
                    at: file.deletingLastPathComponent(),
                    withIntermediateDirectories: true
                )
                try Data(text.utf8).write(to: file)
            }
            try await body(folder)
        }
    }

    private func message(_ load: () async throws -> Void) async -> String {
        do {
            try await load()
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    // MARK: What it computes

    @Test func hiddenStatesEqualTransformers() async throws {
        let encoder = try await TextEncoder.load(from: Self.folder, dtype: .float32)
        let expected = try expected()
        var all: [Float] = []
        for (index, sequence) in expected.sequences.enumerated() {
            let own = try golden("hidden.\(index)")
            let found = try hidden(encoder, EncoderBatch([sequence], device: .cpu))
            #expect(Golden.distance(found, own) < 2e-5, "sequence \(index)")
            all += own
        }
        #expect(Golden.distance(try hidden(encoder, EncoderBatch(expected.sequences, device: .cpu)), all) < 2e-5)
        let typed = try EncoderBatch([expected.sequences[2]], types: [expected.types], device: .cpu)
        #expect(Golden.distance(try hidden(encoder, typed), try golden("hidden.typed")) < 2e-5)
        #expect(Golden.distance(try golden("hidden.typed"), try golden("hidden.2")) > 0.1, "types change nothing")
    }

    @Test func embeddingsEqualTheReference() async throws {
        let sequences = try expected().sequences
        let encoder = try await TextEncoder.load(from: Self.folder, dtype: .float32)
        let embeddings = try encoder.embeddings(ofTokens: sequences)
        #expect(Golden.distance(Array(embeddings.joined()), try golden("mean")) < 1e-5)
        // More than one batch, shared out among processors: in order, and each as if it were alone.
        let before = Torch.threads
        defer { Torch.setThreads(before) }
        Torch.setThreads(3)
        let many = (0..<400).map { sequences[$0 % sequences.count] }
        for (index, row) in try encoder.embeddings(ofTokens: many).enumerated() {
            #expect(Golden.distance(row, embeddings[index % sequences.count]) < 1e-5)
        }
        #expect(try encoder.embeddings(ofTokens: []).isEmpty)
    }

    @Test func poolingIsTheOneOfTheFiles() async throws {
        let sequences = try expected().sequences
        let first = ["1_Pooling/config.json": #"{"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": false}"#]
        try await withCopy(files: first) { folder in
            let encoder = try await TextEncoder.load(from: folder, dtype: .float32)
            let found = try encoder.embeddings(ofTokens: [sequences[1]])[0]
            let state = Array(try golden("hidden.1").prefix(32))
            let length = state.reduce(0) { $0 + $1 * $1 }.squareRoot()
            #expect(Golden.distance(found, state.map { $0 / length }) < 1e-5)
        }
        let both = ["1_Pooling/config.json": #"{"pooling_mode_max_tokens": true, "pooling_mode_mean_tokens": true}"#]
        try await withCopy(files: both) { folder in
            let text = await message { _ = try await TextEncoder.load(from: folder) }
            #expect(text.contains("1_Pooling/config.json") && text.contains("mean_tokens, max_tokens"), "\(text)")
        }
    }

    @Test func scoresEqualTransformers() async throws {
        let classifier = try await TextClassifier.load(from: Self.folder, dtype: .float32)
        #expect(classifier.labels == ["harmless", "harmful", "unclear"] && classifier.problemType == .singleLabel)
        let batch = try EncoderBatch(try expected().sequences, device: .cpu)
        let (states, scores) = try withoutGradients { () throws(TorchError) in
            let hidden = try classifier.encoder.network.hiddenStates(batch)
            let states = try classifier.featureStates(batch, hidden: hidden)
            return (try states.floats(), try classifier.logits(states).floats())
        }
        #expect(Golden.distance(states, try golden("pooled")) < 1e-5)
        let logits = try golden("logits")
        #expect(Golden.distance(scores, logits) < 2e-5)
        for (row, found) in try classifier.probabilities(ofTokens: expected().sequences).enumerated() {
            let weights = logits[row * 3..<row * 3 + 3].map { exp($0) }
            #expect(Golden.distance(found, weights.map { $0 / weights.reduce(0, +) }) < 1e-5)
        }
        try await withCopy(configuration: { $0["problem_type"] = "multi_label_classification" }) { folder in
            let multiple = try await TextClassifier.load(from: folder, dtype: .float32)
            let found = try multiple.probabilities(ofTokens: expected().sequences).joined()
            #expect(Golden.distance(Array(found), logits.map { 1 / (1 + exp(-$0)) }) < 1e-5)
        }
    }

    // MARK: Files

    /// As plain encoders are stored, and as the first BERT's files were converted.
    @Test func otherNamesAreRead() async throws {
        func rename(_ tensors: inout [SafetensorsWriter.Tensor]) {
            tensors.removeAll { $0.name.hasPrefix("classifier") || $0.name.contains("pooler") }
            for index in tensors.indices {
                tensors[index].name = tensors[index].name.replacing("bert.", with: "")
                    .replacing("LayerNorm.weight", with: "LayerNorm.gamma")
                    .replacing("LayerNorm.bias", with: "LayerNorm.beta")
            }
        }
        try await withCopy(rename) { folder in
            let encoder = try await TextEncoder.load(from: folder, dtype: .float32)
            let found = try hidden(encoder, EncoderBatch([try expected().sequences[1]], device: .cpu))
            #expect(Golden.distance(found, try golden("hidden.1")) < 2e-5)
            // Without a pooler there is nothing for BERT's own head to read.
            let text = await message { _ = try TextClassifier(on: encoder, labels: ["a", "b"], seed: 1) }
            #expect(text.contains("bert.pooler.dense") && text.contains("mean of the hidden states"), "\(text)")
            _ = try TextClassifier(on: encoder, labels: ["a", "b"], features: .mean, seed: 1)
        }
    }

    @Test(arguments: TextClassifier.Features.allCases)
    func savedAndLoadedIsTheSame(features: TextClassifier.Features) async throws {
        let encoder = try await TextEncoder.load(from: Self.folder, dtype: .float32)
        let sequences = try expected().sequences
        let classifier = try TextClassifier(
            on: encoder,
            labels: ["violence", "self-harm"],
            problemType: .multiLabel,
            features: features,
            seed: 5
        )
        let plain = try classifier.probabilities(ofTokens: sequences)
        let adapter = try classifier.adapter(LoRAConfiguration(r: 2), seed: 3)
        #expect(adapter.pairs.count == (features == .pooler ? 13 : 12))
        for (index, (_, pair)) in adapter.pairs.enumerated() {
            try pair.b.copy(from: .uniform(-0.2, 0.2, shape: pair.b.shape, seed: UInt64(50 + index)))
        }
        adapter.attach(to: classifier.linears)
        let adapted = try classifier.probabilities(ofTokens: sequences)
        #expect(Golden.distance(Array(plain.joined()), Array(adapted.joined())) > 1e-2)
        let merged = try classifier.merged().probabilities(ofTokens: sequences)
        #expect(Golden.distance(Array(merged.joined()), Array(adapted.joined())) < 1e-5)
        try await withFolder { folder in
            try classifier.save(to: folder)
            let loaded = try await TextClassifier.load(from: folder, dtype: .float32)
            #expect(loaded.labels == classifier.labels && loaded.problemType == .multiLabel)
            #expect(loaded.features == features && loaded.encoder.configuration == encoder.configuration)
            let found = try loaded.probabilities(ofTokens: sequences)
            #expect(Golden.distance(Array(found.joined()), Array(adapted.joined())) < 1e-5)
        }
    }

    @Test func textsAreReadWithTheTokenizerOfTheFiles() async throws {
        let words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "bread", "butter", "and"]
        let files = [
            "vocab.txt": words.joined(separator: "\n"), "sentence_bert_config.json": #"{"max_seq_length": 4}"#,
        ]
        try await withCopy(files: files) { folder in
            let encoder = try await TextEncoder.load(from: folder, dtype: .float32)
            #expect(try encoder.tokens(of: "Bread, butter") == [2, 5, 1, 3])
            #expect(try encoder.tokens(of: "bread") == [2, 5, 3] && encoder.tokens(of: "") == [2, 3])
            #expect(try encoder.tokens(of: "bread and butter", limit: 3) == [2, 5, 3])
            #expect(try encoder.hiddenStates(of: "bread").map(\.count) == [32, 32, 32])
            let classifier = try TextClassifier(on: encoder, labels: ["a", "b"], seed: 1)
            let found = try await classifier.probabilities(of: ["bread", "butter and bread"])
            #expect(try classifier.probabilities(ofTokens: [[2, 5, 3], [2, 6, 7, 3]]) == found)
            // What reads the texts is saved with what was trained.
            try await withFolder { saved in
                try classifier.save(to: saved)
                let loaded = try await TextClassifier.load(from: saved, dtype: .float32)
                let again = try await loaded.probabilities(of: ["bread", "butter and bread"])
                #expect(Golden.distance(Array(again.joined()), Array(found.joined())) < 1e-6)
            }
        }
        let long = ["vocab.txt": (words + (0..<60).map { "word\($0)" }).joined(separator: "\n")]
        try await withCopy(files: long) { folder in
            let text = await message { _ = try await TextEncoder.load(from: folder) }
            #expect(text.contains("vocab_size") && text.contains("68 ids"), "\(text)")
        }
    }

    @Test(.enabled("Python with transformers is there") { Python.isThere })
    func transformersReadsWhatWasSaved() async throws {
        struct Printed: Decodable {
            var labels: [String]
            var problem_type: String
            var unused: [String]
            var missing: [String]
            var logits: [[Float]]
        }
        let encoder = try await TextEncoder.load(from: Self.folder, dtype: .float32)
        let labels = ["benign", "attack", "off-topic", "other"]
        let classifier = try TextClassifier(on: encoder, labels: labels, seed: 9)
        let sequences = try expected().sequences
        let printed = try await withFolder { folder in
            try classifier.save(to: folder)
            let ids = folder.appending(path: "ids.json")
            try JSONEncoder().encode(sequences).write(to: ids)
            let script = Self.folder.appending(path: "classify.py").path
            return try JSONDecoder().decode(Printed.self, from: try await Python.run(script, folder.path, ids.path))
        }
        #expect(printed.labels == labels && printed.problem_type == "single_label_classification")
        #expect(printed.unused.isEmpty && printed.missing.isEmpty)
        let probabilities = try classifier.probabilities(ofTokens: sequences)
        for (scores, found) in zip(printed.logits, probabilities) {
            let weights = scores.map { exp($0) }
            #expect(Golden.distance(found, weights.map { $0 / weights.reduce(0, +) }) < 1e-5)
        }
    }

    // MARK: Refused

    @Test func impossibleConfigurationsAreRefused() async throws {
        let cases: [(String, Any, String)] = [
            ("model_type", "roberta", "known is bert"),
            ("num_attention_heads", 5, "must divide hidden_size (32)"),
            ("hidden_size", 0, "possible are 1 to"),
            ("vocab_size", 1 << 30, "possible are 1 to"),
            ("layer_norm_eps", -1, "must be 0 or more"),
            ("hidden_act", "relu", "gelu_pytorch_tanh"),
            ("position_embedding_type", "relative_key", "absolute is known"),
            ("is_decoder", true, "attention sees both ways"),
            ("max_position_embeddings", 16, "has shape [32, 32]"),
        ]
        for (key, value, part) in cases {
            try await withCopy(configuration: { $0[key] = value }) { folder in
                let text = await message { _ = try await TextEncoder.load(from: folder) }
                #expect(text.contains(part), "\(key): \(text)")
            }
        }
        let text = await message { _ = try await LanguageModel.load(from: Self.folder) }
        #expect(text.contains("model_type bert"), "\(text)")
    }

    @Test func incompleteClassifiersAreRefused() async throws {
        func refusal(
            _ change: (inout [SafetensorsWriter.Tensor]) -> Void = { _ in },
            configuration: (inout [String: Any]) -> Void = { _ in }
        ) async throws -> String {
            var text = ""
            try await withCopy(change, configuration: configuration) { folder in
                text = await message { _ = try await TextClassifier.load(from: folder) }
            }
            return text
        }
        var text = try await refusal { $0.removeAll { $0.name == "classifier.weight" } }
        #expect(text.contains("classifier.weight"), "\(text)")
        text = try await refusal { $0.removeAll { $0.name == "bert.encoder.layer.1.output.dense.bias" } }
        #expect(text.contains("bert.encoder.layer.1.output.dense.bias"), "\(text)")
        text = try await refusal(configuration: { $0["id2label"] = ["0": "a", "1": "b"] })
        #expect(text.contains("no name for label 2 of 3"), "\(text)")
        text = try await refusal(configuration: { $0["id2label"] = ["0": "a", "1": "b", "2": "a"] })
        #expect(text.contains("needs different labels"), "\(text)")
        text = try await refusal(configuration: { $0["problem_type"] = "regression" })
        #expect(text.contains("multi_label_classification"), "\(text)")
        let encoder = try await TextEncoder.load(from: Self.folder)
        text = await message { _ = try await encoder.embeddings(of: ["a text"]) }
        #expect(text.contains("brings no usable tokenizer"), "\(text)")
        text = await message { _ = try encoder.embeddings(ofTokens: [[Int](repeating: 1, count: 33)]) }
        #expect(text.contains("33 tokens") && text.contains("32"), "\(text)")
        try await withCopy(files: ["sentence_bert_config.json": #"{"max_seq_length": 1}"#]) { folder in
            text = await message { _ = try await TextEncoder.load(from: folder) }
            #expect(text.contains("max_seq_length"), "\(text)")
        }
    }
}
