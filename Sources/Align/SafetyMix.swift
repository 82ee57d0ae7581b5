public import TemperTune

/// Safety mix: some of the training rows are refusals of harmful requests, and as many are harmless look-alikes.
///
/// Bianchi et al., "Safety-Tuned LLaMAs" (arXiv 2309.07875): a few hundred safety rows added to the instructions keep
/// refusal; too many make a model refuse what is harmless. Variant: the look-alike twins and ordinary rows are added
/// for that reason, in the shares refusals : twins : ordinary = 2 : 1 : 1.
///
/// With n rows of the user's data and a fraction f, the mixed set has n / (1 - f) rows. The caller lengthens training
/// by the same factor, so that the user's data is seen as often as without the mix.
public struct SafetyMix: DataDefence {
    /// Share of safety rows in the mixed data.
    public var fraction: Double

    static let method = Defences.Method(
        card: DefenceCard(
            method: "safety-mix",
            title: "Safety mix",
            stage: .data,
            paper: "arXiv 2309.07875",
            fidelity: .variant,
            summary:
                "Mixes refusals, look-alike twins and ordinary rows into the training data; training grows in proportion."
        )
    ) { knobs in
        .data(SafetyMix(fraction: try knobs.number("fraction", default: 0.3, in: 0.01...0.9)))
    }

    /// The user's rows and the safety rows.
    public func prepare(_ data: Dataset, seed: UInt64) throws -> Dataset {
        let count = Int((Double(data.count) * fraction / (1 - fraction)).rounded())
        var mixed = data
        mixed.name = "\(data.name) + safety mix"
        mixed.examples += try AlignmentData.draw(
            count,
            from: AlignmentData.mixture,
            seed: seed
        )
        return mixed
    }
}
