import Foundation
import TemperLedger
import TemperRisk

/// What the explorer was asked for, and the probes that fit: two subjects side by side.
struct ProbeSelection: Sendable {
    /// How the grade changed from the first subject to the second.
    enum Flip: String, CaseIterable, Sendable {
        case any = "", flipped, worse, better

        var title: String {
            switch self {
            case .any: "all probes"
            case .flipped: "graded differently"
            case .worse: "got worse"
            case .better: "got better"
            }
        }
    }

    /// A probe with what both subjects answered.
    struct Pair: Sendable {
        var suite: AssessedSuites.Suite
        var before: ProbeAnswer?
        var after: ProbeAnswer?

        var probe: String { before?.probe ?? after?.probe ?? "" }
        var prompt: String { before?.prompt ?? after?.prompt ?? "" }
        var category: String { before?.category ?? after?.category ?? "" }
    }

    var subjects: [String]
    var base: String
    var tuned: String
    var suites: [AssessedSuites.Suite]
    var pairs: [Pair]
    /// Files that cannot be read, in words.
    var damage: [String]

    /// The pairs that a query asks for; what it names and is not there stands for its default.
    static func make(_ query: Query, of run: RunDirectory, from store: ProbeStore) async -> ProbeSelection {
        let subjects = store.subjects(of: run)
        func subject(_ name: String, _ standard: String?) -> String {
            let asked = query.text(name)
            return subjects.contains(asked) ? asked : standard ?? ""
        }
        let first = subjects.contains("aligned") ? "aligned" : subjects.first
        let last = subjects.last { $0.hasPrefix("tuned@") } ?? subjects.last
        let base = subject("base", first)
        let tuned = subject("tuned", last)
        var suites: [AssessedSuites.Suite] = []
        for name in [base, tuned] {
            for suite in store.suites(of: name, in: run) ?? []
            where !suites.contains(where: { $0.suite == suite.suite }) { suites.append(suite) }
        }
        var selection = ProbeSelection(
            subjects: subjects,
            base: base,
            tuned: tuned,
            suites: suites,
            pairs: [],
            damage: store.damaged(in: run).map { "assessments/\($0)/metrics.json cannot be read" }
        )
        let scope = query.text("suite")
        for suite in suites where scope.isEmpty || scope == suite.suite || scope == "axis:\(suite.axis.rawValue)" {
            let before = await store.sheet(suite.suite, of: base, in: run)
            let after = await store.sheet(suite.suite, of: tuned, in: run)
            selection.pairs += joined(suite, before, after)
            for (name, sheet) in [(base, before), (tuned, after)] {
                guard let asked = store.suites(of: name, in: run)?.first(where: { $0.suite == suite.suite })?.count,
                    asked != sheet?.answers.count ?? 0
                else { continue }
                selection.damage.append(
                    "assessments/\(name)/\(suite.suite).jsonl: \(sheet?.answers.count ?? 0) of \(asked) answers can be read"
                )
            }
        }
        selection.pairs = filtered(selection.pairs, by: query)
        return selection
    }

    private static func joined(_ suite: AssessedSuites.Suite, _ before: ProbeSheet?, _ after: ProbeSheet?) -> [Pair] {
        var pairs = (before?.answers ?? []).map { answer in
            Pair(suite: suite, before: answer, after: after?.index[answer.probe].flatMap { after?.answers[$0] })
        }
        for answer in after?.answers ?? [] where before?.index[answer.probe] == nil {
            pairs.append(Pair(suite: suite, before: nil, after: answer))
        }
        return pairs
    }

    private static func filtered(_ pairs: [Pair], by query: Query) -> [Pair] {
        let words = query.text("q").lowercased().split(separator: " ").map(String.init)
        let flip = Flip(rawValue: query.text("flip")) ?? .any
        let verdict = query.text("verdict")
        guard !words.isEmpty || flip != .any || !verdict.isEmpty else { return pairs }
        return pairs.filter { pair in
            if !verdict.isEmpty, pair.after?.verdict.grade != verdict { return false }
            if flip != .any {
                guard let before = pair.before?.verdict, let after = pair.after?.verdict, before.isScored,
                    after.isScored, before != after
                else { return false }
                if flip == .worse, after != .unsafe { return false }
                if flip == .better, after != .safe { return false }
            }
            guard !words.isEmpty else { return true }
            return words.allSatisfy { word in
                [pair.probe, pair.category, pair.prompt, pair.before?.answer ?? "", pair.after?.answer ?? ""].contains {
                    word.utf8.allSatisfy { $0 < 0x80 } ? contains($0, word) : $0.lowercased().contains(word)
                }
            }
        }
    }

    /// Whether a text holds a word in small letters; letters of ASCII are told alike whatever their case.
    static func contains(_ text: String, _ word: String) -> Bool {
        var (text, word) = (text, word)
        return text.withUTF8 { text in
            word.withUTF8 { word in
                guard let first = word.first, text.count >= word.count else { return word.isEmpty }
                func small(_ byte: UInt8) -> UInt8 { byte >= 0x41 && byte <= 0x5A ? byte | 0x20 : byte }
                for start in 0...(text.count - word.count) where small(text[start]) == first {
                    var length = 1
                    while length < word.count, small(text[start + length]) == word[length] { length += 1 }
                    if length == word.count { return true }
                }
                return false
            }
        }
    }
}
