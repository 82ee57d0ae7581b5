import Foundation
package import TemperTorch
import TemperWeights

/// BERT's network (arXiv 1810.04805) over packed tokens: every token sees all of its text, and none of another.
///
/// It knows nothing about text, labels or training. Modules carry the names that `BertForSequenceClassification` gives them,
/// whether the files have its prefix `bert.` or not. Legend: t tokens, d width, n texts.
@TorchActor
package final class EncoderNetwork {
    package let configuration: EncoderConfiguration
    package let dtype: DType
    package let device: Device
    /// Rows of [vocabulary, d], [positions, d] and [types, d]; their sum is what the first layer reads.
    private let embeddings: [(name: String, table: Tensor)]
    private let embeddingNorm: NamedNorm
    private let layers: [EncoderLayer]
    /// The layer on the first token's state that sums a text up; files of plain encoders may come without it.
    package let pooler: Linear?

    init(_ configuration: EncoderConfiguration, from files: SafetensorsDirectory, dtype: DType, device: Device) throws {
        self.configuration = configuration
        self.dtype = dtype
        self.device = device
        let loader = EncoderLoader(configuration: configuration, files: files, dtype: dtype, device: device)
        let d = configuration.hiddenSize
        embeddings = try [
            ("word", configuration.vocabularySize), ("position", configuration.contextLength),
            ("token_type", configuration.tokenTypeCount),
        ].map { kind, count in
            let name = "bert.embeddings.\(kind)_embeddings.weight"
            return (name, try loader.tensor(name, shape: [count, d]))
        }
        embeddingNorm = try loader.norm("bert.embeddings.LayerNorm")
        layers = try (0..<configuration.layerCount).map { try EncoderLayer(index: $0, loader) }
        let name = "bert.pooler.dense"
        pooler = loader.holds("\(name).weight") ? try loader.linear(name, output: d, input: d) : nil
    }

    private init(merging other: EncoderNetwork) throws(TorchError) {
        configuration = other.configuration
        dtype = other.dtype
        device = other.device
        embeddings = other.embeddings
        embeddingNorm = other.embeddingNorm
        var layers: [EncoderLayer] = []
        for layer in other.layers { layers.append(try EncoderLayer(merging: layer)) }
        self.layers = layers
        pooler = try other.pooler?.merged()
    }

    /// A copy with every adapter added into its weight and the weights laid out for inference.
    package func merged() throws(TorchError) -> EncoderNetwork {
        try withoutGradients { () throws(TorchError) in try EncoderNetwork(merging: self) }
    }

    /// The linear layers an adapter can sit on, in the order of the network; the pooler is no part of it.
    package var linears: [Linear] { layers.flatMap(\.linears) }

    /// Every weight by its name, adapters added in.
    package var weights: [(name: String, tensor: Tensor)] {
        get throws(TorchError) {
            var weights = embeddings.map { ($0.name, $0.table) } + embeddingNorm.weights
            for linear in linears + [pooler].compactMap({ $0 }) {
                weights.append(("\(linear.name).weight", try linear.mergedWeight()))
                if let bias = linear.bias { weights.append(("\(linear.name).bias", bias)) }
            }
            return weights + layers.flatMap(\.norms).flatMap(\.weights)
        }
    }

    /// Last hidden states [t, d].
    package func hiddenStates(_ batch: EncoderBatch) throws(TorchError) -> Tensor {
        var x = try Layers.embedding(batch.ids, weight: embeddings[0].table)
        x = try x.adding(Layers.embedding(batch.types, weight: embeddings[2].table))
        x = try embeddingNorm.norm(x.adding(Layers.embedding(batch.positions, weight: embeddings[1].table)))
        for layer in layers { x = try layer(x, lengths: batch.lengths) }
        return x
    }

    /// The means of each text's hidden states [t, d]: [n, d] float32.
    package func means(of hidden: Tensor, _ batch: EncoderBatch) throws(TorchError) -> Tensor {
        let total = batch.lengths.reduce(0, +)
        var shares = [Float](repeating: 0, count: batch.lengths.count * total)
        for (text, (start, length)) in zip(batch.starts, batch.lengths).enumerated() {
            for token in start..<start + length { shares[text * total + token] = 1 / Float(length) }
        }
        return try Tensor(shares, shape: [batch.lengths.count, total], device: device).matmul(hidden.to(.float32))
    }

    /// Each text's state of its first token, of hidden states [t, d]: [n, d].
    package func firsts(of hidden: Tensor, _ batch: EncoderBatch) throws(TorchError) -> Tensor {
        try hidden.selected(0, Tensor(batch.starts, device: device))
    }

    /// What `read` makes of each text, in the order of the texts, without gradients.
    ///
    /// The texts are shared out among the processors, and those of similar length go through the network together.
    ///
    /// - Parameter read: From a batch of n texts and its hidden states [t, d] to [n, k].
    /// - Throws: `ModelError.contextLength` for a text that is too long.
    package func rows(
        of texts: [[Int]],
        _ read: @escaping @TorchActor (EncoderBatch, _ hidden: Tensor) throws(TorchError) -> Tensor
    ) throws -> [[Float]] {
        for text in texts where text.count > configuration.contextLength {
            throw ModelError.contextLength(tokens: text.count, limit: configuration.contextLength)
        }
        var rows = [[Float]](repeating: [], count: texts.count)
        guard !texts.isEmpty else { return rows }
        let order = texts.indices.sorted { (texts[$0].count, $0) > (texts[$1].count, $1) }
        let groups = Workers.balanced(order, on: device) { texts[$0].count }
        let results = try Workers.run(groups.count) { part in
            var found: [(Int, [Float])] = []
            var rest = groups[part][...]
            while let longest = rest.first {
                try Workers.checkCancellation()
                let batch = rest.prefix(max(1, Self.tokensAtOnce / max(texts[longest].count, 1)))
                rest = rest.dropFirst(batch.count)
                let values = try withoutGradients { () throws(TorchError) in
                    let packed = try EncoderBatch(batch.map { texts[$0] }, device: self.device)
                    return try read(packed, self.hiddenStates(packed)).floats()
                }
                let width = values.count / batch.count
                for (row, text) in batch.enumerated() {
                    found.append((text, Array(values[row * width..<(row + 1) * width])))
                }
            }
            return found
        }
        for (text, row) in results.joined() { rows[text] = row }
        return rows
    }

    /// More tokens in one pass make its matrices no faster, and its memory larger.
    private static let tokensAtOnce = 2048
}

/// Token ids of texts, one after another without padding.
package struct EncoderBatch {
    let ids: Tensor
    let positions: Tensor
    let types: Tensor
    let lengths: [Int]
    /// The row of each text's first token.
    let starts: [Int]

    /// Lays texts out, each of which holds at least one token.
    ///
    /// - Parameter types: A type for each token; nil for 0, which all tokens of a single text have.
    package init(_ texts: [[Int]], types: [[Int]]? = nil, device: Device) throws(TorchError) {
        precondition(!texts.contains(where: \.isEmpty), "a text holds at least one token")
        lengths = texts.map(\.count)
        var start = 0
        starts = texts.map { text in
            defer { start += text.count }
            return start
        }
        ids = try Tensor(Array(texts.joined()), device: device)
        positions = try Tensor(texts.flatMap { Array($0.indices) }, device: device)
        self.types = try Tensor(types.map { Array($0.joined()) } ?? [Int](repeating: 0, count: start), device: device)
    }
}
