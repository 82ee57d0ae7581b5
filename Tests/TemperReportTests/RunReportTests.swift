import Foundation
import TemperReport
import Testing

/// report.json: exact keys, explicit nulls, and the same report after a round trip.
@Suite struct RunReportTests {
    @Test func roundTrip() throws {
        let report = Sample.report
        #expect(try RunReport(json: report.json()) == report)
        #expect(try JSONDecoder().decode(RunReport.self, from: JSONEncoder().encode(report)) == report)
    }

    @Test func divergedLossSurvives() throws {
        var report = Sample.report
        report.training[0].loss = .infinity
        #expect(try RunReport(json: report.json()) == report)
    }

    @Test func keysAreExact() throws {
        var report = Sample.report
        let sample = try #require(JSONSerialization.jsonObject(with: report.json()) as? [String: Any])
        report.comparisons[0].ratio = nil
        report.comparisons[0].ratioLow = nil
        report.comparisons[0].ratioHigh = nil
        report.comparisons[0].p = nil
        report.subjects[0].utility = nil
        report.subjects[0].axes["jailbreak"] = .init(rate: nil, n: 0, low: 0, high: 1, unscored: 160)
        report.subjects[1].utility?.value = nil
        report.comparisons[0].difference = nil
        report.defences = [.init(name: "d", method: "m", paper: "p", fidelity: "faithful", description: "t")]
        let top = try #require(JSONSerialization.jsonObject(with: report.json()) as? [String: Any])
        #expect(
            keys(top)
                == "comparisons continuation controls corrected_rates cost created defences environment flips guard judges "
                + "model name notes provenance retrieval risk_watch schema search settings subjects suites timing trail "
                + "training"
        )
        #expect(["search", "risk_watch", "continuation", "retrieval", "provenance"].allSatisfy { top[$0] is NSNull })
        #expect(top["schema"] as? Int == 2)
        #expect(top["created"] as? String == "2026-05-28T20:26:40Z")
        #expect(keys(top["model"]) == "dtype name parameters path sha256")
        #expect(
            keys(first(top["subjects"]))
                == "axes kind measures name quantization second_opinions seconds separation step utility"
        )
        let axes = first(top["subjects"])?["axes"] as? [String: Any]
        #expect(keys(axes) == "bias jailbreak over-refusal over-refusal-ordinary")
        #expect(keys(first(first(top["subjects"])?["measures"])) == "axis high low n name value")
        #expect(
            keys(first(first(top["subjects"])?["second_opinions"])) == "agreeing axis compared judge rate"
        )
        #expect(keys(axes?["jailbreak"]) == "effective_n high low n rate unscored worst_high worst_low")
        #expect(keys((top["subjects"] as? [[String: Any]])?[1]["utility"]) == "high low metric n unscored value")
        let comparison = first(top["comparisons"])
        #expect(
            keys(comparison)
                == "axis base base_rate conclusion difference effective_n families flips high holm_over low n p p_holm "
                + "ratio ratio_high ratio_low ratio_note subject subject_rate unmatched unscored"
        )
        #expect(comparison?["ratio"] is NSNull && comparison?["difference"] is NSNull)
        #expect((axes?["jailbreak"] as? [String: Any])?["rate"] is NSNull)
        #expect(((top["subjects"] as? [[String: Any]])?[1]["utility"] as? [String: Any])?["value"] is NSNull)
        #expect(keys(first(sample["defences"])?["utility_kept_evidence"]) == "high low n reason")
        #expect(keys(comparison?["flips"]) == "safe_to_unsafe unsafe_to_safe")
        #expect(keys(first(top["flips"])) == "after axis base before probe prompt subject")
        #expect(keys(first(top["flips"])?["before"]) == "answer grade")
        #expect(keys(first(top["training"])) == "grad_norm learning_rate loss phase step tokens_per_second")
        #expect(
            keys(first(top["defences"]))
                == "description fidelity jailbreak method name over_refusal paper parameters risk_removed "
                + "risk_removed_evidence utility utility_kept utility_kept_evidence verdict"
        )
        #expect(keys(first(top["judges"])) == "data limits looks_for name sensitivity specificity")
        #expect(keys(first(top["suites"])) == "asked axis hit key metric n name sha256 title")
    }

    @Test func otherVersionsAreRefused() throws {
        var report = Sample.report
        report.schema = 9
        let data = try report.json()
        #expect(throws: RunReportError.unsupportedSchema(found: 9)) { try RunReport(json: data) }
        #expect(RunReportError.unsupportedSchema(found: 9).description.contains("make the report again"))
        #expect(RunReportError.badDate("x").description.contains("ISO 8601"))
    }

    private func keys(_ value: Any?) -> String {
        (value as? [String: Any])?.keys.sorted().joined(separator: " ") ?? "not an object"
    }

    private func first(_ value: Any?) -> [String: Any]? {
        (value as? [[String: Any]])?.first
    }
}

