package import TemperModel
package import TemperTorch

/// What white-box attacks minimise: how unlikely the wanted opening is, the mean over its tokens of the negative
/// log-likelihood in nats (Zou et al., arXiv 2307.15043, equation 4), for suffixes as ids or as vectors.
///
/// The model should be laid out for it (`prepareForTraining`), else gradients take slow products. Legend: s
/// tokens of a suffix, d width, v vocabulary.
@TorchActor
package struct TargetLoss {
    package let network: DecoderNetwork
    package let prompt: SuffixPrompt
    /// Tokens of one pass, so that activations stay small.
    private static let passBudget = 4096

    package init(_ network: DecoderNetwork, _ prompt: SuffixPrompt) {
        self.network = network
        self.prompt = prompt
    }

    /// The losses of suffixes that differ from `current` in few places: what comes before the first of them is computed
    /// once for all, and the suffixes are dealt out to the processors.
    package func losses(of suffixes: [[Int]], near current: [Int]) throws -> [Double] {
        let trunk = prompt.prefix + current
        func own(_ index: Int) -> Int {
            let common = zip(current, suffixes[index]).prefix { $0 == $1 }.count
            return suffixes[index].count - common + prompt.closing.count + prompt.target.count
        }
        let groups = Workers.balanced(Array(suffixes.indices), on: network.device, size: own)
        let results = try Workers.run(groups.count) { part in
            try withoutGradients {
                var found: [(Int, Double)] = []
                var pass: [Int] = []
                var tokens = 0
                for index in groups[part] {
                    if tokens + own(index) > Self.passBudget, !pass.isEmpty {
                        found += try zip(pass, losses(of: pass.map { suffixes[$0] }, leaving: trunk))
                        (pass, tokens) = ([], 0)
                        try Workers.checkCancellation()
                    }
                    pass.append(index)
                    tokens += own(index)
                }
                return try found + zip(pass, losses(of: pass.map { suffixes[$0] }, leaving: trunk))
            }
        }
        var all = [Double](repeating: .infinity, count: suffixes.count)
        for (index, loss) in results.joined() { all[index] = loss }
        return all
    }

    private func losses(of suffixes: [[Int]], leaving trunk: [Int]) throws(TorchError) -> [Double] {
        guard !suffixes.isEmpty else { return [] }
        // The last token of the opening predicts nothing that is asked for.
        let sequences = suffixes.map { Array(prompt.sequence($0).dropLast()) }
        let batch = try PackedBatch(sequences, leaving: trunk, device: network.device)
        let count = prompt.target.count
        let rows = sequences.indices.flatMap { index in
            (1...count).reversed().map { batch.row(of: sequences[index].count - $0, in: index) }
        }
        let values = try Layers.linearLogProbability(
            hidden: network.hiddenStates(batch).selected(0, Tensor(rows, device: network.device)),
            head: network.outputHead(),
            targets: Tensor(suffixes.flatMap { _ in prompt.target }, device: network.device)
        ).floats()
        return suffixes.indices.map { index in
            -values[(index * count)..<((index + 1) * count)].reduce(0) { $0 + Double($1) } / Double(count)
        }
    }

    /// The vectors of tokens, float32: [s, d].
    package func vectors(of ids: [Int]) throws(TorchError) -> Tensor {
        try Layers.embedding(Tensor(ids, device: network.device), weight: network.embeddings).detached().to(.float32)
            .clone()
    }

    /// The loss with vectors [s, d] in the place of the suffix, and its gradient by them, float32.
    package func gradient(at vectors: Tensor) throws -> (loss: Double, gradient: Tensor) {
        // One short sequence: both processors work on it together.
        try Workers.run(1) { _ in
            let leaf = try vectors.detached().clone()
            try leaf.setRequiresGradient(true)
            let sequence = Array((prompt.closing + prompt.target).dropLast())
            let hidden = try hiddenStates(leaf, followedBy: sequence)
            let rows = (1...prompt.target.count).reversed().map { hidden.shape[0] - $0 }
            let loss = try Layers.linearCrossEntropy(
                hidden: hidden.selected(0, Tensor(rows, device: network.device)),
                head: network.outputHead(),
                targets: Tensor(prompt.target, device: network.device)
            ).scaled(by: 1 / Double(prompt.target.count))
            return (try loss.item(), try loss.gradients(of: [leaf])[0])
        }[0]
    }

    /// The gradient by the one-hot matrix of the suffix, [s, v], from that by its vectors: `G E^T`, float32.
    package func oneHotGradient(_ gradient: Tensor) throws(TorchError) -> Tensor {
        try withoutGradients { () throws(TorchError) in
            try Layers.linear(gradient.to(network.dtype), weight: network.embeddings).to(.float32)
        }
    }

    /// Hidden states of the prompt with vectors in the place of the suffix, and ids behind it: [t, d].
    private func hiddenStates(_ vectors: Tensor, followedBy ids: [Int]) throws(TorchError) -> Tensor {
        let around = try Layers.embedding(
            Tensor(prompt.prefix + ids, device: network.device),
            weight: network.embeddings
        ).detached()
        let embedded = try Tensor.concatenated(
            [
                around.narrowed(0, from: 0, length: prompt.prefix.count), vectors.to(around.dtype),
                around.narrowed(0, from: prompt.prefix.count, length: ids.count),
            ],
            along: 0
        )
        // Only the places count: what is read there is given.
        let places = [Int](repeating: 0, count: embedded.shape[0])
        return try network.hiddenStates(PackedBatch([places], device: network.device), embedded: embedded)
    }

    /// The likeliest continuation of the prompt with vectors in the place of the suffix, until one of `endIDs`, which is
    /// left out. The whole sequence is computed again for each token: it is short.
    package func answer(to vectors: Tensor, maxNewTokens: Int, endIDs: Set<Int>) throws -> (ids: [Int], ended: Bool) {
        try Workers.run(1) { _ in
            try withoutGradients {
                var ids: [Int] = []
                while ids.count < maxNewTokens {
                    try Workers.checkCancellation()
                    let hidden = try hiddenStates(vectors, followedBy: prompt.closing + ids)
                    let last = try hidden.narrowed(0, from: hidden.shape[0] - 1, length: 1)
                    let next = try network.logits(last).argmax(along: -1).integers()[0]
                    if endIDs.contains(next) { return (ids, true) }
                    ids.append(next)
                }
                return (ids, false)
            }
        }[0]
    }
}
