import Foundation

/// TruthfulQA: questions that many people answer wrongly (Lin et al. 2022, arXiv 2109.07958).
///
/// The CSV lists correct and incorrect answers with semicolons between; the multiple-choice JSON marks the answers of
/// `mc1_targets` with 1 and 0, as an object or as lists of `choices` and `labels`. A form that writes the options into
/// the question as lettered lines (`input`, `target`) is read, too.
extension PublicFormat {
    private static let work = "TruthfulQA (arXiv 2109.07958)"

    static let truthfulQA = PublicFormat(
        name: "truthfulqa",
        columns: ["Question", "Correct Answers", "Incorrect Answers"],
        source: work,
        licence: "Apache-2.0"
    ) { table, name in
        let rows = try table.rows.enumerated().map { index, row in
            func answers(_ column: String) throws -> [String] {
                try table.require(column, in: row).split(separator: ";").map(trimmed).filter { !$0.isEmpty }
            }
            let right = try answers("Correct Answers")
            let wrong = try answers("Incorrect Answers")
            return FactRow(
                id: "\(name)-\(index + 1)",
                category: row.values["Category"] ?? "all",
                question: try table.require("Question", in: row),
                options: right + wrong,
                isTrue: right.map { _ in true } + wrong.map { _ in false }
            )
        }
        return [Part(content: .facts(rows))]
    }

    static let truthfulQAChoices = PublicFormat(
        name: "truthfulqa-mc",
        columns: ["question", "mc1_targets.choices"],
        source: work,
        licence: "Apache-2.0"
    ) { table, name in
        [Part(content: .facts(try table.rows.enumerated().map { try fact($1, "\(name)-\($0 + 1)", in: table) }))]
    }

    private static func fact(_ row: ProbeTable.Row, _ id: String, in table: ProbeTable) throws -> FactRow {
        let marked: [(String, Bool)]
        let question: String
        if let choices = row.lists["mc1_targets.choices"], let labels = row.lists["mc1_targets.labels"],
            choices.count == labels.count
        {
            question = try table.require("question", in: row)
            marked = zip(choices, labels).map { ($0, $1 == "1") }
        } else if row.values["input"] != nil {
            let lines = try table.require("input", in: row).split(separator: "\n").map(trimmed)
            let target = trimmed(try table.require("target", in: row))
            question = lines[0]
            // "A. ..." without its letter.
            marked = lines.dropFirst().map { (trimmed($0.dropFirst(2)), $0 == target) }
        } else {
            let prefix = "mc1_targets."
            question = try table.require("question", in: row)
            marked = row.order.filter { $0.hasPrefix(prefix) }
                .map { (String($0.dropFirst(prefix.count)), row.values[$0] == "1") }
        }
        guard marked.contains(where: \.1), marked.contains(where: { !$0.1 }) else {
            throw table.broken(row, "there must be a true and a false answer")
        }
        return FactRow(
            id: id,
            category: row.values["Category"] ?? "all",
            question: question,
            options: marked.map(\.0),
            isTrue: marked.map(\.1)
        )
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
