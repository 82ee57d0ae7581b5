import Foundation

/// MPT (MosaicML, 2023): no rotary but a slope for each head (ALiBi, arXiv 2108.12409), layer norm without biases, a plain
/// network with GELU.
extension Family {
    static let mpt = Family(
        types: ["mpt"],
        architecture: "mpt",
        keys: Keys(
            hiddenSize: .init("d_model", gguf: "embedding_length"),
            intermediateSize: .init("expansion_ratio", gguf: "feed_forward_length"),
            layerCount: .init("n_layers", gguf: "block_count"),
            headCount: .init("n_heads", gguf: "attention.head_count"),
            contextLength: .init("max_seq_len", gguf: "context_length"),
            normEpsilon: .init("layer_norm_epsilon", gguf: "attention.layer_norm_epsilon")
        ),
        stored: Stored().merging([
            "norm_1": "attn_norm", "norm_2": "ffn_norm", "attn.Wqkv": "attn_qkv", "attn.out_proj": "attn_output",
            "ffn.up_proj": "ffn_up", "ffn.down_proj": "ffn_down",
        ])
    ) { configuration, settings in
        var largest = 8.0
        if settings.gguf == nil {
            // `expansion_ratio` says how often the width.
            configuration.intermediateSize *= configuration.hiddenSize
            configuration.tiesEmbeddings = try settings.flag("tie_word_embeddings") ?? true
            if try settings.number("layer_norm_epsilon") == nil { configuration.normEpsilon = 1e-5 }
            if try settings.flag("no_bias") == false {
                throw settings.refuse("no_bias", "false", remedy: "use a model without biases")
            }
            if let attention = try settings.object("attn_config") {
                guard try attention.flag("alibi") ?? true, try attention.flag("qk_ln") != true,
                    try attention.number("clip_qkv") ?? 0 == 0, try attention.flag("prefix_lm") != true
                else {
                    throw settings.refuse(
                        "attn_config",
                        "without alibi, or with qk_ln, clip_qkv or prefix_lm",
                        remedy: "use a model with alibi alone"
                    )
                }
                largest = try attention.number("alibi_bias_max") ?? 8
                if let scale = try attention.number("softmax_scale") { configuration.attentionScale = scale }
            }
        } else {
            largest = try settings.number(.init(nil, gguf: "attention.max_alibi_bias")) ?? 8
            let clip = ModelSettings.Key(nil, gguf: "attention.clamp_kqv")
            if let bound = try settings.number(clip), bound != 0 {
                throw settings.refuse(clip, "\(bound)", remedy: "use a model with alibi alone")
            }
        }
        configuration.norm = .layer
        configuration.feedForward = .plain
        configuration.activation = .gelu
        configuration.slopes = slopes(heads: configuration.headCount, largest: largest)
        configuration.layers = .init(repeating: .init(), count: configuration.layerCount)
        configuration.names = ModuleNames(
            embedding: "transformer.wte",
            layers: "transformer.blocks",
            finalNorm: "transformer.norm_f",
            attentionInputNorm: "norm_1",
            feedForwardInputNorm: "norm_2",
            queryKeyValue: ["attn.Wqkv"],
            attentionOutput: "attn.out_proj",
            gateUp: ["ffn.up_proj"],
            down: "ffn.down_proj"
        )
    }

    /// 2 to the powers `-largest / n, -2 largest / n …` for the next power of two n, of which the odd ones come first where
    /// there are more than heads.
    private static func slopes(heads: Int, largest: Double) -> [Float] {
        var count = 1
        while count < heads { count *= 2 }
        let all = (1...count).map { Float(pow(2, -Double($0) * largest / Double(count))) }
        guard count != heads else { return all }
        let (odd, even) = (stride(from: 1, to: count, by: 2), stride(from: 0, to: count, by: 2))
        return Array((odd.map { all[$0] } + even.map { all[$0] }).prefix(heads))
    }
}
