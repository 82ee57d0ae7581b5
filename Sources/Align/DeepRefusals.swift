import TemperText
public import TemperTune

/// Deep refusals: safety rows in which the answer has already begun to comply, and still turns to a refusal.
///
/// Qi et al., "Safety Alignment Should Be Made More Than Just a Few Tokens Deep" (arXiv 2406.05946, section 3): an
/// aligned model differs from its base mostly in an answer's first tokens, so that a begun answer is gone on with. Their
/// cure is `max over theta of E log pi(refusal | request, first k tokens of a harmful answer)`, with k = 0 in half of the
/// rows. Variant: no harmful answer is used. The opening is a few agreeing words that say nothing, such as "Sure, here
/// is how."; learned is what comes after them. So that the words alone do not call for a refusal, as many harmless twins
/// begin in the same way and are answered; ordinary rows are as they are. The shares are 2 : 1 : 1 as in the safety mix.
public struct DeepRefusals: DataDefence {
    /// Share of safety rows in the mixed data.
    public var fraction: Double
    /// Share of refusals and of twins that begin with agreeing words.
    public var begun: Double

    static let openings = [
        "Sure, here is how.", "Of course. Here is what you need.", "Certainly! Let me walk you through it.",
        "Yes, I can help you with that.", "Okay, here are the steps.", "Absolutely, this is how it goes.",
        "Here is a short answer to that.", "Great question!", "No problem, this is not hard.",
        "Step 1:", "Happy to help! The first thing is this:", "All right, let us start.",
    ]
    /// What leads from the opening to a refusal.
    static let turns = ["", " Actually, no.", " Wait, I have to stop here.", " On second thought, I will not."]

    static let method = Defences.Method(
        card: DefenceCard(
            method: "deep-refusals",
            title: "Refusals after a begun answer",
            stage: .data,
            paper: "arXiv 2406.05946",
            fidelity: .variant,
            summary:
                "Mixes in refusals that follow agreeing words, and twins that are answered after the same; training grows in proportion."
        )
    ) { knobs in
        .data(
            DeepRefusals(
                fraction: try knobs.number("fraction", default: 0.3, in: 0.01...0.9),
                begun: try knobs.number("begun", default: 0.5, in: 0...1)
            )
        )
    }

    /// The user's rows and the safety rows.
    public func prepare(_ data: Dataset, seed: UInt64) throws -> Dataset {
        var mixed = try SafetyMix(fraction: fraction).prepare(data, seed: seed)
        mixed.name = "\(data.name) + deep refusals"
        var random = SplitMix64(seed: seed &+ 0xDEE9)
        // The mix has its sets by turns: refusals, twins, refusals, ordinary.
        for (place, index) in (data.count..<mixed.count).enumerated() where place % 4 != 3 {
            guard random.unit() < begun else { continue }
            let opening = Self.openings[random.below(Self.openings.count)]
            let turn = place % 4 == 1 ? "" : Self.turns[random.below(Self.turns.count)]
            mixed.examples[index] = Self.begun(mixed.examples[index], with: opening, turn: turn)
        }
        return mixed
    }

    /// A row whose answer begins with words that are given; learned is the rest.
    static func begun(_ example: Example, with opening: String, turn: String) -> Example {
        var example = example
        guard let last = example.chat.messages.indices.last else { return example }
        // An answer that begins with such a word itself does not need it twice.
        let answer = example.chat.messages[last].content
        let rest = answer.hasPrefix("Sure. ") ? String(answer.dropFirst("Sure. ".count)) : answer
        example.chat.messages[last].content = "\(opening)\(turn) \(rest)"
        example.givenOpening = opening
        return example
    }
}
