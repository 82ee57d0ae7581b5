import TemperRisk

/// Finds hateful, insulting or obscene text, with the classifier that the toxicity judge uses.
///
/// Knows nothing about the rest of the conversation.
public struct ToxicityRail: Rail {
    /// Creates the rail.
    public init() {}

    /// What the rail is, with the judge's measured error.
    public var card: RailCard {
        let judge = ToxicityCalibration.card
        return RailCard(
            name: "toxicity",
            looksFor: "hateful, insulting or obscene text",
            labels: ["toxic"],
            threshold: Self.threshold,
            measured: ["\(judge.dataset ?? ""): \(ToxicityCalibration.test.description)"],
            limits: judge.limits
        )
    }

    /// The classifier's own threshold; a test compares the two.
    static let threshold = 0.74

    /// The probability that the worst stretch is toxic.
    public func findings(in passage: Passage) async throws -> [Finding] {
        let score = try ToxicityJudge.score(of: TextNormaliser.plain(passage.text))
        return [Finding("toxic", score: score, reason: "a classifier's probability")]
    }
}
