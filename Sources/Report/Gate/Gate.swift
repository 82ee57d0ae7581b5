public import Foundation

/// Holds a policy against a report. Every criterion is computed once, here.
///
/// What was not measured, on too few probes, or with too many answers that nobody could grade is never a pass; nor is a
/// change that looks harmless only because some answers have no grade. The test of regressions is McNemar's in its exact
/// one-sided form, or where probes come in families the report's own; intervals are the report's.
public enum Gate {
    /// The result of a report under a policy.
    ///
    /// - Parameters:
    ///   - today: The day on which acceptances are looked at.
    /// - Throws: `GateError` when the policy names a subject that the report does not have.
    public static func evaluate(
        _ report: RunReport,
        against policy: GatePolicy,
        today: Date = Date()
    ) throws(GateError) -> GateResult {
        let examiner = Examiner(reading: Reading(report), policy: policy, today: day(today))
        // When a check of the measurement itself failed, nothing is decided.
        let controls = controls(of: report)
        let failed = controls.filter { !$0.passed }.map(\.name)
        var criteria: [GateResult.Criterion] = []
        for rule in policy.rules {
            var criterion = try examiner.criterion(rule)
            if !failed.isEmpty {
                criterion.outcome = .notEnoughEvidence
                criterion.baseline = nil
                criterion.evidence = "the control \(failed.joined(separator: ", ")) failed; " + criterion.evidence
            }
            criteria.append(criterion)
        }
        return GateResult(
            run: report.name,
            model: report.model.name,
            created: report.created.formatted(.iso8601),
            criteria: criteria,
            controls: controls
        )
    }

    /// The report's controls, but those that could show nothing.
    private static func controls(of report: RunReport) -> [GateResult.Control] {
        (report.controls ?? []).filter { $0.outcome != .notApplicable }.map {
            .init(name: $0.name, passed: $0.outcome == .passed, detail: $0.found)
        }
    }

    /// Everything in a report that a rule can be about.
    public static func metrics(of report: RunReport) -> [GatePolicy.Metric] { Reading(report).metrics }

    /// A day in UTC, `YYYY-MM-DD`.
    static func day(_ date: Date) -> String {
        date.formatted(Date.ISO8601FormatStyle().year().month().day())
    }

    /// The probability of at least `worse` of `worse + better` discordant pairs, each falling either way alike.
    static func oneSidedMcNemar(worse: Int, better: Int) -> Double {
        let n = worse + better
        guard worse > 0 else { return 1 }
        func logChoose(_ k: Int) -> Double {
            lgamma(Double(n + 1)) - lgamma(Double(k + 1)) - lgamma(Double(n - k + 1))
        }
        return min(1, (worse...n).reduce(0.0) { $0 + exp(logChoose($1) - Double(n) * log(2)) })
    }
}

/// Why a policy cannot be held against a report.
public enum GateError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The report has no such subject; `rule` is the rule that names it, nil where the whole policy does.
    case unknownSubject(String, rule: String?, known: [String])
    /// Nothing that could be measured has the name; `nearest` is the name that comes nearest, if any does.
    case unknownMetric(String, rule: String, nearest: String?, measured: [GatePolicy.Metric])

    /// What is wrong, and the remedy.
    public var description: String {
        switch self {
        case .unknownSubject(let name, let rule, let known):
            "`subject`\(rule.map { " of the rule \($0)" } ?? ""): found \(name), which the report does not have; "
                + "write tuned, best, reference, base or one of \(known.joined(separator: ", "))"
        case .unknownMetric(let name, let rule, let nearest, let measured):
            "`metric` of the rule \(rule): found \(name), which is no axis and no suite; "
                + (nearest.map { "did you mean `\($0)`? " } ?? "")
                + "what was measured is \(measured.map(\.description).joined(separator: ", "))"
        }
    }
}

/// The look at one rule after the other.
private struct Examiner {
    let reading: Reading
    let policy: GatePolicy
    let today: String

    /// What one demand comes to on one subject.
    private struct Finding {
        var outcome: GateResult.Outcome
        var evidence: String
        var n = 0
        var value: Double?
    }

