import CTemperTorch

/// Layers as functions of tensors. Legend of shapes: t tokens, d width, h heads, n rows, v vocabulary, r LoRA rank.
public enum Layers {
    /// `x W^T + bias`; x [.., in], weight [out, in].
    public static func linear(_ x: Tensor, weight: Tensor, bias: Tensor? = nil) throws(TorchError) -> Tensor {
        try .make("linear", [x, weight]) { tt_linear(x.handle, weight.handle, bias?.handle, $0) }
    }

    /// `x W^T + bias + scale (x A^T) B^T`; weight [out, in] frozen, a [r, in] and b [out, r] trainable float32
    /// (LoRA, arXiv 2106.09685, equation 3).
    public static func loraLinear(
        _ x: Tensor,
        weight: Tensor,
        bias: Tensor? = nil,
        a: Tensor,
        b: Tensor,
        scale: Double
    ) throws(TorchError) -> Tensor {
        try .make("lora_linear", [x, weight, a, b]) {
            tt_lora_linear(x.handle, weight.handle, bias?.handle, a.handle, b.handle, scale, $0)
        }
    }

    /// Rows of `weight` [v, d] for `ids` [t]: [t, d].
    public static func embedding(_ ids: Tensor, weight: Tensor) throws(TorchError) -> Tensor {
        try .make("embedding", [weight, ids]) { tt_embedding(weight.handle, ids.handle, $0) }
    }

    /// `x / sqrt(mean(x^2) + epsilon) * weight`; weight frozen (RMSNorm, arXiv 1910.07467).
    public static func rmsNorm(_ x: Tensor, weight: Tensor, epsilon: Double) throws(TorchError) -> Tensor {
        try .make("rms_norm", [x, weight]) { tt_rms_norm(x.handle, weight.handle, epsilon, $0) }
    }

    /// `silu(gate) * up` (SwiGLU, arXiv 2002.05202).
    public static func siluMultiply(gate: Tensor, up: Tensor) throws(TorchError) -> Tensor {
        try .make("silu_mul", [gate, up]) { tt_silu_mul(gate.handle, up.handle, $0) }
    }

    /// Rotary embedding of x [t, h, d] by angles [t, d/2], the halves of d as pairs (RoPE, arXiv 2104.09864).
    public static func rope(_ x: Tensor, cosine: Tensor, sine: Tensor) throws(TorchError) -> Tensor {
        try .make("rope", [x, cosine, sine]) { tt_rope(x.handle, cosine.handle, sine.handle, $0) }
    }

    /// Causal attention over sequences laid one after another, none of which sees another:
    /// q [t, h, d], k and v [t, h_kv, d], `lengths` summing to t; [t, h, d].
    public static func packedAttention(
        q: Tensor,
        k: Tensor,
        v: Tensor,
        lengths: [Int]
    ) throws(TorchError) -> Tensor {
        try .make("packed_attention", [q, k, v]) {
            tt_packed_attention(q.handle, k.handle, v.handle, lengths.map(Int64.init), Int32(lengths.count), $0)
        }
    }

    /// Attention with an additive mask: q [b, h, l, d], k and v [b, h_kv, s, d], mask broadcastable to [b, h, l, s].
    public static func attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor?) throws(TorchError) -> Tensor {
        try .make("attention", [q, k, v]) { tt_attention(q.handle, k.handle, v.handle, mask?.handle, $0) }
    }

    /// Sum over rows of `rowWeights_i * cross-entropy(hidden_i W^T, targets_i)`, the logits never whole.
    ///
    /// hidden [n, d], weight [v, d] frozen, targets [n] int64, rowWeights [n] float32 or nil for ones; a scalar.
    public static func linearCrossEntropy(
        hidden: Tensor,
        weight: Tensor,
        targets: Tensor,
        rowWeights: Tensor? = nil
    ) throws(TorchError) -> Tensor {
        try .make("linear_cross_entropy", [hidden, weight, targets]) {
            tt_linear_cross_entropy(hidden.handle, weight.handle, targets.handle, rowWeights?.handle, $0)
        }
    }

    /// Sum over rows of `KL(reference || model)` between the distributions that hidden states [n, d] and head weights
    /// [v, d] give; the reference gets no gradient. A scalar.
    public static func linearDivergence(
        hidden: Tensor,
        weight: Tensor,
        referenceHidden: Tensor,
        referenceWeight: Tensor
    ) throws(TorchError) -> Tensor {
        try .make("linear_divergence", [hidden, weight, referenceHidden]) {
            tt_linear_divergence(hidden.handle, weight.handle, referenceHidden.handle, referenceWeight.handle, $0)
        }
    }

    /// Log-probability of `targets_i` under `hidden_i W^T`: [n] float32; no gradient.
    public static func linearLogProbability(
        hidden: Tensor,
        weight: Tensor,
        targets: Tensor
    ) throws(TorchError) -> Tensor {
        try .make("linear_log_probability", [hidden, weight, targets]) {
            tt_linear_log_probability(hidden.handle, weight.handle, targets.handle, $0)
        }
    }
}

/// A frozen weight laid out once for the fastest inference.
public final class PackedWeight {
    private let packed: Tensor
    private let bias: Tensor?

    /// Packs weight [out, in]; on a device without a packed layout the weight itself is kept.
    public init(_ weight: Tensor, bias: Tensor? = nil) throws(TorchError) {
        packed = try .make("pack_linear", [weight]) { tt_pack_linear(weight.handle, $0) }
        self.bias = bias
    }

    /// `x W^T + bias`; x [t, in].
    public func callAsFunction(_ x: Tensor) throws(TorchError) -> Tensor {
        try .make("packed_linear", [x]) { tt_packed_linear(x.handle, packed.handle, bias?.handle, $0) }
    }
}
