import Foundation
package import TemperText

/// Chooses the next token from scores, in the order of `transformers`: temperature, then top-k, then top-p.
package struct Sampler {
    private let options: SamplingOptions
    private var generator: SplitMix64

    /// The sampler of answer number `index`: its random stream does not depend on what else is in the batch.
    ///
    /// Generators whose seeds differ by a few steps of the counter give shifted copies of one stream, so seed and index
    /// go through the mixing function, one after the other.
    package init(_ options: SamplingOptions, index: Int) {
        self.options = options
        var seeds = SplitMix64(seed: options.seed)
        var streams = SplitMix64(seed: seeds.next() &+ UInt64(index))
        generator = SplitMix64(seed: streams.next())
    }

    /// Draws a token id from scores over the vocabulary.
    package mutating func draw(from logits: [Float]) -> Int {
        let candidates = Self.distribution(logits, options)
        var remaining = generator.unit()
        for candidate in candidates {
            remaining -= candidate.probability
            if remaining < 0 { return candidate.id }
        }
        return candidates.last?.id ?? 0
    }

    /// The tokens that can be drawn and their probabilities; most likely first where a filter asks for an order.
    package static func distribution(
        _ logits: [Float],
        _ options: SamplingOptions
    ) -> [(id: Int, probability: Double)] {
        let temperature = max(options.temperature, 1e-6)
        let best = logits.max() ?? 0
        func weight(_ id: Int) -> Double { exp(Double(logits[id] - best) / temperature) }
        let keepsAll = options.topK <= 0 || options.topK >= logits.count
        if keepsAll, options.topP >= 1 {
            let weights = logits.indices.map(weight)
            let total = weights.reduce(0, +)
            return weights.enumerated().map { ($0.offset, $0.element / total) }
        }
        // The vocabulary is never sorted: a heap gives up as many tokens as the filters want.
        var heap = TokenHeap(logits)
        let mostLikely = keepsAll ? [] : (0..<options.topK).map { _ in heap.pop() }
        let total = (keepsAll ? Array(logits.indices) : mostLikely).reduce(0) { $0 + weight($1) }
        var kept: [(id: Int, probability: Double)] = []
        var mass = 0.0
        // top-p keeps the token that crosses the threshold, and never none.
        while kept.count < (keepsAll ? logits.count : mostLikely.count), kept.isEmpty || mass < options.topP {
            let id = keepsAll ? heap.pop() : mostLikely[kept.count]
            kept.append((id, weight(id) / total))
            mass += weight(id) / total
        }
        return kept.map { ($0.id, $0.probability / mass) }
    }
}

/// Token ids by score: the highest first, of equal ones the lowest id.
private struct TokenHeap {
    private let scores: [Float]
    private var ids: [Int]

    init(_ scores: [Float]) {
        self.scores = scores
        ids = Array(scores.indices)
        for root in stride(from: ids.count / 2 - 1, through: 0, by: -1) { sink(root) }
    }

    /// Takes the first token out; there must be one.
    mutating func pop() -> Int {
        ids.swapAt(0, ids.count - 1)
        let first = ids.removeLast()
        sink(0)
        return first
    }

    private func precedes(_ one: Int, _ other: Int) -> Bool {
        scores[one] != scores[other] ? scores[one] > scores[other] : one < other
    }

    private mutating func sink(_ start: Int) {
        var root = start
        while true {
            var child = root * 2 + 1
            guard child < ids.count else { return }
            if child + 1 < ids.count, precedes(ids[child + 1], ids[child]) { child += 1 }
            guard precedes(ids[child], ids[root]) else { return }
            ids.swapAt(root, child)
            root = child
        }
    }
}
