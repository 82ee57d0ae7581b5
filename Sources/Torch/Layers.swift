import CTemperTorch

/// Layers as functions of tensors. Legend of shapes: t tokens, d width, h heads, n rows, v vocabulary, r LoRA rank.
public enum Layers {
    /// Linear layers that read the same x [t, in]: `x W^T + bias + scale (x A^T) B^T` for each, [t, out]
    /// (LoRA, arXiv 2106.09685, equation 3).
    ///
    /// - Parameter residual: [t, out], added to the output; only where there is one layer.
    package static func linears(
        _ x: Tensor,
        _ layers: [LinearLayer],
        residual: Tensor? = nil
    ) throws(TorchError) -> [Tensor] {
        var out = [tt_tensor?](repeating: nil, count: layers.count)
        // The handles are lent: what is joined lives as long as the call.
        var joined: [LinearLayer] = []
        for layer in layers { joined.append(try layer.joined()) }
        defer { withExtendedLifetime(joined) {} }
        let items = joined.map(\.item)
        let status = tt_linears(x.handle, residual?.handle, items, Int32(items.count), &out)
        guard status == TT_OK else {
            throw TorchError(status, operation: "linears", shapes: [x.shape] + layers.map(\.weight.shape))
        }
        return out.compactMap { $0.map(Tensor.init(owning:)) }
    }

    /// One linear layer.
    package static func linear(_ x: Tensor, weight: Tensor, bias: Tensor? = nil) throws(TorchError) -> Tensor {
        try linears(x, [LinearLayer(weight: weight, bias: bias)])[0]
    }

    /// Rows of `weight` [v, d] for `ids` [t]: [t, d].
    public static func embedding(_ ids: Tensor, weight: Tensor) throws(TorchError) -> Tensor {
        try .make("embedding", [weight, ids]) { tt_embedding(weight.handle, ids.handle, $0) }
    }

    /// `x / sqrt(mean(x^2) + epsilon) * weight` (RMSNorm, arXiv 1910.07467).
    public static func rmsNorm(_ x: Tensor, weight: Tensor, epsilon: Double) throws(TorchError) -> Tensor {
        try .make("rms_norm", [x, weight]) { tt_rms_norm(x.handle, weight.handle, epsilon, $0) }
    }

    /// `(x - mean) / sqrt(variance + epsilon) * weight + bias`; bias [d] frozen (LayerNorm, arXiv 1607.06450).
    package static func layerNorm(
        _ x: Tensor,
        weight: Tensor,
        bias: Tensor? = nil,
        epsilon: Double
    ) throws(TorchError) -> Tensor {
        try .make("layer_norm", [x, weight]) { tt_layer_norm(x.handle, weight.handle, bias?.handle, epsilon, $0) }
    }

    /// `silu(gate) * up` (SwiGLU, arXiv 2002.05202).
    public static func siluMultiply(gate: Tensor, up: Tensor) throws(TorchError) -> Tensor {
        try .make("silu_mul", [gate, up]) { tt_silu_mul(gate.handle, up.handle, $0) }
    }

    /// Rotary embedding of x [t, h, d] by angles [t, d/2], the halves of d as pairs (RoPE, arXiv 2104.09864).
    public static func rope(_ x: Tensor, cosine: Tensor, sine: Tensor) throws(TorchError) -> Tensor {
        try .make("rope", [x, cosine, sine]) { tt_rope(x.handle, cosine.handle, sine.handle, $0) }
    }

    /// Attention over sequences laid one after another: q [t, h, d], k and v [t, h_kv, d], `lengths` summing to t; [t, h, d].
    ///
    /// No sequence sees another, but where `shared` is not empty, sequence i sees the first `shared[i]` tokens of the first
    /// one as if they were its own; `shared[0]` is 0.
    package static func packedAttention(
        q: Tensor,
        k: Tensor,
        v: Tensor,
        lengths: [Int],
        shared: [Int] = [],
        rule: AttentionRule = AttentionRule()
    ) throws(TorchError) -> Tensor {
        precondition(shared.isEmpty || shared.count == lengths.count, "one shared length for each sequence")
        let (spans, count) = (lengths.map(Int64.init), Int32(lengths.count))
        let beginnings = shared.isEmpty ? nil : shared.map(Int64.init)
        return try .make("packed_attention", [q, k, v]) {
            var how = rule.item
            return tt_packed_attention(q.handle, k.handle, v.handle, spans, count, beginnings, &how, $0)
        }
    }

