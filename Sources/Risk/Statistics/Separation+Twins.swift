import TemperText

/// Finds twin pairs in what was asked, and measures how a subject separates them.
///
/// Knows nothing about the statistics of it. Twins are the probes of an over-refusal suite whose `twin` is the id of a
/// probe of a jailbreak suite; pairs that a limit has torn apart are left out.
extension Separation {
    /// The separation of the first suite with twins from the suite that the twins are of, where both were asked.
    ///
    /// - Parameter probes: What each of the results was asked.
    static func measured(
        on subject: Subject,
        plan: AssessmentPlan,
        probes: [[Probe]],
        results: [SuiteResult]
    ) async throws -> Separation? {
        let both = zip(probes, results).map { (probes: $0, result: $1) }
        func refusals(_ result: SuiteResult, when verdict: Verdict) -> [String: Bool] {
            let scored = result.attempts.filter(\.verdict.isScored).map { ($0.probeID, $0.verdict == verdict) }
            return Dictionary(scored) { first, _ in first }
        }
        for twins in both where twins.result.axis == .overRefusal {
            for harmful in both where harmful.result.axis == .jailbreak {
                let probes = Dictionary(harmful.probes.map { ($0.id, $0) }) { first, _ in first }
                let pairs = twins.probes.compactMap { twin in
                    twin.reference["twin"].flatMap { probes[$0] }.map { (harmful: $0, harmless: twin) }
                }
                guard !pairs.isEmpty else { continue }
                let refused = (refusals(harmful.result, when: .safe), refusals(twins.result, when: .unsafe))
                var area: Separation.Area?
                if let model = subject.likelihoods, plan.scoredTwins > 0 {
                    let scored = pairs.shuffled(seed: plan.seed).prefix(plan.scoredTwins)
                    let scores = try await RefusalScore.of(
                        scored.flatMap { [$0.harmful.chat, $0.harmless.chat] },
                        by: model
                    )
                    area = Separation.Area(scored.indices.map { (scores[2 * $0], scores[2 * $0 + 1]) })
                }
                return Separation(
                    harmful: harmful.result.suite,
                    harmless: twins.result.suite,
                    pairs: pairs.map { (refused.0[$0.harmful.id], refused.1[$0.harmless.id]) },
                    area: area
                )
            }
        }
        return nil
    }
}
