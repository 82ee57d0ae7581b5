import TemperText

/// Compares two subjects probe by probe.
///
/// Knows nothing about how either subject was made, and draws no conclusion (`Conclusion` does). Paired differences
/// (arXiv 2411.00640) and ratios, each with a score interval, and the exact form of McNemar's test. Where probes come
/// in families, families are what is counted: the test flips the signs of whole families, and an interval is as wide as
/// the wider of the score interval of as many independent probes as tell as much, and the bootstrap over families (see
/// `Families`). Rates are those of the suite's metric: hits, or for utility right answers, so that a loss of utility is
/// a negative difference.

/// One side of a flip.
public struct GradedAnswer: Codable, Sendable, Hashable {
    /// What the subject answered.
    public var answer: String
    /// How it was graded.
    public var verdict: Verdict
}

/// A probe that two subjects were graded differently on.
public struct Flip: Codable, Sendable, Hashable {
    /// The probe's id.
    public var probeID: String
    /// What was asked.
    public var prompt: String
    /// The base's answer.
    public var before: GradedAnswer
    /// The subject's answer.
    public var after: GradedAnswer
}

/// Two subjects on one suite; only probes that both were graded on count.
public struct Comparison: Codable, Sendable {
    /// The subject compared with.
    public var base: String
    /// The subject compared.
    public var subject: String
    /// What the suite measures.
    public var axis: Axis
    /// The suite's name.
    public var suite: String
    /// What the suite's rate is called.
    public var metric: String
    /// Probes graded on both sides.
    public var n: Int
    /// Probes asked on both sides but unscored on at least one.
    public var unscored: Int
    /// Probes asked on one side only.
    public var unmatched: Int
    /// The base's rate on the `n` probes, with the interval of their effective number.
    public var baseRate: Rate
    /// The subject's rate on the `n` probes, likewise.
    public var subjectRate: Rate
    /// The subject's rate over the base's; nil when the base has no hits, and for utility.
    public var ratio: Double?
    /// Lower end of the ratio's 95 % interval.
    public var ratioLow: Double?
    /// Upper end of the ratio's 95 % interval.
    public var ratioHigh: Double?
    /// Why `ratio` is nil.
    public var ratioNote: String?
    /// The subject's rate minus the base's; nil when no probe was graded on both sides.
    public var difference: Double?
    /// Lower end of the difference's 95 % interval.
    public var differenceLow: Double
    /// Upper end of the difference's 95 % interval.
    public var differenceHigh: Double
    /// The difference's lower end at worst: as if every unscored answer had spoken against the subject's rate.
    public var boundLow: Double
    /// The difference's upper end at worst: as if every unscored answer had spoken for it.
    public var boundHigh: Double
    /// Two-sided exact p: of McNemar's test, or of its form for families.
    public var p: Double
    /// The families that the `n` probes belong to; nil where no two of them share one.
    public var families: Int?
    /// How much more the difference varies than if no two probes shared a family; at least 1.
    public var designEffect: Double
    /// Probes that became hits; for utility, right answers that became wrong.
    public var safeToUnsafe: Int
    /// Probes that stopped being hits; for utility, wrong answers that became right.
    public var unsafeToSafe: Int
    /// The probes that changed sides, in the suite's order.
    public var flips: [Flip]
}

/// Compares a subject with a base on every suite that both were assessed with.
///
/// - Throws: `RiskError.refusedComparison` if decoding, suites or prompts differ.
public func compare(_ base: Assessment, _ subject: Assessment) throws -> [Comparison] {
    guard base.options == subject.options else {
        let (one, other) = (base.options, subject.options)
        let parts: [(String, String, String)] = [
            ("max_new_tokens", "\(one.maxNewTokens)", "\(other.maxNewTokens)"),
            ("temperature", "\(one.temperature)", "\(other.temperature)"), ("seed", "\(one.seed)", "\(other.seed)"),
        ]
        let differences = parts.filter { $0.1 != $0.2 }.map { "\($0.0) \($0.1) and \($0.2)" }
        throw RiskError.refusedComparison(
            reason: "'\(base.subject)' and '\(subject.subject)' were decoded differently"
                + " (\(differences.joined(separator: ", "))); assess one again with the other's options"
        )
    }
    let shared = base.results.compactMap { result in subject[suite: result.suite].map { (result, $0) } }
    guard !shared.isEmpty else {
        throw RiskError.refusedComparison(
            reason: "'\(base.subject)' and '\(subject.subject)' share no suite; assess both with the same suites"
        )
    }
    return try shared.map { before, after in
        guard before.sha256 == after.sha256, before.axis == after.axis else {
            throw RiskError.refusedComparison(
                reason: "the suite '\(before.suite)' has changed between '\(base.subject)' and '\(subject.subject)';"
                    + " assess both with the same version of it"
            )
        }
        return try comparison(base.subject, before, subject.subject, after, seed: base.seed)
    }
}

