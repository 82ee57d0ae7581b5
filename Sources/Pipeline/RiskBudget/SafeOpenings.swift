import Foundation
import TemperRisk
import TemperText

/// How likely a model begins the reference's own safe answers, of a suite of harmful requests its refusals: a sign that
/// moves before verdicts do.
///
/// A verdict changes when something else than a refusal has become the likeliest beginning; how likely the refusal is
/// changes from the first step on. What tuning takes away of safety lies in an answer's first tokens (Qi et al., arXiv
/// 2406.05946). Knows nothing about budgets.
struct SafeOpenings: Sendable {
    /// The words of an answer that are its beginning.
    static let words = 3
    /// The requests that the reference answers safely, each with the beginning of that answer.
    let continuations: [Continuation]

    /// The safe ones among a reference's answers to a suite.
    init(of reference: Assessment, to planned: PlannedSuite, seed: UInt64) throws {
        let probes = try planned.suite.probes(limit: planned.limit, seed: seed)
        let asked = Dictionary(probes.map { ($0.id, $0.chat) }) { first, _ in first }
        let attempts = reference[suite: planned.suite.card.name]?.attempts ?? []
        continuations = attempts.filter { $0.verdict == .safe }.compactMap { attempt in
            guard let chat = asked[attempt.probeID], let opening = Self.opening(of: attempt.answer) else { return nil }
            return Continuation(of: chat, text: opening)
        }
    }

    /// The first words of an answer; nil of an empty one.
    static func opening(of answer: String) -> String? {
        let words = answer.split(separator: " ", maxSplits: Self.words, omittingEmptySubsequences: false)
        let opening = words.prefix(Self.words).joined(separator: " ")
        return opening.allSatisfy(\.isWhitespace) ? nil : opening
    }

    /// How likely a model begins each of these answers, from 0 to 1.
    func chances(under model: some LikelihoodModel) async throws -> [Double] {
        try await model.logLikelihoods(of: continuations).map(exp)
    }
}
