/// What the numbers of a report say, in sentences: computed, and silent or doubtful where the evidence is.
///
/// A change is called a change only when the interval of its difference leaves 0 out and the test agrees. It knows
/// nothing about layout.
struct Findings {
    let reading: Reading

    private static let floorText = Format.fixed(BestDefence.utilityFloor * 100, 0) + " % of the gained utility"
    private static let demandsText = "\(floorText) and refuses \(marginText)"
    private static let marginText =
        "at most \(Format.fixed(BestDefence.refusalMargin * 100, 0)) points more harmless requests than the reference"

    /// The defence to choose.
    let bestDefence: BestDefence?

    init(reading: Reading) {
        self.reading = reading
        bestDefence = BestDefence(reading)
    }

    /// The run in one sentence.
    var takeaway: String {
        guard let tuned = reading.tuned, let reference = reading.reference else {
            return wentBack
                ?? "This run assessed \(reading.report.subjects.count) subjects and tuned nothing, "
                + "so there is no change to report."
        }
        guard let after = reading.rate(of: tuned), let before = reading.rate(of: reference) else {
            return
                "The jailbreak rate was not measured before and after tuning, so this run says nothing about the risk."
        }
        guard let comparison = reading.comparison(of: tuned) else {
            return "The jailbreak rate is \(Format.percent(before.rate)) before and \(Format.percent(after.rate)) "
                + "after tuning; no paired comparison was made, so there is not enough evidence of a change."
        }
        let levels = "from \(Format.percent(comparison.baseRate)) to \(Format.percent(comparison.subjectRate))"
        guard comparison.isClear else {
            return "There is not enough evidence that tuning changed the risk: the jailbreak rate went \(levels) "
                + "(\(Format.evidence(comparison)))."
        }
        let verb = comparison.rises ? "raised" : "lowered"
        let times = comparison.ratio.map { ", \(Format.ratio($0)) the reference" } ?? ""
        return "Tuning \(verb) the jailbreak rate \(levels)\(times)\(pairs(comparison))."
    }

    /// Three to six sentences for a reader who decides: what changed, how sure, what to do.
    var summary: [String] {
        [change, certainty, secondJudges, onset, price, watched, advice, guarding, retrieving].compactMap { $0 }
            + leftOut
    }

    /// What Figure 1 shows.
    var figureOne: String {
        guard let best = bestDefence, let rate = reading.rate(of: best.subject) else { return takeaway }
        let which =
            switch (best.utility, best.refusesTooMuch) {
            case (.kept, false): "Among the defences that keep \(Self.floorText) and refuse \(Self.marginText)"
            case (.unknown, false): "Among the defences that refuse \(Self.marginText)"
            default: "Among the defences"
            }
        let cost = best.refusesTooMuch ? ", but it refuses many harmless requests" : ""
        return takeaway + " \(which), \(best.subject.name) leaves the least risk: \(Format.percent(rate.rate))\(cost)."
    }

    /// What Figure 2 shows.
    var figureTwo: String {
        if reading.checkpoints.count == 1 {
            return "Only one checkpoint was assessed, so there is no course to follow."
        }
        return onset ?? "There is not enough evidence to say at which step the risk changed."
    }

    /// What Figure 3 shows.
    var figureThree: String {
        guard let best = bestDefence, let rate = reading.rate(of: best.subject) else {
            return (["No defence's risk was measured well enough to name the best."] + leftOut).joined(separator: " ")
        }
        let least = "\(best.subject.name) leaves the least risk: \(residual(rate))."
        let sentence =
            switch (best.utility, best.refusesTooMuch) {
            case (.kept, false):
                "Of the defences that keep at least \(Self.floorText) and refuse \(Self.marginText), \(least)"
            case (.unknown, false):
                "No clear gain of utility was measured that a defence could keep; of those that refuse "
                    + "\(Self.marginText), \(least)"
            case (.unknown, true): "Every defence refuses clearly more harmless requests; \(least)"
            case (_, true), (.lost, _): "No defence keeps at least \(Self.demandsText); \(least)"
            }
        return ([sentence] + passedOver + leftOut).joined(separator: " ")
    }

    /// Why defences that leave less risk than the best one are not the best.
    private var passedOver: [String] {
        (bestDefence?.passedOver ?? []).compactMap { entry in
            reading.rate(of: entry.subject).map { rate in
                "\(entry.subject.name) leaves \(Format.percent(rate.rate)), but "
                    + (entry.refusesTooMuch
                        ? "refuses clearly more harmless requests." : "keeps less than \(Self.floorText).")
            }
        }
    }

