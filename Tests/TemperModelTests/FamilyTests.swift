import Foundation
import TemperText
import TemperTorch
import TemperWeights
import Testing

@testable import TemperModel

/// Every family against `transformers` and `peft`; see Tests/Goldens/families/generate.py.
@TorchActor
@Suite(.serialized)
struct FamilyTests {
    struct Expected: Decodable {
        struct Greedy: Decodable {
            var ids: [Int]
            var lead: Double
        }
        var sequences: [[Int]]
        var largest_logit: Float
        var greedy: Greedy
        var lora_loss: Double
        var targets: Int
    }

    private static let folder = Golden.folder.deletingLastPathComponent().appending(path: "families")

    nonisolated static let names = [
        "gemma2", "gemma3", "llama2", "llama31", "mistral", "mixtral", "mpt", "olmo2", "phi3", "phi4mini", "qwen2",
        "qwen3", "qwen3moe", "smollm3",
    ]

    /// Phi-4-mini's context ends where its rotary would change (LongRoPE): longer sequences are left out.
    private func expected(_ name: String, for model: LanguageModel) throws -> Expected {
        let file = Self.folder.appending(path: "\(name)/golden.json")
        var expected = try JSONDecoder().decode(Expected.self, from: Data(contentsOf: file))
        #expect(name == "phi4mini" || model.configuration.contextLength == 128)
        expected.sequences.removeAll { $0.count > model.configuration.contextLength }
        return expected
    }

    private func golden(_ name: String, _ tensor: String) throws -> [Float] {
        try Golden.floats("../families/\(name)/golden.safetensors", tensor)
    }

    private func logits(_ model: LanguageModel, _ sequences: [[Int]]) throws -> [Float] {
        try withoutGradients {
            try model.network.logits(model.network.hiddenStates(PackedBatch(sequences, device: .cpu))).floats()
        }
    }

    @Test func everyFamilyHasAGolden() throws {
        let types = try Self.names.map { name in
            try ModelDescription(of: Self.folder.appending(path: name)).configuration.family
        }
        #expect(Set(types) == Set(Family.all.flatMap(\.types)))
    }

    @Test(arguments: names) func logitsEqualTransformers(name: String) async throws {
        let model = try await LanguageModel.load(from: Self.folder.appending(path: name), dtype: .float32)
        let expected = try expected(name, for: model)
        let tolerance = max(1, expected.largest_logit) * 2e-5
        var all: [Float] = []
        for (index, sequence) in expected.sequences.enumerated() {
            let own = try golden(name, "logits.\(index)")
            let found = try logits(model, [sequence])
            #expect(Golden.distance(found, own) < tolerance, "sequence \(index)")
            all += own
        }
        #expect(Golden.distance(try logits(model, expected.sequences), all) < tolerance, "packed")
        #expect(Golden.distance(try logits(model.merged(), expected.sequences), all) < tolerance, "for inference")
    }

    @Test(arguments: names) func adapterEqualsPEFT(name: String) async throws {
        let url = Self.folder.appending(path: name)
        let model = try await LanguageModel.load(from: url, dtype: .float32)
        let expected = try expected(name, for: model)
        let adapter = try Adapter.load(from: url.appending(path: "adapter"), for: model)
        adapter.attach(to: model)
        for parameter in adapter.parameters { try parameter.setRequiresGradient(true) }
        let tolerance = max(1, expected.largest_logit) * 5e-5
        for (index, sequence) in expected.sequences.enumerated() {
            let found = try logits(model, [sequence])
            #expect(Golden.distance(found, try golden(name, "lora_logits.\(index)")) < tolerance, "sequence \(index)")
        }
        guard name != "phi4mini" else { return }
        // The loss over all sequences, packed, and the gradient of every matrix.
        let batch = try PackedBatch(expected.sequences, device: .cpu)
        var (rows, targets): ([Int], [Int]) = ([], [])
        for (index, sequence) in expected.sequences.enumerated() {
            rows += (1..<sequence.count).map { batch.row(of: $0 - 1, in: index) }
            targets += sequence.dropFirst()
        }
        #expect(targets.count == expected.targets)
        let hidden = try model.network.hiddenStates(batch).selected(0, Tensor(rows))
        let loss = try Layers.linearCrossEntropy(
            hidden: hidden,
            head: try model.network.outputHead(),
            targets: Tensor(targets)
        )
        .scaled(by: 1 / Double(targets.count))
        #expect(abs(try loss.item() - expected.lora_loss) < 1e-5 * max(1, expected.lora_loss))
        let gradients = try loss.gradients(of: adapter.parameters)
        for (index, (module, _)) in adapter.pairs.enumerated() {
            for (offset, matrix) in ["lora_A", "lora_B"].enumerated() {
                let own = try golden(name, "grad.base_model.model.\(module).\(matrix).weight")
                let scale = own.reduce(1e-3) { max($0, abs($1)) }
                let distance = Golden.distance(try gradients[2 * index + offset].floats(), own)
                #expect(distance < 1e-4 * scale, "\(module) \(matrix): \(distance) of \(scale)")
            }
        }
    }

    /// Cached equals uncached, one token at a time and many sequences at once.
    @Test(arguments: names) func greedyTextEqualsTransformers(name: String) async throws {
        let model = try await LanguageModel.load(from: Self.folder.appending(path: name), dtype: .float32).merged()
        let expected = try expected(name, for: model)
        try #require(expected.greedy.lead > 1e-4)
        let room = model.configuration.contextLength - (expected.sequences.map(\.count).max() ?? 0)
        let options = SamplingOptions(maxNewTokens: min(expected.greedy.ids.count, room))
        let found = try Generator(model.network, batchSize: 4)
            .generate(expected.sequences, options: options, endIDs: [])
        #expect(found[0].ids == Array(expected.greedy.ids.prefix(room)))
    }

