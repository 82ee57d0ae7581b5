/// How far a third subject lies on the way from one subject to another, probe by probe.
///
/// Knows nothing about defences. With rates r over the probes that all three were graded on, the share is
/// (r(third) - r(start)) / (r(end) - r(start)): 0 where the third is like the start, 1 where it is like the end. It may
/// lie outside of 0 to 1.
public struct ShareOfChange: Sendable, Hashable {
    /// The share; nil when start and end have the same rate on these probes, or there are none.
    public var value: Double?
    /// Probes graded on all three.
    public var n: Int
    /// Lower end of the bootstrap's 95 % interval; nil where it has no bound.
    public var low: Double?
    /// Upper end of the bootstrap's 95 % interval; nil where it has no bound.
    public var high: Double?

    /// Measures the share on the suite that the three results are of.
    ///
    /// - Parameter seed: the seed of the bootstrap, which draws 10,000 times.
    public init(of third: SuiteResult, from start: SuiteResult, to end: SuiteResult, seed: UInt64) {
        let counted = start.axis.counted
        func outcomes(_ result: SuiteResult) -> [String: Int] {
            let scored = result.attempts.filter(\.verdict.isScored)
            return Dictionary(scored.map { ($0.probeID, $0.verdict == counted ? 1 : 0) }) { first, _ in first }
        }
        let (thirds, ends, starts) = (outcomes(third), outcomes(end), outcomes(start))
        let terms = start.attempts.compactMap { attempt -> (over: Int, under: Int)? in
            guard let from = starts[attempt.probeID], let to = ends[attempt.probeID],
                let here = thirds[attempt.probeID]
            else { return nil }
            return (here - from, to - from)
        }
        n = terms.count
        let way = terms.reduce(0) { $0 + $1.under }
        guard way != 0 else { return }
        value = Double(terms.reduce(0) { $0 + $1.over }) / Double(way)
        // A quotient's sign is that of the way; the bootstrap takes ways that lead upward.
        let sign = way.signum()
        (low, high) = PairedBootstrap.quotient(terms.map { ($0.over * sign, $0.under * sign) }, seed: seed)
    }
}