    /// One query per sequence over what a cache holds of it: q [n, h, d], keys and values [slots, capacity, h_kv, d], of
    /// which sequence i fills the first `lengths[i]` positions of slot i; [n, h, d], no gradient.
    package static func cachedAttention(
        q: Tensor,
        keys: Tensor,
        values: Tensor,
        lengths: [Int],
        rule: AttentionRule = AttentionRule()
    ) throws(TorchError) -> Tensor {
        let (filled, count) = (lengths.map(Int64.init), Int32(lengths.count))
        return try .make("cached_attention", [q, keys, values]) {
            var how = rule.item
            return tt_cached_attention(q.handle, keys.handle, values.handle, filled, count, &how, $0)
        }
    }

    /// Sum over rows of `rowWeights_i * cross-entropy(logits_i, targets_i)`, the logits never whole.
    ///
    /// hidden [n, d], targets [n] int64, rowWeights [n] float32 or nil for ones; a scalar.
    package static func linearCrossEntropy(
        hidden: Tensor,
        head: OutputHead,
        targets: Tensor,
        rowWeights: Tensor? = nil
    ) throws(TorchError) -> Tensor {
        var item = head.item
        return try .make("linear_cross_entropy", [hidden, head.weight, targets]) {
            tt_linear_cross_entropy(hidden.handle, &item, targets.handle, rowWeights?.handle, $0)
        }
    }

    /// Sum over rows of `KL(softmax(referenceLogits_i) || softmax(logits_i))`; the reference gets no gradient.
    ///
    /// hidden and referenceHidden [n, d]; a scalar.
    package static func linearDivergence(
        hidden: Tensor,
        head: OutputHead,
        referenceHidden: Tensor,
        referenceHead: OutputHead
    ) throws(TorchError) -> Tensor {
        var (item, reference) = (head.item, referenceHead.item)
        return try .make("linear_divergence", [hidden, head.weight, referenceHidden]) {
            tt_linear_divergence(hidden.handle, &item, referenceHidden.handle, &reference, $0)
        }
    }

    /// Log-probability of `targets_i` under `logits_i`, which are never whole: [n] float32.
    package static func linearLogProbability(
        hidden: Tensor,
        head: OutputHead,
        targets: Tensor
    ) throws(TorchError) -> Tensor {
        var item = head.item
        return try .make("linear_log_probability", [hidden, head.weight, targets]) {
            tt_linear_log_probability(hidden.handle, &item, targets.handle, $0)
        }
    }
}

/// What turns hidden states into scores over the vocabulary, as the losses take it: `capped(hidden W^T)`.
package struct OutputHead {
    /// [v, d]
    package var weight: Tensor
    /// [v, d] float32: what the weight was made from, and what takes its gradient; nil where it is frozen.
    package var trained: Tensor?
    /// The weight as the matrix kernels read it, where there are such.
    package var packed: LinearLayer.Packed?
    /// `capped(s) = softCap * tanh(s / softCap)`; nil for `s`.
    package var softCap: Double?

    package init(
        weight: Tensor,
        trained: Tensor? = nil,
        packed: LinearLayer.Packed? = nil,
        softCap: Double? = nil
    ) {
        self.weight = weight
        self.trained = trained
        self.packed = packed
        self.softCap = softCap
    }

    var item: tt_output_head {
        tt_output_head(
            weight: weight.handle,
            packed: packed?.forward.handle,
            packed_transposed: packed?.backward?.handle,
            soft_cap: softCap ?? 0,
            trained: trained?.handle
        )
    }
}

