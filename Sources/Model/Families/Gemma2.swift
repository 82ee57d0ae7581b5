/// Gemma 2 (arXiv 2408.00118): norms on both sides of attention and network, soft caps on scores, every other layer with a
/// window, scaled embeddings.
extension Family {
    static let gemma2 = Family(
        types: ["gemma2"],
        architecture: "gemma2",
        defaults: Defaults(contextLength: 8192, keyValueHeadCount: 4),
        stored: .gemma
    ) { configuration, settings in
        try configuration.setGemma(settings)
        if settings.leavesOut("attn_logit_softcapping") { configuration.attentionSoftCap = 50 }
        if settings.leavesOut("final_logit_softcapping") { configuration.finalSoftCap = 30 }
        // The largest one divides by the width of a head's share; GGUF files do not say so.
        if settings.gguf != nil, configuration.layerCount == 46 {
            configuration.setAttentionScale(Double(configuration.hiddenSize / configuration.headCount))
        }
        let window = ModelSettings.Key("sliding_window", gguf: "attention.sliding_window")
        try configuration.setLayers(settings, window: settings.integer(window) ?? 4096) { $0.isMultiple(of: 2) }
    }
}

extension Family.Stored {
    static let gemma = Family.Stored().merging([
        "post_attention_layernorm": "post_attention_norm", "pre_feedforward_layernorm": "ffn_norm",
        "post_feedforward_layernorm": "post_ffw_norm",
    ])
}

extension DecoderConfiguration {
    /// What Gemma 2 and 3 share.
    mutating func setGemma(_ settings: ModelSettings) throws {
        if settings.gguf == nil {
            tiesEmbeddings = try settings.flag("tie_word_embeddings") ?? true
            headSize = try settings.integer("head_dim") ?? 256
            setAttentionScale(try settings.number("query_pre_attn_scalar") ?? 256)
            if try settings.flag("attention_bias") ?? false { biases = [.queryKeyValue, .attentionOutput] }
            if try settings.flag("use_bidirectional_attention") ?? false {
                throw settings.refuse("use_bidirectional_attention", "true", remedy: "use a model that writes text")
            }
        }
        let attentionCap = ModelSettings.Key("attn_logit_softcapping", gguf: "attn_logit_softcapping")
        let finalCap = ModelSettings.Key("final_logit_softcapping", gguf: "final_logit_softcapping")
        attentionSoftCap = try settings.number(attentionCap)
        finalSoftCap = try settings.number(finalCap)
        norm = .rmsAroundOne
        activation = .geluTanh
        embeddingScale = Double(hiddenSize).squareRoot()
        names.attentionOutputNorm = "post_attention_layernorm"
        names.feedForwardInputNorm = "pre_feedforward_layernorm"
        names.feedForwardOutputNorm = "post_feedforward_layernorm"
    }

    mutating func setAttentionScale(_ scalar: Double) {
        attentionScale = 1 / max(scalar, 0).squareRoot()
    }
}
