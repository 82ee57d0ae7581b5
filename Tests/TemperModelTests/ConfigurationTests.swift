import Foundation
import TemperTorch
import TemperWeights
import Testing

@testable import TemperModel

/// Numbers of model files that come from anywhere: a possible model, or an error that names file and key.
@TorchActor
@Suite(.serialized)
struct ConfigurationTests {
    private static let directory = Golden.folder.appending(path: "tiny-llama")

    /// The message of the error that a description of the files ends with.
    private func message(_ url: URL) -> String {
        do {
            _ = try ModelDescription(of: url)
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    /// A copy of a golden directory whose configuration has another value.
    private func withConfiguration<Result>(
        _ key: String,
        _ value: Any,
        _ body: (URL) async throws -> Result
    ) async throws -> Result {
        try await withFolder { folder in
            let copy = folder.appending(path: "model")
            try FileManager.default.copyItem(at: Self.directory, to: copy)
            let file = copy.appending(path: "config.json")
            let data = try Data(contentsOf: file)
            var object = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
            object[key] = value
            try JSONSerialization.data(withJSONObject: object).write(to: file)
            return try await body(copy)
        }
    }

    @Test func impossibleConfigurations() async throws {
        let llama3: [String: Any] = [
            "rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4,
            "original_max_position_embeddings": 8192,
        ]
        let edits: [(String, Any)] = [
            ("max_position_embeddings", -1), ("max_position_embeddings", 0), ("max_position_embeddings", 1 << 40),
            ("max_position_embeddings", Int.max), ("head_dim", -2), ("head_dim", 3), ("head_dim", 1 << 40),
            ("num_attention_heads", 0), ("num_attention_heads", -4), ("num_attention_heads", Int.max),
            ("num_key_value_heads", 0), ("num_key_value_heads", -2), ("num_key_value_heads", 3),
            ("num_hidden_layers", 0), ("num_hidden_layers", Int.max), ("intermediate_size", -1),
            ("intermediate_size", Int.max), ("hidden_size", Int.max), ("hidden_size", -64), ("vocab_size", 0),
            ("vocab_size", Int.max), ("rms_norm_eps", -1), ("rope_parameters", ["rope_theta": 0]),
            ("rope_parameters", ["rope_theta": -10000]), ("rope_parameters", ["rope_type": "linear", "factor": 0]),
            ("rope_parameters", ["rope_type": "linear", "factor": -2]), ("rope_parameters", ["rope_type": "linear"]),
            ("rope_parameters", llama3.merging(["original_max_position_embeddings": Int.max]) { $1 }),
            ("rope_parameters", llama3.merging(["original_max_position_embeddings": -1]) { $1 }),
            ("rope_parameters", llama3.merging(["high_freq_factor": 1]) { $1 }),
        ]
        for (key, value) in edits {
            let text = try await withConfiguration(key, value, message)
            let named = key == "rope_parameters" ? "rope_" : key
            #expect(text.contains("config.json: \(named)"), "\(key) \(value): \(text)")
        }
        let possible: [(String, Any)] = [
            ("rope_parameters", llama3), ("head_dim", 16), ("max_position_embeddings", 1 << 20),
        ]
        for (key, value) in possible {
            #expect(try await withConfiguration(key, value, message) == "no error")
        }
    }

    @Test func impossibleMetadata() async throws {
        let edits: [(String, GGUFValue, String)] = [
            ("llama.context_length", .uint32(0), "context_length"),
            ("llama.context_length", .uint64(1 << 40), "context_length"),
            ("llama.context_length", .uint64(.max), "context_length"),
            ("llama.attention.head_count", .uint32(0), "head_count"),
            ("llama.attention.head_count", .int32(-4), "head_count"),
            ("llama.attention.head_count_kv", GGUFCopy.text("two"), "head_count_kv"),
            ("llama.attention.head_count_kv", .int32(-2), "head_count_kv"),
            ("llama.block_count", .uint32(.max), "block_count"),
            ("llama.embedding_length", .uint64(1 << 62), "embedding_length"),
            ("llama.feed_forward_length", .int32(-1), "feed_forward_length"),
            ("llama.attention.key_length", .uint32(.max), "key_length"),
            ("llama.rope.dimension_count", .uint32(8), "llama.rope.dimension_count 8"),
            ("llama.rope.freq_base", .float32(-1), "freq_base"),
            ("llama.rope.freq_base", .float32(.nan), "freq_base"),
            ("llama.attention.layer_norm_rms_epsilon", .float32(.infinity), "layer_norm_rms_epsilon"),
            ("tokenizer.ggml.token_type", .array(.int64([Int64](repeating: 1 << 40, count: 384))), "token_type"),
            ("tokenizer.ggml.token_type", .uint32(1), "token_type"),
            ("tokenizer.ggml.model", GGUFCopy.text("llama"), "tokenizer llama"),
            ("tokenizer.ggml.bos_token_id", .int32(-5), "special token id -5"),
        ]
        for (key, value, part) in edits {
            var copy = try GGUFCopy()
            copy.metadata[key] = value
            let text = try await copy.withFile(message)
            #expect(text.contains("copy.gguf") && text.contains(part), "\(key) \(value): \(text)")
        }
        for factor: Float in [0, -1, .nan] {
            var copy = try GGUFCopy()
            copy.metadata["llama.rope.scaling.type"] = GGUFCopy.text("linear")
            copy.metadata["llama.rope.scaling.factor"] = .float32(factor)
            #expect(try await copy.withFile(message).contains("llama.rope.scaling"))
        }
        #expect(try await GGUFCopy().withFile(message) == "no error")
    }

    @Test func tokenizerWithMoreIDsThanTheModel() async throws {
        var copy = try GGUFCopy()
        let index = try #require(copy.tensors.firstIndex { $0.name == "token_embd.weight" })
        copy.tensors[index].shape[0] -= 1
        copy.tensors[index].values.removeLast(copy.tensors[index].shape[1])
        let text = try await copy.withFile { url in
            await #expect(throws: ModelError.self) { try await LanguageModel.load(from: url) }
            return message(url)
        }
        #expect(text.contains("copy.gguf") && text.contains("383, but the tokenizer has 384 ids"), "\(text)")
    }

    @Test func sizesAtTheirLimitsDoNotOverflow() async throws {
        var largest = try ModelDescription(of: Self.directory).configuration
        (largest.vocabularySize, largest.hiddenSize, largest.intermediateSize) = (1 << 24, 1 << 20, 1 << 22)
        (largest.layerCount, largest.headCount, largest.keyValueHeadCount) = (1 << 12, 1 << 12, 1 << 12)
        (largest.headSize, largest.contextLength) = (1 << 12, 1 << 16)
        let settings = try ModelSettings(configFile: Self.directory.appending(path: "config.json"))
        largest.layers = .init(repeating: .init(), count: largest.layerCount)
        try largest.validate(settings, Family.Keys())
        #expect(largest.parameterCount > 1 << 58)
    }

    // MARK: Rotary frequencies

    private func isClose(_ found: [Double], _ expected: [Double]) -> Bool {
        found.count == expected.count && zip(found, expected).allSatisfy { abs($0 - $1) <= 1e-6 * $1 }
    }

    @Test func linearScalingDividesPositions() async throws {
        // 10000^(-i / 8) / 4
        let expected = [
            0.25, 0.0790569415, 0.025, 0.00790569415, 0.0025, 0.000790569415, 0.00025, 0.0000790569415,
        ]
        let rope: [String: Any] = ["rope_type": "linear", "factor": 4, "rope_theta": 10000]
        try await withConfiguration("rope_parameters", rope) { url in
            let configuration = try ModelDescription(of: url).configuration
            #expect(configuration.rotaries[0].scaling == .linear(factor: 4))
            #expect(isClose(configuration.rotaries[0].inverseFrequencies, expected))
        }
        var copy = try GGUFCopy()
        copy.metadata["llama.rope.scaling.type"] = GGUFCopy.text("linear")
        copy.metadata["llama.rope.scaling.factor"] = .float32(4)
        try await copy.withFile { url in
            let configuration = try ModelDescription(of: url).configuration
            #expect(isClose(configuration.rotaries[0].inverseFrequencies, expected))
        }
    }

    /// llama.cpp's converter writes Llama 3.1's scaling as a table of divisors.
    @Test func tableOfDivisorsIsLlama3Scaling() async throws {
        let plain = try ModelDescription(of: Golden.folder.appending(path: "tiny-llama.gguf")).configuration
        let divisors = plain.rotaries[0].inverseFrequencies.map { frequency -> Float in
            let wavelength = 2 * Double.pi / frequency
            if wavelength < 64.0 / 4 { return 1 }
            if wavelength > 64.0 / 1 { return 8 }
            let smooth = (64 / wavelength - 1) / (4 - 1)
            return Float(1 / ((1 - smooth) / 8 + smooth))
        }
        #expect(divisors.first == 1 && divisors.last == 8 && divisors.contains { $0 > 1 && $0 < 8 })
        var expected = plain
        expected.rotaries[0].scaling = .llama3(factor: 8, lowFrequency: 1, highFrequency: 4, originalContext: 64)
        var copy = try GGUFCopy()
        copy.tensors.append(("rope_freqs.weight", [8], divisors))
        let sequence = [[5, 9, 14, 40, 77, 3, 61, 62, 8]]
        try await copy.withFile { url in
            let model = try await LanguageModel.load(from: url, dtype: .float32)
            #expect(
                isClose(model.configuration.rotaries[0].inverseFrequencies, expected.rotaries[0].inverseFrequencies)
            )
            let golden = try await LanguageModel.load(
                from: Golden.folder.appending(path: "tiny-llama.gguf"),
                dtype: .float32
            )
            let (one, other) = try withoutGradients {
                (
                    try model.network.hiddenStates(PackedBatch(sequence, device: .cpu)).floats(),
                    try golden.network.hiddenStates(PackedBatch(sequence, device: .cpu)).floats()
                )
            }
            #expect(Golden.distance(one, other) > 1e-3, "the table changes nothing")
        }
        copy.tensors[copy.tensors.count - 1] = ("rope_freqs.weight", [4], [1, 1, 1, 1])
        #expect(try await copy.withFile(message).contains("rope_freqs.weight has shape [4]"))
        copy.tensors[copy.tensors.count - 1] = ("rope_freqs.weight", [8], [1, 1, 1, 1, 1, 1, 1, 0])
        #expect(try await copy.withFile(message).contains("rope_freqs.weight"))
    }

    // MARK: Biases

    /// The same weights with attention biases as a directory and as a GGUF file, whose q and k rows lie otherwise.
    @Test func biasesOfGGUFLieAsInTheDirectory() async throws {
        let source = Golden.folder.appending(path: "tiny-llama")
        let weights = try SafetensorsDirectory(at: source)
        let configuration = try ModelDescription(of: source).configuration
        var stored: [(name: String, shape: [Int], values: [Float])] = []
        for name in weights.names {
            let entry = try #require(weights.entry(name))
            #expect(entry.dtype == .float32)
            let values = try weights.withBytes(of: name) { bytes in
                (0..<(bytes.count / 4)).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
            }
            stored.append((name, entry.shape, values))
            guard name.contains("self_attn"), name.hasSuffix("_proj.weight") else { continue }
            let bias = try Tensor.uniform(-1, 1, shape: [entry.shape[0]], seed: UInt64(stored.count)).floats()
            stored.append((String(name.dropLast(6)) + "bias", [bias.count], bias))
        }
        var copy = try GGUFCopy()
        copy.tensors = stored.map { name, shape, values in
            var rows = Array(0..<shape[0])
            let isKey = name.contains("k_proj")
            if isKey || name.contains("q_proj") {
                let heads = isKey ? configuration.keyValueHeadCount : configuration.headCount
                let size = shape[0] / heads
                // Row 2j + s of a head is row s * size / 2 + j of the directory.
                rows = rows.map { $0 / size * size + $0 % 2 * (size / 2) + $0 % size / 2 }
            }
            let width = values.count / shape[0]
            return (
                Family.Stored().name(name, ModuleNames()), shape,
                rows.flatMap { values[($0 * width)..<(($0 + 1) * width)] }
            )
        }
        let sequences = [[5, 9, 14, 40, 77, 3], [61, 62, 8]]
        func states(_ url: URL) async throws -> [Float] {
            let model = try await LanguageModel.load(from: url, dtype: .float32)
            #expect(model.configuration.biases.contains(.queryKeyValue))
            return try withoutGradients {
                try model.network.hiddenStates(PackedBatch(sequences, device: .cpu)).floats()
            }
        }
        let found = try await copy.withFile(states)
        let expected = try await withFolder { folder in
            let text = try String(contentsOf: source.appending(path: "config.json"), encoding: .utf8)
            let biased = text.replacingOccurrences(of: "\"attention_bias\": false", with: "\"attention_bias\": true")
            try Data(biased.utf8).write(to: folder.appending(path: "config.json"))
            try SafetensorsWriter.write(
                tensors: stored.map { name, shape, values in
                    let data = values.withUnsafeBytes { Data($0) }
                    return .init(name: name, dtype: .float32, shape: shape, data: data)
                },
                metadata: [:],
                to: folder.appending(path: "model.safetensors")
            )
            return try await states(folder)
        }
        #expect(Golden.distance(found, expected) < 1e-5)
    }

    // MARK: Damage

    private struct Random: RandomNumberGenerator {
        var state: UInt64 = 42

        mutating func next() -> UInt64 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return state ^ state >> 33
        }
    }

