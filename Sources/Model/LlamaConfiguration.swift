import Foundation
import TemperWeights

/// The sizes and constants of a Llama-architecture model, spelled as in Hugging Face's `config.json`.
public struct LlamaConfiguration: Sendable, Hashable {
    /// How the rotary angles are stretched beyond the trained context.
    public enum RopeScaling: Sendable, Hashable {
        /// Not at all.
        case none
        /// Positions divided by a factor.
        case linear(factor: Double)
        /// Llama 3.1: low frequencies divided by `factor`, a smooth step between the two wavelengths.
        case llama3(factor: Double, lowFrequency: Double, highFrequency: Double, originalContext: Int)
        /// Each frequency divided by a number of its own, as llama.cpp's table `rope_freqs.weight` says.
        case table([Double])
    }

    /// `vocab_size`
    public var vocabularySize: Int
    /// `hidden_size`
    public var hiddenSize: Int
    /// `intermediate_size`
    public var intermediateSize: Int
    /// `num_hidden_layers`
    public var layerCount: Int
    /// `num_attention_heads`
    public var headCount: Int
    /// `num_key_value_heads`
    public var keyValueHeadCount: Int
    /// `head_dim`
    public var headSize: Int
    /// `rms_norm_eps`
    public var normEpsilon: Double
    /// `rope_theta`
    public var ropeTheta: Double
    /// `rope_scaling`
    public var ropeScaling: RopeScaling
    /// `max_position_embeddings`
    public var contextLength: Int
    /// `tie_word_embeddings`: the head is the embedding.
    public var tiesEmbeddings: Bool
    /// `attention_bias`
    public var attentionBias: Bool
    /// `mlp_bias`
    public var mlpBias: Bool

    /// Parameters of the whole model; the limits on sizes keep the number within 64 bits.
    public var parameterCount: Int {
        let attention = hiddenSize * headSize * (2 * headCount + 2 * keyValueHeadCount)
        let layer = attention + 3 * hiddenSize * intermediateSize + 2 * hiddenSize
        return layerCount * layer + hiddenSize + vocabularySize * hiddenSize * (tiesEmbeddings ? 1 : 2)
    }

    /// Angles per position: one frequency for each pair of a head's values.
    package var inverseFrequencies: [Double] {
        let half = headSize / 2
        return (0..<half).map { index in
            let frequency = pow(ropeTheta, -2 * Double(index) / Double(headSize))
            switch ropeScaling {
            case .none:
                return frequency
            case .linear(let factor):
                return frequency / factor
            case .table(let divisors):
                return frequency / divisors[index]
            case .llama3(let factor, let low, let high, let original):
                let wavelength = 2 * Double.pi / frequency
                if wavelength < Double(original) / high { return frequency }
                if wavelength > Double(original) / low { return frequency / factor }
                let smooth = (Double(original) / wavelength - low) / (high - low)
                return (1 - smooth) * frequency / factor + smooth * frequency
            }
        }
    }
}

// MARK: From config.json

extension LlamaConfiguration {
    private struct File: Decodable {
        struct Rope: Decodable {
            var rope_type: String?
            var type: String?
            var rope_theta: Double?
            var factor: Double?
            var low_freq_factor: Double?
            var high_freq_factor: Double?
            var original_max_position_embeddings: Int?
        }
        var model_type: String?
        var vocab_size: Int?
        var hidden_size: Int?
        var intermediate_size: Int?
        var num_hidden_layers: Int?
        var num_attention_heads: Int?
        var num_key_value_heads: Int?
        var head_dim: Int?
        var rms_norm_eps: Double?
        var rope_theta: Double?
        var rope_scaling: Rope?
        var rope_parameters: Rope?
        var max_position_embeddings: Int?
        var tie_word_embeddings: Bool?
        var attention_bias: Bool?
        var mlp_bias: Bool?
        var hidden_act: String?
    }

    /// Reads `config.json`.
    init(configFile url: URL) throws {
        let path = url.path
        let file: File
        do {
            file = try JSONDecoder().decode(File.self, from: Data(contentsOf: url))
        } catch {
            throw ModelError.configuration(path: path, key: "JSON", reason: "cannot be read: \(error)")
        }
        guard file.model_type == "llama" else {
            throw ModelError.unsupported(
                path: path,
                feature: "model_type \(file.model_type ?? "(missing)")",
                remedy: "use a model of type llama"
            )
        }
        guard file.hidden_act ?? "silu" == "silu" else {
            throw ModelError.unsupported(
                path: path,
                feature: "hidden_act \(file.hidden_act ?? "")",
                remedy: "use a model with silu"
            )
        }
        func need(_ value: Int?, _ key: String) throws -> Int {
            guard let value else { throw ModelError.configuration(path: path, key: key, reason: "is missing") }
            return value
        }
        hiddenSize = try need(file.hidden_size, "hidden_size")
        headCount = try need(file.num_attention_heads, "num_attention_heads")
        vocabularySize = try need(file.vocab_size, "vocab_size")
        intermediateSize = try need(file.intermediate_size, "intermediate_size")
        layerCount = try need(file.num_hidden_layers, "num_hidden_layers")
        keyValueHeadCount = file.num_key_value_heads ?? headCount
        headSize = file.head_dim ?? hiddenSize / max(headCount, 1)
        normEpsilon = file.rms_norm_eps ?? 1e-6
        contextLength = file.max_position_embeddings ?? 2048
        tiesEmbeddings = file.tie_word_embeddings ?? false
        attentionBias = file.attention_bias ?? false
        mlpBias = file.mlp_bias ?? false
        // transformers 5 moved rope_theta and rope_scaling into rope_parameters.
        let rope = file.rope_parameters ?? file.rope_scaling
        ropeTheta = file.rope_parameters?.rope_theta ?? file.rope_theta ?? rope?.rope_theta ?? 10000
        ropeScaling = try Self.scaling(rope, path: path)
        try validate(path: path, names: .configuration)
    }

