import Foundation
import TemperRisk
import TemperText
import Testing

@testable import TemperGuard

/// Counts again what the cards say, and checks that nothing was both trained on and measured on.
@Suite("Measured rails", .enabled(if: publicData != nil, "needs TEMPER_TEST_DATA"))
struct GuardMeasurementTests {
    /// The alignment sets' prompts, which another layer carries.
    private func alignment() throws -> AlignmentPrompts {
        let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("../../Sources/Align/Resources")
        struct Row: Decodable { var messages: [Message] }
        func prompts(_ name: String) throws -> [String] {
            let text = try String(contentsOf: folder.appendingPathComponent("\(name).jsonl"), encoding: .utf8)
            return try text.split(separator: "\n").compactMap { line in
                try JSONDecoder().decode(Row.self, from: Data(line.utf8)).messages.last { $0.role == .user }?.content
            }
        }
        return AlignmentPrompts(
            harmful: try prompts("refusals"),
            harmless: try prompts("twins") + prompts("ordinary")
        )
    }

    @Test(arguments: GuardClassifier.allCases) func cardsSayWhatIsMeasured(_ name: GuardClassifier) async throws {
        let folder = try #require(publicData)
        let measured = try await GuardMeasurement.all(of: name, in: folder, and: alignment())
        #expect(measured == GuardMeasurement.stored[name])
    }

    @Test(arguments: GuardClassifier.allCases) func nothingIsTrainedAndMeasuredOn(_ name: GuardClassifier) throws {
        let folder = try #require(publicData)
        let rows = try name.rows(in: folder, and: alignment())
        var parts: [String: LabelledRow.Part] = [:]
        for row in rows { #expect(parts.updateValue(row.part, forKey: row.key) == nil) }
        let tests =
            try GuardRows.xsTest(in: folder) + GuardRows.suite("jailbreak", isHit: true)
            + GuardRows.suite("over-refusal", isHit: false) + GuardRows.suite("injection", isHit: true)
        for row in tests { #expect(parts[row.key] == nil, "\(row.text)") }
    }

    @Test func personalDataAndCodings() async throws {
        let folder = try #require(publicData)
        #expect(try PersonalDataMeasurement.all(in: folder) == PersonalDataRail.measured)
        #expect(try await EncodedMeasurement.all() == EncodedRail.measured)
    }
}
