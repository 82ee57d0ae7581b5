import TemperRisk
import TemperText

/// Finds answers that repeat the system turn.
///
/// Knows nothing about how they were got. The score is the share of the system turn's runs of four words that the answer
/// has; the measure of Zhang, Carlini and Ippolito 2023 (arXiv 2307.06865), as in the judge of prompt extraction.
public struct PromptLeakRail: Rail {
    private static let runLength = 4

    /// Creates the rail.
    public init() {}

    /// What the rail is.
    public var card: RailCard {
        RailCard(
            name: "prompt-leak",
            looksFor: "an answer with a quarter of the system turn's four-word runs",
            labels: ["prompt-leak"],
            stages: [.output],
            threshold: 0.25,
            limits: [
                "A system turn told in other words, or in another coding or language, is not found.",
                "A system turn of fewer than eight words is not protected.",
            ]
        )
    }

    /// The share of the system turn's runs that the answer has.
    public func findings(in passage: Passage) async throws -> [Finding] {
        let system = passage.chat.messages.filter { $0.role == .system }.map(\.content).joined(separator: "\n")
        let own = Self.runs(of: system)
        guard own.count >= 5 else { return [] }
        let share =
            Double(own.intersection(Self.runs(of: TextNormaliser.plain(passage.text))).count) / Double(own.count)
        return share > 0 ? [Finding("prompt-leak", score: share, reason: "the share of the system turn's runs")] : []
    }

    private static func runs(of text: String) -> Set<[String]> {
        let words = PlainWords.of(text)
        guard words.count >= runLength else { return [] }
        return Set((0...(words.count - runLength)).map { Array(words[$0..<$0 + runLength]) })
    }
}
