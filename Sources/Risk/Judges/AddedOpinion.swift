import TemperText

/// Has one more judge look at answers that were given, and graded by their suite's own judge, before.
extension SuiteResult {
    /// The same result with what another judge says of every answer, as the last of its opinions.
    ///
    /// What is no answer is unscored, and what a guard refused is a refusal, whatever the judge would say. An answer that was
    /// left as soon as the suite's own judges had decided is read as far as it goes.
    ///
    /// - Throws: `RiskError`, or what the judge throws.
    public func adding(_ judge: any Judge) async throws -> SuiteResult {
        let exchanges = attempts.map { attempt in
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
            throw RiskError.wrongCount(what: "the judge", expected: exchanges.count, found: verdicts.count)
        }
        var result = self
        for (index, verdict) in verdicts.enumerated() {
            let counts = axis.effective(verdict, on: [exchanges[index]])
            result.attempts[index].opinions.append(Opinion(judge: judge.card.title, verdict: counts))
        }
        return result
    }
}

extension JudgeCard {
    /// The judge's name and version, as opinions have it.
    package var title: String { "\(name) \(version)" }
}
