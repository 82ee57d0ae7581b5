package import TemperTorch

/// A pair of LoRA matrices: `W + scale * B A` (arXiv 2106.09685, section 4.1).
package typealias LoRAPair = LinearLayer.Pair

/// A linear layer whose weight is frozen, whole or in four bits: plain, or with a trainable LoRA pair on top.
///
/// It knows nothing about where it stands in the network beyond its name, which is the one of the Hugging Face files.
@TorchActor
package final class Linear {
    /// Module name as in the Hugging Face files, for example `model.layers.0.self_attn.q_proj`.
    package let name: String
    /// How the weight is kept.
    private enum Kept {
        case whole(Tensor)
        /// The pair belongs to the weight, which is too coarse to take it up.
        case coarse(NormalFloat, beneath: LoRAPair?)
    }
    private var kept: Kept
    /// [out]
    package let bias: Tensor?
    /// The adapter on top, if any.
    package var lora: LoRAPair?
    /// The weight as the matrix kernels read it, once `prepare` was called and where there are such.
    package private(set) var packed: LinearLayer.Packed?

    package init(name: String, weight: Tensor, bias: Tensor? = nil) {
        self.name = name
        kept = .whole(weight)
        self.bias = bias
    }

    /// [out, in]
    package var shape: [Int] {
        switch kept {
        case .whole(let weight): weight.shape
        case .coarse(let weight, _): weight.shape
        }
    }

    /// [out, in], without the adapter on top; made anew where it is kept in four bits.
    package var weight: Tensor {
        get throws(TorchError) {
            switch kept {
            case .whole(let weight): weight
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
        kept = .coarse(try NormalFloat(weight), beneath: nil)
        packed = nil
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
        try Layers.linears(x, [layer(adapted: true)])[0]
    }

    /// Several layers on the same x [t, in], without their adapters where `adapted` is false: [t, out] each. A residual goes
    /// with one layer.
    static func apply(
        _ linears: [Linear],
        to x: Tensor,
        adapted: Bool,
        residual: Tensor? = nil
    ) throws(TorchError) -> [Tensor] {
        try Layers.linears(x, linears.map { $0.layer(adapted: adapted) }, residual: residual)
    }

    /// Lays the weight out as the matrix kernels read it, where there are such; without it the layer is slower.
    package func prepare(forTraining: Bool) throws(TorchError) {
        guard case .whole(let weight) = kept, packed.map({ forTraining && !$0.isForTraining }) ?? true else { return }
        packed = try LinearLayer.Packed(weight, forTraining: forTraining)
    }

    /// Forgets what `prepare` made.
    func unprepare() {
        packed = nil
    }

    /// The layer as one of several on the same input; without the adapter on top where `adapted` is false.
    func layer(adapted: Bool) -> LinearLayer {
        let pair = adapted ? lora : nil
        return switch kept {
        case .whole(let weight): LinearLayer(weight: weight, bias: bias, pair: pair, packed: packed)
        case .coarse(let weight, let beneath): LinearLayer(weight: weight, bias: bias, pair: pair, beneath: beneath)
        }
    }

    /// A copy with the adapter added into the weight, laid out for inference.
    func merged() throws(TorchError) -> Linear {
        let copy = Linear(name: name, weight: try mergedWeight(), bias: bias)
        try copy.prepare(forTraining: false)
        return copy
    }

    /// `W + scale * B A`, summed in float32 and rounded once.
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
