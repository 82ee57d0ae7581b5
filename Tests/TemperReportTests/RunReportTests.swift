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
                == "comparisons created defences environment flips judges model name notes schema settings subjects "
                + "suites timing training"
        )
        #expect(top["schema"] as? Int == 2)
        #expect(top["created"] as? String == "2026-05-28T20:26:40Z")
        #expect(keys(top["model"]) == "dtype name parameters path sha256")
        #expect(keys(first(top["subjects"])) == "axes kind measures name second_opinions seconds step utility")
        let axes = first(top["subjects"])?["axes"] as? [String: Any]
        #expect(keys(axes) == "bias jailbreak over-refusal over-refusal-ordinary")
        #expect(keys(first(first(top["subjects"])?["measures"])) == "axis high low n name value")
        #expect(
            keys(first(first(top["subjects"])?["second_opinions"])) == "agreeing axis compared judge rate"
        )
        #expect(keys(axes?["jailbreak"]) == "high low n rate unscored")
        #expect(keys((top["subjects"] as? [[String: Any]])?[1]["utility"]) == "high low metric n unscored value")
        let comparison = first(top["comparisons"])
        #expect(
            keys(comparison)
                == "axis base base_rate difference flips high low n p p_holm ratio ratio_high ratio_low ratio_note "
                + "subject subject_rate unmatched unscored"
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
