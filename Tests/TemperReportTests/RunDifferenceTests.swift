import Foundation
import Testing

@testable import TemperReport

/// Two runs side by side.
@Suite struct RunDifferenceTests {
    @Test func differencesAreShown() throws {
        var other = Sample.report
        let index = try #require(other.subjects.firstIndex { $0.name == "aligned" })
        other.subjects[index].axes["jailbreak"] = Sample.rate(40, of: 160)
        other.subjects.removeAll { $0.name == "mixed-data" }
        other.defences.removeAll { $0.name == "mixed-data" }
        let difference = RunDifference(
            .init(name: "one", settings: ["seed": "1", "tune.max_steps": "32", "only": "a"], report: Sample.report),
            .init(name: "two\u{1B}[31m", settings: ["seed": "1", "tune.max_steps": "64"], report: other)
        )
        let lines = difference.table(width: 100).split(separator: "\n").map(String.init)
        #expect(lines.allSatisfy { $0.count <= 100 && !$0.contains("\u{1B}") })
        #expect(lines.contains { $0.hasPrefix("tune.max_steps") && $0.contains("32") && $0.hasSuffix("64") })
        #expect(lines.contains { $0.hasPrefix("only") && $0.hasSuffix("–") })
        #expect(!lines.contains { $0.hasPrefix("seed") })
        #expect(lines.contains { $0.hasPrefix("aligned jailbreak") && $0.contains("5.6 %") && $0.contains("25.0 %") })
        #expect(lines.contains { $0.hasPrefix("mixed-data jailbreak") && $0.hasSuffix("–") })
        let json = try JSONSerialization.jsonObject(with: Data(difference.json.utf8)) as? [String: Any]
        #expect((json?["settings"] as? [[String: Any]])?.count == 2)
    }

    /// The last checkpoints stand in one row, each with its name.
    @Test func runsOfDifferentLengthsAreLinedUp() throws {
        var short = Sample.report
        short.subjects.removeAll { $0.kind == .checkpoint && $0.step ?? 0 > 8 }
        let difference = RunDifference(
            .init(name: "one", settings: [:], report: Sample.report),
            .init(name: "two", settings: [:], report: short)
        )
        let rows = difference.table(width: 200).split(separator: "\n").filter { $0.hasPrefix("tuned jailbreak ") }
        #expect(rows.count == 1 && rows[0].contains(" tuned@64 ") && rows[0].hasSuffix(" tuned@8"), "\(rows)")
    }

    @Test func runsWithoutAReportHaveSettings() {
        let side = RunDifference.Side(name: "a", settings: ["seed": "1"], report: nil)
        #expect(RunDifference(side, side).table() == "the settings are the same\n")
    }
}