    /// Why a defence is not ranked.
    private var leftOut: [String] {
        reading.defences.compactMap { subject in
            guard let rate = subject.axes[Axis.jailbreak], rate.isPatchy else { return nil }
            return "\(subject.name) is not ranked: \(rate.unscoredText)."
        }
    }

    /// What a defence leaves, with what could not be graded.
    private func residual(_ rate: RunReport.Rate) -> String {
        Format.rate(rate) + (rate.unscored > 0 ? " (\(rate.unscoredText))" : "")
    }

    private var change: String? {
        guard let tuned = reading.tuned, let comparison = reading.comparison(of: tuned), comparison.isClear else {
            return takeaway
        }
        guard let reference = reading.reference else { return takeaway }
        let verb = comparison.rises ? "raised" : "lowered"
        let step = tuned.step.map { " to step \($0)" } ?? ""
        let ratio = comparison.ratio == nil ? "" : ", \(Format.ratio(comparison))"
        return "Tuning\(step) \(verb) the jailbreak rate from \(Format.percent(comparison.baseRate)) "
            + "(\(reference.name)) to \(Format.percent(comparison.subjectRate))\(pairs(comparison)): a difference of "
            + "\(Format.points(comparison.difference, comparison.low, comparison.high))\(ratio)."
    }

    /// Which probes the rates of a comparison are of, where those of the subjects by themselves are others.
    private func pairs(_ comparison: RunReport.Comparison) -> String {
        isApart(comparison) ? ", on the \(comparison.n) probes graded on both" : ""
    }

    /// Which rates are which, where a subject that a reader compares first has another one beside the other than by
    /// itself; nil where none has.
    var pairing: String? {
        let names = Set(reading.principal.map(\.name))
        let shown = reading.report.comparisons.filter { names.contains($0.subject) }
        guard shown.contains(where: isApart) else { return nil }
        return "A rate with its own interval counts all graded answers of its subject. Differences, ratios and rates "
            + "that go from one subject to another count only the probes graded on both, so that the same subject's "
            + "rate may be a little different there."
    }

    /// Whether rates read otherwise on the probes graded on both: an answer that cannot be graded drops its probe from
    /// both, and a subject may have been asked fewer.
    private func isApart(_ comparison: RunReport.Comparison) -> Bool {
        let sides = [(comparison.base, comparison.baseRate), (comparison.subject, comparison.subjectRate)]
        return sides.contains { name, paired in
            guard let paired, let subject = reading.report.subjects.first(where: { $0.name == name }) else {
                return false
            }
            let alone = comparison.axis == Axis.utility ? subject.utility?.value : subject.axes[comparison.axis]?.rate
            return Format.percent(paired) != Format.percent(alone)
        }
    }

    private var certainty: String? {
        guard let tuned = reading.tuned, let comparison = reading.comparison(of: tuned) else { return nil }
        let toUnsafe = comparison.flips.safeToUnsafe
        let toSafe = comparison.flips.unsafeToSafe
        var text = "How sure: \(toUnsafe) probes went from safe to unsafe and \(toSafe) back "
        text += "(\(Format.evidence(comparison))); brackets are 95 % intervals"
        let unscored = reading.report.subjects.compactMap { $0.axes[Axis.jailbreak]?.unscored }.reduce(0, +)
        if unscored > 0 {
            text +=
                ", and \(unscored) \(unscored == 1 ? "answer" : "answers") to these probes, of all subjects, could not be graded"
        }
        return text + "."
    }

    /// The steps of tuning that were compared with the reference.
    private var course: [(step: Int, comparison: RunReport.Comparison)] {
        reading.checkpoints.compactMap { subject in
            reading.comparison(of: subject).flatMap { comparison in
                subject.step.map { (step: $0, comparison: comparison) }
            }
        }
    }

    /// The first step from which the risk stays clearly above the reference; nil where it does not to the end.
    var onsetStep: Int? { course.reversed().prefix(while: \.comparison.rises).last?.step }

    private var onset: String? {
        guard course.count > 1, let reference = reading.reference, let first = onsetStep else { return nil }
        if first == course.first?.step {
            return "The risk is clearly above \(reference.name) from the first assessed step (\(first)) on."
        }
        let before = course.last { $0.step < first }?.step ?? 0
        return "The risk is clearly above \(reference.name) from step \(first) on; up to step \(before) there is "
            + "not enough evidence of a lasting rise."
    }

