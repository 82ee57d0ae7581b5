package import TemperText
package import TemperTorch

/// Batched generation with a preallocated cache.
///
/// A fixed number of slots is kept busy: when a sequence ends, its slot is filled from the queue. Every sequence has its
/// own length, sampler and end, so that what it says does not depend on its neighbours; so the prompts are dealt out to
/// the processors, which never wait for each other. It knows nothing about text.
@TorchActor
package struct Generator {
    /// One continuation.
    package struct Output: Sendable, Equatable {
        package var ids: [Int] = []
        package var finishReason = Completion.FinishReason.length
    }

    private struct Active {
        var index: Int
        var sampler: Sampler
        /// Tokens in the cache.
        var length: Int
        var generated: [Int]
    }

    private let network: DecoderNetwork
    private let slotCount: Int
    /// Looking costs something too: an answer is shown to `isEnough` each time it has grown by so many tokens.
    private static let glance = 4
    /// Prompt tokens read in one pass, so that activations stay small.
    private static let prefillBudget = 4096

    package init(_ network: DecoderNetwork, batchSize: Int) {
        self.network = network
        slotCount = max(batchSize, 1)
    }

    /// Continues each prompt until one of `endIDs` (which is kept as the last id), `options.maxNewTokens`, or `isEnough`,
    /// which is asked about a prompt's index and the ids so far.
    ///
    /// - Parameters:
    ///   - streams: The number of each prompt's random stream; nil takes the indices.
    ///   - finished: Called with each continuation when it ends, on any thread.
    package func generate(
        _ prompts: [[Int]],
        options: SamplingOptions,
        endIDs: Set<Int>,
        streams: [Int]? = nil,
        isEnough: (@Sendable (_ index: Int, _ ids: [Int]) -> Bool)? = nil,
        finished: (@Sendable (_ index: Int, _ output: Output) throws -> Void)? = nil
    ) throws -> [Output] {
        var outputs = [Output](repeating: Output(), count: prompts.count)
        guard !prompts.isEmpty, options.maxNewTokens > 0 else { return outputs }
        let longest = (prompts.map(\.count).max() ?? 0) + options.maxNewTokens
        let limit = network.configuration.contextLength
        guard longest <= limit else { throw ModelError.contextLength(tokens: longest, limit: limit) }
        precondition(!prompts.contains(where: \.isEmpty), "a prompt holds at least one token")
        // Neighbours of similar length waste the least of the masked span.
        let order = prompts.indices.sorted { (prompts[$0].count, $0) > (prompts[$1].count, $1) }
        let parts = Workers.parts(of: prompts.count, on: network.device)
        let results = try Workers.run(parts) { part in
            let own = order.enumerated().filter { $0.offset % parts == part }.map(\.element)
            return try withoutGradients {
                let cache = try KeyValueCache(
                    network.configuration,
                    slots: min(max(slotCount / parts, 1), own.count),
                    capacity: longest,
                    dtype: network.dtype,
                    device: network.device
                )
                return try run(
                    own,
                    of: prompts,
                    options: options,
                    endIDs: endIDs,
                    streams: streams,
                    isEnough: isEnough,
                    finished: finished,
                    cache: cache
                )
            }
        }
        for (index, output) in results.joined() { outputs[index] = output }
        return outputs
    }

    private func run(
        _ indices: [Int],
        of prompts: [[Int]],
        options: SamplingOptions,
        endIDs: Set<Int>,
        streams: [Int]?,
        isEnough: (@Sendable (_ index: Int, _ ids: [Int]) -> Bool)?,
        finished: (@Sendable (_ index: Int, _ output: Output) throws -> Void)?,
        cache: KeyValueCache
    ) throws -> [(index: Int, output: Output)] {
        var outputs: [(index: Int, output: Output)] = []
        var queue = indices
        var active: [Active] = []
        while !queue.isEmpty || !active.isEmpty {
            try Workers.checkCancellation()
            var hidden: Tensor?
            let before = active.count
            // Refilling a few slots at a time keeps the prefill's matrices large.
            if !queue.isEmpty, active.count <= cache.slotCount * 3 / 4 || queue.count + active.count <= cache.slotCount
            {
                var admitted: [Int] = []
                var tokens = 0
                while let next = queue.last, active.count < cache.slotCount,
                    tokens == 0 || tokens + prompts[next].count <= Self.prefillBudget
                {
                    queue.removeLast()
                    admitted.append(next)
                    tokens += prompts[next].count
                    active.append(
                        Active(
                            index: next,
                            sampler: Sampler(options, index: streams?[next] ?? next),
                            length: prompts[next].count,
                            generated: []
                        )
                    )
                }
                hidden = try network.prefill(
                    admitted.map { prompts[$0] },
                    slots: Array(before..<active.count),
                    cache: cache
                )
            }
            if let states = hidden {
                try append(states, to: &active, from: before, options: options)
            } else {
                let states = try network.decode(
                    active.map { $0.generated[$0.generated.count - 1] },
                    lengths: active.map(\.length),
                    cache: cache
                )
                for row in active.indices { active[row].length += 1 }
                try append(states, to: &active, from: 0, options: options)
            }
            for row in active.indices.reversed() {
                let sequence = active[row]
                let ids = sequence.generated
                let reason: Completion.FinishReason
                if ids.last.map(endIDs.contains) ?? false {
                    reason = .stop
                } else if ids.count >= options.maxNewTokens {
                    reason = .length
                } else if ids.count.isMultiple(of: Self.glance), let isEnough, isEnough(sequence.index, ids) {
                    reason = .decided
                } else {
                    continue
                }
                let output = Output(ids: ids, finishReason: reason)
                outputs.append((sequence.index, output))
                try finished?(sequence.index, output)
                let last = active.count - 1
                if row < last {
                    try cache.move(from: last, to: row, length: active[last].length)
                    active[row] = active[last]
                }
                active.removeLast()
            }
        }
        return outputs
    }

    /// Chooses one token for each row of `states`, which belong to `active[start...]`.
    private func append(
        _ states: Tensor,
        to active: inout [Active],
        from start: Int,
        options: SamplingOptions
    ) throws(TorchError) {
        let logits = try network.logits(states)
        if options.temperature == 0 {
            for (row, id) in try logits.argmax(along: -1).integers().enumerated() {
                active[start + row].generated.append(id)
            }
        } else {
            let vocabulary = network.configuration.vocabularySize
            let scores = try logits.floats()
            for row in 0..<(active.count - start) {
                let id = active[start + row].sampler.draw(
                    from: Array(scores[(row * vocabulary)..<((row + 1) * vocabulary)])
                )
                active[start + row].generated.append(id)
            }
        }
    }
}
