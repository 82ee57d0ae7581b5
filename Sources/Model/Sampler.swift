import Foundation
package import TemperText

/// Chooses the next token from scores, in the order of `transformers`: temperature, then top-k, then top-p.
package struct Sampler {
    private let options: SamplingOptions
    private var generator: SplitMix64

    /// The sampler of answer number `index`: its random stream does not depend on what else is in the batch.
    package init(_ options: SamplingOptions, index: Int) {
        self.options = options
        generator = SplitMix64(seed: options.seed &+ UInt64(index) &* 0x9E37_79B9_7F4A_7C15)
    }

    /// Draws a token id from scores over the vocabulary.
    package mutating func draw(from logits: [Float]) -> Int {
        let candidates = Self.distribution(logits, options)
        var remaining = Double.random(in: 0..<1, using: &generator)
        for candidate in candidates {
            remaining -= candidate.probability
            if remaining < 0 { return candidate.id }
        }
        return candidates.last?.id ?? 0
    }

    /// The tokens that can be drawn and their probabilities, most likely first.
    package static func distribution(
        _ logits: [Float],
        _ options: SamplingOptions
    ) -> [(id: Int, probability: Double)] {
        let temperature = max(options.temperature, 1e-6)
        var order = Array(logits.indices).sorted { logits[$0] != logits[$1] ? logits[$0] > logits[$1] : $0 < $1 }
        if options.topK > 0 { order = Array(order.prefix(options.topK)) }
        guard let best = order.first else { return [] }
        let weights = order.map { exp(Double(logits[$0] - logits[best]) / temperature) }
        let total = weights.reduce(0, +)
        var kept: [(id: Int, probability: Double)] = []
        var mass = 0.0
        for (id, weight) in zip(order, weights) {
            // top-p keeps the token that crosses the threshold, and never none.
            if mass >= options.topP, !kept.isEmpty { break }
            mass += weight / total
            kept.append((id, weight / total))
        }
        return kept.map { ($0.id, $0.probability / mass) }
    }
}
