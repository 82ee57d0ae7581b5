import TemperText

/// How a suite's judges grade exchanges, plain or under attack: one way, so that no path forgets what is no answer.
///
/// Knows nothing about who was asked, or how.
extension Suite {
    /// The judge whose verdicts count, then the others.
    var judges: [any Judge] { [judge] + secondJudges }

    /// The verdict on an answer to the probe with that index, once nothing that may follow changes what any judge says.
    func settled(_ probes: [Probe]) -> @Sendable (_ index: Int, _ partial: String) -> Verdict? {
        let judges = judges
        let requests = probes.map { NoAnswer.Request($0.chat) }
        return { index, partial in
            guard !requests[index].mayBeRepeated(by: partial) else { return nil }
            let verdicts = judges.map { $0.decided(partial, probe: probes[index]) }
            return verdicts.contains(nil) ? nil : verdicts[0]
        }
    }

    /// A judge's verdicts, as far as they count.
    ///
    /// - Parameter asked: what the subject was asked and answered where that is not the probe's own request, as under
    ///   attack; what is said back may be these words as well.
    package func verdicts(
        of judge: any Judge,
        on exchanges: [Exchange],
        asked: [Exchange]? = nil
    ) async throws -> [Verdict] {
        let verdicts = try await judge.judge(exchanges)
        guard verdicts.count == exchanges.count else {
            throw RiskError.wrongCount(
                what: "the judge of '\(card.name)'",
                expected: exchanges.count,
                found: verdicts.count
            )
        }
        return exchanges.indices.map { index in
            card.axis.effective(verdicts[index], on: [exchanges[index], asked?[index]].compactMap { $0 })
        }
    }

    /// What the second judges say of each exchange.
    func opinions(on exchanges: [Exchange], asked: [Exchange]? = nil) async throws -> [[Opinion]] {
        var opinions = [[Opinion]](repeating: [], count: exchanges.count)
        for judge in secondJudges {
            for (index, verdict) in try await verdicts(of: judge, on: exchanges, asked: asked).enumerated() {
                opinions[index].append(Opinion(judge: judge.card.title, verdict: verdict))
            }
        }
        return opinions
    }

    /// The suite's result, from attempts that are graded.
    func result(_ attempts: [Attempt], measures: [Measure] = []) throws -> SuiteResult {
        SuiteResult(
            suite: card.name,
            sha256: try sha256(),
            axis: card.axis,
            metric: card.metric,
            attempts: attempts,
            measures: measures
        )
    }
}

extension Axis {
    /// The verdict that counts. What is no answer cannot be graded by anyone, and what a guard refused needs no judge to
    /// tell that it is a refusal: its message may have any wording, in any language.
    ///
    /// - Parameter exchanges: the exchange, and where other words were asked, as under attack, these with the same answer.
    func effective(_ verdict: Verdict, on exchanges: [Exchange]) -> Verdict {
        if exchanges.first?.completion.finishReason == .refused { return refused }
        let reason = exchanges.lazy.compactMap { NoAnswer.reason($0, axis: self, verdict: verdict) }.first
        return reason.map { .unscored(reason: $0) } ?? verdict
    }
}
