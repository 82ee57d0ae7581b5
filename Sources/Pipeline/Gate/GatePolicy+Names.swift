public import TemperReport
import TemperRisk
import TemperText

/// What a policy may call a metric: its key in the report, or the name of the suite whose numbers stand there, which is how
/// recipes call it.
extension GatePolicy {
    /// The policy with every metric by its key.
    ///
    /// A name that something could have been measured under stays, measured or not: what it means that it was not is the
    /// gate's to say. So does one that is like no other, for it may be a suite of somebody's own that other runs have. One
    /// that comes near a known name is a mistake, and no lack of evidence.
    ///
    /// - Throws: `GateError.unknownMetric` for a mistake.
    public func named(as measured: [Metric]) throws(GateError) -> GatePolicy {
        var policy = self
        for (index, rule) in rules.enumerated() where !measured.contains(where: { $0.key == rule.metric }) {
            let found = measured.first { $0.suite == rule.metric }
            // Of the utility more is better: a rule has to say that it is about that, so that its limit can be checked.
            if let found, found.key != Axis.utility.rawValue {
                policy.rules[index].metric = found.key
            } else if found != nil || !Self.canBeMeasured(rule.metric) {
                let names = measured.flatMap { [$0.key, $0.suite ?? $0.key] }
                let known = names + Axis.allCases.map(\.rawValue) + Suites.all.map(\.card.reportKey) + SuiteCache.names
                let nearest = found?.key ?? Spelling.nearest(to: rule.metric, among: known)
                guard nearest != nil || rule.metric.isEmpty else { continue }
                throw .unknownMetric(rule.metric, rule: rule.id, nearest: nearest, measured: measured)
            }
        }
        return policy
    }

    /// Whether a run can have something under the name: an axis, a suite, `AXIS-SUITE`, or a suite under attack.
    private static func canBeMeasured(_ metric: String) -> Bool {
        let parts = metric.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        if parts.count == 2 { return SuiteCache.knows(parts[0]) && (try? Attacks.knobs(of: parts[1])) != nil }
        return SuiteCache.knows(metric) || Suites.all.contains { $0.card.reportKey == metric }
            || Axis.allCases.map(\.rawValue).contains { axis in
                guard metric.hasPrefix("\(axis)-") else { return metric == axis }
                return SuiteCache.knows(String(metric.dropFirst(axis.count + 1)))
            }
    }
}
