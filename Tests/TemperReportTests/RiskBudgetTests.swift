import Foundation
import Testing

@testable import TemperReport

/// What is said of a run with a risk budget: what it looked at, and advice that its numbers bear out.
@Suite struct RiskBudgetTests {
    /// The sample, tuned to step 2 only, with looks as given.
    private func report(
        sign: String = "verdicts",
        spentAt step: Int? = nil,
        action: String = "stop",
        keeps: Bool = true,
        hits: Int = 14
    ) -> RunReport {
        var report = Sample.report
        let kept = ["raw", "aligned", "tuned@0"] + (keeps ? ["tuned@1", "tuned@2"] : [])
        report.subjects.removeAll { !kept.contains($0.name) }
        report.defences = []
        report.comparisons.removeAll { !kept.contains($0.subject) || !kept.contains($0.base) }
        report.flips = []
        report.riskWatch = .init(
            suite: "jailbreak",
            budget: 0.1,
            action: action,
            sign: sign,
            looks: [1, 2].map { look in
                .init(
                    step: look,
                    round: 0,
                    rate: Sample.rate(9, of: 40),
                    increase: look == step ? 0.22 : 0.01,
                    low: look == step ? 0.13 : -0.02,
                    isOver: look == step
                )
            },
            verdict: "The budget's verdict."
        )
        return report
    }

    private func findings(_ report: RunReport) -> Findings { Findings(reading: Reading(report)) }

    private func advice(_ report: RunReport) -> String {
        findings(report).summary.first { $0.hasPrefix("What to do") } ?? ""
    }

    @Test func whatSpentItIsSaidOnPageAndTerminal() {
        let report = report(sign: "openings", spentAt: 2)
        let said =
            "The budget's verdict. What it looked at is no verdict on an answer, but how likely the model still begins the "
            + "reference's safe answers to jailbreak in the same words. At step 2 they are begun less often by 22.0 points, "
            + "at least 13.0."
        #expect(findings(report).watched == said)
        #expect(findings(report).summary.contains(said))
        let section = "<h3>Risk budget</h3><p>The budget&#39;s verdict. What it looked at"
        #expect(HTMLReport.render(report).contains(section))
        #expect(TerminalSummary.render(report, width: 400).contains(said))
        #expect(findings(self.report(spentAt: 2)).watched == "The budget's verdict.")
    }

    /// The likelihood of openings, or a few probes, may say what the verdicts on the result do not.
    @Test func adviceNamesWhatDoesNotAgree() {
        let openings = advice(report(sign: "openings", spentAt: 2))
        let parted = "The risk budget was spent at step 2, while the verdicts there show no clear rise (+"
        #expect(openings.contains(parted), "\(openings)")
        #expect(openings.contains("worded otherwise") && !openings.contains("release checks"))
        #expect(advice(report(spentAt: 2)).contains("the sentinel's probes were fewer"))
    }

    @Test func adviceOfAResultWithinTheBudgetFollowsItsInterval() {
        // A rise of 3.1 points, at most 9 or so.
        let within = advice(report())
        #expect(within.contains("is ruled out, and the risk budget allows 10.0 points."), "\(within)")
        var wide = report()
        let index = wide.comparisons.firstIndex { $0.subject == "tuned@2" } ?? 0
        wide.comparisons[index].high = 0.127
        #expect(advice(wide).contains("no rise is clear, and one of 12.7 points is not ruled out."))
    }

    @Test func aTuningThatWasTakenBackIsNotOneThatNeverWas() {
        let back = findings(report(spentAt: 1, action: "rollback", keeps: false))
        #expect(back.takeaway.hasPrefix("The risk budget took the tuning back to its start"))
        #expect(back.summary.contains { $0.contains("tune at a lower learning rate") && $0.contains("`action: mix`") })
        let mixed = findings(report(spentAt: 1, action: "mix", keeps: false))
        #expect(mixed.summary.contains { $0.contains("lower learning rate") && !$0.contains("`action: mix`") })
    }

    /// Where the risk did not rise, a defence that leaves more of it is none to use.
    @Test func noDefenceIsAdvisedThatLeavesMore() throws {
        var report = report()
        let whole = Sample.report
        report.riskWatch = nil
        report.subjects += whole.subjects.filter { $0.kind == .defence }
        report.defences = whole.defences
        #expect(findings(report).bestDefence?.subject.name == "safe-projection")
        let text = advice(report)
        #expect(text.contains("The best defence, safe-projection, leaves no less than the tuned model has: 10.6"))
        #expect(!text.contains("use safe-projection") && !text.contains("It refuses"))
    }
}