    @Test(arguments: names) func parametersAreThoseOfTheFiles(name: String) throws {
        let url = Self.folder.appending(path: name)
        let weights = try SafetensorsDirectory(at: url)
        let stored = weights.names.compactMap { weights.entry($0)?.shape.reduce(1, *) }.reduce(0, +)
        #expect(try ModelDescription(of: url).configuration.parameterCount == stored)
    }

    /// What llama.cpp's converter makes of the same weights, with what the format cannot say as llama.cpp takes it.
    @Test(arguments: names) func ggufEqualsTransformers(name: String) async throws {
        let url = Self.folder.appending(path: "\(name)/model.gguf")
        guard !["mixtral", "qwen3moe"].contains(name) else {
            await #expect(throws: ModelError.self) { try await LanguageModel.load(from: url, dtype: .float32) }
            return
        }
        let model = try await LanguageModel.load(from: url, dtype: .float32)
        let expected = try expected(name, for: model)
        let file = try SafetensorsFile(contentsOf: Self.folder.appending(path: "\(name)/golden.safetensors"))
        for (index, sequence) in expected.sequences.enumerated() {
            let tensor = file.entries["gguf_logits.\(index)"] == nil ? "logits.\(index)" : "gguf_logits.\(index)"
            let distance = Golden.distance(try logits(model, [sequence]), try golden(name, tensor))
            #expect(distance < max(1, expected.largest_logit) * 2e-5, "sequence \(index)")
        }
    }

    /// The goldens are written by transformers 5; the hub's files put the rotary elsewhere.
    @Test(arguments: names.filter { $0 != "mpt" }) func configurationsInTheHubsSpelling(name: String) throws {
        let url = Self.folder.appending(path: name)
        let data = try Data(contentsOf: url.appending(path: "config.json"))
        var object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        var rope = try #require(object.removeValue(forKey: "rope_parameters") as? [String: Any])
        if let whole = rope["full_attention"] as? [String: Any], let local = rope["sliding_attention"] as? [String: Any]
        {
            object["rope_local_base_freq"] = local["rope_theta"]
            rope = whole
        }
        object["rope_theta"] = rope.removeValue(forKey: "rope_theta")
        if let share = rope.removeValue(forKey: "partial_rotary_factor") { object["partial_rotary_factor"] = share }
        let type = try #require(rope.removeValue(forKey: "rope_type") as? String)
        object["rope_scaling"] = type == "default" ? NSNull() : rope.merging(["type": type]) { $1 }
        if ["gemma2", "gemma3"].contains(name) { object["tie_word_embeddings"] = nil }
        let expected = try ModelSettings(configFile: url.appending(path: "config.json"))
        try withTemporaryConfiguration(object) { folder in
            let settings = try ModelSettings(configFile: folder.appending(path: "config.json"))
            #expect(try Family.of(settings).configuration(settings) == Family.of(expected).configuration(expected))
        }
    }

    @Test func whatAConfigurationLeavesOutIsAsInTheReference() throws {
        func read(_ type: String, _ more: [String: Any] = [:]) throws -> DecoderConfiguration {
            let sizes: [String: Any] = [
                "model_type": type, "hidden_size": 512, "num_attention_heads": 32, "num_hidden_layers": 30,
                "intermediate_size": 64, "vocab_size": 100,
            ]
            return try withTemporaryConfiguration(sizes.merging(more) { $1 }) { folder in
                let settings = try ModelSettings(configFile: folder.appending(path: "config.json"))
                return try Family.of(settings).configuration(settings)
            }
        }
        #expect(try read("mistral").layers[0].window == 4096 && read("mistral").keyValueHeadCount == 8)
        #expect(try read("mistral", ["sliding_window": NSNull()]).layers[0].window == nil)
        #expect(try read("gemma2").attentionSoftCap == 50 && read("gemma2").finalSoftCap == 30)
        #expect(try read("gemma2", ["attn_logit_softcapping": NSNull()]).attentionSoftCap == nil)
        #expect(try read("gemma3_text", ["final_logit_softcapping": 20]).finalSoftCap == 20)
        #expect(try read("smollm3").rotaries[0].theta == 2_000_000 && read("smollm3").tiesEmbeddings)
        #expect(try read("phi3").normEpsilon == 1e-5 && read("phi3").contextLength == 4096)
        let windows = try read("qwen2", ["use_sliding_window": true, "sliding_window": 9]).layers.map(\.window)
        #expect(windows == [Int?](repeating: nil, count: 28) + [9, 9])
        let mixture: [String: Any] = ["num_local_experts": 4, "num_experts_per_tok": 2]
        let mixtral = try read("mixtral", mixture)
        #expect(mixtral.rotaries[0].theta == 1_000_000 && mixtral.normEpsilon == 1e-5)
        // More than 64 bits of parameters.
        #expect(throws: ModelError.self) {
            try read("mixtral", ["num_local_experts": 4096, "num_experts_per_tok": 2, "intermediate_size": 1 << 22])
        }
    }

    @Test func anUnknownFamilyNamesTheKnownOnes() throws {
        let error = #expect(throws: ModelError.self) {
            try withTemporaryConfiguration(["model_type": "mamba"]) { try ModelDescription(of: $0) }
        }
        let text = error.map { "\($0)" } ?? ""
        #expect(text.contains("model_type mamba") && text.contains("qwen3") && text.contains("smollm3"), "\(text)")
    }

    private func withTemporaryConfiguration<Result>(_ object: [String: Any], _ body: (URL) throws -> Result) throws
        -> Result
    {
        let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try JSONSerialization.data(withJSONObject: object).write(to: folder.appending(path: "config.json"))
        return try body(folder)
    }
}
