import Foundation
package import TemperTorch

/// A decoder over packed tokens: Llama's network (arXiv 2302.13971), and what other families change about it.
///
/// Sequences lie one after another without padding: every matrix works on real tokens only, and attention never
/// crosses a boundary. It knows nothing about text, training or sampling. Weights are named as in the Hugging Face
/// files. Legend: t tokens, d width, v vocabulary.
@TorchActor
package final class DecoderNetwork {
    package let configuration: DecoderConfiguration
    package let dtype: DType
    package let device: Device
    /// [v, d]
    private let embedding: Weight
    package let layers: [DecoderLayer]
    private let finalNorm: Norm
    /// The output head: its weight is the embedding where they are tied.
    package let head: Linear
    /// Whether training keeps no more of a layer than its input, and computes it again for the gradients.
    package var recomputesLayers = false
    private let rotaries: [RotaryTable]
    /// A scalar in the weights' type, as the reference rounds it.
    private let embeddingScale: Tensor?

    /// Loads every weight from `source`.
    init(_ configuration: DecoderConfiguration, from source: WeightSource, dtype: DType, device: Device) throws {
        self.configuration = configuration
        self.dtype = dtype
        self.device = device
        let loader = WeightLoader(configuration: configuration, source: source, dtype: dtype, device: device)
        let names = configuration.names
        let shape = [configuration.vocabularySize, configuration.hiddenSize]
        embedding = Weight("\(names.embedding).weight", try loader.tensor("\(names.embedding).weight", shape: shape))
        layers = try (0..<configuration.layerCount).map { try DecoderLayer(index: $0, loader) }
        finalNorm = try loader.norm(names.finalNorm, size: configuration.hiddenSize)
        head =
            configuration.tiesEmbeddings
            ? Linear(name: names.head, weight: embedding)
            : Linear(name: names.head, weight: try loader.tensor("\(names.head).weight", shape: shape))
        embeddingScale = try configuration.embeddingScale.map {
            try Tensor([Float($0)], shape: [1], device: device).to(dtype)
        }
        rotaries = try configuration.rotaries.map {
            try RotaryTable($0, positions: configuration.contextLength, device: device)
        }
    }

    /// A copy for inference: weights as they are now, with adapters added in; everything else shared.
    private init(merging other: DecoderNetwork) throws(TorchError) {
        configuration = other.configuration
        dtype = other.dtype
        device = other.device
        embedding = try other.embedding.settled()
        finalNorm = try other.finalNorm.merged()
        rotaries = other.rotaries
        embeddingScale = other.embeddingScale
        var layers: [DecoderLayer] = []
        for layer in other.layers { layers.append(try DecoderLayer(merging: layer)) }
        self.layers = layers
        guard configuration.tiesEmbeddings else {
            head = try other.head.merged()
            return
        }
        head = Linear(name: other.head.name, weight: embedding)
        try head.prepare(forTraining: false)
    }

    /// A copy with every adapter added into its weight and the weights laid out for inference.
    package func merged() throws(TorchError) -> DecoderNetwork {
        try withoutGradients { () throws(TorchError) in try DecoderNetwork(merging: self) }
    }

    /// Lays all weights out as the matrix kernels read them, where there are such.
    package func prepareForTraining() throws(TorchError) {
        for linear in linears + [head] { try linear.prepare(forTraining: true) }
    }

    /// Gives back what laying the weights out took; the model still works, slower.
    package func unprepare() {
        for linear in linears + [head] { linear.unprepare() }
    }

    /// The linear layers an adapter can sit on, in the order of the network.
    package var linears: [Linear] { layers.flatMap(\.linears) }

    /// Every weight that can be trained, in the order of the network; of tied ones one.
    package var weights: [Weight] {
        let own = configuration.tiesEmbeddings ? [] : head.weights
        return [embedding] + layers.flatMap(\.weights) + [finalNorm.weight] + own
    }

    /// Takes off what was put on to be trained: adapters, and copies in the place of weights.
    package func detach() {
        for linear in linears { linear.lora = nil }
        for weight in weights { weight.restore() }
    }

    /// The head as the losses take it; as it was before training where `adapted` is false.
    package func outputHead(adapted: Bool = true) throws(TorchError) -> OutputHead {
        guard let weight = head.weights.first else { preconditionFailure("the output head is kept whole") }
        return OutputHead(
            weight: weight.tensor(adapted: adapted),
            trained: adapted ? weight.trained : nil,
            packed: weight.packed(adapted: adapted),
            softCap: configuration.finalSoftCap
        )
    }

    /// Last hidden states of packed sequences, normalised: [t, d]; `logits` turns rows of it into scores.
    ///
    /// - Parameters:
    ///   - embedded: What is read in the place of the tokens' embeddings, [t, d], and takes a gradient.
    ///   - shifts: What is added to the residual stream behind each layer, [t, d] each, and takes a gradient; nothing
    ///     where it is empty.
    package func hiddenStates(
        _ batch: PackedBatch,
        embedded: Tensor? = nil,
        shifts: [Tensor] = []
    ) throws(TorchError) -> Tensor {
        precondition(shifts.isEmpty || shifts.count == layers.count, "one shift for each layer")
        return try forward(batch, embedded: embedded, shifts: shifts, cache: nil)
    }

    /// The residual stream behind each layer in the given rows, [n, d] each; of a copy for inference.
    package func residuals(_ batch: PackedBatch, rows: [Int]) throws(TorchError) -> [Tensor] {
        precondition(!recomputesLayers, "a network that is trained keeps no stream to look at")
        let rows = try Tensor(rows, device: device)
        var streams: [Tensor] = []
        _ = try forward(batch, cache: nil) { x throws(TorchError) in streams.append(try x.selected(0, rows)) }
        return streams
    }

    /// Takes a direction, [d] and of length 1, out of all that is written to the residual stream: embeddings, attention
    /// and the layers' networks. The network must be a merged copy, which has its weights to itself; with tied embeddings
    /// the head loses the direction, too, in which nothing is written any more.
    func remove(direction: [Float]) throws(TorchError) {
        try embedding.project(along: 1, off: Tensor(direction, shape: [direction.count], device: device))
        for layer in layers { try layer.remove(direction: direction, device: device) }
        try head.prepare(forTraining: false)
    }

    /// A vector for each token of the vocabulary, before the factor that some families put on it: [v, d].
    package var embeddings: Tensor { embedding.tensor() }

    /// Scores over the vocabulary for rows of hidden states: [n, v] in the network's dtype.
    package func logits(_ hidden: Tensor) throws(TorchError) -> Tensor {
        let scores = try head(hidden)
        guard let cap = configuration.finalSoftCap else { return scores }
        return try scores.scaled(by: 1 / cap).tanh().scaled(by: cap)
    }

    /// Reads whole prompts into their cache slots; the last hidden state of each, [n, d].
    func prefill(_ sequences: [[Int]], slots: [Int], cache: KeyValueCache) throws(TorchError) -> Tensor {
        let batch = try PackedBatch(sequences, device: device)
        var (tokens, owners, positions): ([Int], [Int], [Int]) = ([], [], [])
        for (index, (sequence, slot)) in zip(sequences, slots).enumerated() {
            tokens += sequence.indices.map { batch.row(of: $0, in: index) }
            owners += [Int](repeating: slot, count: sequence.count)
            positions += sequence.indices
        }
        let destinations = CacheUse.Destinations(
            tokens: try Tensor(tokens, device: device),
            slots: try Tensor(owners, device: device),
            positions: try Tensor(positions, device: device)
        )
        let lasts = sequences.indices.map { batch.row(of: sequences[$0].count - 1, in: $0) }
        return try forward(batch, cache: (cache, .prefill(destinations)))
            .selected(0, Tensor(lasts, device: device))
    }

    /// One more token for each of the first `ids.count` slots, whose sequences hold `lengths` tokens so far; [n, d].
    func decode(_ ids: [Int], lengths: [Int], cache: KeyValueCache) throws(TorchError) -> Tensor {
        let batch = try PackedBatch(nextTokens: ids, positions: lengths, device: device)
        let slots = try Tensor(Array(ids.indices), device: device)
        return try forward(batch, cache: (cache, .decode(slots: slots, lengths: lengths.map { $0 + 1 })))
    }

    private func forward(
        _ batch: PackedBatch,
        embedded: Tensor? = nil,
        shifts: [Tensor] = [],
        cache: (KeyValueCache, CacheUse)?,
        observe: ((_ stream: Tensor) throws(TorchError) -> Void)? = nil
    ) throws(TorchError) -> Tensor {
        var angles: [RotaryAngles] = []
        for table in rotaries { angles.append(try table.angles(at: batch.positions)) }
        let pass = ForwardPass(batch: batch, angles: angles, cache: cache)
        let trained = batch.adapted ? embedding.trained : nil
        let table = trained ?? embedding.tensor(adapted: batch.adapted)
        var x =
            if let embedded { try embedded.to(dtype) } else { try Layers.embedding(batch.ids, weight: table).to(dtype) }
        if let scale = embeddingScale { x = try x.multiplied(by: scale) }
        for (index, layer) in layers.enumerated() {
            if recomputesLayers, cache == nil {
                let pairs = layer.linears.compactMap(\.lora).flatMap { [$0.a, $0.b] }
                let parameters = batch.adapted ? pairs + layer.weights.compactMap(\.trained) : []
                x = try Layers.recomputed(x, parameters: parameters) { x throws(TorchError) in
                    try layer(x, pass)
                }
            } else {
                x = try layer(x, pass)
                try observe?(x)
            }
            if !shifts.isEmpty { x = try x.adding(shifts[index].to(dtype)) }
        }
        return try finalNorm(x, adapted: batch.adapted)
    }
}

/// What all layers of a pass share.
struct ForwardPass {
    let batch: PackedBatch
    /// Of each of the network's rotaries.
    let angles: [RotaryAngles]
    let cache: (KeyValueCache, CacheUse)?
}
