/// Gemma 3's text models (arXiv 2503.19786): five layers with a window and a rotary of their own to one that sees
/// everything; each head's queries and keys are normalised.
extension Family {
    static let gemma3 = Family(
        types: ["gemma3_text"],
        architecture: "gemma3",
        defaults: Defaults(contextLength: 131_072, keyValueHeadCount: 4),
        stored: .gemma
    ) {
        configuration,
        settings in
        try configuration.setGemma(settings)
        configuration.queryKeyNorm = .perHead
        // The largest one divides by the width of a head's share; GGUF files do not say so.
        if settings.gguf != nil, configuration.layerCount == 62 {
            configuration.setAttentionScale(Double(configuration.hiddenSize / configuration.headCount))
        }
        let pattern = try settings.integer("sliding_window_pattern") ?? 6
        let slides = try configuration.isSliding(settings) { pattern < 1 || !($0 + 1).isMultiple(of: pattern) }
        let window = ModelSettings.Key("sliding_window", gguf: "attention.sliding_window")
        let length = try settings.integer(window) ?? (settings.gguf == nil ? 4096 : 512)
        configuration.rotaries = try Self.rotaries(settings, &configuration)
        configuration.layers = slides.map { .init(window: $0 ? length : nil, rotary: $0 ? 1 : 0) }
    }

    /// The one of the layers that see everything, and the one of those with a window.
    private static func rotaries(
        _ settings: ModelSettings,
        _ configuration: inout DecoderConfiguration
    ) throws -> [Rotary] {
        let size = configuration.headSize
        guard let parameters = try settings.object("rope_parameters"),
            let whole = try parameters.object("full_attention")
        else {
            var rotary = try Rotary(settings, headSize: size, context: &configuration.contextLength)
            let thetaKey = ModelSettings.Key("rope_theta", gguf: "rope.freq_base")
            if try settings.number(thetaKey) == nil { rotary.theta = 1_000_000 }
            let local = try settings.number(.init("rope_local_base_freq", gguf: "rope.freq_base_swa")) ?? 10000
            return [rotary, Rotary(theta: local, size: size, scaling: .none)]
        }
        let local = try parameters.object("sliding_attention")
        let context = configuration.contextLength
        return try [(whole, 1_000_000.0), (local, 10000)].map { part, theta in
            var length = context
            return Rotary(
                theta: try part?.number("rope_theta") ?? theta,
                size: size,
                scaling: try Rotary.scaling(part, of: settings, size: size, context: &length)
            )
        }
    }
}
