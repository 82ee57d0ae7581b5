import Foundation
import Testing

@testable import TemperReport

/// The guard in a report: its keys, its section, its series, its sentence, and the gate's look at it.
@Suite struct GuardingTests {
    private var report: RunReport { Sample.guarded }

    @Test func roundTripAndKeys() throws {
        #expect(try RunReport(json: report.json()) == report)
        let top = try #require(JSONSerialization.jsonObject(with: report.json()) as? [String: Any])
        let part = try #require(top["guard"] as? [String: Any])
        #expect(part.keys.sorted() == ["alone", "answers", "lines", "policy", "questions", "subject"])
        let line = try #require((part["lines"] as? [[String: Any]])?.first)
        #expect(line.keys.sorted() == ["answers", "answers_refused", "key", "rails", "refused"])
        let none = try #require(JSONSerialization.jsonObject(with: Sample.report.json()) as? [String: Any])
        #expect(none["guard"] is NSNull)
    }

    @Test func theGuardIsASeriesAndNoCandidateForTheBestDefence() {
        let figures = Figures(report)
        #expect(figures.one.risk.rows.map(\.label).contains("guarded"))
        #expect(figures.axesPanel?.key.map(\.label).contains("guarded") == true)
        #expect(BestDefence(Reading(report))?.subject.name == BestDefence(Reading(Sample.report))?.subject.name)
    }

    @Test func pageAndTerminalSayWhatIsLeft() {
        let page = HTMLReport.render(report)
        #expect(page.contains("tuned@64 alone, the guard alone, and both"))
        #expect(page.contains("jailbreak 130, encoded 10") && page.contains("2 of 20"))
        #expect(page.contains("Milliseconds that the guard adds"))
        let text = TerminalSummary.render(report)
        #expect(text.contains("guarded") && text.contains("Behind the guard (policy standard)"))
        #expect(text.replacing("\n", with: " ").contains("one in a hundred more than 4.2"))
        #expect(HTMLReport.render(Sample.report).contains("No guard was assessed in this run"))
        #expect(!TerminalSummary.render(Sample.report).contains("Behind the guard"))
    }

    @Test func theGateTakesTheGuardedModelByName() throws {
        let policy = GatePolicy(
            subject: "guarded",
            rules: [.init(id: "jailbreak-at-most", metric: "jailbreak", demand: .atMost(0.25, .interval))]
        )
        let result = try Gate.evaluate(report, against: policy)
        #expect(result.criteria[0].subject == "guarded" && result.criteria[0].n == 160)
    }
}

/// What another judge says is said where people decide.
@Suite struct SecondJudgeTests {
    @Test func theSummaryNamesIt() {
        let report = Sample.report
        let words = "by the judge harm 1, which agrees on 140 of 158."
        #expect(Findings(reading: Reading(report)).summary.contains { $0.hasSuffix(words) })
        #expect(TerminalSummary.render(report, width: 400).contains(words))
        var without = report
        for index in without.subjects.indices { without.subjects[index].secondOpinions = [] }
        #expect(Findings(reading: Reading(without)).secondJudges == nil)
    }
}
