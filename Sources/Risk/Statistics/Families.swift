import TemperText

/// Paired outcomes by family: probes that were made from one another are no independent evidence.
///
/// Knows nothing about suites. Whole families are the unit of everything here (Miller, arXiv 2411.00640, section 2.2; a
/// family is his cluster). Probes without a family are families of one.
///
/// The test flips signs: were both subjects alike, swapping their answers on a whole family would change nothing, so
/// that each family's sum of changes is as likely to be negative as positive, independent of the others, whatever goes
/// on within a family. The exact distribution of the sum is counted out, not drawn. Where every family is one probe
/// this *is* McNemar's exact test; where it is not, McNemar's would take twenty wordings of one request for twenty
/// proofs.
struct Families {
    /// The sums of one family.
    struct Family: Hashable {
        /// Probes graded on both sides.
        var count = 0
        /// Hits of the base.
        var first = 0
        /// Hits of the subject.
        var second = 0
        /// Probes that changed sides.
        var discordant = 0
    }

    /// In the order in which each first occurs.
    private(set) var list: [Family] = []

    init(_ pairs: [(family: String?, first: Bool, second: Bool)]) {
        var places: [String: Int] = [:]
        for pair in pairs {
            let place = pair.family.flatMap { places[$0] } ?? list.count
            if place == list.count { list.append(Family()) }
            if let family = pair.family { places[family] = place }
            list[place].count += 1
            list[place].first += pair.first ? 1 : 0
            list[place].second += pair.second ? 1 : 0
            list[place].discordant += pair.first == pair.second ? 0 : 1
        }
    }

    /// Whether any family has more than one probe.
    var areShared: Bool { list.contains { $0.count > 1 } }

    /// The two-sided exact p of the sign-flip test.
    var p: Double {
        let steps = list.map { abs($0.second - $0.first) }.filter { $0 > 0 }
        let observed = abs(list.reduce(0) { $0 + $1.second - $1.first })
        let span = steps.reduce(0, +)
        // The chance of each sum from -span to span.
        var chances = [Double](repeating: 0, count: 2 * span + 1)
        chances[span] = 1
        var reach = 0
        for step in steps {
            var next = [Double](repeating: 0, count: chances.count)
            for sum in (span - reach)...(span + reach) where chances[sum] > 0 {
                next[sum - step] += chances[sum] / 2
                next[sum + step] += chances[sum] / 2
            }
            chances = next
            reach += step
        }
        let tails = chances.indices.reduce(0.0) { abs($1 - span) >= observed ? $0 + chances[$1] : $0 }
        return min(1, tails)
    }

    /// How much more the difference varies than if probes were independent; at least 1.
    ///
    /// Measured under the null: the sum of the families' squared changes over that of the probes'.
    var designEffect: Double {
        let probes = list.reduce(0) { $0 + $1.discordant }
        guard probes > 0 else { return 1 }
        let families = list.reduce(0) { $0 + ($1.second - $1.first) * ($1.second - $1.first) }
        return max(1, Double(families) / Double(probes))
    }

    /// The 95 % bootstrap intervals of difference and ratio, families drawn with all their probes.
    ///
    /// Quantiles are taken further out, as Student's t with one degree less than there are families asks for (the
    /// expanded percentile interval; Hesterberg, arXiv 1411.5279, section 4.2.3): the plain ones are too narrow for few
    /// families. An end of the ratio that falls where the base has no hits is nil.
    func intervals(
        seed: UInt64,
        resamples: Int = 4_000
    ) -> (difference: (low: Double, high: Double), ratio: (low: Double?, high: Double?)) {
        guard list.count > 1 else { return ((-1, 1), (0, nil)) }
        var generator = SplitMix64(seed: seed)
        var differences: [Double] = []
        var ratios: [Double] = []
        for _ in 0..<resamples {
            var sum = Family()
            for _ in list.indices {
                let drawn = list[generator.below(list.count)]
                sum.count &+= drawn.count
                sum.first &+= drawn.first
                sum.second &+= drawn.second
            }
            differences.append(Double(sum.second - sum.first) / Double(sum.count))
            ratios.append(sum.first > 0 ? Double(sum.second) / Double(sum.first) : .infinity)
        }
        differences.sort()
        ratios.sort()
        let families = Double(list.count)
        let reach = (families / (families - 1)).squareRoot() * Statistics.studentUpper(degrees: list.count - 1)
        let tail = Statistics.normalCumulative(-reach)
        let low = Int((Double(resamples - 1) * tail).rounded(.down))
        let high = resamples - 1 - low
        func bounded(_ value: Double) -> Double? { value.isFinite ? value : nil }
        return ((differences[low], differences[high]), (bounded(ratios[low]), bounded(ratios[high])))
    }
}
