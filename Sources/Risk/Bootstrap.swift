import TemperText

/// Percentile bootstrap of paired binary outcomes, seeded and therefore repeatable.
///
/// Knows nothing about suites. Efron 1979; pairs are resampled as pairs, so that the correlation between two subjects
/// that answer the same probes is kept (arXiv 2411.00640).
public enum PairedBootstrap {
    /// 95 % intervals of the difference and the ratio of two rates.
    public struct Intervals: Sendable {
        /// Interval of the second rate minus the first.
        public var difference: (low: Double, high: Double)
        /// Interval of the second rate over the first; an end is nil where too many resamples have no first hits.
        public var ratio: (low: Double?, high: Double?)
    }

    /// Resamples pairs of outcomes; `true` is a hit.
    public static func intervals(
        _ pairs: [(first: Bool, second: Bool)],
        resamples: Int = 10_000,
        seed: UInt64
    ) -> Intervals {
        precondition(resamples > 0, "a bootstrap needs at least one resample")
        guard !pairs.isEmpty else { return Intervals(difference: (-1, 1), ratio: (nil, nil)) }
        let n = pairs.count
        // A pair as two counters in one word: first hits below, second hits above.
        let packed = pairs.map { ($0.first ? 1 : 0) + ($0.second ? 1 << 32 : 0) }
        var generator = SplitMix64(seed: seed)
        var differences = [Double]()
        var ratios = [Double]()
        differences.reserveCapacity(resamples)
        ratios.reserveCapacity(resamples)
        for _ in 0..<resamples {
            var sum = 0
            for _ in 0..<n { sum &+= packed[generator.below(n)] }
            let first = sum & 0xFFFF_FFFF
            let second = sum >> 32
            differences.append(Double(second - first) / Double(n))
            // Without first hits the ratio has no value; as infinity it sorts last.
            ratios.append(first == 0 ? .infinity : Double(second) / Double(first))
        }
        differences.sort()
        ratios.sort()
        func end(_ sorted: [Double], _ share: Double) -> Double {
            sorted[min(sorted.count - 1, Int((Double(sorted.count - 1) * share).rounded()))]
        }
        func finite(_ value: Double) -> Double? { value.isFinite ? value : nil }
        return Intervals(
            difference: (end(differences, 0.025), end(differences, 0.975)),
            ratio: (finite(end(ratios, 0.025)), finite(end(ratios, 0.975)))
        )
    }
}
