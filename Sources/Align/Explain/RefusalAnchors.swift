package import TemperModel
import TemperText
package import TemperTorch
package import TemperTune

/// The rows whose losses stand for refusing and for complying, as a model's token ids.
///
/// Harmful requests with their refusals, and harmless twins with their answers, come from the embedded alignment data,
/// which is disjoint from every suite. No harmful answer is used: complying is agreeing words that say nothing, such as
/// "Sure, here is how.", as in `DeepRefusals`. Knows nothing about what is done with them.
package struct RefusalAnchors: Sendable {
    /// Harmful requests with agreeing words.
    package var compliance: [TokenizedExample]
    /// The same requests, refused.
    package var refusal: [TokenizedExample]
    /// Harmless requests with the same agreeing words.
    package var agreement: [TokenizedExample]
    /// The same harmless requests, answered.
    package var answer: [TokenizedExample]

    /// Draws anchors.
    ///
    /// - Parameters:
    ///   - count: Harmful requests, and as many harmless ones.
    ///   - excluded: Requests that may not be among them, because they are what is looked for.
    @TorchActor
    package init(for model: LanguageModel, count: Int, seed: UInt64, excluding excluded: Set<String> = []) throws {
        func draw(_ set: AlignmentData) throws -> [Example] {
            let all = try set.load().examples.filter { !excluded.contains($0.chat.lastUserText) }
            return Array(all.shuffled(seed: seed).prefix(count))
        }
        func rows(_ examples: [Example]) throws -> [TokenizedExample] {
            try Dataset(name: "anchors", examples: examples).tokenized(for: model, cutoffLength: 512).rows
        }
        let (harmful, harmless) = (try draw(.refusals), try draw(.twins))
        compliance = try rows(Self.agreeing(harmful))
        refusal = try rows(harmful)
        agreement = try rows(Self.agreeing(harmless))
        answer = try rows(harmless)
    }

    /// The requests with agreeing words in the place of their answers.
    static func agreeing(_ examples: [Example]) -> [Example] {
        examples.enumerated().map { index, example in
            var example = example
            example.chat.messages[example.chat.messages.count - 1].content =
                DeepRefusals.openings[index % DeepRefusals.openings.count]
            return example
        }
    }
}
