public import TemperModel
import TemperTorch

/// Interpolation toward the base: the whole update is scaled down.
///
/// `W = W_reference + scale * (W_tuned - W_reference)`, which for LoRA is `B := scale * B`. Weight interpolation as in
/// WiSE-FT (Wortsman et al., arXiv 2109.01903, equation 1). It costs nothing and undoes risk and utility together.
public struct Interpolation: WeightDefence {
    /// What is kept of the update: 0 is the reference model, 1 the tuned one.
    public var scale: Double

    static let method = Defences.Method(
        card: DefenceCard(
            method: "interpolation",
            title: "Interpolation toward the base",
            stage: .weights,
            paper: "arXiv 2109.01903",
            fidelity: .faithful,
            summary: "Scales the whole update toward the reference model; no training."
        )
    ) { knobs in
        .weights(Interpolation(scale: try knobs.number("scale", default: 0.5, in: 0...1)))
    }

    /// The adapter with every B scaled.
    @TorchActor
    public func apply(to adapter: Adapter, using context: WeightContext) throws -> WeightChange {
        let scaled = try adapter.mapped { pair throws(TorchError) in
            LoRAPair(a: try pair.a.detached().clone(), b: try pair.b.detached().scaled(by: scale), scale: pair.scale)
        }
        return WeightChange(scaled)
    }
}
