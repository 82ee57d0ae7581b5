/// Intervals of a mean of values between 0 and 1, and of the difference of two independent ones.
///
/// Knows nothing about what is averaged. Of all distributions on 0 to 1 with mean m, none has a variance above m (1 -
/// m), that of a share of hits; so Wilson's score interval for a share (1927) is wide enough for any of them, and keeps
/// a width where all values are equal. The difference: Newcombe 1998 (Statistics in Medicine 17, 873-890), method 10.
struct BoundedMean: Hashable {
    /// The mean; nil of no values.
    var value: Double?
    /// Lower end of the 95 % interval; 0 of no values.
    var low = 0.0
    /// Upper end of the 95 % interval; 1 of no values.
    var high = 1.0
    /// How many values there are.
    var n = 0

    /// Averages values, each from 0 to 1.
    init(_ values: [Double]) {
        precondition(values.allSatisfy { (0...1).contains($0) }, "the values lie between 0 and 1")
        n = values.count
        guard n > 0 else { return }
        let count = Double(n)
        let mean = values.reduce(0, +) / count
        let z = Statistics.z
        let scale = 1 + z * z / count
        let centre = (mean + z * z / (2 * count)) / scale
        let half = z / scale * (mean * (1 - mean) / count + z * z / (4 * count * count)).squareRoot()
        value = mean
        (low, high) = (mean <= 0 ? 0 : max(0, centre - half), mean >= 1 ? 1 : min(1, centre + half))
    }

    /// The share of hits among scored verdicts.
    init(hitsOf verdicts: some Sequence<Verdict>) {
        self.init(verdicts.filter(\.isScored).map { $0 == .unsafe ? 1 : 0 })
    }

    /// The mean as a measure, in units of `scale`.
    func measure(_ name: String, scale: Double = 1) -> Measure {
        Measure(name: name, value: value.map { $0 * scale }, low: low * scale, high: high * scale, n: n)
    }

    /// This mean minus one of other probes, in units of `scale`; the whole range where either is of no values.
    func difference(from other: BoundedMean, _ name: String, scale: Double = 1) -> Measure {
        guard let value, let base = other.value else {
            return Measure(name: name, value: nil, low: -scale, high: scale, n: n + other.n)
        }
        func length(_ a: Double, _ b: Double) -> Double { (a * a + b * b).squareRoot() }
        return Measure(
            name: name,
            value: (value - base) * scale,
            low: (value - base - length(value - low, other.high - base)) * scale,
            high: (value - base + length(high - value, base - other.low)) * scale,
            n: n + other.n
        )
    }
}
