public import TemperModel
import TemperTorch

/// Safe LoRA: where the tuned update leaves the directions that safety alignment moved, it is put back into them.
///
/// Hsu et al. (arXiv 2405.16833, section 3): with the safety vector V and `C = V V^T / ||V||_F` of each layer, the
/// update `B A` is replaced by `C B A` where `cos(C B A, B A)` is at most a threshold; or in a given number of
/// layers, those with the smallest cosines. As in the authors' code, `C B` takes B's place with its own length, which
/// with the small V of a LoRA alignment is far shorter than B's: what is projected mostly vanishes. `projection:
/// orthogonal` keeps the part inside V's columns as it is (see `SafetySubspace`); that is a variant. Modules are
/// matched by name, every cosine is taken before the first module is changed, and modules that the alignment left
/// alone stay as they are.
public struct SafeLoRA: WeightDefence {
    /// What an update is multiplied with.
    public enum Projection: String, Sendable, CaseIterable {
        /// The paper's `V V^T / ||V||_F`.
        case scaled
        /// The projector on V's columns.
        case orthogonal
    }

    /// What an update is multiplied with.
    public var projection: Projection
    /// Updates with at most this cosine are projected; not used where `layers` is not 0.
    public var threshold: Double
    /// How many modules are projected, those with the smallest cosines first; 0 leaves it to the threshold.
    public var layers: Int

    static let method = Defences.Method(
        card: DefenceCard(
            method: "safe-lora",
            title: "Safe LoRA",
            stage: .weights,
            paper: "arXiv 2405.16833",
            fidelity: .faithful,
            summary: "Projects the update onto what the safety alignment moved, in the layers where they differ most; "
                + "no training, no data."
        )
    ) { knobs in
        .weights(
            SafeLoRA(
                projection: try knobs.choice("projection", default: .scaled),
                threshold: try knobs.number("threshold", default: 0.35, in: 0...1),
                layers: try knobs.count("layers", default: 0, in: 0...100_000)
            )
        )
    }

    /// It projects on the safety vector.
    public var needsAlignment: Bool { true }

    /// The adapter with some of its B projected.
    @TorchActor
    public func apply(to adapter: Adapter, using context: WeightContext) throws -> WeightChange {
        let alignment = try context.requireAlignment(for: Self.method.card)
        let readings = try SafetySubspace.readings(of: adapter, against: alignment, as: projection)
        let chosen = Self.chosen(readings.map(\.cosine), threshold: threshold, layers: layers)
        let projected = Dictionary(uniqueKeysWithValues: chosen.map { (readings[$0].module, readings[$0].projected) })
        let pairs = try adapter.pairs.map { module, pair in
            // A projected update has the pair's scale in its B already.
            let b = try projected[module]?.b.scaled(by: 1 / pair.scale).to(.float32) ?? pair.b.detached().clone()
            return (module, LoRAPair(a: try pair.a.detached().clone(), b: b, scale: pair.scale))
        }
        return WeightChange(
            Adapter(adapter.configuration, pairs: pairs),
            note: Self.note(readings.map(\.cosine), changed: chosen.count, of: adapter.pairs.count, "projected"),
            measures: Self.measures(readings.map(\.cosine), changed: chosen.count, of: adapter.pairs.count)
        )
    }

    /// Which cosines are to be projected, by index: the `layers` smallest, of equal ones the first, or all up to
    /// `threshold`.
    static func chosen(_ cosines: [Double], threshold: Double, layers: Int) -> [Int] {
        guard layers > 0 else { return cosines.indices.filter { cosines[$0] <= threshold } }
        return Array(cosines.indices.sorted { (cosines[$0], $0) < (cosines[$1], $1) }.prefix(layers)).sorted()
    }

    static func note(_ cosines: [Double], changed: Int, of count: Int, _ what: String) -> String {
        guard let least = cosines.min(), let most = cosines.max() else {
            return "The alignment and the update have no module in common; nothing was changed."
        }
        func short(_ value: Double) -> String { "\((value * 1000).rounded() / 1000)" }
        return "\(changed) of \(count) modules \(what); cosines with the alignment from \(short(least)) to "
            + "\(short(most)), median \(short(cosines.sorted()[cosines.count / 2]))."
    }

    static func measures(_ cosines: [Double], changed: Int, of count: Int) -> [String: Double] {
        var measures = ["modules": Double(count), "modules_changed": Double(changed)]
        measures["modules_compared"] = Double(cosines.count)
        measures["cosine_least"] = cosines.min()
        measures["cosine_most"] = cosines.max()
        measures["cosine_median"] = cosines.isEmpty ? nil : cosines.sorted()[cosines.count / 2]
        return measures
    }
}
