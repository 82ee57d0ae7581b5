import TemperTorch

/// Attention with grouped queries (arXiv 2305.13245) of one layer, from the normalised residual stream to what is mixed.
///
/// Legend: t tokens, d width, h heads, s size of a head.
@TorchActor
final class Attention {
    private let configuration: DecoderConfiguration
    private let layer: DecoderConfiguration.Layer
    private let rule: AttentionRule
    private let index: Int
    /// Query, key and value; or one that holds all three.
    private let queryKeyValue: [Linear]
    private let queryNorm: Norm?
    private let keyNorm: Norm?
    /// From the heads back to the width.
    let output: Linear

    var linears: [Linear] { queryKeyValue + [output] }
    var norms: [Norm] { [queryNorm, keyNorm].compactMap { $0 } }

    init(index: Int, _ loader: WeightLoader) throws {
        configuration = loader.configuration
        layer = configuration.layers[index]
        self.index = index
        rule = AttentionRule(
            scale: configuration.attentionScale,
            softCap: configuration.attentionSoftCap,
            window: layer.window,
            slopes: try configuration.slopes.map { try Tensor($0, shape: [$0.count], device: loader.device) }
        )
        let names = configuration.names
        let prefix = "\(names.layers).\(index)"
        let (heads, pairs) = (configuration.headCount, configuration.keyValueHeadCount)
        let (size, d) = (configuration.headSize, configuration.hiddenSize)
        let bias = configuration.biases.contains(.queryKeyValue)
        func input(_ name: String, _ output: Int, heads: Int?) throws -> Linear {
            try loader.linear("\(prefix).\(name)", output: output, input: d, bias: bias, heads: heads)
        }
        let modules = names.queryKeyValue
        if modules.count == 1 {
            queryKeyValue = [try input(modules[0], (heads + 2 * pairs) * size, heads: nil)]
        } else {
            queryKeyValue = [
                try input(modules[0], heads * size, heads: heads), try input(modules[1], pairs * size, heads: pairs),
                try input(modules[2], pairs * size, heads: nil),
            ]
        }
        output = try loader.linear(
            "\(prefix).\(names.attentionOutput)",
            output: d,
            input: heads * size,
            bias: configuration.biases.contains(.attentionOutput)
        )
        let kind = configuration.queryKeyNorm
        func norm(_ name: String, _ count: Int) throws -> Norm? {
            switch kind {
            case .none: nil
            case .perHead: try loader.norm("\(prefix).\(name)", size: size)
            case .whole: try loader.norm("\(prefix).\(name)", size: count * size)
            }
        }
        queryNorm = try norm(names.queryNorm, heads)
        keyNorm = try norm(names.keyNorm, pairs)
    }

    init(merging other: Attention) throws(TorchError) {
        configuration = other.configuration
        layer = other.layer
        rule = other.rule
        index = other.index
        queryNorm = try other.queryNorm?.merged()
        keyNorm = try other.keyNorm?.merged()
        var merged: [Linear] = []
        for linear in other.queryKeyValue { merged.append(try linear.merged()) }
        queryKeyValue = merged
        output = try other.output.merged()
    }

    /// x [t, d] to the heads' answers side by side, [t, h * s]; `output` is not applied.
    func mixed(_ x: Tensor, _ pass: ForwardPass) throws(TorchError) -> Tensor {
        let (heads, pairs, size) = (configuration.headCount, configuration.keyValueHeadCount, configuration.headSize)
        let projected = try projections(x, adapted: pass.batch.adapted)
        let queries = try positioned(projected[0], heads: heads, norm: queryNorm, pass)
        let keys = try positioned(projected[1], heads: pairs, norm: keyNorm, pass)
        let values = try projected[2].reshaped([-1, pairs, size])
        let mixed: Tensor
        switch pass.cache {
        case (let cache, .decode(let slots, let lengths))?:
            try cache.store(layer: index, k: keys, v: values, slots: slots, positions: pass.batch.positions)
            mixed = try cache.attend(layer: index, q: queries, lengths: lengths, rule: rule)
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
                lengths: pass.batch.lengths,
                shared: pass.batch.shared,
                rule: rule
            )
        }
        return try mixed.reshaped([-1, heads * size])
    }

    private func projections(_ x: Tensor, adapted: Bool) throws(TorchError) -> [Tensor] {
        let outputs = try Linear.apply(queryKeyValue, to: x, adapted: adapted)
        guard outputs.count == 1 else { return outputs }
        let queries = configuration.headCount * configuration.headSize
        let pairs = configuration.keyValueHeadCount * configuration.headSize
        return [
            try outputs[0].narrowed(1, from: 0, length: queries),
            try outputs[0].narrowed(1, from: queries, length: pairs),
            try outputs[0].narrowed(1, from: queries + pairs, length: pairs),
        ]
    }

    /// x [t, h * s] as heads [t, h, s], normalised and turned as the family does.
    private func positioned(
        _ x: Tensor,
        heads: Int,
        norm: Norm?,
        _ pass: ForwardPass
    ) throws(TorchError) -> Tensor {
        var x = x
        if configuration.queryKeyNorm == .whole, let norm { x = try norm(x, adapted: pass.batch.adapted) }
        x = try x.reshaped([-1, heads, configuration.headSize])
        if configuration.queryKeyNorm == .perHead, let norm { x = try norm(x, adapted: pass.batch.adapted) }
        guard let rotary = layer.rotary else { return x }
        return try pass.angles[rotary].turn(x)
    }
}
