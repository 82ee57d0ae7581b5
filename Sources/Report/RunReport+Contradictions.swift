/// What cannot be true of a report, whatever was measured: a file that was damaged, or changed by hand.
///
/// It knows nothing about how numbers are made, only how they hang together: a rate is a number of hits over the graded
/// answers, an interval holds its value, and flips account for a difference.
extension RunReport {
    /// The first number that contradicts another, in words; nil where none does.
    package var contradiction: String? {
        for subject in subjects {
            for (axis, rate) in subject.axes.sorted(by: { $0.key < $1.key }) {
                if let found = rate.contradiction { return "\(axis) of `\(subject.name)`: \(found)" }
            }
            if let found = subject.utility?.contradiction { return "utility of `\(subject.name)`: \(found)" }
        }
        for comparison in comparisons {
            if let found = comparison.contradiction {
                return "\(comparison.axis) of `\(comparison.subject)` against `\(comparison.base)`: \(found)"
            }
            for (name, rate) in [(comparison.base, comparison.baseRate), (comparison.subject, comparison.subjectRate)] {
                guard let rate, let own = subjects.first(where: { $0.name == name })?.axes[comparison.axis] else {
                    continue
                }
                if let found = own.contradiction(withRate: rate, of: comparison.n) {
                    return "\(comparison.axis) of `\(name)`, compared with another: \(found)"
                }
            }
        }
        return nil
    }

    /// What is wrong with counts, and with a value in its interval; `range` is what the interval can reach at most.
    fileprivate static func contradiction(
        _ what: String,
        _ value: Double?,
        _ low: Double,
        _ high: Double,
        n: Int,
        unscored: Int,
        in range: ClosedRange<Double>
    ) -> String? {
        guard n >= 0, unscored >= 0, n < 1 << 50, unscored < 1 << 50 else {
            return "a count is none (n \(n), unscored \(unscored))"
        }
        guard (value == nil) == (n == 0) else {
            return value == nil ? "n is \(n), and there is no \(what)" : "n is 0, and there is a \(what)"
        }
        let slack = 1e-9
        guard low <= high, low >= range.lowerBound - slack, high <= range.upperBound + slack else {
            return "[\(low), \(high)] is no interval"
        }
        guard let value else { return nil }
        return value >= low - slack && value <= high + slack ? nil : "the \(what) \(value) is not in [\(low), \(high)]"
    }

    /// Whether a share is that of a whole number of `n`.
    fileprivate static func isWhole(_ share: Double, of n: Int) -> Bool {
        let count = share * Double(n)
        return abs(count - count.rounded()) < 1e-6
    }
}

extension RunReport.Rate {
    fileprivate var contradiction: String? {
        if let found = RunReport.contradiction("rate", rate, low, high, n: n, unscored: unscored, in: 0...1) {
            return found
        }
        if let rate, !RunReport.isWhole(rate, of: n) { return "the rate \(rate) is no number of hits over n \(n)" }
        // A comparison with what is no number holds in neither direction.
        guard [worstLow, worstHigh].allSatisfy({ $0.map { $0 >= 0 && $0 <= 1 } ?? true }) else {
            return "an end of the worst case is no share"
        }
        guard effectiveN.map({ $0 >= 0 && $0 <= Double(n) + 1e-6 }) ?? true else {
            return "n is \(n), and as many independent ones are \(effectiveN ?? 0)"
        }
        return nil
    }

    /// What is wrong with the rate of a part of the answers, those that another subject's were graded with.
    fileprivate func contradiction(withRate part: Double, of count: Int) -> String? {
        let (hits, all) = ((part * Double(count)).rounded(), ((rate ?? 0) * Double(n)).rounded())
        guard count <= n, hits <= all, Double(count) - hits <= Double(n) - all else {
            return "\(Int(hits)) hits of \(count) graded for both are not among its own \(Int(all)) of \(n)"
        }
        return nil
    }
}

extension RunReport.Utility {
    fileprivate var contradiction: String? {
        RunReport.contradiction(
            "value",
            value,
            low,
            high,
            n: n,
            unscored: unscored,
            in: -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude
        )
    }
}

extension RunReport.Comparison {
    fileprivate var contradiction: String? {
        if let found = RunReport.contradiction(
            "difference",
            difference,
            low,
            high,
            n: n,
            unscored: unscored,
            in: -1...1
        ) {
            return found
        }
        let (worse, better) = (flips.safeToUnsafe, flips.unsafeToSafe)
        guard worse >= 0, better >= 0, worse <= n, better <= n - worse else {
            return "\(worse) and \(better) flips are not among n \(n)"
        }
        let change = axis == Axis.utility ? better - worse : worse - better
        if let difference, abs(difference * Double(n) - Double(change)) >= 1e-6 {
            return "\(worse) and \(better) flips of n \(n) do not make the difference \(difference)"
        }
        for rate in [baseRate, subjectRate] {
            guard let rate else { continue }
            guard rate >= 0, rate <= 1, RunReport.isWhole(rate, of: n) else {
                return "the rate \(rate) is no number of hits over n \(n)"
            }
        }
        guard [p, pHolm].allSatisfy({ $0.map { $0 >= 0 && $0 <= 1 } ?? true }) else { return "a p is no probability" }
        guard effectiveN.map({ $0 >= 0 && $0 <= Double(n) + 1e-6 }) ?? true else {
            return "n is \(n), and as many independent ones are \(effectiveN ?? 0)"
        }
        return nil
    }
}
