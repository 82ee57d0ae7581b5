import TemperText

/// Percentile bootstrap of a number that is computed from sums over probes, with whole families resampled.
///
/// Knows nothing about suites. Probes that were made from one template are no independent evidence, so that a resample
/// draws families and takes all counts of each (Efron 1979; clustered: arXiv 2411.00640, section 2.2). Quantiles are
/// taken further out, as Student's t with one degree less than there are families asks for (the expanded percentile
/// interval; Hesterberg, arXiv 1411.5279, section 4.2.3): the plain ones are too narrow for few families.
struct FamilyBootstrap {
    /// The sums of each family, in the order in which the families first occur.
    private var families: [[Double]] = []
    private var places: [String: Int] = [:]
    private let width: Int
    /// How many terms were added.
    private(set) var count = 0

    /// Creates an empty one for terms of that many numbers.
    init(width: Int) { self.width = width }

    /// Creates one from the sums of families.
    init(_ families: [[Double]]) {
        self.families = families
        width = families.first?.count ?? 0
        count = families.count
    }

    /// Adds one probe's numbers to its family's sums.
    mutating func add(_ term: [Double], family: String) {
        precondition(term.count == width, "every term has the same numbers")
        count += 1
        guard let place = places[family] else {
            places[family] = families.count
            families.append(term)
            return
        }
        for index in term.indices { families[place][index] += term[index] }
    }

    /// The measure that `statistic` makes of the sums, with its 95 % interval.
    ///
    /// A resample that has no value counts as both ends of `range`. Where all resamples agree, as they do when all families
    /// are alike, a bootstrap has no width although a few families prove little; then Wilson's interval of a share over
    /// as many families stands for it, stretched to `range`.
    ///
    /// - Parameters:
    ///   - range: the least and the greatest value that there can be.
    ///   - statistic: the value of some sums; nil where they have none.
    func measure(
        _ name: String,
        in range: ClosedRange<Double>,
        n: Int? = nil,
        resamples: Int = 2000,
        seed: UInt64 = 0,
        _ statistic: ([Double]) -> Double?
    ) -> Measure {
        let whole = Measure(
            name: name,
            value: nil,
            low: range.lowerBound,
            high: range.upperBound,
            n: n ?? count
        )
        let all = families.reduce([Double](repeating: 0, count: width)) { zip($0, $1).map(+) }
        guard let value = statistic(all) else { return whole }
        let drawn = drawn(resamples, seed: seed).map(statistic)
        let lows = drawn.map { $0 ?? range.lowerBound }.sorted()
        let highs = drawn.map { $0 ?? range.upperBound }.sorted()
        let (low, high) = Self.ends(of: resamples, families: families.count)
        var measure = whole
        measure.value = value
        // Few families skew a resample's middle, but never past the value itself.
        measure.low = min(value, lows[low])
        measure.high = max(value, highs[high])
        if measure.low == measure.high {
            let span = range.upperBound - range.lowerBound
            let share = (value - range.lowerBound) / span
            let hits = Int((share * Double(families.count)).rounded())
            let (low, high) = Statistics.wilson(hits: hits, n: families.count)
            measure.low = min(value, range.lowerBound + low * span)
            measure.high = max(value, range.lowerBound + high * span)
        }
        return measure
    }

    /// The sums of as many resamples.
    func drawn(_ resamples: Int, seed: UInt64) -> [[Double]] {
        var generator = SplitMix64(seed: seed)
        return (0..<resamples).map { _ in
            var sums = [Double](repeating: 0, count: width)
            for _ in families.indices {
                let family = families[generator.below(families.count)]
                for index in sums.indices { sums[index] += family[index] }
            }
            return sums
        }
    }

    /// Where the ends of the 95 % interval stand among that many sorted resamples.
    static func ends(of resamples: Int, families: Int) -> (low: Int, high: Int) {
        guard families > 1 else { return (0, resamples - 1) }
        let count = Double(families)
        let reach = (count / (count - 1)).squareRoot() * Statistics.studentUpper(degrees: families - 1)
        let low = Int((Double(resamples - 1) * Statistics.normalCumulative(-reach)).rounded(.down))
        return (low, resamples - 1 - low)
    }
}
