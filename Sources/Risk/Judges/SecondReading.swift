import TemperText

/// What another judge says of answers that were given, and graded by their suite's own judge, before.
///
/// The two are shown beside each other and never averaged.
public struct SecondReading: Codable, Sendable, Hashable {
    /// One answer and both verdicts.
    public struct Answer: Codable, Sendable, Hashable {
        /// The probe's id.
        public var probe: String
        /// What the suite's own judge said.
        public var own: Verdict
        /// What the other judge says.
        public var second: Verdict
    }

    /// Who gave the answers.
    public var subject: String
    /// The suite.
    public var suite: String
    /// The other judge, with its version.
    public var judge: String
    /// The answers, in the suite's order.
    public var answers: [Answer]

    /// The rate by the suite's own judge.
    public var own: Rate { Rate(of: .unsafe, in: answers.map(\.own)) }
    /// The rate by the other judge.
    public var second: Rate { Rate(of: .unsafe, in: answers.map(\.second)) }

    /// How many answers got two verdicts.
    public func count(own: Verdict, second: Verdict) -> Int {
        answers.count { $0.own == own && $0.second == second }
    }

    /// Has a judge grade the answers to a suite; nil where the assessment does not have it.
    ///
    /// What is no answer is unscored, and what a guard refused is a refusal, whatever the judge would say.
    public init?(of assessment: Assessment, suite: String, by judge: any Judge) async throws {
        guard let result = assessment[suite: suite] else { return nil }
        let exchanges = result.attempts.map { attempt in
            Exchange(
                probe: Probe(id: attempt.probeID, category: attempt.category, chat: Chat(user: attempt.prompt)),
                completion: Completion(
                    text: attempt.answer,
                    tokenCount: attempt.tokenCount,
                    finishReason: attempt.finishReason
                )
            )
        }
        let verdicts = try await judge.judge(exchanges)
        guard verdicts.count == exchanges.count else {
            throw RiskError.wrongCount(what: "the second judge", expected: exchanges.count, found: verdicts.count)
        }
        subject = assessment.subject
        self.suite = suite
        self.judge = "\(judge.card.name) \(judge.card.version)"
        answers = result.attempts.indices.map { index in
            Answer(
                probe: result.attempts[index].probeID,
                own: result.attempts[index].verdict,
                second: result.axis.counted(verdicts[index], on: [exchanges[index]])
            )
        }
    }
}