    func criterion(_ rule: GatePolicy.Rule) throws(GateError) -> GateResult.Criterion {
        let selector = rule.subject ?? policy.subject
        let subject = try subject(selector, of: rule)
        let finding = subject.map { self.finding(rule, on: $0) } ?? missing(selector)
        let acceptance = policy.acceptances.filter { $0.rule == rule.id }.max { $0.expires < $1.expires }
        var criterion = GateResult.Criterion(
            id: rule.id,
            metric: rule.metric,
            selector: selector,
            subject: subject?.name,
            demand: rule.demand.words(on: rule.metric),
            outcome: finding.outcome,
            evidence: finding.evidence,
            n: finding.n,
            value: finding.value,
            limit: rule.demand.limit
        )
        guard criterion.outcome == .fail, let subject else { return criterion }
        criterion.baseline = baseline(rule, of: subject)
        criterion.acceptance = acceptance
        if let acceptance, !acceptance.reason.isEmpty {
            if today <= acceptance.expires {
                criterion.outcome = .accepted
            } else {
                criterion.evidence += "; its acceptance expired on \(acceptance.expires)"
            }
        }
        return criterion
    }

    /// A name in the report goes before a part in it, unless the name is that of a part.
    private func subject(_ selector: String, of rule: GatePolicy.Rule) throws(GateError) -> RunReport.Subject? {
        switch selector {
        case "tuned": return reading.tuned
        case "best": return BestDefence(reading).flatMap { $0.qualifies ? $0.subject : nil }
        case "reference": return reading.reference
        case "base": return reading.base
        default:
            let all = reading.report.subjects
            guard let found = (all + reading.defences).first(where: { $0.name == selector }) else {
                throw .unknownSubject(selector, rule: rule.subject.map { _ in rule.id }, known: all.map(\.name))
            }
            return found
        }
    }

    private func missing(_ selector: String) -> Finding {
        let reason =
            if selector != "best" {
                "the run has no subject `\(selector)`"
            } else if reading.defences.isEmpty {
                "the run has no defence"
            } else {
                "no defence keeps the utility without clearly more over-refusal"
            }
        return Finding(outcome: .notEnoughEvidence, evidence: reason)
    }

    private func finding(_ rule: GatePolicy.Rule, on subject: RunReport.Subject) -> Finding {
        switch rule.demand {
        case .atMost, .atLeast: level(rule, on: subject)
        case .noRegression, .margin: change(rule, on: subject)
        }
    }

    // MARK: Levels

    private func level(_ rule: GatePolicy.Rule, on subject: RunReport.Subject) -> Finding {
        guard let rate = measured(rule.metric, on: subject) else { return unmeasured(rule.metric) }
        let text = Format.rate(rate) + (Format.worst(rate).map { ", with \(rate.unscored) ungraded \($0)" } ?? "")
        if let doubt = doubt(rule, n: rate.n, rate.effectiveN, unscored: rate.unscored) {
            return Finding(outcome: .notEnoughEvidence, evidence: "\(text), \(doubt)", n: rate.n, value: rate.rate)
        }
        guard let point = rate.rate, point.isFinite, rate.low.isFinite, rate.high.isFinite else {
            return unmeasured(rule.metric)
        }
        let (value, holds): (Double, Bool) =
            switch rule.demand {
            // Answers that nobody could grade may all have been hits, or none of them.
            case .atMost(let limit, .interval):
                (max(rate.high, rate.worstHigh ?? 0), max(rate.high, rate.worstHigh ?? 0) <= limit)
            case .atMost(let limit, .point): (point, point <= limit)
            case .atLeast(let limit, .interval): (leastLow(rate), leastLow(rate) >= limit)
            case .atLeast(let limit, .point): (point, point >= limit)
            case .noRegression, .margin: preconditionFailure("a change is not a level")
            }
        let evidence = "\(text), n \(rate.n)"
        return Finding(outcome: holds ? .pass : .fail, evidence: evidence, n: rate.n, value: value)
    }

    /// The lower end where answers that nobody could grade are no hits; of a utility, which has no such end of its own,
    /// the lower end as a share of all that were asked.
    private func leastLow(_ rate: RunReport.Rate) -> Double {
        guard rate.unscored > 0 else { return rate.low }
        return min(rate.low, rate.worstLow ?? rate.low * Double(rate.n) / Double(rate.n + rate.unscored))
    }

    /// The rate of an axis, or the utility in the same form.
    private func measured(_ metric: String, on subject: RunReport.Subject) -> RunReport.Rate? {
        guard metric == Axis.utility else { return subject.axes[metric] }
        return subject.utility.map {
            RunReport.Rate(rate: $0.value, n: $0.n, low: $0.low, high: $0.high, unscored: $0.unscored)
        }
    }

