/// The limits of a configuration's numbers: model files come from elsewhere, and nothing is computed or allocated from a
/// number before it is known to be a possible one.
extension LlamaConfiguration {
    /// What a kind of file calls the values that are checked.
    struct Names: Sendable {
        var vocabularySize: String
        var hiddenSize: String
        var intermediateSize: String
        var layerCount: String
        var headCount: String
        var keyValueHeadCount: String
        var headSize: String
        var contextLength: String
        var normEpsilon: String
        var ropeTheta: String
        var ropeScaling: String

        /// In `config.json`.
        static let configuration = Names(
            vocabularySize: "vocab_size",
            hiddenSize: "hidden_size",
            intermediateSize: "intermediate_size",
            layerCount: "num_hidden_layers",
            headCount: "num_attention_heads",
            keyValueHeadCount: "num_key_value_heads",
            headSize: "head_dim",
            contextLength: "max_position_embeddings",
            normEpsilon: "rms_norm_eps",
            ropeTheta: "rope_theta",
            ropeScaling: "rope_scaling"
        )

        /// In the metadata of a GGUF file.
        static let metadata = Names(
            vocabularySize: "token_embd.weight",
            hiddenSize: "llama.embedding_length",
            intermediateSize: "llama.feed_forward_length",
            layerCount: "llama.block_count",
            headCount: "llama.attention.head_count",
            keyValueHeadCount: "llama.attention.head_count_kv",
            headSize: "llama.attention.key_length",
            contextLength: "llama.context_length",
            normEpsilon: "llama.attention.layer_norm_rms_epsilon",
            ropeTheta: "llama.rope.freq_base",
            ropeScaling: "llama.rope.scaling, rope_freqs.weight"
        )
    }

    /// Checks every number.
    ///
    /// The limits are far above every published model, and low enough that no product of sizes overflows.
    func validate(path: String, names: Names) throws {
        func check(_ holds: Bool, _ key: String, _ reason: String) throws {
            guard holds else { throw ModelError.configuration(path: path, key: key, reason: reason) }
        }
        let sizes = [
            (names.vocabularySize, vocabularySize, 1 << 24), (names.hiddenSize, hiddenSize, 1 << 20),
            (names.intermediateSize, intermediateSize, 1 << 22), (names.layerCount, layerCount, 1 << 12),
            (names.headCount, headCount, 1 << 12), (names.keyValueHeadCount, keyValueHeadCount, 1 << 12),
            (names.headSize, headSize, 1 << 12), (names.contextLength, contextLength, 1 << 24),
        ]
        for (key, value, limit) in sizes {
            try check((1...limit).contains(value), key, "is \(value), possible are 1 to \(limit)")
        }
        try check(
            headCount.isMultiple(of: keyValueHeadCount),
            names.keyValueHeadCount,
            "must divide \(names.headCount) (\(headCount))"
        )
        try check(headSize.isMultiple(of: 2), names.headSize, "is \(headSize), but must be even")
        // The rotary angles of all positions are kept: two float32 tables of half a head each.
        try check(
            contextLength * headSize <= 1 << 28,
            names.contextLength,
            "is \(contextLength), too many positions for the rotary angles of heads of \(headSize)"
        )
        try check(
            normEpsilon >= 0 && normEpsilon.isFinite,
            names.normEpsilon,
            "is \(normEpsilon), but must be 0 or more"
        )
        try check(ropeTheta > 0 && ropeTheta.isFinite, names.ropeTheta, "is \(ropeTheta), but must be above 0")
        let isPossible =
            switch ropeScaling {
            case .none: true
            case .linear(let factor): Self.isPositive(factor)
            case .table(let divisors): divisors.allSatisfy(Self.isPositive)
            case .llama3(let factor, let low, let high, let original):
                [factor, low, high - low].allSatisfy(Self.isPositive) && (1...(1 << 24)).contains(original)
            }
        try check(
            isPossible,
            names.ropeScaling,
            "has a number outside its range: factors and contexts are above 0, high_freq_factor above low_freq_factor"
        )
    }

    private static func isPositive(_ number: Double) -> Bool { number > 0 && number.isFinite }
}