    private static func scaling(_ rope: File.Rope?, path: String) throws -> RopeScaling {
        guard let rope, let type = rope.rope_type ?? rope.type, type != "default" else { return .none }
        func need<Number>(_ value: Number?, _ key: String) throws -> Number {
            guard let value else {
                throw ModelError.configuration(path: path, key: "rope_scaling.\(key)", reason: "is missing")
            }
            return value
        }
        switch type {
        case "linear":
            return .linear(factor: try need(rope.factor, "factor"))
        case "llama3":
            return .llama3(
                factor: try need(rope.factor, "factor"),
                lowFrequency: try need(rope.low_freq_factor, "low_freq_factor"),
                highFrequency: try need(rope.high_freq_factor, "high_freq_factor"),
                originalContext: try need(
                    rope.original_max_position_embeddings,
                    "original_max_position_embeddings"
                )
            )
        default:
            throw ModelError.unsupported(
                path: path,
                feature: "rope_type \(type)",
                remedy: "default, linear and llama3 are known"
            )
        }
    }
}

// MARK: From GGUF metadata

extension LlamaConfiguration {
    /// Reads the `llama.*` metadata of a GGUF file.
    init(gguf: GGUFFile) throws {
        let path = gguf.url.path
        let architecture = gguf.metadata["general.architecture"]?.text ?? "(missing)"
        guard architecture == "llama" else {
            throw ModelError.unsupported(
                path: path,
                feature: "architecture \(architecture)",
                remedy: "use a GGUF file of architecture llama"
            )
        }
        func read<Number>(_ key: String, _ number: (GGUFValue) -> Number?, _ fallback: Number?) throws -> Number {
            guard let value = gguf.metadata["llama.\(key)"].map(number) ?? fallback else {
                throw ModelError.configuration(path: path, key: "llama.\(key)", reason: "is missing or no number")
            }
            return value
        }
        func integer(_ key: String, default fallback: Int? = nil) throws -> Int {
            try read(key, \.integer, fallback)
        }
        func number(_ key: String, default fallback: Double? = nil) throws -> Double {
            try read(key, \.number, fallback)
        }
        hiddenSize = try integer("embedding_length")
        headCount = try integer("attention.head_count")
        layerCount = try integer("block_count")
        intermediateSize = try integer("feed_forward_length")
        contextLength = try integer("context_length")
        keyValueHeadCount = try integer("attention.head_count_kv", default: headCount)
        headSize = try integer("attention.key_length", default: hiddenSize / max(headCount, 1))
        normEpsilon = try number("attention.layer_norm_rms_epsilon", default: 1e-5)
        ropeTheta = try number("rope.freq_base", default: 10000)
        ropeScaling = .none
        guard let embedding = gguf.tensor(named: "token_embd.weight"), let rows = embedding.shape.first else {
            throw ModelError.configuration(path: path, key: "token_embd.weight", reason: "the tensor is missing")
        }
        vocabularySize = rows
        tiesEmbeddings = gguf.tensor(named: "output.weight") == nil
        attentionBias = gguf.tensor(named: "blk.0.attn_q.bias") != nil
        mlpBias = gguf.tensor(named: "blk.0.ffn_gate.bias") != nil
        if let type = gguf.metadata["llama.rope.scaling.type"]?.text, type != "none" {
            guard type == "linear" else {
                throw ModelError.unsupported(
                    path: path,
                    feature: "rope scaling \(type)",
                    remedy: "linear scaling and none are known"
                )
            }
            ropeScaling = .linear(factor: try number("rope.scaling.factor"))
        }
        if let table = gguf.tensor(named: "rope_freqs.weight") {
            guard ropeScaling == .none else {
                throw ModelError.unsupported(
                    path: path,
                    feature: "rope scaling together with a table of rope factors (rope_freqs.weight)",
                    remedy: "load the Hugging Face directory of this model instead"
                )
            }
            guard table.shape == [headSize / 2] else {
                throw ModelError.shape(
                    path: path,
                    tensor: table.name,
                    expected: [headSize / 2],
                    found: table.shape
                )
            }
            ropeScaling = .table(try gguf.dequantize(table.name).map(Double.init))
        }
        try validate(path: path, names: .metadata)
        let rotated = try integer("rope.dimension_count", default: headSize)
        guard rotated == headSize else {
            throw ModelError.unsupported(
                path: path,
                feature: "llama.rope.dimension_count \(rotated) in heads of \(headSize)",
                remedy: "use a model whose whole heads are rotated"
            )
        }
    }
}
