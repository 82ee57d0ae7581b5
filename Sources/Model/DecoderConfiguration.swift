import Foundation

/// What a decoder looks like: sizes and constants, spelled as in Hugging Face's `config.json`, and the choices in which
/// model families differ.
///
/// One network (`DecoderNetwork`) computes all of them; a family's file says what it chooses.
public struct DecoderConfiguration: Sendable, Hashable {
    /// `model_type`: the family's name.
    public var family: String
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
    /// `max_position_embeddings`, at most `longestContext`.
    public var contextLength: Int
    /// `tie_word_embeddings`: the head is the embedding.
    public var tiesEmbeddings: Bool

    /// How positions are told apart; layers name one by its index.
    package var rotaries: [Rotary] = []
    /// One for each layer.
    package var layers: [Layer] = []
    package var biases: Biases = []
    /// Where queries and keys are normalised.
    package var queryKeyNorm = QueryKeyNorm.none
    package var norm = NormKind.rms
    package var feedForward = FeedForwardKind.gated
    package var activation = Activation.silu
    /// What products of queries and keys are multiplied by.
    package var attentionScale: Double
    /// Attention scores `s` become `cap * tanh(s / cap)`.
    package var attentionSoftCap: Double?
    /// The same for the scores over the vocabulary.
    package var finalSoftCap: Double?
    /// What embeddings are multiplied by, rounded to the weights' type.
    package var embeddingScale: Double?
    /// A slope for each head (ALiBi): an older key scores lower by it for each token between.
    package var slopes: [Float]?
    package var names = ModuleNames()

    /// Positions beyond this are not used: what is kept for each of them would be a good part of a small machine's memory.
    public static let longestContext = 1 << 15

    /// What a layer sees of the past.
    package struct Layer: Sendable, Hashable {
        /// Tokens seen, its own included; nil for all.
        package var window: Int?
        /// Which of the rotaries turns queries and keys; nil for none.
        package var rotary: Int?
    }

    package struct Biases: OptionSet, Sendable, Hashable {
        package let rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }
        package static let queryKeyValue = Biases(rawValue: 1)
        package static let attentionOutput = Biases(rawValue: 2)
        package static let feedForward = Biases(rawValue: 4)
    }

    package enum QueryKeyNorm: Sendable, Hashable {
        case none
        /// Each head on its own.
        case perHead
        /// All heads together, before they are told apart.
        case whole
    }

    package enum NormKind: Sendable, Hashable {
        case rms
        /// RMS with weights of which the files hold the difference from 1; GGUF files hold them whole.
        case rmsAroundOne
        /// Mean and variance (arXiv 1607.06450), without a bias.
        case layer
    }

    package enum FeedForwardKind: Sendable, Hashable {
        /// `down(activation(gate(x)) * up(x))`
        case gated
        /// `down(activation(up(x)))`
        case plain
        /// Gated ones of which each token takes `perToken`, weighed by a router's softmax; with `normalises` their weights
        /// sum to 1.
        case experts(count: Int, perToken: Int, normalises: Bool)
    }

    package enum Activation: Sendable, Hashable {
        case silu, gelu
        /// The approximation of GELU by tanh.
        case geluTanh
    }
}

/// What the modules of a network are called in the Hugging Face files, inside a layer where not said otherwise.
package struct ModuleNames: Sendable, Hashable {
    var embedding = "model.embed_tokens"
    var layers = "model.layers"
    var finalNorm = "model.norm"
    var head = "lm_head"
    var attentionInputNorm: String? = "input_layernorm"
    var attentionOutputNorm: String?
    var feedForwardInputNorm: String? = "post_attention_layernorm"
    var feedForwardOutputNorm: String?
    /// Query, key and value; or one module that holds all three, one after another.
    var queryKeyValue = ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"]
    var attentionOutput = "self_attn.o_proj"
    var queryNorm = "self_attn.q_norm"
    var keyNorm = "self_attn.k_norm"
    /// Gate and up; one module that holds both; or, in a plain network, up alone.
    var gateUp = ["mlp.gate_proj", "mlp.up_proj"]
    var down = "mlp.down_proj"
    /// The router of a mixture of experts, and the folder of its experts.
    var router = "mlp.gate"
    var experts = "mlp.experts"

    /// The norms of a layer, in the order of the network.
    var norms: [String] {
        [attentionInputNorm, attentionOutputNorm, feedForwardInputNorm, feedForwardOutputNorm].compactMap { $0 }
    }
}

extension DecoderConfiguration {
    /// The parameters that a token goes through: all, but of experts only those that the router chooses.
    package var activeParameterCount: Int {
        guard case .experts(let count, let perToken, _) = feedForward else { return parameterCount }
        return parameterCount - layerCount * (count - perToken) * 3 * hiddenSize * intermediateSize
    }

    /// Parameters of the whole model; the limits on sizes keep the number within 64 bits.
    public var parameterCount: Int {
        let (queries, pairs) = (headCount * headSize, keyValueHeadCount * headSize)
        var layer = hiddenSize * (2 * queries + 2 * pairs) + names.norms.count * hiddenSize
        if biases.contains(.queryKeyValue) { layer += queries + 2 * pairs }
        if biases.contains(.attentionOutput) { layer += hiddenSize }
        switch queryKeyNorm {
        case .none: break
        case .perHead: layer += 2 * headSize
        case .whole: layer += queries + pairs
        }
        switch feedForward {
        case .gated: layer += 3 * hiddenSize * intermediateSize
        case .plain: layer += 2 * hiddenSize * intermediateSize
        case .experts(let count, _, _): layer += count * (3 * hiddenSize * intermediateSize + hiddenSize)
        }
        if biases.contains(.feedForward) { layer += (feedForward == .plain ? 1 : 2) * intermediateSize + hiddenSize }
        return layerCount * layer + hiddenSize + vocabularySize * hiddenSize * (tiesEmbeddings ? 1 : 2)
    }
}