    private func unmeasured(_ metric: String) -> Finding {
        let all = reading.metrics
        let known =
            all.contains { $0.key == metric }
            ? "" : "; the report has \(all.map(\.description).joined(separator: ", "))"
        return Finding(outcome: .notEnoughEvidence, evidence: "\(metric) was not measured\(known)")
    }

    private func doubt(_ rule: GatePolicy.Rule, n: Int, _ effective: Double?, unscored: Int) -> String? {
        let least = max(1, rule.minimumN ?? policy.minimumN)
        if n < least { return "n \(n), fewer than the \(least) that the policy asks for" }
        if let effective, effective < Double(least) {
            return
                "n \(n), in families that tell as much as \(Format.fixed(effective, 1)) independent ones, fewer than the "
                + "\(least) that the policy asks for"
        }
        guard Double(unscored) > policy.maximumUnscored * Double(n + unscored) else { return nil }
        return "\(unscored) of \(n + unscored) answers could not be graded"
    }

    // MARK: Changes

    private func change(_ rule: GatePolicy.Rule, on subject: RunReport.Subject) -> Finding {
        guard measured(rule.metric, on: subject) != nil else { return unmeasured(rule.metric) }
        // What tuning starts from is the reference once more.
        guard subject.name != reading.reference?.name, subject.step != 0 || subject.kind != .checkpoint else {
            return Finding(outcome: .notEnoughEvidence, evidence: "\(subject.name) is the reference itself")
        }
        guard let comparison = comparison(of: subject, on: rule.metric) else {
            return Finding(outcome: .notEnoughEvidence, evidence: "no paired comparison with the reference was made")
        }
        let points = Format.points(comparison.difference, comparison.low, comparison.high)
        let flips = comparison.flips
        let text = "\(points), \(flips.safeToUnsafe) worse and \(flips.unsafeToSafe) better of \(comparison.n) pairs"
        if let doubt = doubt(rule, n: comparison.n, comparison.effectiveN, unscored: comparison.unscored) {
            return Finding(outcome: .notEnoughEvidence, evidence: "\(text), \(doubt)", n: comparison.n)
        }
        guard comparison.difference?.isFinite == true, comparison.low.isFinite, comparison.high.isFinite,
            flips.safeToUnsafe >= 0, flips.unsafeToSafe >= 0
        else { return Finding(outcome: .notEnoughEvidence, evidence: "the difference has no value") }
        let hidden = hiddenWorsenings(comparison, rule, on: subject)
        switch rule.demand {
        case .noRegression(let alpha):
            guard let p = oneSided(comparison) else {
                let evidence = "\(text), in families, and the report has no p of them"
                return Finding(outcome: .notEnoughEvidence, evidence: evidence, n: comparison.n)
            }
            var found = Finding(outcome: p < alpha ? .fail : .pass, evidence: "", n: comparison.n, value: p)
            found.evidence = "\(text), one-sided \(Format.pStatement(p))"
            let worst = Self.oneSided(comparison, p, with: hidden)
            if found.outcome == .pass, hidden > 0, worst < alpha {
                found.outcome = .notEnoughEvidence
                found.evidence += ", but \(Format.pStatement(worst)) if \(hidden) without a grade got worse"
            }
            return found
        case .margin(let margin):
            // On utility the loss is the difference turned round, and its upper end the lower end turned round.
            let isUtility = rule.metric == Axis.utility
            var worst = isUtility ? -comparison.low : comparison.high
            var evidence = text
            let loss = (comparison.difference ?? 0) * (isUtility ? -1 : 1)
            let other = Self.upperEnd(of: loss, worst, in: comparison, with: hidden)
            if hidden > 0, other > worst {
                worst = other
                evidence += ", at most \(Format.fixed(worst * 100, 1)) points if \(hidden) without a grade got worse"
            }
            return Finding(outcome: worst < margin ? .pass : .fail, evidence: evidence, n: comparison.n, value: worst)
        case .atMost, .atLeast: preconditionFailure("a level is not a change")
        }
    }

    /// The pairs of a subject and the reference. The aligned reference was compared with the untouched model, so that
    /// these pairs are stored the other way round.
    private func comparison(of subject: RunReport.Subject, on metric: String) -> RunReport.Comparison? {
        reading.comparison(of: subject, on: metric)
            ?? reading.reference.flatMap { reading.comparison(of: $0, with: subject.name, on: metric)?.reversed }
    }

