import TemperText

/// Percentile bootstrap of a quotient over the same probes, seeded and therefore repeatable.
///
/// Knows nothing about suites. Efron 1979; a probe is resampled with all its outcomes, so that the correlation between
/// subjects that answer the same probes is kept (arXiv 2411.00640).
enum PairedBootstrap {
    /// The 95 % interval of a sum over another, resampled together.
    ///
    /// A resample whose lower sum is not positive has no quotient; it counts as beyond every bound on the side of its
    /// upper sum, and an end that falls there is nil.
    static func quotient(
        _ terms: [(over: Int, under: Int)],
        resamples: Int = 10_000,
        seed: UInt64
    ) -> (low: Double?, high: Double?) {
        precondition(resamples > 0, "a bootstrap needs at least one resample")
        guard !terms.isEmpty else { return (nil, nil) }
        var generator = SplitMix64(seed: seed)
        var quotients = [Double]()
        quotients.reserveCapacity(resamples)
        for _ in 0..<resamples {
            var over = 0
            var under = 0
            for _ in terms.indices {
                let term = terms[generator.below(terms.count)]
                over &+= term.over
                under &+= term.under
            }
            quotients.append(under > 0 ? Double(over) / Double(under) : over < 0 ? -.infinity : .infinity)
        }
        quotients.sort()
        func end(_ share: Double) -> Double? {
            let value = quotients[Int((Double(resamples - 1) * share).rounded())]
            return value.isFinite ? value : nil
        }
        return (end(0.025), end(0.975))
    }
}
