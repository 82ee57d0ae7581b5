import TemperTorch

/// A mixture of experts (arXiv 1701.06538, as in 2401.04088): a router sends each token to a few of many gated networks.
///
/// The router carries no adapter, but gradients flow through its weights. Legend: t tokens, d width, e experts, k taken by each.
@TorchActor
final class Experts {
    private let perToken: Int
    private let normalises: Bool
    let router: Linear
    let experts: [FeedForward]

    /// The layers an adapter can sit on: the router is none.
    var linears: [Linear] { experts.flatMap(\.linears) }

    init(prefix: String, count: Int, perToken: Int, normalises: Bool, _ loader: WeightLoader) throws {
        self.perToken = perToken
        self.normalises = normalises
        let names = loader.configuration.names
        router = try loader.linear(
            "\(prefix).\(names.router)",
            output: count,
            input: loader.configuration.hiddenSize,
            bias: false
        )
        experts = try (0..<count).map {
            let own = "\(prefix).\(names.experts).\($0)"
            return try FeedForward(prefix: own, gateUp: names.gateUp, down: names.down, loader)
        }
    }

    init(merging other: Experts) throws(TorchError) {
        perToken = other.perToken
        normalises = other.normalises
        router = try other.router.merged()
        var merged: [FeedForward] = []
        for expert in other.experts { merged.append(try FeedForward(merging: expert)) }
        experts = merged
    }

    /// x [t, d] to [t, d].
    func callAsFunction(_ x: Tensor, adapted: Bool) throws(TorchError) -> Tensor {
        let scores = try Linear.apply([router], to: x, adapted: adapted)[0].to(.float32)
        let shares = try scores.logSoftmax(along: 1).exponential()
        let chosen = choices(try shares.floats(), tokens: x.shape[0])
        // The tokens of each expert one after another, and where a token's k answers then lie.
        var places = [[Int]](repeating: [Int](repeating: 0, count: chosen.count), count: perToken)
        var answers: [Tensor] = []
        var start = 0
        var own = [[(token: Int, rank: Int)]](repeating: [], count: experts.count)
        for (token, taken) in chosen.enumerated() {
            for (rank, expert) in taken.enumerated() { own[expert].append((token, rank)) }
        }
        for (expert, taken) in zip(experts, own) where !taken.isEmpty {
            for (offset, place) in taken.enumerated() { places[place.rank][place.token] = start + offset }
            start += taken.count
            let tokens = try Tensor(taken.map(\.token), device: x.device)
            answers.append(try expert(x.selected(0, tokens), adapted: adapted))
        }
        let all = try Tensor.concatenated(answers, along: 0)
        let ids = try Tensor(chosen.joined().map { $0 }, device: x.device).reshaped([-1, perToken])
        var weights = try shares.gathered(1, ids)
        if normalises { weights = try weights.divided(by: weights.sum(along: 1, keepingDimension: true)) }
        weights = try weights.to(x.dtype)
        var sum: Tensor?
        for (rank, rows) in places.enumerated() {
            let weight = try weights.narrowed(1, from: rank, length: 1)
            let part = try all.selected(0, Tensor(rows, device: x.device)).multiplied(by: weight)
            sum = try sum?.adding(part) ?? part
        }
        guard let sum else { preconditionFailure("a token takes at least one expert") }
        return sum
    }

    /// The experts with the largest shares of each token, of equal ones the first.
    private func choices(_ shares: [Float], tokens: Int) -> [[Int]] {
        let count = experts.count
        return (0..<tokens).map { token in
            let own = shares[(token * count)..<((token + 1) * count)]
            return Array(own.indices.sorted { (-own[$0], $0) < (-own[$1], $1) }.prefix(perToken)).map {
                $0 - token * count
            }
        }
    }
}
