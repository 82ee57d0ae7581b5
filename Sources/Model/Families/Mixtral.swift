/// Mixtral (arXiv 2401.04088) and Qwen 3's mixtures (arXiv 2505.09388): Mistral and Qwen 3 with experts.
extension Family {
    static let mixtral = Family(
        types: ["mixtral"],
        architecture: nil,
        defaults: Defaults(contextLength: 131_072, normEpsilon: 1e-5, keyValueHeadCount: 8)
    ) { configuration, settings in
        try configuration.setExperts(settings, count: "num_local_experts", normalises: true)
        configuration.names.router = "block_sparse_moe.gate"
        configuration.names.experts = "block_sparse_moe.experts"
        configuration.names.gateUp = ["w1", "w3"]
        configuration.names.down = "w2"
        try configuration.setLayers(settings, window: settings.integer("sliding_window"), defaultTheta: 1_000_000)
    }

    static let qwen3Mixture = Family(
        types: ["qwen3_moe"],
        architecture: nil,
        keys: Keys(intermediateSize: "moe_intermediate_size"),
        defaults: Defaults(contextLength: 32_768, keyValueHeadCount: 4)
    ) { configuration, settings in
        try configuration.setQwen3(settings)
        let normalises = try settings.flag("norm_topk_prob") ?? false
        // transformers 5 writes one name, the hub's files have the other.
        let count: ModelSettings.Key = try settings.integer("num_experts") == nil ? "num_local_experts" : "num_experts"
        try configuration.setExperts(settings, count: count, normalises: normalises)
        configuration.names.gateUp = ["gate_proj", "up_proj"]
        configuration.names.down = "down_proj"
        let dense = try settings.integers("mlp_only_layers") ?? []
        guard dense.isEmpty, try settings.integer("decoder_sparse_step") ?? 1 == 1 else {
            throw settings.refuse(
                "mlp_only_layers, decoder_sparse_step",
                "with layers without experts",
                remedy: "use a model that has experts in every layer"
            )
        }
    }
}

extension DecoderConfiguration {
    fileprivate mutating func setExperts(
        _ settings: ModelSettings,
        count key: ModelSettings.Key,
        normalises: Bool
    ) throws {
        let takenKey: ModelSettings.Key = "num_experts_per_tok"
        let count = try settings.needed(key, settings.integer(key))
        let taken = try settings.needed(takenKey, settings.integer(takenKey))
        // With the other limits this keeps the number of parameters within 64 bits.
        guard (1...(1 << 12)).contains(count), count * intermediateSize <= 1 << 22 else {
            throw settings.failure(key, "is \(count), of size \(intermediateSize): too many or none")
        }
        guard (1...count).contains(taken) else {
            throw settings.failure(takenKey, "is \(taken), of \(count) experts")
        }
        feedForward = .experts(count: count, perToken: taken, normalises: normalises)
    }
}
