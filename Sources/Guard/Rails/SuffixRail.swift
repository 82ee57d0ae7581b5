import TemperRisk
public import TemperText

/// Finds the noise that a gradient search appends to a request: words that no model expects.
///
/// Knows nothing about the request. Zou et al. 2023 (arXiv 2307.15043) make such suffixes; Jain et al. 2023
/// (arXiv 2309.00614) find them by their perplexity in windows. The surprise of every window of eight words is measured in
/// nats for each byte, in the company of the words before it, and compared with a limit.
public struct SuffixRail: Rail {
    private static let window = 8
    private let model: any LikelihoodModel
    private let limit: Double

    /// Measures with `model`; a window with `limit` nats for each byte scores one half.
    public init(model: any LikelihoodModel, limit: Double = 2) {
        precondition(limit > 0, "the limit is above 0 nats for each byte")
        self.model = model
        self.limit = limit
    }

    /// What the rail is.
    public var card: RailCard {
        RailCard(
            name: "suffix",
            looksFor: "a stretch of eight words that a language model finds very unlikely",
            labels: ["suffix"],
            stages: [.input],
            limits: [
                "Depends on the model that measures, and was not measured: set `limit` on prompts of your own.",
                "Code, lists of names and other languages are unlikely too.",
                "Costs a pass of the model over the text.",
            ]
        )
    }

    /// The score of the most unlikely window: half the ratio of its nats for each byte to the limit, at most 1.
    public func findings(in passage: Passage) async throws -> [Finding] {
        let words = passage.text.split(separator: " ")
        guard words.count > Self.window else { return [] }
        // A window's surprise is the difference between two beginnings of the text.
        let ends = Array(stride(from: Self.window / 2, to: words.count, by: Self.window / 2)) + [words.count]
        let beginnings = ends.map { words[..<$0].joined(separator: " ") }
        let sums = try await model.logLikelihoods(of: beginnings.map { Continuation(of: Self.frame, text: $0) })
        guard sums.count == ends.count else {
            throw RiskError.wrongCount(what: "the language model", expected: ends.count, found: sums.count)
        }
        let surprises = ends.indices.dropFirst(2).map { place in
            let bytes = beginnings[place].utf8.count - beginnings[place - 2].utf8.count
            return (sums[place - 2] - sums[place]) / Double(max(1, bytes))
        }
        let worst = surprises.max() ?? 0
        return [Finding("suffix", score: min(1, max(0, worst / limit / 2)), reason: "unlikely words")]
    }

    private static let frame = Chat(user: "Write a request that somebody might send to an assistant.")
}
