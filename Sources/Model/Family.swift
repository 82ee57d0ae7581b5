import Foundation
import TemperWeights

/// A family of models: what its files call it, and how it differs from the plain decoder that Llama is.
///
/// Each lies in a file of its own in Families; `all` lists them.
struct Family: Sendable {
    /// What `config.json` calls a number that every family has, and what GGUF does.
    struct Keys: Sendable {
        var vocabularySize = ModelSettings.Key("vocab_size", gguf: nil)
        var hiddenSize = ModelSettings.Key("hidden_size", gguf: "embedding_length")
        var intermediateSize = ModelSettings.Key("intermediate_size", gguf: "feed_forward_length")
        var layerCount = ModelSettings.Key("num_hidden_layers", gguf: "block_count")
        var headCount = ModelSettings.Key("num_attention_heads", gguf: "attention.head_count")
        var keyValueHeadCount = ModelSettings.Key("num_key_value_heads", gguf: "attention.head_count_kv")
        var headSize = ModelSettings.Key("head_dim", gguf: "attention.key_length")
        var contextLength = ModelSettings.Key("max_position_embeddings", gguf: "context_length")
        var normEpsilon = ModelSettings.Key("rms_norm_eps", gguf: "attention.layer_norm_rms_epsilon")
    }

    /// What the reference takes where `config.json` leaves a number out.
    struct Defaults: Sendable {
        var contextLength = 2048
        var normEpsilon = 1e-6
        /// nil for as many as heads.
        var keyValueHeadCount: Int?
    }

    /// How a GGUF file stores the weights.
    struct Stored: Sendable {
        /// GGUF's names of the modules of a layer, by their names in the Hugging Face files.
        var names = [
            "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
            "self_attn.o_proj": "attn_output", "self_attn.q_norm": "attn_q_norm", "self_attn.k_norm": "attn_k_norm",
            "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up", "mlp.down_proj": "ffn_down",
            "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
        ]
        /// Whether the rows of q and k lie in pairs: each head's pairs interleaved, where the Hugging Face files have halves.
        var interleavesQueriesAndKeys = false

        func merging(_ names: [String: String]) -> Stored {
            var merged = self
            merged.names.merge(names) { $1 }
            return merged
        }

        /// `model.layers.3.mlp.up_proj.weight` becomes `blk.3.ffn_up.weight`.
        func name(_ name: String, _ modules: ModuleNames) -> String {
            guard let dot = name.lastIndex(of: ".") else { return name }
            let (module, kind) = (String(name[..<dot]), name[name.index(after: dot)...])
            let whole = [modules.embedding: "token_embd", modules.finalNorm: "output_norm", modules.head: "output"]
            if let stored = whole[module] { return "\(stored).\(kind)" }
            guard module.hasPrefix(modules.layers + ".") else { return name }
            let parts = module.dropFirst(modules.layers.count + 1).split(separator: ".", maxSplits: 1)
            guard parts.count == 2, let stored = names[String(parts[1])] else { return name }
            return "blk.\(parts[0]).\(stored).\(kind)"
        }
    }

    /// Values of `model_type`.
    let types: [String]
    /// GGUF's name; nil where such files are not read.
    let architecture: String?
    var keys = Keys()
    var defaults = Defaults()
    var stored = Stored()
    /// Completes a configuration that holds what all families have in common.
    let complete: @Sendable (inout DecoderConfiguration, ModelSettings) throws -> Void

    /// Every family that is known.
    static let all: [Family] = [
        .llama, .mistral, .qwen2, .qwen3, .gemma2, .gemma3, .phi3, .olmo2, .smolLM3, .mpt, .mixtral, .qwen3Mixture,
    ]

    /// The family of a model; an unknown one is an error that names the known ones.
    static func of(_ settings: ModelSettings) throws -> Family {
        let isGGUF = settings.gguf != nil
        let name = settings.family
        if let family = all.first(where: { isGGUF ? $0.architecture == name : $0.types.contains(name) }) {
            return family
        }
        let known = isGGUF ? all.compactMap(\.architecture) : all.flatMap(\.types)
        throw ModelError.unsupported(
            path: settings.path,
            feature: isGGUF ? "architecture \(name)" : "model_type \(name)",
            remedy: "known are \(known.uniqued().joined(separator: ", "))"
        )
    }

    /// Reads and checks a model's configuration.
    func configuration(_ settings: ModelSettings) throws -> DecoderConfiguration {
        let defaults = settings.gguf == nil ? defaults : Defaults()
        var configuration = try DecoderConfiguration(settings, keys, defaults)
        try configuration.validateSizes(settings, keys)
        try complete(&configuration, settings)
        try configuration.validate(settings, keys)
        return configuration
    }
}

