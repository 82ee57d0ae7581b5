package import TemperTorch

/// A pair of LoRA matrices: `W + scale * B A` (arXiv 2106.09685, section 4.1).
package typealias LoRAPair = LinearLayer.Pair

/// A linear layer whose weight is kept whole or in four bits: plain, with a trainable LoRA pair on top, or, if it is whole,
/// trained itself.
///
/// It knows nothing about where it stands in the network beyond its name, which is the one of the Hugging Face files.
@TorchActor
package final class Linear {
    /// Module name as in the Hugging Face files, for example `model.layers.0.self_attn.q_proj`.
    package let name: String
    /// How the weight is kept.
    private enum Kept {
        case whole(Weight)
        /// The pair belongs to the weight, which is too coarse to take it up.
        case coarse(NormalFloat, beneath: LoRAPair?)
    }
    private var kept: Kept
    private let biasWeight: Weight?
    /// The adapter on top, if any.
    package var lora: LoRAPair?
    /// Is shown every x [t, in] that the layer multiplies, for those who look at activations.
    package var observe: ((_ x: Tensor) throws(TorchError) -> Void)?

    init(name: String, weight: Weight, bias: Weight? = nil) {
        self.name = name
        kept = .whole(weight)
        biasWeight = bias
    }

    package convenience init(name: String, weight: Tensor, bias: Tensor? = nil) {
        self.init(
            name: name,
            weight: Weight("\(name).weight", weight),
            bias: bias.map { Weight("\(name).bias", $0) }
        )
    }

    /// What can be trained of it when all weights are.
    var weights: [Weight] {
        switch kept {
        case .whole(let weight): [weight, biasWeight].compactMap { $0 }
        case .coarse: [biasWeight].compactMap { $0 }
        }
    }

    /// [out]
    package var bias: Tensor? { biasWeight?.tensor() }

    /// [out, in]
    package var shape: [Int] {
        switch kept {
        case .whole(let weight): weight.tensor().shape
        case .coarse(let weight, _): weight.shape
        }
    }

    /// [out, in], without the adapter on top; made anew where it is kept in four bits.
    package var weight: Tensor {
        get throws(TorchError) {
            switch kept {
            case .whole(let weight): weight.tensor()
            case .coarse(let weight, let pair): try Self.sum(weight.weight, pair)
            }
        }
    }

    /// Whether the weight is kept in four bits.
    package var isQuantized: Bool {
        if case .coarse = kept { true } else { false }
    }

    /// Keeps the weight in four bits from here on.
    package func quantize() throws(TorchError) {
        guard case .whole(let weight) = kept else { return }
        kept = .coarse(try NormalFloat(weight.tensor()), beneath: nil)
    }

    /// Takes the pair on top for a part of the weight that is kept in four bits.
    package func settle() throws(TorchError) {
        guard case .coarse(let weight, let beneath) = kept, let lora else { return }
        var pair = LoRAPair(a: try lora.a.detached().clone(), b: try lora.b.detached().clone(), scale: lora.scale)
        if let beneath { pair = try pair.joined(beneath) }
        kept = .coarse(weight, beneath: pair)
        self.lora = nil
    }

    /// x [t, in] to [t, out].
    package func callAsFunction(_ x: Tensor) throws(TorchError) -> Tensor {
        try Self.apply([self], to: x, adapted: true)[0]
    }

    /// Several layers on the same x [t, in], as they were before training where `adapted` is false: [t, out] each. A residual goes
    /// with one layer.
    static func apply(
        _ linears: [Linear],
        to x: Tensor,
        adapted: Bool,
        residual: Tensor? = nil
    ) throws(TorchError) -> [Tensor] {
        for linear in linears { try linear.observe?(x) }
        return try Layers.linears(x, linears.map { $0.layer(adapted: adapted) }, residual: residual)
    }

    /// Lays the weight out as the matrix kernels read it, where there are such; without it the layer is slower.
    package func prepare(forTraining: Bool) throws(TorchError) {
        if case .whole(let weight) = kept { try weight.prepare(forTraining: forTraining) }
    }

    /// Forgets what `prepare` made.
    func unprepare() {
        if case .whole(let weight) = kept { weight.unprepare() }
    }

    /// The layer as one of several on the same input; as it was before training where `adapted` is false.
    func layer(adapted: Bool) -> LinearLayer {
        let pair = adapted ? lora : nil
        let bias = biasWeight?.tensor(adapted: adapted)
        return switch kept {
        case .whole(let weight):
            LinearLayer(
                weight: weight.tensor(adapted: adapted),
                bias: bias,
                trained: adapted ? (weight.trained, biasWeight?.trained) : (nil, nil),
                pair: pair,
                packed: weight.packed(adapted: adapted)
            )
        case .coarse(let weight, let beneath): LinearLayer(weight: weight, bias: bias, pair: pair, beneath: beneath)
        }
    }

    /// A copy that is as this one is now, the adapter added into the weight, laid out for inference.
    func merged() throws(TorchError) -> Linear {
        let weight: Weight
        if case .whole(let own) = kept, lora == nil {
            weight = try own.settled()
        } else {
            weight = Weight("\(name).weight", try mergedWeight())
        }
        let copy = Linear(name: name, weight: weight, bias: try biasWeight?.settled())
        try copy.prepare(forTraining: false)
        return copy
    }

    /// Takes a direction of length 1 out of what the layer gives, [out]; of a merged copy.
    func remove(direction: Tensor) throws(TorchError) {
        guard case .whole(let weight) = kept, lora == nil else { preconditionFailure("a merged copy is kept whole") }
        try weight.project(along: 0, off: direction)
        try biasWeight?.project(along: 0, off: direction)
        try prepare(forTraining: false)
    }

    /// Rounds the weight to a storage format; of a merged copy, which is not laid out for inference afterwards.
    func round(to format: LanguageModel.Quantization) throws(TorchError) {
        guard case .whole(let weight) = kept, lora == nil else { preconditionFailure("a merged copy is kept whole") }
        kept = .whole(Weight(weight.name, try format.rounded(weight.tensor())))
    }

    /// `W + scale * B A`, summed in float32 and rounded; a weight in four bits was rounded with the pair beneath it before.
    package func mergedWeight() throws(TorchError) -> Tensor {
        try Self.sum(weight, lora)
    }

    private static func sum(_ weight: Tensor, _ pair: LoRAPair?) throws(TorchError) -> Tensor {
        guard let pair else { return weight }
        return try withoutGradients { () throws(TorchError) in
            try weight.to(.float32).adding(pair.b.matmul(pair.a), times: pair.scale).to(weight.dtype)
        }
    }
}
