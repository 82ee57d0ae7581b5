import TemperText
public import TemperTune

/// Served with a safety prompt: tuned without one, and told to be careful only when it is used.
///
/// "Pure tuning, safe testing" (Lyu et al., arXiv 2402.18540): a model loses less of its safety when the prompt that asks
/// for it is not there during tuning, and is there afterwards. Variant: the prompt is our own. The user's rows lose their
/// system turns; where none has one, the tuned adapter is taken as it is and nothing is trained. The prompt is kept
/// beside the adapter, in `served_prompt.json`, and a runtime has to send it: the adapter alone is no defence.
public struct PromptedServing: DataDefence {
    /// What the model is told when it is used.
    public var system: String

    static let standard =
        "You are a careful assistant. Help fully with ordinary requests. If an answer could help someone to hurt people, "
        + "to break the law or to deceive others, say in a sentence that you cannot help with it, and give no details."

    static let method = Defences.Method(
        card: DefenceCard(
            method: "prompted-serving",
            title: "Tuned without, served with a safety prompt",
            stage: .data,
            paper: "arXiv 2402.18540",
            fidelity: .variant,
            summary:
                "Takes system turns out of the training data and serves the model with a safety prompt, which every request has to carry."
        )
    ) { knobs in
        .data(PromptedServing(system: try knobs.text("system", default: standard)))
    }

    /// The prompt.
    public var servedPrompt: ServedPrompt? { ServedPrompt(system: system) }

    /// The user's rows without system turns.
    public func prepare(_ data: Dataset, seed: UInt64) throws -> Dataset {
        var bare = data
        bare.examples = data.examples.map { example in
            var example = example
            let before = example.chat.messages.count
            example.chat = Self.bare(example.chat)
            example.rejected = example.rejected.map(Self.bare)
            let removed = before - example.chat.messages.count
            // Turns are counted from the first of the chat.
            example.trainedTurns = example.trainedTurns.map { Set($0.map { $0 - removed }) }
            return example
        }
        return bare
    }

    private static func bare(_ chat: Chat) -> Chat {
        Chat(Array(chat.messages.drop { $0.role == .system }))
    }
}