extension Sequence where Element: Hashable {
    fileprivate func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}

// MARK: What families have in common

extension DecoderConfiguration {
    /// Sizes, and what a family may change afterwards.
    init(_ settings: ModelSettings, _ keys: Family.Keys, _ defaults: Family.Defaults) throws {
        family = settings.family
        hiddenSize = try settings.needed(keys.hiddenSize, settings.integer(keys.hiddenSize))
        headCount = try settings.needed(keys.headCount, settings.integer(keys.headCount))
        layerCount = try settings.needed(keys.layerCount, settings.integer(keys.layerCount))
        intermediateSize = try settings.needed(keys.intermediateSize, settings.integer(keys.intermediateSize))
        keyValueHeadCount = try settings.integer(keys.keyValueHeadCount) ?? defaults.keyValueHeadCount ?? headCount
        headSize = try settings.integer(keys.headSize) ?? hiddenSize / max(headCount, 1)
        normEpsilon = try settings.number(keys.normEpsilon) ?? defaults.normEpsilon
        contextLength = try settings.integer(keys.contextLength) ?? defaults.contextLength
        attentionScale = 1 / Double(max(headSize, 1)).squareRoot()
        if let file = settings.gguf {
            let embedding = try settings.needed("token_embd.weight", file.tensor(named: "token_embd.weight"))
            vocabularySize = try settings.needed("token_embd.weight", embedding.shape.first)
            tiesEmbeddings = file.tensor(named: "output.weight") == nil
            if ["attn_q", "attn_qkv"].contains(where: { file.tensor(named: "blk.0.\($0).bias") != nil }) {
                biases.insert(.queryKeyValue)
            }
            if file.tensor(named: "blk.0.attn_output.bias") != nil { biases.insert(.attentionOutput) }
            if file.tensor(named: "blk.0.ffn_up.bias") != nil { biases.insert(.feedForward) }
        } else {
            vocabularySize = try settings.needed(keys.vocabularySize, settings.integer(keys.vocabularySize))
            tiesEmbeddings = try settings.flag("tie_word_embeddings") ?? false
            switch try settings.text("hidden_act") ?? settings.text("hidden_activation") ?? "silu" {
            case "silu": activation = .silu
            case "gelu_pytorch_tanh", "gelu_new": activation = .geluTanh
            case "gelu": activation = .gelu
            case let other:
                throw settings.refuse("hidden_act", other, remedy: "silu, gelu and gelu_pytorch_tanh are known")
            }
        }
    }

    /// Gives every layer the rotary of the files, and the window of those that `slides` names.
    mutating func setLayers(
        _ settings: ModelSettings,
        window: Int? = nil,
        defaultTheta: Double = 10000,
        slides: (Int) -> Bool = { _ in true }
    ) throws {
        rotaries = [try Rotary(settings, headSize: headSize, defaultTheta: defaultTheta, context: &contextLength)]
        layers = try isSliding(settings, slides).map { Layer(window: $0 ? window : nil, rotary: 0) }
    }

    /// Which layers see a window only: as `layer_types` says, and where that is missing, as the family does it.
    func isSliding(_ settings: ModelSettings, _ slides: (Int) -> Bool) throws -> [Bool] {
        guard let types = try settings.texts("layer_types") else { return (0..<layerCount).map(slides) }
        guard types.count == layerCount else {
            throw settings.failure("layer_types", "has \(types.count) entries for \(layerCount) layers")
        }
        return try types.map { type in
            switch type {
            case "full_attention": return false
            case "sliding_attention": return true
            default:
                throw settings.refuse("layer_types", type, remedy: "full_attention and sliding_attention are known")
            }
        }
    }
}

extension Rotary {
    /// Reads a model's only rotary. LongRoPE's factors beyond the original context are not used: the context ends there.
    init(_ settings: ModelSettings, headSize: Int, defaultTheta: Double = 10000, context: inout Int) throws {
        guard settings.gguf == nil else {
            try self.init(metadata: settings, headSize: headSize, context: &context)
            return
        }
        // transformers 5 moved rope_theta and rope_scaling into rope_parameters.
        let parameters = try settings.object("rope_parameters")
        let scaling = try settings.object("rope_scaling")
        let theta =
            try parameters?.number("rope_theta") ?? settings.number("rope_theta") ?? scaling?.number("rope_theta")
        let share =
            try parameters?.number("partial_rotary_factor") ?? settings.number("partial_rotary_factor") ?? 1
        guard share > 0, share <= 1 else { throw settings.failure("partial_rotary_factor", "is \(share)") }
        self.init(theta: theta ?? defaultTheta, size: Int(Double(headSize) * share), scaling: .none)
        self.scaling = try Self.scaling(parameters ?? scaling, of: settings, size: size, context: &context)
    }

