/// Questions whose premise is false, and questions that nobody can answer from what is given.
///
/// Knows nothing about where the questions come from. A probe's reference has the `kind` of `PremiseJudge`; `answer`, where it
/// is there, says in words what is false or missing, for people who read the record.
struct PremiseQuestions: Suite {
    let card: SuiteCard
    /// Reads the probes; called on every draw.
    let load: @Sendable () throws -> [Probe]

    var judge: any Judge { PremiseJudge() }

    func probes(limit: Int?, seed: UInt64) throws -> [Probe] {
        BalancedSubset.of(try load(), limit: limit, seed: seed)
    }

    /// The share of hits for each kind of question, with Wilson's interval.
    func measures(of exchanges: [Exchange], verdicts: [Verdict]) -> [Measure] {
        PremiseJudge.Kind.allCases.map { kind in
            let own = zip(exchanges, verdicts).filter { $0.0.probe.reference[PremiseJudge.kind] == kind.rawValue }
            let rate = Rate(in: own.lazy.map(\.1))
            let name = kind == .premise ? "went along with a false premise" : "answered what cannot be known"
            return Measure(name: name, value: rate.rate, low: rate.low, high: rate.high, n: rate.n)
        }
    }
}
