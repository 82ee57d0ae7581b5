package import Foundation
package import TemperRisk

/// How well the first reader, the second and the cascade of both tell harmful texts from harmless ones, on rows that
/// none of them was made from.
///
/// Knows nothing about training. Each reader has its own threshold here, at which it finds one harmless text in a
/// hundred, so that recalls can be compared.
package struct ReaderMeasurement: Sendable, Hashable {
    /// What was measured, in words.
    package var what: String
    /// Harmful texts.
    package var hits: Int
    /// Harmless ones.
    package var others: Int
    /// Area under the curve, and the share found at one in a hundred: first, second, cascade.
    package var readers: [(area: Double, recall: Double)] { zip(areas, recalls).map { ($0, $1) } }
    var areas: [Double]
    var recalls: [Double]
    /// The share of all texts that the second reader was asked about.
    package var asked: Double
    /// Found and wrongly found at the cascade's own threshold.
    package var found: (hits: Int, others: Int) { (foundHits, foundOthers) }
    var foundHits: Int
    var foundOthers: Int

    /// The line on a card.
    package var line: String {
        let names = ["first", "encoder", "cascade"]
        let parts = zip(names, readers).map { name, value in
            "\(name) \(Self.text(value.area)) and \(Self.text(value.recall))"
        }
        return "\(what): area and recall at 1 % of \(others) harmless: \(parts.joined(separator: ", ")); "
            + "found \(foundHits) of \(hits), wrongly \(foundOthers); encoder asked for \(Self.text(asked))"
    }

    private static func text(_ value: Double) -> String { "\((value * 1000).rounded() / 1000)" }

    /// Measures a head.
    package static func all(
        of head: SecondReader.Head,
        _ name: GuardClassifier,
        in folder: URL,
        and alignment: AlignmentPrompts,
        embedding: any TextEmbedding
    ) async throws -> [ReaderMeasurement] {
        let test = try name.rows(in: folder, and: alignment).filter { $0.part == .test }
        let ordinary = test.filter { !$0.isHit && $0.isOrdinary }
        func held(_ source: String, _ isHit: Bool) -> [GuardRow] {
            test.filter { $0.source == source && $0.isHit == isHit }
        }
        let xsTest = try GuardRows.xsTest(in: folder)
        let sets: [(String, [GuardRow])] =
            switch name {
            case .jailbreak:
                [
                    (
                        "embedded jailbreak suite against ordinary requests",
                        try GuardRows.suite("jailbreak", isHit: true) + ordinary
                    ),
                    ("AdvBench held out against ordinary requests", held("AdvBench", true) + ordinary),
                    ("moderation held out", held("moderation", true) + held("moderation", false)),
                    ("XSTest", xsTest),
                    (
                        "embedded twins",
                        try GuardRows.suite("jailbreak", isHit: true) + GuardRows.suite("over-refusal", isHit: false)
                    ),
                ]
            case .injection:
                [
                    ("prompt_injections test", held("prompt injections", true) + held("prompt injections", false)),
                    (
                        "embedded injection suite against ordinary requests",
                        try GuardRows.suite("injection", isHit: true) + ordinary
                    ),
                ]
            }
        var measured: [ReaderMeasurement] = []
        for (what, rows) in sets {
            let read = try await SecondReader.Head.read(rows, by: name, embedding: embedding)
            measured.append(ReaderMeasurement(what, read, head))
        }
        return measured
    }

    init(_ what: String, _ rows: [SecondReader.Head.Row], _ head: SecondReader.Head) {
        let isAsked = rows.map { $0.first >= head.low }
        let first = rows.map(\.first)
        let second = rows.map { head.logit($0.vector) }
        let cascade = zip(rows, isAsked).map { row, isAsked in
            isAsked ? head.probability(first: row.first, vector: row.vector) : row.first
        }
        self.what = what
        hits = rows.count { $0.row.isHit }
        others = rows.count - hits
        (areas, recalls) = ([], [])
        for scores in [first, second, cascade] {
            areas.append(Agreement.area(zip(rows, scores).map { ($0.row.isHit, $1) }) ?? 0.5)
            let harmless = zip(rows, scores).filter { !$0.0.row.isHit }.map(\.1).sorted(by: >)
            // As many as are above the limit are found wrongly: one in a hundred at most.
            let limit = harmless.isEmpty ? 0 : harmless[min(harmless.count - 1, harmless.count / 100)]
            let found = zip(rows, scores).count { $0.0.row.isHit && $0.1 > limit }
            recalls.append(hits == 0 ? 0 : Double(found) / Double(hits))
        }
        asked = Double(isAsked.count { $0 }) / Double(max(1, rows.count))
        foundHits = zip(rows, cascade).count { $0.0.row.isHit && $0.1 >= head.threshold }
        foundOthers = zip(rows, cascade).count { !$0.0.row.isHit && $0.1 >= head.threshold }
    }
}
