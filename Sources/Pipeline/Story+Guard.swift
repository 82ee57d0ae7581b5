import Foundation
import TemperGuard
import TemperReport
import TemperRisk

/// What a run found of its guard, in the words of a report.
extension Story {
    /// The name of the tuned model behind the recipe's guard.
    static let guardedName = "guarded"

    /// What the guard does by itself; the model alone and both together are subjects of the report.
    var guarding: RunReport.Guarding? {
        guard let study, let tuned else { return nil }
        func latency(_ latency: GuardStudy.Latency?) -> RunReport.Guarding.Latency? {
            latency.map { .init(n: $0.n, p50: $0.p50, p95: $0.p95, p99: $0.p99) }
        }
        return RunReport.Guarding(
            subject: Self.guardedName,
            alone: tuned.name,
            policy: study.policy
                + (recipe.guardEncoder.map { " with the encoder \(URL(fileURLWithPath: $0).lastPathComponent)" } ?? ""),
            lines: study.lines.map { line in
                .init(
                    key: key(line.suite),
                    refused: Self.rate(line.refused),
                    rails: line.rails,
                    answersRefused: line.answersRefused,
                    answers: line.answers
                )
            },
            questions: latency(study.questions),
            answers: latency(study.answers)
        )
    }

    var guardNotes: [String] {
        guard study != nil else { return [] }
        return [
            "Behind the guard the model's own answers were used again where they could be: those written to their end, and "
                + "those that were left early with a verdict that a refusal would not change. Suites that compare the "
                + "likelihoods of given answers do not see the guard. What it took is in the run's time, not in its tokens."
        ]
    }
}