    /// Describes damaged files, and loads those that can be described: an error or a model, and never a crash.
    @Test(arguments: ["tiny-llama.gguf", "tiny-llama/config.json"])
    func damagedFiles(name: String) async throws {
        let original = try Data(contentsOf: Golden.folder.appending(path: name))
        let limit = min(original.count, 800)
        var random = Random()
        try await withFolder { folder in
            let isDirectory = name.hasSuffix(".json")
            let url = folder.appending(path: isDirectory ? "model" : "model.gguf")
            if isDirectory { try FileManager.default.copyItem(at: Self.directory, to: url) }
            let file = isDirectory ? url.appending(path: "config.json") : url
            for round in 0..<600 {
                var data = original
                switch round % 3 {
                case 0: data[Int.random(in: 0..<limit, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: data[Int.random(in: 0..<limit, using: &random)] = isDirectory ? UInt8(ascii: "9") : 0xFF
                default:
                    let start = Int.random(in: 0..<limit - 8, using: &random)
                    let digits = isDirectory ? Data("-1e30099".utf8) : Data(repeating: 0x7F, count: 8)
                    data.replaceSubrange(start..<start + digits.count, with: digits)
                }
                try data.write(to: file)
                let configuration = try? ModelDescription(of: url).configuration
                if round % 10 == 0, configuration?.contextLength ?? 0 <= 4096 {
                    _ = try? await LanguageModel.load(from: url, dtype: .float32)
                }
            }
        }
    }
}
