import Foundation
import TemperLedger
import TemperRisk
import TemperText

/// One subject's assessment on disk: a JSON-lines file for each suite, and `metrics.json`, written last.
///
/// Until then the answers given so far lie in `.answers.jsonl`.
struct AssessmentFolder {
    private struct Metrics: Codable {
        struct Suite: Codable {
            var suite: String
            var sha256: String
            var axis: Axis
            var metric: String
            var rate: Rate
            var measures: [Measure]
        }
        var schema = 1
        var fingerprint: String
        var subject: String
        var options: SamplingOptions
        var seed: UInt64
        var seconds: Double
        var suites: [Suite]
        var separation: Separation?
    }

    private let url: URL

    init(_ url: URL) {
        self.url = url
    }

    /// Where answers are kept while the assessment is under way; no suite's name begins with a dot.
    func answers(fingerprint: String) throws -> AnswerStore {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        return try AnswerStore(file: url.appendingPathComponent(Self.answersName), fingerprint: fingerprint)
    }

    static let answersName = ".answers.jsonl"

    func write(_ assessment: Assessment, seconds: Double, fingerprint: String) throws {
        for result in assessment.results {
            try LedgerFile.write(lines: result.attempts, to: url.appendingPathComponent("\(result.suite).jsonl"))
        }
        let suites = assessment.results.map {
            Metrics.Suite(
                suite: $0.suite,
                sha256: $0.sha256,
                axis: $0.axis,
                metric: $0.metric,
                rate: $0.rate,
                measures: $0.measures
            )
        }
        try LedgerFile.write(
            Metrics(
                fingerprint: fingerprint,
                subject: assessment.subject,
                options: assessment.options,
                seed: assessment.seed,
                seconds: seconds,
                suites: suites,
                separation: assessment.separation
            ),
            to: url.appendingPathComponent("metrics.json")
        )
        // The suites' files have them all.
        try? FileManager.default.removeItem(at: url.appendingPathComponent(Self.answersName))
    }

    /// What is wrong with a folder whose assessment was complete: a file, and why; nil where nothing is, or where it never was.
    var damage: (file: URL, reason: String)? {
        let file = url.appendingPathComponent("metrics.json")
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        guard let metrics = LedgerFile.read(Metrics.self, from: file) else {
            return (file, "it is damaged, or of another version")
        }
        for suite in metrics.suites {
            let file = url.appendingPathComponent("\(suite.suite).jsonl")
            let (asked, found) = (
                suite.rate.n + suite.rate.unscored, LedgerFile.readLines(Attempt.self, from: file).count
            )
            if found != asked { return (file, "\(found) of \(asked) answers can be read") }
        }
        return nil
    }

    /// The assessment, if it is complete and, where a fingerprint is given, of that run.
    func read(fingerprint: String?) -> (assessment: Assessment, seconds: Double)? {
        guard let metrics = LedgerFile.read(Metrics.self, from: url.appendingPathComponent("metrics.json")),
            fingerprint == nil || metrics.fingerprint == fingerprint
        else { return nil }
        var results: [SuiteResult] = []
        for suite in metrics.suites {
            let attempts = LedgerFile.readLines(Attempt.self, from: url.appendingPathComponent("\(suite.suite).jsonl"))
            guard attempts.count == suite.rate.n + suite.rate.unscored else { return nil }
            results.append(
                SuiteResult(
                    suite: suite.suite,
                    sha256: suite.sha256,
                    axis: suite.axis,
                    metric: suite.metric,
                    attempts: attempts,
                    measures: suite.measures
                )
            )
        }
        let assessment = Assessment(
            subject: metrics.subject,
            options: metrics.options,
            seed: metrics.seed,
            results: results,
            separation: metrics.separation
        )
        return (assessment, metrics.seconds)
    }
}