    /// What `rope_parameters`, or `rope_scaling`, says.
    static func scaling(
        _ rope: ModelSettings?,
        of settings: ModelSettings,
        size: Int,
        context: inout Int
    ) throws -> Scaling {
        guard let rope, let type = try rope.text("rope_type") ?? rope.text("type") else { return .none }
        func number(_ key: String) throws -> Double {
            guard let value = try rope.number(.init(key, gguf: nil)) else {
                throw settings.failure(.init("rope_scaling.\(key)", gguf: nil), "is missing")
            }
            return value
        }
        let originalKey: ModelSettings.Key = "original_max_position_embeddings"
        let original = try rope.integer(originalKey) ?? settings.integer(originalKey)
        func originalContext() throws -> Int {
            guard let original else {
                throw settings.failure("rope_scaling.original_max_position_embeddings", "is missing")
            }
            guard (1...(1 << 24)).contains(original) else {
                throw settings.failure("rope_scaling.original_max_position_embeddings", "is \(original)")
            }
            return original
        }
        switch type {
        case "default":
            return .none
        case "linear":
            return .linear(factor: try number("factor"))
        case "llama3":
            return .llama3(
                factor: try number("factor"),
                lowFrequency: try number("low_freq_factor"),
                highFrequency: try number("high_freq_factor"),
                originalContext: try originalContext()
            )
        case "longrope":
            guard let factors = try rope.numbers("short_factor"), factors.count == size / 2 else {
                throw settings.failure("rope_scaling.short_factor", "must hold \(size / 2) numbers")
            }
            let trained = try originalContext()
            let stretch = try rope.number("factor") ?? Double(context) / Double(trained)
            let magnitude = stretch > 1 ? (1 + log(stretch) / log(Double(trained))).squareRoot() : 1
            context = min(context, trained)
            return .table(factors, magnitude: try rope.number("attention_factor") ?? magnitude)
        default:
            throw settings.refuse("rope_type", type, remedy: "default, linear, llama3 and longrope are known")
        }
    }

    private init(metadata settings: ModelSettings, headSize: Int, context: inout Int) throws {
        guard let file = settings.gguf else { preconditionFailure("only GGUF files have metadata") }
        let sizeKey = ModelSettings.Key(nil, gguf: "rope.dimension_count")
        self.init(
            theta: try settings.number(.init(nil, gguf: "rope.freq_base")) ?? 10000,
            size: try settings.integer(sizeKey) ?? headSize,
            scaling: .none
        )
        guard (2...max(headSize, 2)).contains(size), size.isMultiple(of: 2) else {
            throw settings.failure(sizeKey, "is \(size) in heads of \(headSize)")
        }
        let typeKey = ModelSettings.Key(nil, gguf: "rope.scaling.type")
        let type = try settings.text(typeKey) ?? "none"
        switch type {
        case "none", "longrope": break
        case "linear":
            let key = ModelSettings.Key(nil, gguf: "rope.scaling.factor")
            scaling = .linear(factor: try settings.needed(key, settings.number(key)))
        case let other: throw settings.refuse(typeKey, other, remedy: "linear scaling and none are known")
        }
        // Llama 3.1's scaling, or LongRoPE's factors for the original context.
        for name in ["rope_freqs.weight", "rope_factors_short.weight"] {
            guard let table = file.tensor(named: name) else { continue }
            guard scaling == .none else {
                throw ModelError.unsupported(
                    path: settings.path,
                    feature: "rope scaling together with a table of rope factors (\(name))",
                    remedy: "load the Hugging Face directory of this model instead"
                )
            }
            guard table.shape == [size / 2] else {
                throw ModelError.shape(path: settings.path, tensor: name, expected: [size / 2], found: table.shape)
            }
            let factors = try file.dequantize(name).map(Double.init)
            let magnitude = try settings.number(.init(nil, gguf: "rope.scaling.attn_factor")) ?? 1
            scaling = .table(factors, magnitude: magnitude)
            if let trained = try settings.integer(.init(nil, gguf: "rope.scaling.original_context_length")), trained > 0
            {
                context = min(context, trained)
            }
        }
        guard type != "longrope" || scaling != .none else {
            throw settings.failure(typeKey, "is longrope, but the tensor rope_factors_short.weight is missing")
        }
    }
}
