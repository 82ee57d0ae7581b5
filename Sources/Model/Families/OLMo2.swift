/// OLMo 2 (arXiv 2501.00656): norms behind attention and network instead of before, and on all queries and keys together.
extension Family {
    static let olmo2 = Family(
        types: ["olmo2"],
        architecture: "olmo2",
        defaults: Defaults(normEpsilon: 1e-5),
        stored: Stored().merging([
            "post_attention_layernorm": "post_attention_norm", "post_feedforward_layernorm": "post_ffw_norm",
        ])
    ) { configuration, settings in
        if settings.gguf == nil, try settings.flag("attention_bias") ?? false {
            configuration.biases = [.queryKeyValue, .attentionOutput]
        }
        configuration.names.attentionInputNorm = nil
        configuration.names.attentionOutputNorm = "post_attention_layernorm"
        configuration.names.feedForwardInputNorm = nil
        configuration.names.feedForwardOutputNorm = "post_feedforward_layernorm"
        configuration.queryKeyNorm = .whole
        try configuration.setLayers(settings)
    }
}