/// What a query of attention sees, and what becomes of its product with a key: `capped(scale * product) + slope * distance`,
/// the distance of an earlier key being negative.
package struct AttentionRule {
    /// nil for `1 / sqrt(d)`.
    package var scale: Double?
    /// `capped(s) = softCap * tanh(s / softCap)` (Gemma 2, arXiv 2408.00118); nil for `s`.
    package var softCap: Double?
    /// Keys seen, the query's own included (arXiv 2004.05150); nil for all.
    package var window: Int?
    /// Whether later keys are hidden.
    package var isCausal: Bool
    /// [h] float32, one for each head (ALiBi, arXiv 2108.12409).
    package var slopes: Tensor?

    package init(
        scale: Double? = nil,
        softCap: Double? = nil,
        window: Int? = nil,
        isCausal: Bool = true,
        slopes: Tensor? = nil
    ) {
        self.scale = scale
        self.softCap = softCap
        self.window = window
        self.isCausal = isCausal
        self.slopes = slopes
    }

    var item: tt_attention_rule {
        tt_attention_rule(
            scale: scale ?? 0,
            soft_cap: softCap ?? 0,
            window: Int64(window ?? 0),
            causal: isCausal,
            slopes: slopes?.handle
        )
    }
}

/// One of the linear layers that `Layers.linears` takes.
package struct LinearLayer {
    /// A LoRA pair: a [r, in] and b [out, r], float32, trainable; `scale` is not 0.
    package struct Pair {
        package var a: Tensor
        package var b: Tensor
        package var scale: Double

        package init(a: Tensor, b: Tensor, scale: Double) {
            self.a = a
            self.b = b
            self.scale = scale
        }

        /// One pair that does what this one and another do together.
        package func joined(_ other: Pair) throws(TorchError) -> Pair {
            Pair(
                a: try .concatenated([other.a, a], along: 0),
                b: try .concatenated([other.b.scaled(by: other.scale / scale), b], along: 1),
                scale: scale
            )
        }
    }

    /// A weight as the matrix kernels read it.
    package struct Packed {
        /// For the output.
        let forward: Tensor
        /// For the gradient of the input.
        let backward: Tensor?

        /// Packs weight [out, in]; nil where the kernels do not run (other processors, devices and types).
        package init?(_ weight: Tensor, forTraining: Bool) throws(TorchError) {
            guard let forward = try Self.pack(weight, transposed: false) else { return nil }
            self.forward = forward
            backward = forTraining ? try Self.pack(weight, transposed: true) : nil
        }

        private static func pack(_ weight: Tensor, transposed: Bool) throws(TorchError) -> Tensor? {
            var out: tt_tensor?
            try check(tt_pack_weight(weight.handle, transposed, &out), "pack_weight", weight)
            return out.map { Tensor(owning: $0) }
        }

        /// Whether a gradient can flow through it.
        package var isForTraining: Bool { backward != nil }
    }

    /// [out, in]; its codes where it is kept in four bits
    let weight: Tensor
    /// What the weight and the bias were made from, float32, and what takes their gradients; nil where they are frozen.
    private let trained: (weight: Tensor?, bias: Tensor?)
    private let scales: Tensor?
    /// [out]
    let bias: Tensor?
    private var pair: Pair?
    /// A pair that is part of the frozen weight.
    private var beneath: Pair?
    private let packed: Packed?

    package init(
        weight: Tensor,
        bias: Tensor? = nil,
        trained: (weight: Tensor?, bias: Tensor?) = (nil, nil),
        pair: Pair? = nil,
        packed: Packed? = nil
    ) {
        self.weight = weight
        self.trained = trained
        scales = nil
        self.bias = bias
        self.pair = pair
        self.packed = packed
    }

    package init(weight: NormalFloat, bias: Tensor? = nil, pair: Pair? = nil, beneath: Pair? = nil) {
        self.weight = weight.codes
        trained = (nil, nil)
        scales = weight.scales
        self.bias = bias
        self.pair = pair
        self.beneath = beneath
        packed = nil
    }

    /// The layer with both its pairs as one: `s1 B1 A1 + s2 B2 A2 = s2 [(s1 / s2) B1, B2] [A1; A2]`.
    func joined() throws(TorchError) -> LinearLayer {
        guard let beneath else { return self }
        var joined = self
        joined.beneath = nil
        joined.pair = try pair?.joined(beneath) ?? beneath
        return joined
    }

    var item: tt_linear_layer {
        tt_linear_layer(
            weight: weight.handle,
            scales: scales?.handle,
            bias: bias?.handle,
            a: pair?.a.handle,
            b: pair?.b.handle,
            scale: pair?.scale ?? 1,
            packed: packed?.forward.handle,
            packed_transposed: packed?.backward?.handle,
            trained: trained.weight?.handle,
            trained_bias: trained.bias?.handle
        )
    }
}