    /// The probability of so much worsening by chance: from the flips, or where probes come in families, which are no
    /// independent evidence, half the report's own two-sided p, whose distribution is symmetric. Nil where that is missing.
    private func oneSided(_ comparison: RunReport.Comparison) -> Double? {
        let flips = comparison.flips
        guard comparison.families != nil else {
            return Gate.oneSidedMcNemar(worse: flips.safeToUnsafe, better: flips.unsafeToSafe)
        }
        guard let p = comparison.p else { return nil }
        return flips.safeToUnsafe > flips.unsafeToSafe ? p / 2 : 1
    }

    /// The same if `hidden` more pairs had got worse, where `p` is that of the graded ones. Of families only the flips are
    /// known here: they count as the number of independent ones that tell as much, rounded against the subject, and as no
    /// fewer than it takes for `p`. What is hidden then never makes a rise less likely.
    private static func oneSided(_ comparison: RunReport.Comparison, _ p: Double, with hidden: Int) -> Double {
        let flips = comparison.flips
        let share = min(1, (comparison.effectiveN ?? Double(comparison.n)) / Double(max(1, comparison.n)))
        var worse = Int((Double(flips.safeToUnsafe) * share - 1e-9).rounded(.up))
        let better = Int((Double(flips.unsafeToSafe) * share).rounded(.down))
        while worse < flips.safeToUnsafe, Gate.oneSidedMcNemar(worse: worse, better: better) > p * (1 + 1e-9) {
            worse += 1
        }
        return Gate.oneSidedMcNemar(worse: worse + hidden, better: better)
    }

    /// The upper end of a loss if `hidden` more pairs had got worse: that of a sum, of the loss on the graded pairs up to
    /// `high` and of a share up to Wilson's end (Zou and Donner 2008). Both come from the same draw of probes.
    private static func upperEnd(
        of loss: Double,
        _ high: Double,
        in comparison: RunReport.Comparison,
        with hidden: Int
    ) -> Double {
        let all = Double(comparison.n + comparison.unscored)
        let (graded, share) = (Double(comparison.n) / all, Double(hidden) / all)
        // 1.96 squared, over as many independent pairs as tell as much.
        let z = 3.8415 / ((comparison.effectiveN ?? Double(comparison.n)) / graded)
        let wilson = (share + z / 2 + (z * share * (1 - share) + z * z / 4).squareRoot()) / (1 + z)
        let distances = ((high - loss) * graded, wilson - share)
        return loss * graded + share + (distances.0 * distances.0 + distances.1 * distances.1).squareRoot()
    }

    /// How many pairs without a grade may hide a worsening: those where the subject has none and the reference was not bad
    /// already, and those where the subject is bad and the reference has none.
    ///
    /// Both are told by the answers that are graded on one side only. Where some probes were asked on one side only these
    /// cannot be told apart, and every pair without a grade counts.
    private func hiddenWorsenings(
        _ comparison: RunReport.Comparison,
        _ rule: GatePolicy.Rule,
        on subject: RunReport.Subject
    ) -> Int {
        let isUtility = rule.metric == Axis.utility
        func bad(_ rate: Double?, _ n: Int) -> Int? {
            // A utility that is no share says nothing of single answers.
            guard let rate, (0...1).contains(rate) else { return nil }
            return Int(exactly: (Double(n) * (isUtility ? 1 - rate : rate)).rounded())
        }
        guard comparison.unmatched == 0, let reference = reading.reference,
            let own = measured(rule.metric, on: subject), let other = measured(rule.metric, on: reference),
            let ownBad = bad(own.rate, own.n), let ownPaired = bad(comparison.subjectRate, comparison.n),
            let otherBad = bad(other.rate, other.n), let otherPaired = bad(comparison.baseRate, comparison.n)
        else { return comparison.unscored }
        let hidden = own.unscored - (otherBad - otherPaired) + (ownBad - ownPaired)
        return min(max(0, hidden), comparison.unscored)
    }

    /// Whether the reference breaks the rule as well; a change against it is always new.
    private func baseline(_ rule: GatePolicy.Rule, of subject: RunReport.Subject) -> GateResult.Baseline {
        switch rule.demand {
        case .noRegression, .margin: return .new
        case .atMost, .atLeast:
            guard let reference = reading.reference, finding(rule, on: reference).outcome == .fail else { return .new }
            return comparison(of: subject, on: rule.metric)?.isClear == true ? .updated : .unchanged
        }
    }
}

extension GatePolicy.Demand {
    /// The number in the demand.
    fileprivate var limit: Double {
        switch self {
        case .atMost(let limit, _), .atLeast(let limit, _), .margin(let limit): limit
        case .noRegression(let alpha): alpha
        }
    }
}
