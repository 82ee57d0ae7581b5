/// Qwen 2 and 2.5 (arXiv 2407.10671, 2412.15115): Llama with biases on query, key and value.
extension Family {
    static let qwen2 = Family(
        types: ["qwen2"],
        architecture: "qwen2",
        defaults: Defaults(contextLength: 32_768, keyValueHeadCount: 32)
    ) { configuration, settings in
        configuration.biases = .queryKeyValue
        try configuration.setQwenLayers(settings)
    }
}

extension DecoderConfiguration {
    /// Qwen's upper layers see a window, if `use_sliding_window` says so.
    mutating func setQwenLayers(_ settings: ModelSettings, defaultTheta: Double = 10000) throws {
        let window = try settings.flag("use_sliding_window") ?? false ? settings.integer("sliding_window") : nil
        let first = try settings.integer("max_window_layers") ?? 28
        try setLayers(settings, window: window, defaultTheta: defaultTheta) { $0 >= first }
    }
}
