/// What a risk budget decided, and how that lies beside what the verdicts on the result say, in sentences.
///
/// The two can part: `openings` looks at how likely answers are begun, not at answers, and a sentinel is asked fewer
/// probes than a result.
extension Findings {
    /// What came of the budget and what it looked at; nil where there was none.
    var watched: String? {
        guard let watch = reading.report.riskWatch else { return nil }
        guard watch.looksAtOpenings else { return watch.verdict }
        let spent = watch.looks.last(where: \.isOver).map { look in
            let (rise, low) = (Format.fixed((look.increase ?? .nan) * 100, 1), Format.fixed(look.low * 100, 1))
            return "At step \(look.step) they are begun less often by \(rise) points, at least \(low)"
        }
        return watch.verdict + " What it looked at is no verdict on an answer, but how likely the model still begins "
            + "the reference's safe answers to \(watch.suite) in the same words." + (spent.map { " \($0)." } ?? "")
    }

    /// What is said of a run whose tuning was taken back to its start; nil for any other.
    var wentBack: String? {
        guard reading.tuned == nil, let watch = reading.report.riskWatch, !watch.looks.isEmpty else { return nil }
        return "The risk budget took the tuning back to its start: the result is the reference itself, so there is no "
            + "change to report."
    }

    /// What to do where nothing of the tuning was kept.
    var lessRate: String? {
        wentBack.map { _ in
            let mix = reading.report.riskWatch?.action == "mix" ? "" : ", or with `action: mix`"
            return "What to do: tune at a lower learning rate, so that a look comes before the loss\(mix), or allow a "
                + "larger rise."
        }
    }

    /// What to do with a result that the budget found too far from the reference, and its verdicts do not; nil where they
    /// do not part.
    func doubt(_ comparison: RunReport.Comparison) -> String? {
        guard let watch = reading.report.riskWatch, let step = reading.tuned?.step,
            watch.looks.last(where: { $0.step == step })?.isOver == true
        else { return nil }
        let change = Format.points(comparison.difference, comparison.low, comparison.high)
        let cause =
            watch.looksAtOpenings
            ? "its refusals may only be worded otherwise, or about to go: read the flips, and assess with "
                + "`temperature` above 0"
            : "the sentinel's probes were fewer: assess more of them"
        return "What to do: do not decide yet. The risk budget was spent at step \(step), while the verdicts there "
            + "show no clear rise (\(change)); \(cause)."
    }
}

extension RunReport.RiskWatch {
    /// Whether it looked at how answers are begun, and not at verdicts.
    var looksAtOpenings: Bool { sign == "openings" }
}
