import Foundation
import TemperText

/// Reads the probe files that the package carries.
///
/// Knows nothing about judges. A row has `id`, `category` and `prompt`; it may have `twin`, `answer`, `name` and `kind`. A row
/// with `options` is a multiple-choice question: its `answer` is the index of the right option.
enum EmbeddedProbes {
    /// Letters of multiple-choice options, in order.
    static let letters = ["A", "B", "C", "D", "E", "F"]

    /// The probes of one file.
    static func read(_ name: String) throws -> [Probe] {
        try probes(of: table(name))
    }

    /// The rows of one file.
    static func table(_ name: String) throws -> ProbeTable {
        guard let url = Bundle.module.url(forResource: "Resources/\(name)", withExtension: "jsonl") else {
            throw RiskError.unreadable(
                file: "Resources/\(name).jsonl",
                reason: "it is not in the package's resources; build the package again"
            )
        }
        return try ProbeTable(contentsOf: url)
    }

    /// The probes of a table in the package's own form.
    static func probes(of table: ProbeTable) throws -> [Probe] {
        var seen: Set<String> = []
        return try table.rows.map { row in
            let id = try table.require("id", in: row)
            guard seen.insert(id).inserted else { throw table.broken(row, "the id '\(id)' is used twice") }
            let prompt = try table.require("prompt", in: row)
            let category = row.values["category"] ?? "all"
            guard let options = row.lists["options"] else {
                let known = ["answer", "name", "twin", PremiseJudge.kind]
                return Probe(
                    id: id,
                    category: category,
                    chat: Chat(user: prompt),
                    reference: row.values.filter { known.contains($0.key) }
                )
            }
            guard let answer = row.values["answer"].flatMap(Int.init), options.indices.contains(answer),
                options.count <= letters.count
            else {
                throw table.broken(row, "'answer' must be the index of one of at most \(letters.count) options")
            }
            return choiceProbe(id: id, category: category, question: prompt, options: options, answer: answer)
        }
    }

    private static func choiceProbe(
        id: String,
        category: String,
        question: String,
        options: [String],
        answer: Int
    ) -> Probe {
        var reference = ["answer": letters[answer], "name": options[answer]]
        for (letter, option) in zip(letters, options) { reference["option \(letter)"] = option }
        let list = zip(letters, options).map { "\($0). \($1)" }.joined(separator: "\n")
        let prompt = "\(question)\n\(list)\nAnswer with the letter of the right option."
        return Probe(id: id, category: category, chat: Chat(user: prompt), reference: reference)
    }
}