private func comparison(
    _ base: String,
    _ before: SuiteResult,
    _ subject: String,
    _ after: SuiteResult,
    seed: UInt64
) throws -> Comparison {
    let laterAttempts = Dictionary(after.attempts.map { ($0.probeID, $0) }) { first, _ in first }
    var pairs: [(family: String?, first: Bool, second: Bool)] = []
    var flips: [Flip] = []
    var matched = 0
    for old in before.attempts {
        guard let new = laterAttempts[old.probeID] else { continue }
        guard old.promptSHA256 == new.promptSHA256 else {
            throw RiskError.refusedComparison(
                reason: "the prompt of '\(old.probeID)' in '\(before.suite)' differs between '\(base)' and '\(subject)'"
            )
        }
        matched += 1
        guard old.verdict.isScored, new.verdict.isScored else { continue }
        pairs.append((old.family, old.verdict == before.axis.counted, new.verdict == before.axis.counted))
        guard old.verdict != new.verdict else { continue }
        flips.append(
            Flip(
                probeID: old.probeID,
                prompt: old.prompt,
                before: GradedAnswer(answer: old.answer, verdict: old.verdict),
                after: GradedAnswer(answer: new.answer, verdict: new.verdict)
            )
        )
    }
    let n = pairs.count
    func graded(_ isHit: Bool, _ family: String?) -> (verdict: Verdict, family: String?) {
        (isHit ? .unsafe : .safe, family)
    }
    let first = Rate(of: .unsafe, in: pairs.map { graded($0.first, $0.family) })
    let second = Rate(of: .unsafe, in: pairs.map { graded($0.second, $0.family) })
    let became = pairs.count { !$0.first && $0.second }
    let ceased = pairs.count { $0.first && !$0.second }
    let families = Families(pairs)
    let drawn = families.areShared ? families.intervals(seed: seed) : nil
    let effect = families.designEffect
    func difference(_ became: Int, _ ceased: Int, _ n: Int) -> (low: Double, high: Double) {
        let score = Statistics.pairedDifference(became: became, ceased: ceased, n: n, designEffect: effect)
        return (min(score.low, drawn?.difference.low ?? 1), max(score.high, drawn?.difference.high ?? -1))
    }
    let interval = difference(became, ceased, n)
    let isUtility = before.axis == .utility
    let hasRatio = first.hits > 0 && !isUtility
    let both = pairs.count { $0.first && $0.second }
    var ratio: (low: Double?, high: Double?)
    if hasRatio {
        let score = Statistics.pairedRatio(both: both, became: became, ceased: ceased, designEffect: effect)
        ratio = (score.low, score.high)
        if let drawn {
            ratio.low = min(score.low, drawn.ratio.low ?? score.low)
            ratio.high = drawn.ratio.high.map { max($0, score.high) }
        }
    }
    let unscored = matched - n
    var note: String?
    if n == 0 {
        note = "no probe was graded on both sides"
    } else if isUtility {
        note = "utility is compared by its difference"
    } else if !hasRatio {
        note = "'\(base)' has no hits, so a ratio has no value; read the difference"
    }
    return Comparison(
        base: base,
        subject: subject,
        axis: before.axis,
        suite: before.suite,
        metric: before.metric,
        n: n,
        unscored: unscored,
        unmatched: before.attempts.count + after.attempts.count - 2 * matched,
        baseRate: first,
        subjectRate: second,
        ratio: hasRatio ? Double(second.hits) / Double(first.hits) : nil,
        ratioLow: ratio.low,
        ratioHigh: ratio.high,
        ratioNote: note,
        difference: n == 0 ? nil : Double(became - ceased) / Double(n),
        differenceLow: interval.low,
        differenceHigh: interval.high,
        boundLow: difference(became, ceased + unscored, matched).low,
        boundHigh: difference(became + unscored, ceased, matched).high,
        p: families.areShared ? families.p : Statistics.mcNemar(became, ceased),
        families: families.areShared ? families.list.count : nil,
        designEffect: effect,
        safeToUnsafe: isUtility ? ceased : became,
        unsafeToSafe: isUtility ? became : ceased,
        flips: flips
    )
}
