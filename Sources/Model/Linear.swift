package import TemperTorch

/// A pair of LoRA matrices: `W + scale * B A` (arXiv 2106.09685, section 4.1).
package struct LoRAPair {
    /// [r, in], float32
    package var a: Tensor
    /// [out, r], float32
    package var b: Tensor
    /// `lora_alpha / r`
    package var scale: Double

    package init(a: Tensor, b: Tensor, scale: Double) {
        self.a = a
        self.b = b
        self.scale = scale
    }
}

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
    private var packed: PackedWeight?

    package init(name: String, weight: Tensor, bias: Tensor? = nil) {
        self.name = name
        self.weight = weight
        self.bias = bias
    }

    /// x [t, in] to [t, out]; without the adapter on top where `adapted` is false.
    package func callAsFunction(_ x: Tensor, adapted: Bool = true) throws(TorchError) -> Tensor {
        if let lora, adapted {
            return try Layers.loraLinear(x, weight: weight, bias: bias, a: lora.a, b: lora.b, scale: lora.scale)
        }
        if let packed { return try packed(x) }
        return try Layers.linear(x, weight: weight, bias: bias)
    }

    /// A copy with the adapter added into the weight, laid out for inference.
    func merged() throws(TorchError) -> Linear {
        let copy = Linear(name: name, weight: try mergedWeight(), bias: bias)
        copy.packed = try PackedWeight(copy.weight, bias: bias)
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
