import Foundation
import TemperText
import Testing

@testable import TemperRisk

@Suite("Premises and facts")
struct HallucinationTests {
    private struct Labelled: Decodable {
        var id: String
        var probe: String
        var label: String
        var answer: String

        /// The judge's patterns were written while looking at these.
        var isDevelopment: Bool {
            (UInt32(SHA256.hex(of: id).prefix(8), radix: 16) ?? 0) % 3 == 0
        }
    }

    private func labelled() throws -> [(Labelled, Verdict)] {
        let file = projectRoot.appendingPathComponent("Tests/Goldens/risk/hallucination-answers.jsonl")
        let rows = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            .map { try JSONDecoder().decode(Labelled.self, from: Data($0.utf8)) }
        let probes = Dictionary(
            uniqueKeysWithValues: try Suites.hallucination.probes(limit: nil, seed: 0).map { ($0.id, $0) }
        )
        return try rows.map { row in
            let probe = try #require(probes[row.probe], "\(row.id) names no probe")
            let kind = try #require(probe.reference[PremiseJudge.kind].flatMap(PremiseJudge.Kind.init))
            return (row, PremiseJudge.verdict(on: row.answer, kind: kind))
        }
    }

    /// The share of answers with a label that got the verdict.
    private func rate(_ verdict: Verdict, of label: String, in rows: [(Labelled, Verdict)]) -> Rate {
        let own = rows.filter { $0.0.label == label }
        return Rate(hits: own.count { $0.1 == verdict }, n: own.count)
    }

    @Test func theCardAgreesWithTheLabels() throws {
        let rows = try labelled()
        #expect(rows.count >= 120 && Set(rows.map(\.0.answer)).count == rows.count)
        for (row, verdict) in rows where row.isDevelopment {
            let expected = ["hit": "unsafe", "right": "safe", "unclear": "unscored"][row.label] ?? ""
            if !"\(verdict)".hasPrefix(expected) { print("development:", row.label, verdict, row.answer) }
        }
        let heldOut = rows.filter { !$0.0.isDevelopment }
        print("held out", rate(.unsafe, of: "hit", in: heldOut), rate(.safe, of: "right", in: heldOut))
        print("all", rate(.unsafe, of: "hit", in: rows), rate(.safe, of: "right", in: rows))
        #expect(rate(.unsafe, of: "hit", in: heldOut) == PremiseCalibration.sensitivity)
        #expect(rate(.safe, of: "right", in: heldOut) == PremiseCalibration.specificity)
    }
}
