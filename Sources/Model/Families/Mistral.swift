/// Mistral 7B and Ministral (arXiv 2310.06825): Llama, of which every layer may see a window only. Their GGUF files are
/// Llama's.
extension Family {
    static let mistral = Family(types: ["mistral"], architecture: nil) { configuration, settings in
        try configuration.setLayers(settings, window: settings.integer("sliding_window"))
    }
}
