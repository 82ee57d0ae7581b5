import Foundation
package import TemperTorch

/// The Llama network (arXiv 2302.13971; grouped queries, arXiv 2305.13245) over packed tokens.
///
/// Sequences lie one after another without padding: every matrix works on real tokens only, and attention never
/// crosses a boundary. It knows nothing about text, training or sampling. Weights are named as in the Hugging Face
/// files. Legend: t tokens, d width, h heads, v vocabulary.
@TorchActor
package final class Llama {
    package let configuration: LlamaConfiguration
    package let dtype: DType
    package let device: Device
    /// [v, d]
    let embedding: Tensor
    package let layers: [LlamaLayer]
    let finalNorm: Tensor
    /// The output head: its weight is the embedding where they are tied.
    package let head: Linear
    private let cosines: Tensor
    private let sines: Tensor

    /// Loads every weight from `source`.
    init(_ configuration: LlamaConfiguration, from source: WeightSource, dtype: DType, device: Device) throws {
        self.configuration = configuration
        self.dtype = dtype
        self.device = device
        func load(_ name: String, _ shape: [Int], heads: Int? = nil) throws -> Tensor {
            try source.load(name, shape: shape, heads: heads, dtype: dtype, device: device)
        }
        let d = configuration.hiddenSize
        embedding = try load("model.embed_tokens.weight", [configuration.vocabularySize, d])
        layers = try (0..<configuration.layerCount).map { try LlamaLayer(index: $0, configuration, load: load) }
        finalNorm = try load("model.norm.weight", [d])
        let headWeight =
            configuration.tiesEmbeddings ? embedding : try load("lm_head.weight", [configuration.vocabularySize, d])
        head = Linear(name: "lm_head", weight: headWeight)
        (cosines, sines) = try Self.angles(configuration, device: device)
    }

    /// A copy for inference: adapters added into the weights, everything else shared.
    private init(merging other: Llama) throws(TorchError) {
        configuration = other.configuration
        dtype = other.dtype
        device = other.device
        embedding = other.embedding
        finalNorm = other.finalNorm
        cosines = other.cosines
        sines = other.sines
        var layers: [LlamaLayer] = []
        for layer in other.layers { layers.append(try LlamaLayer(merging: layer)) }
        self.layers = layers
        head = try other.head.merged()
    }

    /// A copy with every adapter added into its weight and the weights laid out for inference.
    package func merged() throws(TorchError) -> Llama {
        try withoutGradients { () throws(TorchError) in try Llama(merging: self) }
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

    /// Last hidden states of packed sequences, normalised: [t, d]; `logits` turns rows of it into scores.
    package func hiddenStates(_ batch: PackedBatch) throws(TorchError) -> Tensor {
        try forward(batch, cache: nil)
    }

    /// Scores over the vocabulary for rows of hidden states: [n, v] in the network's dtype.
    package func logits(_ hidden: Tensor) throws(TorchError) -> Tensor {
        try head(hidden)
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
        cache: (KeyValueCache, CacheUse)?
    ) throws(TorchError) -> Tensor {
        let cosine = try cosines.selected(0, batch.positions)
        let sine = try sines.selected(0, batch.positions)
        var x = try Layers.embedding(batch.ids, weight: embedding)
        for (index, layer) in layers.enumerated() {
            x = try layer(x, batch: batch, cosine: cosine, sine: sine, cache: cache, index: index)
        }
        return try Layers.rmsNorm(x, weight: finalNorm, epsilon: configuration.normEpsilon)
    }

    private static func angles(
        _ configuration: LlamaConfiguration,
        device: Device
    ) throws(TorchError) -> (Tensor, Tensor) {
        let frequencies = configuration.inverseFrequencies
        let length = configuration.contextLength
        var cosine = [Float](repeating: 0, count: length * frequencies.count)
        var sine = cosine
        for position in 0..<length {
            for (index, frequency) in frequencies.enumerated() {
                // The reference multiplies in float32, and the angle's rounding shows at long positions.
                let angle = Float(position) * Float(frequency)
                cosine[position * frequencies.count + index] = cos(angle)
                sine[position * frequencies.count + index] = sin(angle)
            }
        }
        let shape = [length, frequencies.count]
        return (try Tensor(cosine, shape: shape, device: device), try Tensor(sine, shape: shape, device: device))
    }
}
