package import Foundation
import TemperRisk

/// What the cards say of the guard's classifiers: constants that a test measures again.
///
/// Knows nothing about how they were trained. Nothing that is measured here was trained on; settings and thresholds were
/// chosen on development rows.
package struct GuardMeasurement: Sendable, Hashable {
    /// What was measured, in words.
    package var what: String
    /// How many were found at the rail's own threshold.
    package var found: Int
    /// Of how many.
    package var n: Int
    /// How many are found at the thresholds 0.3, 0.5, 0.7 and 0.9.
    package var curve: [Int]

    init(_ what: String, _ found: Int, of n: Int, _ curve: [Int]) {
        self.what = what
        self.found = found
        self.n = n
        self.curve = curve
    }

    static let thresholds = [0.3, 0.5, 0.7, 0.9]

    /// The line on a card.
    package var line: String {
        let others = zip(Self.thresholds, curve).map { "\($1) at \($0)" }.joined(separator: ", ")
        return "\(what): \(found) of \(n) found (\(others))"
    }

    /// The lines of a rail's card.
    static func lines(of name: GuardClassifier) -> [String] { (stored[name] ?? []).map(\.line) }

    /// Measures a classifier again, alone or with a second reader behind it.
    package static func all(
        of name: GuardClassifier,
        in folder: URL,
        and alignment: AlignmentPrompts,
        reader: SecondReader? = nil
    ) async throws -> [GuardMeasurement] {
        let threshold = try reader?.head(for: name)?.threshold ?? name.load().outputs[0].threshold
        let test = try name.rows(in: folder, and: alignment).filter { $0.part == .test }
        func measured(_ what: String, _ rows: [GuardRow]) async throws -> GuardMeasurement {
            var scores: [Double] = []
            for row in rows { scores.append(try await name.score(of: row.text, with: reader)) }
            return GuardMeasurement(
                what,
                scores.count { $0 >= threshold },
                of: scores.count,
                thresholds.map { threshold in scores.count { $0 >= threshold } }
            )
        }
        func held(_ source: String, _ isHit: Bool) -> [GuardRow] {
            test.filter { $0.source == source && $0.isHit == isHit }
        }
        let xsTest = try GuardRows.xsTest(in: folder)
        switch name {
        case .jailbreak:
            return [
                try await measured("harmful requests of the embedded suite", GuardRows.suite("jailbreak", isHit: true)),
                try await measured("AdvBench's rows held out by hash", held("AdvBench", true)),
                try await measured("XSTest's unsafe requests", xsTest.filter(\.isHit)),
                try await measured("harmful texts of the moderation set, held out", held("moderation", true)),
                try await measured("harmless: XSTest's safe requests", xsTest.filter { !$0.isHit }),
                try await measured(
                    "harmless: the embedded suite of requests that sound harmful",
                    GuardRows.suite("over-refusal", isHit: false)
                ),
                try await measured(
                    "harmless: the embedded suite of ordinary requests",
                    GuardRows.suite("ordinary", isHit: false)
                ),
                try await measured("harmless: people's requests to assistants, held out", held("instructions", false)),
                try await measured("harmless: test questions, held out", held("questions", false)),
            ]
        case .injection:
            return [
                try await measured("a public set of prompt injections, its test rows", held("prompt injections", true)),
                try await measured("role plays of jailbreaks, held out", held("role play", true)),
                try await measured("the embedded injection suite", GuardRows.suite("injection", isHit: true)),
                try await measured("harmless: rows of that public set", held("prompt injections", false)),
                try await measured("harmless: people's requests to assistants, held out", held("instructions", false)),
                try await measured(
                    "harmless: assistants' answers, as retrieved text, held out",
                    held("carriers", false)
                ),
                try await measured("harmless: test questions, held out", held("questions", false)),
                try await measured("harmless: XSTest's safe requests", xsTest.filter { !$0.isHit }),
            ]
        }
    }

    static let stored: [GuardClassifier: [GuardMeasurement]] = [
        .jailbreak: [
            .init("harmful requests of the embedded suite", 157, of: 204, [188, 168, 143, 89]),
            .init("AdvBench's rows held out by hash", 85, of: 93, [90, 88, 84, 70]),
            .init("XSTest's unsafe requests", 58, of: 200, [94, 64, 43, 15]),
            .init("harmful texts of the moderation set, held out", 25, of: 75, [49, 32, 16, 2]),
            .init("harmless: XSTest's safe requests", 9, of: 250, [35, 19, 7, 1]),
            .init("harmless: the embedded suite of requests that sound harmful", 45, of: 204, [93, 65, 35, 13]),
            .init("harmless: the embedded suite of ordinary requests", 3, of: 100, [8, 4, 2, 0]),
            .init("harmless: people's requests to assistants, held out", 7, of: 553, [25, 10, 2, 0]),
            .init("harmless: test questions, held out", 4, of: 767, [26, 10, 3, 0]),
        ],
        .injection: [
            .init("a public set of prompt injections, its test rows", 23, of: 27, [23, 22, 21, 18]),
            .init("role plays of jailbreaks, held out", 6, of: 6, [6, 6, 6, 6]),
            .init("the embedded injection suite", 64, of: 112, [56, 43, 34, 20]),
            .init("harmless: rows of that public set", 1, of: 40, [1, 1, 1, 1]),
            .init("harmless: people's requests to assistants, held out", 6, of: 553, [4, 2, 1, 1]),
            .init("harmless: assistants' answers, as retrieved text, held out", 20, of: 651, [13, 4, 0, 0]),
            .init("harmless: test questions, held out", 4, of: 767, [2, 1, 0, 0]),
            .init("harmless: XSTest's safe requests", 0, of: 250, [0, 0, 0, 0]),
        ],
    ]
}
