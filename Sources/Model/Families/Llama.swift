/// Llama 1 to 3.2 (arXiv 2302.13971, 2307.09288, 2407.21783), and the many models of its shape: SmolLM, TinyLlama, Yi.
extension Family {
    static let llama = Family(types: ["llama"], architecture: "llama", stored: .interleaved) {
        configuration,
        settings in
        if settings.gguf == nil {
            if try settings.flag("attention_bias") ?? false {
                configuration.biases.formUnion([.queryKeyValue, .attentionOutput])
            }
            if try settings.flag("mlp_bias") ?? false { configuration.biases.insert(.feedForward) }
        } else {
            // The format's default, where the file says nothing.
            if try settings.number(Keys().normEpsilon) == nil { configuration.normEpsilon = 1e-5 }
            let experts = ModelSettings.Key(nil, gguf: "expert_count")
            if let count = try settings.integer(experts), count > 0 {
                throw settings.refuse(experts, "\(count)", remedy: "load the Hugging Face directory of this model")
            }
        }
        try configuration.setLayers(settings)
        guard configuration.rotaries[0].size == configuration.headSize else {
            throw settings.refuse(
                .init("partial_rotary_factor", gguf: "rope.dimension_count"),
                "\(configuration.rotaries[0].size) in heads of \(configuration.headSize)",
                remedy: "use a model whose whole heads are rotated"
            )
        }
    }
}

extension Family.Stored {
    /// llama.cpp turns neighbours where the reference turns halves.
    static let interleaved = Family.Stored(interleavesQueriesAndKeys: true)
}
