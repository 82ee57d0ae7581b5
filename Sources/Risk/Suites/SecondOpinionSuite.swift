/// A suite with more judges, whose verdicts stand beside those of its own.
///
/// Where such a judge reads whole answers, as a model does, answers are written to their end.
package struct SecondOpinionSuite: Suite {
    /// The suite without those judges.
    package let base: any Suite
    private let added: [any Judge]

    /// Adds judges to a suite.
    package init(_ base: any Suite, by judges: [any Judge]) {
        self.base = base
        added = judges
    }

    package var card: SuiteCard { base.card }
    package var judge: any Judge { base.judge }
    package var secondJudges: [any Judge] { base.secondJudges + added }
    package var attack: (any Attack)? { base.attack }

    package func probes(limit: Int?, seed: UInt64) throws -> [Probe] {
        try base.probes(limit: limit, seed: seed)
    }

    package func measures(of exchanges: [Exchange], verdicts: [Verdict]) -> [Measure] {
        base.measures(of: exchanges, verdicts: verdicts)
    }
}
