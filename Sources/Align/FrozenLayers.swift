public import TemperModel
import TemperTorch
public import TemperTune

/// Frozen layers: the layers in the middle, in which a model tells harmful requests from others, are not trained.
///
/// Safely partial-parameter fine-tuning (Li et al., arXiv 2408.17003, section 4): a few contiguous layers in the middle
/// carry that distinction, and training that leaves them alone keeps more of it. Simplified: the paper finds them for
/// each model by scaling layers and counting refusals of harmless requests; here the range is a knob, as shares of the
/// depth: of n layers, layer i from 0 is frozen where `from <= i / n < to`. An adapter has no matrices there.
public struct FrozenLayers: TrainingDefence {
    /// Share of the depth at which the frozen layers begin.
    public var from: Double
    /// Share of the depth at which they end.
    public var to: Double

    static let method = Defences.Method(
        card: DefenceCard(
            method: "frozen-layers",
            title: "Frozen safety layers",
            stage: .training,
            paper: "arXiv 2408.17003",
            fidelity: .simplified,
            summary:
                "Tunes again with an adapter that leaves the layers in the middle alone."
        )
    ) { knobs in
        let from = try knobs.number("from", default: 0.2, in: 0...1)
        let to = try knobs.number("to", default: 0.45, in: 0...1)
        guard from < to, to - from < 1 else {
            throw DefenceError.badKnob(
                method: "frozen-layers",
                knob: "to",
                value: "\(to)",
                expected: "more than from, which is \(from), and not all layers between them"
            )
        }
        return .training(FrozenLayers(from: from, to: to))
    }

    /// Full training has no list of layers to leave out.
    public var needsAdapter: Bool { true }

    /// Whether a layer, counted from 0, of so many is left alone.
    func isFrozen(_ layer: Int, of count: Int) -> Bool {
        let place = Double(layer) / Double(count)
        return from <= place && place < to
    }

    /// The user's settings, the layers outside the range named one by one.
    @TorchActor
    public func settings(
        after tuning: TrainingSettings,
        steps: Int,
        on model: LanguageModel
    ) throws -> TrainingSettings {
        let layers = model.network.layers
        let wanted = tuning.loraTarget == LoRAConfiguration.allLinear ? nil : tuning.loraTarget
        let names = layers.indices.filter { !isFrozen($0, of: layers.count) }.flatMap { layers[$0].linears.map(\.name) }
        var settings = tuning
        settings.loraTarget = names.filter { name in
            wanted?.contains { name == $0 || name.hasSuffix(".\($0)") } ?? true
        }
        guard !settings.loraTarget.isEmpty else {
            throw DefenceError.badKnob(
                method: "frozen-layers",
                knob: "from",
                value: "\(from)",
                expected: "a range that leaves one of the model's \(layers.count) layers to lora_target"
            )
        }
        return settings
    }

    /// Supervised fine-tuning.
    public func scheme(for model: LanguageModel, seed: UInt64) throws -> TrainingScheme { .supervised }
}
