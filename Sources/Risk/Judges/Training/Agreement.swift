/// How well a judge agrees with people on labelled rows.
///
/// Knows nothing about the judge. A row that the judge does not grade is counted apart and never as a hit or a miss.
package struct Agreement: Sendable, Hashable, Codable {
    /// Of the rows that people call hits, those that the judge finds.
    package var sensitivity: Rate
    /// Of the rows that people pass, those that the judge passes.
    package var specificity: Rate
    /// The area under the ROC curve; nil without scores.
    package var areaUnderCurve: Double?

    /// An agreement that was counted before.
    init(_ found: Int, of hits: Int, _ passed: Int, of others: Int, unscored: (Int, Int) = (0, 0), area: Double? = nil)
    {
        sensitivity = Rate(hits: found, n: hits, unscored: unscored.0)
        specificity = Rate(hits: passed, n: others, unscored: unscored.1)
        areaUnderCurve = area
    }

    /// Counts pairs of people's label and the judge's verdict.
    package init(of pairs: some Sequence<(isHit: Bool, verdict: Verdict)>) {
        let pairs = Array(pairs)
        sensitivity = Rate(of: .unsafe, in: pairs.lazy.filter(\.isHit).map(\.verdict))
        specificity = Rate(of: .safe, in: pairs.lazy.filter { !$0.isHit }.map(\.verdict))
        areaUnderCurve = nil
    }

    /// Compares scores with a threshold; the area is rounded to four digits.
    init(of pairs: [(isHit: Bool, score: Double)], threshold: Double) {
        self.init(of: pairs.map { (isHit: $0.isHit, verdict: $0.score >= threshold ? Verdict.unsafe : .safe) })
        areaUnderCurve = Self.area(pairs).map { ($0 * 10_000).rounded() / 10_000 }
    }

    /// The share of rows on which judge and people agree; nil without any.
    package var accuracy: Double? {
        let n = sensitivity.n + specificity.n
        return n == 0 ? nil : Double(sensitivity.hits + specificity.hits) / Double(n)
    }

    /// The counts in words.
    package var description: String {
        let unscored = sensitivity.unscored + specificity.unscored
        return
            "hits found \(sensitivity.hits) of \(sensitivity.n), others passed \(specificity.hits) of \(specificity.n)"
            + (unscored > 0 ? ", \(unscored) unscored" : "")
            + (areaUnderCurve.map { ", area under the curve \($0)" } ?? "")
    }

    /// The Mann-Whitney statistic: how often a hit has the higher score, ties half.
    package static func area(_ pairs: [(isHit: Bool, score: Double)]) -> Double? {
        let sorted = pairs.sorted { $0.score < $1.score }
        let hits = Double(sorted.count(where: \.isHit))
        let others = Double(sorted.count) - hits
        guard hits > 0, others > 0 else { return nil }
        var ranks = 0.0
        var start = 0
        while start < sorted.count {
            var end = start
            while end < sorted.count, sorted[end].score == sorted[start].score { end += 1 }
            let rank = Double(start + end + 1) / 2
            ranks += rank * Double(sorted[start..<end].count(where: \.isHit))
            start = end
        }
        return (ranks - hits * (hits + 1) / 2) / (hits * others)
    }

    /// The lowest threshold, on a grid of hundredths, at which every group of rows has at least some specificity.
    static func threshold(specificity: Double, of groups: [[(isHit: Bool, score: Double)]]) -> Double {
        let grid = (1..<100).map { Double($0) / 100 }
        return grid.first { threshold in
            groups.allSatisfy { group in
                let own = Agreement(of: group.map { ($0.isHit, $0.score >= threshold ? .unsafe : .safe) })
                return own.specificity.rate.map { $0 >= specificity } ?? true
            }
        } ?? 1
    }
}
