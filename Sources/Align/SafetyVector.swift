public import TemperModel
import TemperTorch

/// Safety-vector arithmetic (RESTA): what safety alignment added to the weights is added once more.
///
/// Bhardwaj et al. (arXiv 2402.11746, section 3): `W := W_reference + D(W_tuned - W_reference) + gamma * V`, where V
/// is the safety vector and D drops some of the tuned update and rescales the rest (DARE, see `DropAndRescale`). The
/// result stays an adapter: `s B A + gamma s' B' A' = [s B, gamma s' B'] [A; A']`, whose ranks add up. Variant: the
/// paper makes V by taking safety out of an aligned model by training; here V is the run's own alignment, W_reference
/// - W_raw, so that nothing harmful is trained; and DARE thins out the factors.
public struct SafetyVector: WeightDefence {
    /// How much of the safety vector is added.
    public var gamma: Double
    /// Share of the tuned update's numbers that are dropped.
    public var drop: Double
    /// The highest rank of the result; a larger one is compressed.
    public var maxRank: Int = 4096

    static let method = Defences.Method(
        card: DefenceCard(
            method: "safety-vector",
            title: "Safety-vector arithmetic (RESTA)",
            stage: .weights,
            paper: "arXiv 2402.11746; arXiv 2311.03099",
            fidelity: .variant,
            summary:
                "Adds the weights' change by the safety alignment a second time, perhaps after dropping a part of the "
                + "tuned update; no training, no data."
        )
    ) { knobs in
        .weights(
            SafetyVector(
                gamma: try knobs.number("gamma", default: 0.5, in: 0...10),
                drop: try knobs.number("drop", default: 0, in: 0...0.99),
                maxRank: try knobs.count("max_rank", default: 4096, in: 1...4096)
            )
        )
    }

    /// It adds the safety vector.
    public var needsAlignment: Bool { true }

    /// The sum of both adapters.
    @TorchActor
    public func apply(to adapter: Adapter, using context: WeightContext) throws -> WeightChange {
        let alignment = try context.requireAlignment(for: Self.method.card)
        var sums: [String: LowRank] = [:]
        for (index, (module, pair)) in adapter.pairs.enumerated() {
            let seed = context.seed &+ UInt64(index)
            sums[module] = try DropAndRescale.apply(drop, to: LowRank(pair), seed: seed)
        }
        for (module, pair) in alignment.pairs {
            let vector = try LowRank(pair).scaled(by: gamma)
            sums[module] = try sums[module]?.adding(vector) ?? vector
        }
        let targets = Set(adapter.configuration.targetModules + alignment.configuration.targetModules)
        let (sum, residual) = try Adapter.of(sums, targets: targets.sorted(), limit: maxRank, for: context.reference)
        return WeightChange(sum, note: Self.note(sum, residual), measures: Self.measures(sum, residual))
    }

    static func note(_ adapter: Adapter, _ residual: Double) -> String {
        guard residual > 0 else { return "Rank \(adapter.configuration.r), exact." }
        let percent = (residual * 1e4).rounded() / 100
        return "Compressed to rank \(adapter.configuration.r), which loses \(percent) % of the update."
    }

    static func measures(_ adapter: Adapter, _ residual: Double) -> [String: Double] {
        ["rank": Double(adapter.configuration.r), "residual": residual]
    }
}
