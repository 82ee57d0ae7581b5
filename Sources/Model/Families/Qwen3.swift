/// Qwen 3 (arXiv 2505.09388): each head's queries and keys are normalised, and biases are gone.
extension Family {
    static let qwen3 = Family(
        types: ["qwen3"],
        architecture: "qwen3",
        defaults: Defaults(contextLength: 32_768, keyValueHeadCount: 32)
    ) { configuration, settings in
        try configuration.setQwen3(settings)
    }
}

extension DecoderConfiguration {
    /// What Qwen 3 and its mixtures of experts share.
    mutating func setQwen3(_ settings: ModelSettings) throws {
        if settings.gguf == nil {
            headSize = try settings.integer("head_dim") ?? 128
            attentionScale = 1 / Double(max(headSize, 1)).squareRoot()
            if try settings.flag("attention_bias") ?? false { biases = [.queryKeyValue, .attentionOutput] }
        }
        queryKeyNorm = .perHead
        try setQwenLayers(settings)
    }
}
