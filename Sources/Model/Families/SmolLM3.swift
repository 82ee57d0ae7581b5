/// SmolLM 3 (Hugging Face, 2025): Llama, of which every fourth layer has no rotary (arXiv 2501.18795).
extension Family {
    static let smolLM3 = Family(
        types: ["smollm3"],
        architecture: "smollm3",
        defaults: Defaults(contextLength: 32_768, keyValueHeadCount: 4),
        stored: .interleaved
    ) {
        configuration,
        settings in
        if settings.gguf == nil {
            configuration.tiesEmbeddings = try settings.flag("tie_word_embeddings") ?? true
            if try settings.flag("attention_bias") ?? false {
                configuration.biases = [.queryKeyValue, .attentionOutput]
            }
            if try settings.flag("mlp_bias") ?? false { configuration.biases.insert(.feedForward) }
        }
        try configuration.setQwenLayers(settings, defaultTheta: 2_000_000)
        let interval = try settings.integer("no_rope_layer_interval") ?? 4
        let turned = try settings.integers("no_rope_layers")
        guard turned == nil || turned?.count == configuration.layerCount, interval > 0 else {
            throw settings.failure(
                "no_rope_layers",
                "must hold a number for each of \(configuration.layerCount) layers"
            )
        }
        for index in configuration.layers.indices
        where turned.map({ $0[index] == 0 }) ?? (index + 1).isMultiple(of: interval) {
            configuration.layers[index].rotary = nil
        }
    }
}
