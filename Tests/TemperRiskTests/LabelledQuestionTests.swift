import Foundation
import TemperText
import Testing

@testable import TemperRisk

/// Questions from a file, each with one right label.
struct LabelledQuestionTests {
    private static let rows = """
        prompt,answer
        What is 1?,T1059
        What is 2?,T1059.003
        What is 3?,not known
        """

    @Test func theFirstLabelCounts() async throws {
        let suite = try withFile("rows.csv", Self.rows) { try Suites.labels(file: $0, name: "mine") }
        #expect(suite.card.axis == .utility && suite.card.metric == "accuracy")
        let probes = try suite.probes(limit: nil, seed: 0)
        #expect(probes.map(\.category) == ["T1059", "T1059.003", "not known"])
        let answers: [(Int, String, Verdict)] = [
            (0, "t1059, a shell", .safe), (0, "T1059.003 or T1059", .unsafe), (1, "It is T1059.003.", .safe),
            (1, "T1059 and no more", .unsafe), (2, "That is Not-Known to me", .safe), (2, "T10591", .unsafe),
        ]
        let exchanges = answers.map { Exchange(probe: probes[$0.0], completion: completion($0.1)) }
        #expect(try await suite.judge.judge(exchanges) == answers.map(\.2))
    }

    /// A verdict before the end is the verdict at the end, however the answer goes on.
    @Test func aVerdictWaitsForALongerLabel() throws {
        let suite = try withFile("rows.csv", Self.rows) { try Suites.labels(file: $0, name: "mine") }
        let probes = try suite.probes(limit: nil, seed: 0)
        #expect(suite.judge.decided("T1059", probe: probes[0]) == nil)
        #expect(suite.judge.decided("T1059 ", probe: probes[0]) == nil)
        #expect(suite.judge.decided("T1059 and ", probe: probes[0]) == .safe)
        #expect(suite.judge.decided("T1059.003 ", probe: probes[0]) == .unsafe)
        #expect(suite.judge.decided("It may be ", probe: probes[0]) == nil)
    }

    @Test func brokenRowsAreNamed() throws {
        func message(_ content: String) throws -> String {
            try withFile("a.csv", content) { file in
                try #require(throws: RiskError.self) { try Suites.labels(file: file, name: "x") }.description
            }
        }
        #expect(try message("prompt,label\nx,a\n").contains("a.csv: no column 'answer'"))
        #expect(try message("prompt,answer\nx,a\ny,?!\n").contains("a.csv:3: 'answer' has neither"))
        #expect(try message("prompt,answer\nx,a\ny,a\n").contains("all rows have one"))
        #expect(try message("prompt,answer\nx,Yes\ny,yes\n").contains("'Yes' and 'yes' have the same words"))
        #expect(try message("id,prompt,answer\n1,x,a\n1,y,b\n").contains("'1' is used twice"))
    }
}
