import Foundation
public import TemperTorch

/// A text encoder with a linear head that scores labels: the shape of guards that are trained, not prompted.
///
/// Legend: n texts, d width of the encoder, l labels.
@TorchActor
public final class TextClassifier {
    /// What labels are to each other; the names are those of `problem_type` in Hugging Face's files.
    public enum ProblemType: String, Sendable, CaseIterable {
        /// A text has one of the labels; their probabilities sum to 1.
        case singleLabel = "single_label_classification"
        /// A text has any number of the labels; each has a probability of its own.
        case multiLabel = "multi_label_classification"
    }

    /// What the head reads of a text.
    public enum Features: String, Sendable, CaseIterable {
        /// BERT's pooler on the first token's state, which is what `BertForSequenceClassification` reads.
        case pooler = "cls"
        /// The mean of the hidden states: better under a frozen encoder that was trained to embed sentences. The files are
        /// no `BertForSequenceClassification` then.
        case mean
    }

    /// The encoder; an adapter for the classifier sits on its layers.
    public nonisolated let encoder: TextEncoder
    /// The labels' names, in the order of the scores.
    public nonisolated let labels: [String]
    /// Whether a text has one label or any number of them.
    public nonisolated let problemType: ProblemType
    /// What the head reads.
    public nonisolated let features: Features
    /// The head: [l, d] and [l], float32, trainable.
    package let weight: Tensor
    package let bias: Tensor

    init(
        encoder: TextEncoder,
        labels: [String],
        problemType: ProblemType,
        features: Features,
        weight: Tensor,
        bias: Tensor
    ) throws {
        let path = encoder.url.path
        guard labels.count >= (problemType == .singleLabel ? 2 : 1), Set(labels).count == labels.count else {
            throw ModelError.configuration(
                path: path,
                key: "id2label",
                reason:
                    "names \(labels.joined(separator: ", ")); a classifier needs different labels, two or more where "
                    + "a text has one of them"
            )
        }
        guard features == .mean || encoder.network.pooler != nil else {
            throw ModelError.unsupported(
                path: path,
                feature: "a head on BERT's pooler without bert.pooler.dense in the files",
                remedy: "let the head read the mean of the hidden states"
            )
        }
        self.encoder = encoder
        self.labels = labels
        self.problemType = problemType
        self.features = features
        self.weight = weight
        self.bias = bias
    }

    /// A fresh head on an encoder: weights uniform in ±1/sqrt(d), biases zero.
    public convenience init(
        on encoder: TextEncoder,
        labels: [String],
        problemType: ProblemType = .singleLabel,
        features: Features = .pooler,
        seed: UInt64
    ) throws {
        let d = encoder.configuration.hiddenSize
        let bound = 1 / Double(d).squareRoot()
        try self.init(
            encoder: encoder,
            labels: labels,
            problemType: problemType,
            features: features,
            weight: .uniform(-bound, bound, shape: [labels.count, d], seed: seed, device: encoder.device),
            bias: .zeros([labels.count], device: encoder.device)
        )
    }

    /// A copy that no training changes, with the adapters added into the weights.
    public func merged() throws -> TextClassifier {
        try TextClassifier(
            encoder: encoder.merged(),
            labels: labels,
            problemType: problemType,
            features: features,
            weight: weight.detached().clone(),
            bias: bias.detached().clone()
        )
    }

    /// The linear layers that the scores depend on, the head not among them.
    package var linears: [Linear] {
        let pooler = features == .pooler ? encoder.network.pooler : nil
        return encoder.network.linears + [pooler].compactMap { $0 }
    }

    /// A fresh adapter for those layers.
    package func adapter(_ configuration: LoRAConfiguration, seed: UInt64) throws -> Adapter {
        try Adapter(configuration, for: linears, of: encoder.url, device: encoder.device, seed: seed)
    }

    /// What the head reads, of a batch's hidden states [t, d]: [n, d] float32.
    package func featureStates(_ batch: EncoderBatch, hidden: Tensor) throws(TorchError) -> Tensor {
        guard features == .pooler, let pooler = encoder.network.pooler else {
            return try encoder.network.means(of: hidden, batch)
        }
        return try pooler(encoder.network.firsts(of: hidden, batch)).tanh().to(.float32)
    }

    /// Scores of feature states [n, d]: [n, l].
    package func logits(_ states: Tensor) throws(TorchError) -> Tensor {
        try states.matmul(weight.transposed(0, 1)).adding(bias)
    }

    /// Logarithms of probabilities, of scores [n, l]: [n, l] for single labels; for multiple ones [n, l, 2], of a label's
    /// absence and its presence, whose sigmoid is a softmax over a zero and the score.
    package func logProbabilities(_ logits: Tensor) throws(TorchError) -> Tensor {
        guard problemType == .multiLabel else { return try logits.logSoftmax(along: 1) }
        let zeros = try Tensor.zeros(logits.shape + [1], device: logits.device)
        return try Tensor.concatenated([zeros, logits.unsqueezed(2)], along: 2).logSoftmax(along: 2)
    }

    /// The probability of each label, in the order of `labels`, for each text.
    public nonisolated func probabilities(of texts: [String]) async throws -> [[Float]] {
        let ids = try texts.map { try encoder.tokens(of: $0) }
        return try await probabilities(ofTokens: ids)
    }

    /// The same of token ids.
    package func probabilities(ofTokens texts: [[Int]]) throws -> [[Float]] {
        try encoder.network.rows(of: texts) { [self] batch, hidden throws(TorchError) in
            let logits = try logits(featureStates(batch, hidden: hidden))
            let probabilities = try logProbabilities(logits).exponential()
            guard problemType == .multiLabel else { return probabilities }
            return try probabilities.narrowed(2, from: 1, length: 1).reshaped(logits.shape)
        }
    }
}
