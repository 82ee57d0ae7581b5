package import TemperTorch

/// A pair of LoRA matrices: `W + scale * B A` (arXiv 2106.09685, section 4.1).
package typealias LoRAPair = LinearLayer.Pair

/// A linear layer whose weight is frozen: plain, or with a trainable LoRA pair on top.
///
/// It knows nothing about where it stands in the network beyond its name, which is the one of the Hugging Face files.
@TorchActor
package final class Linear {
    /// Module name as in the Hugging Face files, for example `model.layers.0.self_attn.q_proj`.
    package let name: String
    /// [out, in]
    package let weight: Tensor
    /// [out]
    package let bias: Tensor?
    /// The adapter on top, if any.
    package var lora: LoRAPair?
    /// The weight as the matrix kernels read it, once `prepare` was called and where there are such.
    package private(set) var packed: LinearLayer.Packed?

    package init(name: String, weight: Tensor, bias: Tensor? = nil) {
        self.name = name
        self.weight = weight
        self.bias = bias
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
        guard packed.map({ forTraining && !$0.isForTraining }) ?? true else { return }
        packed = try LinearLayer.Packed(weight, forTraining: forTraining)
    }

    /// Forgets what `prepare` made.
    func unprepare() {
        packed = nil
    }

    /// The layer as one of several on the same input; without the adapter on top where `adapted` is false.
    func layer(adapted: Bool) -> LinearLayer {
        LinearLayer(weight: weight, bias: bias, pair: adapted ? lora : nil, packed: packed)
    }

    /// A copy with the adapter added into the weight, laid out for inference.
    func merged() throws(TorchError) -> Linear {
        let copy = Linear(name: name, weight: try mergedWeight(), bias: bias)
        try copy.prepare(forTraining: false)
        return copy
    }

    /// `W + scale * B A`, summed in float32 and rounded once.
    package func mergedWeight() throws(TorchError) -> Tensor {
        guard let lora else { return weight }
        return try withoutGradients { () throws(TorchError) in
            try weight.to(.float32).adding(lora.b.matmul(lora.a), times: lora.scale).to(weight.dtype)
        }
    }
}
