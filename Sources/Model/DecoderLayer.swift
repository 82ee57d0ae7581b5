package import TemperTorch

/// One block of a decoder: attention and a network, each on a copy of the residual stream, normalised before, behind, or on
/// both sides, as the family has it.
@TorchActor
package final class DecoderLayer {
    private let attentionInputNorm: Norm?
    private let attention: Attention
    private let attentionOutputNorm: Norm?
    private let feedForwardInputNorm: Norm?
    private let network: Network
    private let feedForwardOutputNorm: Norm?

    private enum Network {
        case dense(FeedForward)
        case mixture(Experts)
    }

    /// The layers an adapter can sit on.
    package var linears: [Linear] {
        switch network {
        case .dense(let feedForward): attention.linears + feedForward.linears
        case .mixture(let experts): attention.linears + experts.linears
        }
    }

    /// The linear layer whose output is the last thing added to the residual stream; nil where a norm stands between
    /// them, or where several experts write.
    package var writer: Linear? {
        guard feedForwardOutputNorm == nil, case .dense(let feedForward) = network else { return nil }
        return feedForward.down
    }

    /// What can be trained of it when all weights are.
    var weights: [Weight] {
        let norms = [attentionInputNorm, attentionOutputNorm, feedForwardInputNorm, feedForwardOutputNorm]
        var linears = linears
        if case .mixture(let experts) = network { linears.append(experts.router) }
        return linears.flatMap(\.weights) + (norms.compactMap { $0 } + attention.norms).map(\.weight)
    }

    init(index: Int, _ loader: WeightLoader) throws {
        let names = loader.configuration.names
        let prefix = "\(names.layers).\(index)"
        func norm(_ name: String?) throws -> Norm? {
            try name.map { try loader.norm("\(prefix).\($0)", size: loader.configuration.hiddenSize) }
        }
        attentionInputNorm = try norm(names.attentionInputNorm)
        attention = try Attention(index: index, loader)
        attentionOutputNorm = try norm(names.attentionOutputNorm)
        feedForwardInputNorm = try norm(names.feedForwardInputNorm)
        network =
            switch loader.configuration.feedForward {
            case .gated, .plain:
                .dense(try FeedForward(prefix: prefix, gateUp: names.gateUp, down: names.down, loader))
            case .experts(let count, let perToken, let normalises):
                .mixture(
                    try Experts(prefix: prefix, count: count, perToken: perToken, normalises: normalises, loader)
                )
            }
        feedForwardOutputNorm = try norm(names.feedForwardOutputNorm)
    }

    init(merging other: DecoderLayer) throws(TorchError) {
        attentionInputNorm = try other.attentionInputNorm?.merged()
        attention = try Attention(merging: other.attention)
        attentionOutputNorm = try other.attentionOutputNorm?.merged()
        feedForwardInputNorm = try other.feedForwardInputNorm?.merged()
        network =
            switch other.network {
            case .dense(let feedForward): .dense(try FeedForward(merging: feedForward))
            case .mixture(let experts): .mixture(try Experts(merging: experts))
            }
        feedForwardOutputNorm = try other.feedForwardOutputNorm?.merged()
    }

    /// x [t, d] to [t, d].
    func callAsFunction(_ x: Tensor, _ pass: ForwardPass) throws(TorchError) -> Tensor {
        let adapted = pass.batch.adapted
        let mixed = try attention.mixed(normed(x, attentionInputNorm, pass), pass)
        func attended(_ residual: Tensor?) throws(TorchError) -> Tensor {
            try Linear.apply([attention.output], to: mixed, adapted: adapted, residual: residual)[0]
        }
        let x = try added(to: x, attentionOutputNorm, pass, attended)
        let inner = try normed(x, feedForwardInputNorm, pass)
        return try added(to: x, feedForwardOutputNorm, pass) { residual throws(TorchError) in
            switch network {
            case .dense(let feedForward):
                return try feedForward(inner, adapted: adapted, residual: residual)
            case .mixture(let experts):
                let answer = try experts(inner, adapted: adapted)
                return try residual?.adding(answer) ?? answer
            }
        }
    }

    /// Takes a direction, [d] and of length 1, out of what attention and network write.
    ///
    /// Where a norm stands between them and the stream, it stretches what they give by its weights w: what has no part in
    /// w times the direction, value by value, has none in the direction afterwards.
    func remove(direction: [Float], device: Device) throws(TorchError) {
        func remove(from linears: [Linear], behind norm: Norm?) throws(TorchError) {
            var own = direction
            if let norm {
                own = zip(direction, try norm.weight.tensor().to(.float32).floats()).map { $0 * $1 }
                let length = own.reduce(0) { $0 + $1 * $1 }.squareRoot()
                own = own.map { $0 / length }
            }
            let tensor = try Tensor(own, shape: [own.count], device: device)
            for linear in linears { try linear.remove(direction: tensor) }
        }
        try remove(from: [attention.output], behind: attentionOutputNorm)
        switch network {
        case .dense(let feedForward): try remove(from: [feedForward.down], behind: feedForwardOutputNorm)
        case .mixture(let experts): try remove(from: experts.experts.map(\.down), behind: feedForwardOutputNorm)
        }
    }

    private func normed(_ x: Tensor, _ norm: Norm?, _ pass: ForwardPass) throws(TorchError) -> Tensor {
        if let norm { try norm(x, adapted: pass.batch.adapted) } else { x }
    }

    /// x and a branch, normalised where the family does so; else the branch adds x itself, which costs nothing.
    private func added(
        to x: Tensor,
        _ norm: Norm?,
        _ pass: ForwardPass,
        _ branch: (_ residual: Tensor?) throws(TorchError) -> Tensor
    ) throws(TorchError) -> Tensor {
        guard let norm else { return try branch(x) }
        return try x.adding(norm(branch(nil), adapted: pass.batch.adapted))
    }
}
