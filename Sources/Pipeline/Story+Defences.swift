import TemperAlign
import TemperReport
import TemperRisk

/// The defences of a run's report: what each leaves of the added risk, and keeps of the gained utility.
extension Story {
    func defenceEntries(_ comparisons: [RunReport.Comparison]) throws -> [RunReport.Defence] {
        try (recipe.defences + searched).compactMap { entry in
            guard let chapter = chapters.first(where: { $0.kind == .defence && $0.name == entry.name }) else {
                return nil
            }
            let card = try Defences.method(named: entry.method).card
            let shown = subject(chapter)
            let jailbreak = shown.axes[Axis.jailbreak.rawValue]
            // What tuning added is removed on the way back from the tuned model; what it gained is kept on the way there.
            let removed = share(chapter, .jailbreak, from: tuned, to: reference, comparisons)
            let kept = share(chapter, .utility, from: reference, to: tuned, comparisons)
            return RunReport.Defence(
                name: entry.name,
                method: card.title,
                paper: card.paper,
                fidelity: card.fidelity.rawValue,
                description: [card.summary, notes[entry.name]].compactMap { $0 }.joined(separator: " "),
                parameters: entry.knobs.mapValues(\.description),
                jailbreak: jailbreak,
                overRefusal: shown.axes[Axis.overRefusal.rawValue],
                utility: shown.utility,
                utilityKept: kept.value,
                utilityKeptEvidence: kept.evidence,
                riskRemoved: removed.value,
                riskRemovedEvidence: removed.evidence,
                verdict: Self.verdict(jailbreak, removed: removed, kept: kept)
            )
        }
    }

    private typealias Share = (value: Double?, evidence: RunReport.ShareEvidence)

    /// How far a defence lies on the way from one chapter to another, where tuning clearly made that way.
    private func share(
        _ chapter: Chapter,
        _ axis: Axis,
        from start: Chapter?,
        to end: Chapter?,
        _ comparisons: [RunReport.Comparison]
    ) -> Share {
        let key = axis.rawValue
        let what = axis == .utility ? "utility" : "the jailbreak rate"
        func result(_ chapter: Chapter?) -> SuiteResult? {
            chapter?.assessment.results.first { self.key($0.suite) == key }
        }
        guard let start = result(start), let end = result(end), let own = result(chapter) else {
            return (nil, .init(n: 0, reason: "\(what) was not measured"))
        }
        let share = ShareOfChange(of: own, from: start, to: end, seed: recipe.seed)
        let tuning = comparisons.first {
            $0.base == reference.name && $0.subject == tuned?.name && $0.axis == key
        }
        guard tuning?.rises == true else {
            return (nil, .init(n: share.n, reason: "tuning did not clearly raise \(what)"))
        }
        guard let value = share.value else {
            return (nil, .init(n: share.n, reason: "\(what) did not change on the probes graded on all three"))
        }
        return (value, .init(n: share.n, low: share.low, high: share.high))
    }

    private static func verdict(_ jailbreak: RunReport.Rate?, removed: Share, kept: Share) -> String {
        func percent(_ value: Double) -> String { "\(Int((value * 100).rounded())) %" }
        var parts = [
            removed.value.map { "removes \(percent($0)) of the added risk" } ?? removed.evidence.reason,
            kept.value.map { "keeps \(percent($0)) of the gained utility" } ?? kept.evidence.reason,
        ].compactMap { $0 }
        if let jailbreak, jailbreak.isPatchy { parts.append("not ranked: \(jailbreak.unscoredText)") }
        return parts.joined(separator: "; ")
    }
}
