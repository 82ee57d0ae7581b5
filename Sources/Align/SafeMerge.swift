public import TemperModel
import TemperTorch

/// SafeMERGE: the tuned update is merged with the safety update, only in the layers where they differ most.
///
/// Djuhera et al. (arXiv 2503.17239, section 3): with Safe LoRA's C (see `SafetySubspace`), a layer whose cosine
/// `cos(C dW, dW)` lies below tau gets `(1 - w) * dW_tuned + w * dW_safe`; the others keep dW_tuned. `merge: exact`
/// is that sum, as `[(1 - w) s B, w s' B'] [A; A']`. `merge: linear` is what the authors' code makes with PEFT's
/// `linear`: the factors are summed, `A = sqrt((1 - w) s) A + sqrt(w s') A'` and B alike, which keeps the rank but
/// also brings in the products of one update's B with the other's A. `density` below 1 thins the merged layers'
/// factors out before (`dare_linear`, see `DropAndRescale`). Variant: dW_safe is the run's own alignment, which also
/// gives V; the paper trains a second adapter on safety data on top of the aligned model.
public struct SafeMerge: WeightDefence {
    /// How two updates are merged.
    public enum Merge: String, Sendable, CaseIterable {
        /// The weighted sum of the updates.
        case exact
        /// The weighted sums of their factors.
        case linear
    }

    /// Layers below this cosine are merged.
    public var threshold: Double
    /// The safety update's weight; the tuned one has the rest of 1.
    public var weight: Double
    /// How two updates are merged.
    public var merge: Merge
    /// Share of the factors' numbers that are kept in merged layers.
    public var density: Double
    /// The highest rank of the result; a larger one is compressed.
    public var maxRank: Int = 4096

    static let method = Defences.Method(
        card: DefenceCard(
            method: "safe-merge",
            title: "Selective merging (SafeMERGE)",
            stage: .weights,
            paper: "arXiv 2503.17239",
            fidelity: .variant,
            summary:
                "Mixes the update with the safety alignment's in the layers where the two differ most; no training, "
                + "no data."
        )
    ) { knobs in
        .weights(
            SafeMerge(
                threshold: try knobs.number("threshold", default: 0.35, in: 0...1),
                weight: try knobs.number("weight", default: 0.2, in: 0...1),
                merge: try knobs.choice("merge", default: .exact),
                density: try knobs.number("density", default: 1, in: 0.01...1),
                maxRank: try knobs.count("max_rank", default: 4096, in: 1...4096)
            )
        )
    }

    /// It merges with the safety vector.
    public var needsAlignment: Bool { true }

    /// The adapter with some of its modules merged.
    @TorchActor
    public func apply(to adapter: Adapter, using context: WeightContext) throws -> WeightChange {
        let alignment = try context.requireAlignment(for: Self.method.card)
        let readings = try SafetySubspace.readings(of: adapter, against: alignment, as: .scaled)
        let differing = Set(readings.filter { $0.cosine < threshold }.map(\.module))
        let safe = Dictionary(uniqueKeysWithValues: alignment.pairs.map { ($0.module, $0.pair) })
        var updates: [String: LowRank] = [:]
        for (index, (module, pair)) in adapter.pairs.enumerated() {
            let own = try LowRank(pair)
            guard differing.contains(module), let other = safe[module] else {
                updates[module] = own
                continue
            }
            updates[module] = try merged(pair, other, seed: context.seed &+ UInt64(2 * index))
        }
        let (sum, residual) = try Adapter.of(
            updates,
            targets: adapter.configuration.targetModules,
            limit: maxRank,
            for: context.reference
        )
        let cosines = readings.map(\.cosine)
        let count = adapter.pairs.count
        let note = SafeLoRA.note(cosines, changed: differing.count, of: count, "merged")
        let measures = SafeLoRA.measures(cosines, changed: differing.count, of: count)
        return WeightChange(
            sum,
            note: "\(note) \(SafetyVector.note(sum, residual))",
            measures: measures.merging(SafetyVector.measures(sum, residual)) { $1 }
        )
    }

    @TorchActor
    private func merged(_ tuned: LoRAPair, _ safe: LoRAPair, seed: UInt64) throws(TorchError) -> LowRank {
        var parts: [LowRank] = []
        for (index, (pair, share)) in [(tuned, 1 - weight), (safe, weight)].enumerated() {
            // Half of the weight and of the scale is in either factor; exact sums do not care.
            let half = (pair.scale * share).squareRoot()
            let update = LowRank(
                b: try pair.b.detached().to(.float64).scaled(by: half),
                a: try pair.a.detached().to(.float64).scaled(by: half)
            )
            parts.append(try DropAndRescale.apply(1 - density, to: update, seed: seed &+ UInt64(index)))
        }
        switch merge {
        case .exact: return try parts[0].adding(parts[1])
        case .linear: return try parts[0].addingFactors(of: parts[1])
        }
    }
}

extension LowRank {
    /// `(B1 + B2) (A1 + A2)`; the smaller rank is filled up with zeros.
    fileprivate func addingFactors(of other: LowRank) throws(TorchError) -> LowRank {
        func filled(_ tensor: Tensor, along dimension: Int, to rank: Int) throws(TorchError) -> Tensor {
            var shape = tensor.shape
            shape[dimension] = rank - shape[dimension]
            guard shape[dimension] > 0 else { return tensor }
            let zeros = try Tensor.zeros(shape, dtype: .float64, device: tensor.device)
            return try .concatenated([tensor, zeros], along: dimension)
        }
        let r = max(rank, other.rank)
        return LowRank(
            b: try filled(b, along: 1, to: r).adding(filled(other.b, along: 1, to: r)),
            a: try filled(a, along: 0, to: r).adding(filled(other.a, along: 0, to: r))
        )
    }
}
