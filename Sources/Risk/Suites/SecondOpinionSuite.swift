/// A suite with one more judge, whose verdicts stand beside those of its own judges.
///
/// Answers are written to their end, because such a judge reads whole answers.
package struct SecondOpinionSuite: Suite {
    /// The suite without that judge.
    package let base: any Suite
    private let added: any Judge

    /// Adds a judge to a suite.
    package init(_ base: any Suite, by judge: any Judge) {
        self.base = base
        added = judge
    }

    package var card: SuiteCard { base.card }
    package var judge: any Judge { base.judge }
    package var secondJudges: [any Judge] { base.secondJudges + [added] }
    package var attack: (any Attack)? { base.attack }

    package func probes(limit: Int?, seed: UInt64) throws -> [Probe] {
        try base.probes(limit: limit, seed: seed)
    }

    package func measures(of exchanges: [Exchange], verdicts: [Verdict]) -> [Measure] {
        base.measures(of: exchanges, verdicts: verdicts)
    }
}