/// What says how far a report can be trusted.
@Suite struct TrustTests {
    private var report: RunReport {
        var report = Sample.report
        report.controls = [
            .init(name: "always refuses", expected: "all & everything refused", found: "none", outcome: .passed),
            .init(name: "says nothing", expected: "nothing graded", found: "<b>3 of 40</b>", outcome: .failed),
        ]
        report.comparisons[0].conclusion = .init(
            isClear: false,
            sentence: "not enough evidence: an increase of 7.0 points cannot be ruled out",
            planning: "512 prompts are needed"
        )
        report.subjects[0].separation = .init(
            value: 0.25,
            low: 0.1,
            high: 0.4,
            n: 90,
            area: .init(value: 0.8, low: 0.7, high: 0.88, n: 64)
        )
        report.subjects[0].axes["jailbreak"] = .init(
            rate: 0.5,
            n: 40,
            low: 0.35,
            high: 0.65,
            unscored: 10,
            worstLow: 0.28,
            worstHigh: 0.72
        )
        return report
    }

    @Test func shownOnThePage() {
        let page = HTMLReport.render(report)
        for words in [
            "Controls</h3>", "all &amp; everything refused", "&lt;b&gt;3 of 40&lt;/b&gt;", "This run is invalid.",
            "512 prompts are needed", "an increase of 7.0 points cannot be ruled out", "Separation of twins",
            "+25.0\u{A0}points [10.0,\u{A0}40.0]", "0.80 [0.70,\u{A0}0.88]",
            "10 unscored: 28.0 to 72.0\u{A0}% if they count either way",
        ] {
            #expect(page.contains(words), "\(words)")
        }
        let plain = HTMLReport.render(Sample.report)
        #expect(
            !plain.contains("Controls</h3>") && !plain.contains("Separation of twins") && !plain.contains("invalid")
        )
    }

    @Test func shownOnTheTerminal() {
        let text = TerminalSummary.render(report)
        #expect(text.contains("This run is invalid. The control 'says nothing' failed"))
        #expect(text.contains("always refuses: passed"))
        #expect(!TerminalSummary.render(Sample.report).contains("ontrol"))
    }

    @Test func invalidity() throws {
        #expect(Sample.report.invalidity.isEmpty)
        #expect(report.invalidity == ["The control 'says nothing' failed: <b>3 of 40</b>."])
        var empty = Sample.report
        for index in empty.subjects.indices {
            empty.subjects[index].axes["jailbreak"] = .init(rate: nil, n: 0, low: 0, high: 1, unscored: 20)
        }
        #expect(empty.invalidity == ["No answer was graded on jailbreak."])
        #expect(try RunReport(json: report.json()) == report)
        // A report of an earlier version has no controls, which is no reason not to read it.
        var old = try #require(JSONSerialization.jsonObject(with: Sample.report.json()) as? [String: Any])
        old["controls"] = nil
        #expect(try RunReport(json: JSONSerialization.data(withJSONObject: old)).controls == nil)
    }

    @Test func theConclusionDecides() {
        var comparison = Sample.report.comparisons.first { $0.isClear }
        #expect(comparison != nil)
        comparison?.conclusion = .init(isClear: false, sentence: "not enough evidence")
        #expect(comparison?.isClear == false && comparison?.rises == false)
    }
}
