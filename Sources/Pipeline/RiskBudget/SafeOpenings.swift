import Foundation
import TemperAlign
import TemperRisk
import TemperText

/// How likely a model begins the reference's own safe answers, of a suite of harmful requests its refusals: a sign that
/// moves before verdicts do.
///
/// A verdict changes when something else than a refusal has become the likeliest beginning; how likely the refusal is
/// changes from the first step on. What tuning takes away of safety lies in an answer's first tokens (Qi et al., arXiv
/// 2406.05946). Knows nothing about budgets.
struct SafeOpenings: Sendable {
    /// The requests that the reference answers safely, each with the beginning of that answer.
    let continuations: [Continuation]

    /// The safe ones among a reference's answers to a suite.
    init(of reference: Assessment, to planned: PlannedSuite, seed: UInt64) throws {
        let probes = try planned.suite.probes(limit: planned.limit, seed: seed)
        let asked = Dictionary(probes.map { ($0.id, $0.chat) }) { first, _ in first }
        let attempts = reference[suite: planned.suite.card.name]?.attempts ?? []
        continuations = attempts.filter { $0.verdict == .safe }.compactMap { attempt in
            guard let chat = asked[attempt.probeID], let opening = Opening.of(attempt.answer) else { return nil }
            return Continuation(of: chat, text: opening)
        }
    }

    /// How likely a model begins each of these answers, from 0 to 1.
    func chances(under model: some LikelihoodModel) async throws -> [Double] {
        try await model.logLikelihoods(of: continuations).map(exp)
    }
}