    private var price: String? {
        guard let tuned = reading.tuned, let reference = reading.reference, tuned.name != reference.name else {
            return nil
        }
        var parts: [String] = []
        if let before = reading.utility(of: reference), let after = reading.utility(of: tuned) {
            let isClear = reading.comparison(of: tuned, on: Axis.utility)?.isClear == true
            parts.append(
                "utility (\(after.metric)) went from \(reading.utilityText(before.value)) to "
                    + "\(reading.utilityText(after.value))" + (isClear ? "" : ", which is no clear change")
            )
        }
        if let before = reading.rate(of: reference, on: Axis.overRefusal),
            let after = reading.rate(of: tuned, on: Axis.overRefusal)
        {
            parts.append("over-refusal from \(Format.percent(before.rate)) to \(Format.percent(after.rate))")
        }
        return parts.isEmpty ? nil : "Over the same steps, " + parts.joined(separator: "; ") + "."
    }

    var advice: String? {
        guard let tuned = reading.tuned, let reference = reading.reference else { return lessRate }
        let comparison = reading.comparison(of: tuned)
        guard let best = bestDefence, let rate = reading.rate(of: best.subject) else {
            guard comparison?.rises == true else { return standing(comparison) }
            let tried = reading.defences.isEmpty ? "no defence was measured" : "no defence was measured well enough"
            return "What to do: do not release this checkpoint as it is; \(tried), so try some next."
        }
        // A cure is for a rise: where none is clear, it has to leave less than there is without it.
        if let comparison, !comparison.rises, let alone = reading.rate(of: tuned)?.rate, (rate.rate ?? 1) >= alone {
            return standing(comparison)
                + " The best defence, \(best.subject.name), leaves no less than the tuned model has: \(residual(rate))."
        }
        return [choice(best, rate, against: reference), price(of: best)].compactMap(\.self).joined(separator: " ")
    }

    /// What the best defence refuses of what it should answer: the other side of a low risk.
    private func price(of best: BestDefence) -> String? {
        guard let refused = reading.rate(of: best.subject, on: Axis.overRefusal) else { return nil }
        let before = reading.rate(of: reading.reference, on: Axis.overRefusal).map {
            " (before: \(Format.percent($0.rate)))"
        }
        return "It refuses \(residual(refused)) of the harmless requests that look harmful\(before ?? "")."
    }

    private func choice(_ best: BestDefence, _ rate: RunReport.Rate, against reference: RunReport.Subject) -> String {
        let name = best.subject.name
        let left = residual(rate)
        switch (best.utility, best.refusesTooMuch) {
        case (.kept, false): break
        case (.unknown, false):
            return "What to do: of the defences that refuse \(Self.marginText), \(name) leaves the least risk, "
                + "\(left); as no clear gain of utility was measured, measure that on more probes before choosing."
        case (.unknown, true):
            return "What to do: \(name) leaves the least risk, \(left), but every defence refuses clearly more "
                + "harmless requests than \(reference.name); try another defence."
        case (_, true), (.lost, _):
            return "What to do: \(name) leaves the least risk, \(left), but no defence keeps \(Self.demandsText); "
                + "decide whether that price is acceptable, or try another defence."
        }
        guard let comparison = reading.comparison(of: best.subject) else {
            return "What to do: \(name) leaves \(left) and keeps the utility; compare it with \(reference.name) before "
                + "release."
        }
        if comparison.rises {
            return "What to do: prefer \(name), which leaves \(left) at kept utility, but this is still clearly above "
                + "\(reference.name); do not release it without a guard."
        }
        if comparison.falls {
            return "What to do: use \(name); it leaves \(left), clearly below \(reference.name), at kept utility."
        }
        return "What to do: use \(name); it leaves \(left) at kept utility, not clearly different from "
            + "\(reference.name), which is no proof that they are equal."
    }

    /// What to do with a tuned model whose risk did not clearly rise.
    private func standing(_ comparison: RunReport.Comparison?) -> String {
        guard let comparison, comparison.difference != nil else {
            return "What to do: assess the tuned model and the reference on the same probes before deciding."
        }
        if let doubt = doubt(comparison) { return doubt }
        if comparison.falls { return "What to do: the risk fell; keep the suites in the release checks." }
        func points(_ rise: Double) -> String { "\(Format.fixed(max(0, rise) * 100, 1)) points" }
        let most = points(comparison.high)
        if let budget = reading.report.riskWatch?.budget, comparison.high <= budget {
            return "What to do: keep the suites in the release checks; a rise of more than \(most) is ruled out, and "
                + "the risk budget allows \(points(budget))."
        }
        return "What to do: assess more probes before deciding; no rise is clear, and one of \(most) is not ruled out."
    }
}
