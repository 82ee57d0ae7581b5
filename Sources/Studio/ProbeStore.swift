import Foundation
import TemperLedger
import TemperRisk

/// A graded answer, without what the explorer does not show.
struct ProbeAnswer: Sendable, Decodable {
    var probe: String
    var category: String
    var prompt: String
    var answer: String
    var verdict: Verdict

    private enum CodingKeys: String, CodingKey {
        case probeID, category, prompt, answer, verdict
    }

    init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        probe = try values.decode(String.self, forKey: .probeID)
        category = try values.decode(String.self, forKey: .category)
        prompt = try values.decode(String.self, forKey: .prompt)
        answer = try values.decode(String.self, forKey: .answer)
        verdict = try values.decode(Verdict.self, forKey: .verdict)
    }
}

/// One subject's answers to one suite, and where each probe stands.
final class ProbeSheet: Sendable {
    let answers: [ProbeAnswer]
    let index: [String: Int]

    init(_ url: URL) {
        answers = LedgerFile.readLines(ProbeAnswer.self, from: url)
        index = Dictionary(answers.enumerated().map { ($1.probe, $0) }) { first, _ in first }
    }
}

/// The suites of a subject that was assessed, as its `metrics.json` says.
struct AssessedSuites: Sendable, Decodable {
    struct Suite: Sendable, Decodable, Hashable {
        var suite: String
        var axis: Axis
        var metric: String
        /// Of all answers; nil where the file does not say it.
        var rate: Rate?

        /// How many answers its file has.
        var count: Int? { rate.map { $0.n + $0.unscored } }
    }

    var suites: [Suite]
}

/// Reads assessments for the explorer and keeps some of them, so that turning a page does not read them again.
actor ProbeStore {
    private var sheets: [String: (stamp: RunIndex.Stamp, sheet: ProbeSheet)] = [:]
    private var order: [String] = []
    /// Sheets that are kept: those of two subjects and some suites.
    private static let most = 48

    /// The subjects with a complete assessment, in the order of the story.
    nonisolated func subjects(of run: RunDirectory) -> [String] {
        func rank(_ name: String) -> (Int, Int, String) {
            switch name {
            case "raw": (0, 0, name)
            case "aligned": (1, 0, name)
            case _ where name.hasPrefix("tuned@"): (2, Int(name.dropFirst(6)) ?? 0, name)
            case _ where name.contains("continued@"):
                (4, name.split(separator: "@").last.flatMap { Int($0) } ?? 0, name)
            default: (3, 0, name)
            }
        }
        return RunMoment.subjects(of: run)
            .filter { suites(of: $0, in: run) != nil }
            .sorted { rank($0) < rank($1) }
    }

    nonisolated func suites(of subject: String, in run: RunDirectory) -> [AssessedSuites.Suite]? {
        guard RunIndex.isName(subject) else { return nil }
        return LedgerFile.read(
            AssessedSuites.self,
            from: run.assessment(of: subject).appendingPathComponent("metrics.json")
        )?.suites.filter { RunIndex.isName($0.suite) }
    }

    /// The subjects that were assessed and whose `metrics.json` cannot be read.
    nonisolated func damaged(in run: RunDirectory) -> [String] {
        RunMoment.subjects(of: run).filter { subject in
            RunIndex.isName(subject) && suites(of: subject, in: run) == nil
                && FileManager.default.fileExists(
                    atPath: run.assessment(of: subject).appendingPathComponent("metrics.json").path
                )
        }
    }

    func sheet(_ suite: String, of subject: String, in run: RunDirectory) -> ProbeSheet? {
        let url = run.assessment(of: subject).appendingPathComponent("\(suite).jsonl")
        guard let stamp = RunIndex.Stamp(url) else { return nil }
        let key = url.path
        if let known = sheets[key], known.stamp == stamp { return known.sheet }
        let sheet = ProbeSheet(url)
        sheets[key] = (stamp, sheet)
        order.removeAll { $0 == key }
        order.append(key)
        if order.count > Self.most { sheets[order.removeFirst()] = nil }
        return sheet
    }
}
