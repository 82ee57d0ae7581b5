import TemperTorch

/// The network of one layer that works on each token alone: gated (SwiGLU and its kin, arXiv 2002.05202) or plain.
@TorchActor
final class FeedForward {
    private let activation: DecoderConfiguration.Activation
    private let isGated: Bool
    /// Gate and up, one that holds both, or up alone.
    private let inputs: [Linear]
    /// From the intermediate size back to the width.
    let down: Linear

    var linears: [Linear] { inputs + [down] }

    init(prefix: String, gateUp: [String], down: String, _ loader: WeightLoader) throws {
        let configuration = loader.configuration
        activation = configuration.activation
        isGated = configuration.feedForward != .plain
        let (d, inner) = (configuration.hiddenSize, configuration.intermediateSize)
        let bias = configuration.biases.contains(.feedForward)
        let width = isGated && gateUp.count == 1 ? 2 * inner : inner
        inputs = try gateUp.map { try loader.linear("\(prefix).\($0)", output: width, input: d, bias: bias) }
        self.down = try loader.linear("\(prefix).\(down)", output: d, input: inner, bias: bias)
    }

    init(merging other: FeedForward) throws(TorchError) {
        activation = other.activation
        isGated = other.isGated
        var merged: [Linear] = []
        for linear in other.inputs { merged.append(try linear.merged()) }
        inputs = merged
        down = try other.down.merged()
    }

    /// x [t, d] to [t, d], `residual` added.
    func callAsFunction(_ x: Tensor, adapted: Bool, residual: Tensor? = nil) throws(TorchError) -> Tensor {
        let inner = try activated(Linear.apply(inputs, to: x, adapted: adapted))
        return try Linear.apply([down], to: inner, adapted: adapted, residual: residual)[0]
    }

    private func activated(_ inputs: [Tensor]) throws(TorchError) -> Tensor {
        guard isGated else { return try activated(inputs[0]) }
        var (gate, up) = (inputs[0], inputs[inputs.count - 1])
        if inputs.count == 1 {
            let half = gate.shape[1] / 2
            (gate, up) = (try gate.narrowed(1, from: 0, length: half), try gate.narrowed(1, from: half, length: half))
        }
        guard activation != .silu else { return try Layers.siluMultiply(gate: gate, up: up) }
        return try activated(gate).multiplied(by: up)
    }

    private func activated(_ x: Tensor) throws(TorchError) -> Tensor {
        switch activation {
        case .silu: try x.silu()
        case .gelu: try x.gelu()
        case .geluTanh: try x.gelu(approximated: true)
        }
    }
}
