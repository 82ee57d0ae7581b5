package import TemperTorch

/// One block of the Llama network: attention and a gated MLP, each on a normalised copy of the residual stream.
@TorchActor
package final class LlamaLayer {
    private let configuration: LlamaConfiguration
    let inputNorm: Tensor
    let q: Linear
    let k: Linear
    let v: Linear
    let o: Linear
    let postAttentionNorm: Tensor
    let gate: Linear
    let up: Linear
    let down: Linear

    /// The layers an adapter can sit on.
    var linears: [Linear] { [q, k, v, o, gate, up, down] }

    init(
        index: Int,
        _ configuration: LlamaConfiguration,
        load: (_ name: String, _ shape: [Int], _ heads: Int?) throws -> Tensor
    ) throws {
        self.configuration = configuration
        let prefix = "model.layers.\(index)"
        let d = configuration.hiddenSize
        let queries = configuration.headCount * configuration.headSize
        let pairs = configuration.keyValueHeadCount * configuration.headSize
        func linear(_ name: String, _ output: Int, _ input: Int, bias: Bool, heads: Int? = nil) throws -> Linear {
            let name = "\(prefix).\(name)"
            return Linear(
                name: name,
                weight: try load("\(name).weight", [output, input], heads),
                bias: bias ? try load("\(name).bias", [output], heads) : nil
            )
        }
        let attentionBias = configuration.attentionBias
        let mlpBias = configuration.mlpBias
        inputNorm = try load("\(prefix).input_layernorm.weight", [d], nil)
        q = try linear("self_attn.q_proj", queries, d, bias: attentionBias, heads: configuration.headCount)
        k = try linear("self_attn.k_proj", pairs, d, bias: attentionBias, heads: configuration.keyValueHeadCount)
        v = try linear("self_attn.v_proj", pairs, d, bias: attentionBias)
        o = try linear("self_attn.o_proj", d, queries, bias: attentionBias)
        postAttentionNorm = try load("\(prefix).post_attention_layernorm.weight", [d], nil)
        gate = try linear("mlp.gate_proj", configuration.intermediateSize, d, bias: mlpBias)
        up = try linear("mlp.up_proj", configuration.intermediateSize, d, bias: mlpBias)
        down = try linear("mlp.down_proj", d, configuration.intermediateSize, bias: mlpBias)
    }

    init(merging other: LlamaLayer) throws(TorchError) {
        configuration = other.configuration
        inputNorm = other.inputNorm
        q = try other.q.merged()
        k = try other.k.merged()
        v = try other.v.merged()
        o = try other.o.merged()
        postAttentionNorm = other.postAttentionNorm
        gate = try other.gate.merged()
        up = try other.up.merged()
        down = try other.down.merged()
    }

    /// x [t, d] to [t, d].
    func callAsFunction(
        _ x: Tensor,
        batch: PackedBatch,
        cosine: Tensor,
        sine: Tensor,
        cache: (KeyValueCache, CacheUse)?,
        index: Int
    ) throws(TorchError) -> Tensor {
        let epsilon = configuration.normEpsilon
        let normed = try Layers.rmsNorm(x, weight: inputNorm, epsilon: epsilon)
        let mixed = try attention(normed, batch: batch, cosine: cosine, sine: sine, cache: cache, index: index)
        let x = try apply([o], to: mixed, batch, residual: x)[0]
        let inner = try Layers.rmsNorm(x, weight: postAttentionNorm, epsilon: epsilon)
        let gated = try apply([gate, up], to: inner, batch)
        return try apply([down], to: Layers.siluMultiply(gate: gated[0], up: gated[1]), batch, residual: x)[0]
    }

    private func apply(
        _ linears: [Linear],
        to x: Tensor,
        _ batch: PackedBatch,
        residual: Tensor? = nil
    ) throws(TorchError) -> [Tensor] {
        try Layers.linears(x, linears.map { $0.layer(adapted: batch.adapted) }, residual: residual)
    }

    private func attention(
        _ x: Tensor,
        batch: PackedBatch,
        cosine: Tensor,
        sine: Tensor,
        cache: (KeyValueCache, CacheUse)?,
        index: Int
    ) throws(TorchError) -> Tensor {
        let (heads, pairs, size) = (configuration.headCount, configuration.keyValueHeadCount, configuration.headSize)
        let projected = try apply([q, k, v], to: x, batch)
        let queries = try Layers.rope(projected[0].reshaped([-1, heads, size]), cosine: cosine, sine: sine)
        let keys = try Layers.rope(projected[1].reshaped([-1, pairs, size]), cosine: cosine, sine: sine)
        let values = try projected[2].reshaped([-1, pairs, size])
        let mixed: Tensor
        switch cache {
        case (let cache, .decode(let slots, let lengths))?:
            try cache.store(layer: index, k: keys, v: values, slots: slots, positions: batch.positions)
            mixed = try cache.attend(layer: index, q: queries, lengths: lengths)
        case (let cache, .prefill(let destinations))?:
            try cache.store(
                layer: index,
                k: keys.selected(0, destinations.tokens),
                v: values.selected(0, destinations.tokens),
                slots: destinations.slots,
                positions: destinations.positions
            )
            fallthrough
        case nil:
            mixed = try Layers.packedAttention(
                q: queries,
                k: keys,
                v: values,
                lengths: batch.lengths,
                sharesFirst: batch.trunk > 0
            )
        }
        return try mixed.reshaped([-1, heads * size])
    }
}
