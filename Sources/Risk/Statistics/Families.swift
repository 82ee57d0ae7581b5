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
    /// Measured under the null: the sum of the families' squared changes over that of the probes'. Where few probes
    /// changed sides little shows how alike those of a family are; so one more family is taken in that changed as a whole,
    /// of the mean size of a probe's family (Kish 1965). Where no probe changed, those of a family are thus taken for
    /// wholly alike.
    var designEffect: Double {
        let count = list.reduce(0) { $0 + $1.count }
        guard count > 0 else { return 1 }
        let size = Double(list.reduce(0) { $0 + $1.count * $1.count }) / Double(count)
        let probes = Double(list.reduce(0) { $0 + $1.discordant })
        let families = Double(list.reduce(0) { $0 + ($1.second - $1.first) * ($1.second - $1.first) })
        return max(1, (families + size * size) / (probes + size))
    }

    /// The 95 % bootstrap intervals of difference and ratio, families drawn with all their probes.
    ///
    /// An end of the ratio that falls where the base has no hits is nil.
    func intervals(
        seed: UInt64,
        resamples: Int = 4_000
    ) -> (difference: (low: Double, high: Double), ratio: (low: Double?, high: Double?)) {
        guard list.count > 1 else { return ((-1, 1), (0, nil)) }
        let sums = FamilyBootstrap(list.map { [Double($0.count), Double($0.first), Double($0.second)] })
            .drawn(resamples, seed: seed)
        let differences = sums.map { ($0[2] - $0[1]) / $0[0] }.sorted()
        let ratios = sums.map { $0[1] > 0 ? $0[2] / $0[1] : .infinity }.sorted()
        let (low, high) = FamilyBootstrap.ends(of: resamples, families: list.count)
        func bounded(_ value: Double) -> Double? { value.isFinite ? value : nil }
        return ((differences[low], differences[high]), (bounded(ratios[low]), bounded(ratios[high])))
    }
}

extension Families {
    /// How many probes it takes to tell as much as one that shares its family with no other; nil where no two do.
    ///
    /// The variance of a share when families are drawn, over that when probes are (Kish's design effect, 1965): the sum
    /// of (h - p c)^2 over families of c probes and h hits, over n p (1 - p), and at least 1. Families that all agree
    /// would show nothing of how alike their probes are and would have no value at all; so two more of the mean size
    /// are taken in, one of hits only and one of others only, as Agresti and Coull take in two hits and two others.
    /// Families that all agree then count as little more than one probe each.
    static func designEffect(_ graded: [(family: String?, isHit: Bool)]) -> Double? {
        let families = Families(graded.map { ($0.family, false, $0.isHit) })
        guard families.areShared else { return nil }
        let sums = families.list.map { (count: Double($0.count), hits: Double($0.second)) }
        let size = Double(graded.count) / Double(sums.count)
        let all = sums + [(size, size), (size, 0)]
        let count = all.reduce(0) { $0 + $1.count }
        let share = all.reduce(0) { $0 + $1.hits } / count
        let between = all.reduce(0) { sum, family in
            let distance = family.hits - share * family.count
            return sum + distance * distance
        }
        return max(1, between / (count * share * (1 - share)))
    }
}
