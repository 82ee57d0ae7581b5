/// Mistral 7B and Ministral (arXiv 2310.06825): Llama, of which every layer may see a window only. Their GGUF files are
/// Llama's.
extension Family {
    static let mistral = Family(
        types: ["mistral"],
        architecture: nil,
        defaults: Defaults(contextLength: 131_072, keyValueHeadCount: 8)
    ) { configuration, settings in
        let window = settings.leavesOut("sliding_window") ? 4096 : try settings.integer("sliding_window")
        try configuration.setLayers(settings, window: window)
    }
}
