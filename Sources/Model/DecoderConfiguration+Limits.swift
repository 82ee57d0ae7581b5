/// The limits of a configuration's numbers: model files come from elsewhere, and nothing is computed or allocated from a
/// number before it is known to be a possible one.
extension DecoderConfiguration {
    /// Checks the sizes, from which everything else is made.
    ///
    /// The limits are far above every published model, and low enough that no product of sizes overflows.
    func validateSizes(_ settings: ModelSettings, _ keys: Family.Keys) throws {
        let sizes = [
            (keys.vocabularySize, vocabularySize, 1 << 24), (keys.hiddenSize, hiddenSize, 1 << 20),
            (keys.intermediateSize, intermediateSize, 1 << 22), (keys.layerCount, layerCount, 1 << 12),
            (keys.headCount, headCount, 1 << 12), (keys.keyValueHeadCount, keyValueHeadCount, 1 << 12),
            (keys.headSize, headSize, 1 << 12), (keys.contextLength, contextLength, 1 << 24),
        ]
        for (key, value, limit) in sizes where !(1...limit).contains(value) {
            throw settings.failure(key, "is \(value), possible are 1 to \(limit)")
        }
        guard headCount.isMultiple(of: keyValueHeadCount) else {
            let whole = "\(settings.name(keys.headCount)) (\(headCount))"
            throw settings.failure(keys.keyValueHeadCount, "must divide \(whole)")
        }
        guard headSize.isMultiple(of: 2) else {
            throw settings.failure(keys.headSize, "is \(headSize), but must be even")
        }
    }

    /// Checks what a family's file has completed, and ends the context where `longestContext` says.
    mutating func validate(_ settings: ModelSettings, _ keys: Family.Keys) throws {
        precondition(layers.count == layerCount, "a family's file describes every layer")
        try validateSizes(settings, keys)
        contextLength = min(contextLength, Self.longestContext)
        guard normEpsilon >= 0, normEpsilon.isFinite else {
            throw settings.failure(keys.normEpsilon, "is \(normEpsilon), but must be 0 or more")
        }
        for window in layers.compactMap(\.window) where !(1...(1 << 24)).contains(window) {
            throw settings.failure(.init("sliding_window", gguf: "attention.sliding_window"), "is \(window)")
        }
        let factors = [attentionScale, attentionSoftCap, finalSoftCap, embeddingScale].compactMap { $0 }
        guard factors.allSatisfy(Self.isPositive) else {
            throw settings.failure("softcapping and scales", "must be above 0")
        }
        for rotary in rotaries {
            guard rotary.size >= 2, rotary.size.isMultiple(of: 2), rotary.size <= headSize else {
                throw settings.failure("partial_rotary_factor", "turns \(rotary.size) values of heads of \(headSize)")
            }
            guard Self.isPositive(rotary.theta) else {
                throw settings.failure(
                    .init("rope_theta", gguf: "rope.freq_base"),
                    "is \(rotary.theta), but must be above 0"
                )
            }
            let isPossible =
                switch rotary.scaling {
                case .none: true
                case .linear(let factor): Self.isPositive(factor)
                case .table(let divisors, let magnitude): (divisors + [magnitude]).allSatisfy(Self.isPositive)
                case .llama3(let factor, let low, let high, _): [factor, low, high - low].allSatisfy(Self.isPositive)
                }
            guard isPossible else {
                throw settings.failure(
                    .init("rope_scaling", gguf: "rope.scaling, rope_freqs.weight"),
                    "has a number outside its range: factors are above 0, high_freq_factor above low_freq_factor"
                )
            }
        }
    }

    private static func isPositive(_ number: Double) -> Bool { number > 0 && number.isFinite }
}
