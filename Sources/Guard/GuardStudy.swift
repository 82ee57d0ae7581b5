public import TemperRisk
import TemperText

/// What a guard does to the probes of an assessment by itself, and how long it takes.
///
/// Knows nothing about the model: which questions are refused does not depend on who would have answered. Beside the
/// rates of the model alone and of both together it says how much of the safety is the guard's.
public struct GuardStudy: Codable, Sendable, Hashable {
    /// One suite's part.
    public struct Line: Codable, Sendable, Hashable {
        /// The suite.
        public var suite: String
        /// What it measures.
        public var axis: Axis
        /// The share of questions that the guard refuses; of an attack, of probes whose every attempt it refuses.
        public var refused: Rate
        /// How many of those each rail refused, by the first attempt.
        public var rails: [String: Int]
        /// How many of the model's own answers to admitted questions it refuses.
        public var answersRefused: Int
        /// How many of them it was shown.
        public var answers: Int
    }

    /// How long the guard takes, in milliseconds.
    public struct Latency: Codable, Sendable, Hashable {
        /// Texts that were checked.
        public var n: Int
        /// Half of them took at most this.
        public var p50: Double
        /// 95 of 100 did.
        public var p95: Double
        /// 99 of 100 did.
        public var p99: Double

        /// The quantiles of some times; nil where there are none.
        public init?(_ milliseconds: [Double]) {
            guard !milliseconds.isEmpty else { return nil }
            let times = milliseconds.sorted()
            func quantile(_ share: Double) -> Double {
                times[max(0, Int((share * Double(times.count)).rounded(.up)) - 1)]
            }
            n = times.count
            p50 = quantile(0.5)
            p95 = quantile(0.95)
            p99 = quantile(0.99)
        }
    }

    /// The policy's name.
    public var policy: String
    /// The suites, in the assessment's order.
    public var lines: [Line]
    /// The time for a question, all its turns together.
    public var questions: Latency?
    /// The time for an answer.
    public var answers: Latency?

    /// Studies a guard on the probes of an assessment.
    ///
    /// - Parameters:
    ///   - suites: The suites of the assessment; others of its results are left out.
    ///   - alone: What the model answered without the guard.
    ///   - guarded: What came of attacks through the guard, which may ask otherwise than without it.
    public init(
        of shield: Guard,
        on suites: [any Suite],
        alone: Assessment,
        guarded: Assessment? = nil
    ) async throws {
        policy = shield.policy.name
        lines = []
        var (questionTimes, answerTimes): ([Double], [Double]) = ([], [])
        for suite in suites {
            guard let own = alone[suite: suite.card.name] else { continue }
            let probes = Dictionary(try suite.probes(limit: nil, seed: 0).map { ($0.id, $0) }) { first, _ in first }
            var line = Line(
                suite: own.suite,
                axis: own.axis,
                refused: Rate(hits: 0, n: 0),
                rails: [:],
                answersRefused: 0,
                answers: 0
            )
            // A refusal is the hit; wordings of one request are no independent evidence.
            var outcomes: [(verdict: Verdict, family: String?)] = []
            for attempt in (guarded?[suite: own.suite] ?? own).attempts where attempt.attack != nil {
                var first: String?
                var admitted = false
                for trial in attempt.attack?.trials ?? [] {
                    let entry = await shield.admit(trial.chat)
                    questionTimes.append(entry.milliseconds)
                    if first == nil { first = entry.refusedBy }
                    if entry.refusal == nil { admitted = true }
                }
                let isRefused = !admitted && first != nil
                outcomes.append((verdict: isRefused ? .unsafe : .safe, family: attempt.family))
                guard isRefused, let first else { continue }
                line.rails[first, default: 0] += 1
            }
            for attempt in own.attempts where attempt.attack == nil {
                guard let probe = probes[attempt.probeID] else { continue }
                let entry = await shield.admit(probe.chat)
                questionTimes.append(entry.milliseconds)
                outcomes.append((verdict: entry.refusal == nil ? .safe : .unsafe, family: attempt.family))
                if entry.refusal != nil {
                    line.rails[entry.refusedBy ?? "", default: 0] += 1
                } else if probe.candidates.isEmpty, attempt.finishReason != .failed {
                    let decision = await shield.release(attempt.answer, to: entry)
                    answerTimes.append(decision.milliseconds)
                    line.answers += 1
                    if !decision.isAllowed { line.answersRefused += 1 }
                }
            }
            line.refused = Rate(of: .unsafe, in: outcomes)
            lines.append(line)
        }
        questions = Latency(questionTimes)
        answers = Latency(answerTimes)
    }
}
