public import Foundation
import TemperText

/// A suite of questions with one right label each: how useful a subject is in the user's own domain.
///
/// Knows nothing about the domain: the labels are what the file's right answers are.
extension Suites {
    /// The suite of a table of `prompt` and `answer`, perhaps with `id`; a balanced draw has as many probes of each label.
    ///
    /// - Throws: `RiskError` naming the file, the line and the remedy.
    public static func labels(file: URL, name: String) throws -> any Suite {
        let table = try ProbeTable(contentsOf: file)
        var ids: Set<String> = []
        let probes = try table.rows.enumerated().map { index, row in
            let answer = try table.require("answer", in: row).trimmingCharacters(in: .whitespacesAndNewlines)
            guard answer.contains(where: { $0.isLetter || $0.isNumber }) else {
                throw table.broken(row, "'answer' has neither letters nor digits, so that no answer can name it")
            }
            let id = try table.known("id").map { try table.require($0, in: row) } ?? "\(name)-\(index + 1)"
            guard ids.insert(id).inserted else { throw table.broken(row, "the id '\(id)' is used twice") }
            return Probe(
                id: id,
                category: answer,
                chat: Chat(user: try table.require("prompt", in: row)),
                reference: ["answer": answer]
            )
        }
        let labels = Set(probes.map(\.category))
        if let (first, second) = LabelJudge.alike(labels) {
            throw RiskError.unknownFormat(
                file: table.file,
                reason: "the labels '\(first)' and '\(second)' have the same words, so that no answer could tell them "
                    + "apart; spell one label alike in all rows"
            )
        }
        guard labels.count > 1 else {
            throw RiskError.unknownFormat(
                file: table.file,
                reason: "'answer' needs two labels or more; "
                    + (labels.isEmpty ? "there are no rows" : "all rows have one")
            )
        }
        let card = SuiteCard(
            name: name,
            axis: .utility,
            title: "Questions with one right label",
            hit: "the first label that the answer names is not the right one, or it names none",
            source: file.lastPathComponent,
            licence: "not stated",
            tags: ["nist-ai-rmf-1.0:valid-and-reliable"],
            metric: "accuracy"
        )
        return ListedSuite(card: card, judge: LabelJudge(labels: labels), probes: probes)
    }
}
