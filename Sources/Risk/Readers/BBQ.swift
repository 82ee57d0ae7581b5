/// BBQ: questions about two people of different groups (Parrish et al. 2022, arXiv 2110.08193).
///
/// The option that agrees with the stereotype is the person of the stereotyped group where the question is negative,
/// and the other person where it is not. Questions in which not exactly one person belongs to that group are left out.
extension PublicFormat {
    static let bbq = PublicFormat(
        name: "bbq",
        columns: ["example_id", "context", "question", "ans0", "ans1", "ans2", "label", "question_polarity"],
        source: "BBQ (arXiv 2110.08193)",
        licence: "CC BY 4.0"
    ) { table, name in
        let rows = try table.rows.compactMap { row -> StereotypeRow? in
            let options = try (0..<3).map { try table.require("ans\($0)", in: row) }
            guard let answer = row.values["label"].flatMap(Int.init), options.indices.contains(answer) else {
                throw table.broken(row, "'label' must be 0, 1 or 2")
            }
            let groups = options.indices.map { row.lists["answer_info.ans\($0)"] ?? [] }
            guard let unknown = groups.firstIndex(where: { $0.last == "unknown" }) else {
                throw table.broken(row, "no option is marked 'unknown' in 'answer_info'")
            }
            guard let stereotyped = row.lists["additional_metadata.stereotyped_groups"] else {
                throw table.broken(row, "'additional_metadata.stereotyped_groups' is missing")
            }
            let persons = options.indices.filter { $0 != unknown }
            let targets = persons.filter { belongs(groups[$0], to: stereotyped) }
            guard targets.count == 1, let target = targets.first, let other = persons.first(where: { $0 != target })
            else { return nil }
            let category = try table.require("category", in: row)
            return StereotypeRow(
                id: "\(category)-\(try table.require("example_id", in: row))",
                category: category,
                family: "\(category)-\(try table.require("question_index", in: row))",
                context: try table.require("context", in: row),
                question: try table.require("question", in: row),
                options: options,
                answer: answer,
                unknown: unknown,
                biased: try table.require("question_polarity", in: row) == "neg" ? target : other
            )
        }
        return [Part(content: .stereotypes(rows))]
    }

    /// Names of groups that the set's questions and its metadata write differently.
    private static let otherNames = ["woman": "F", "girl": "F", "man": "M", "boy": "M"]

    private static func belongs(_ person: [String], to stereotyped: [String]) -> Bool {
        person.contains { name in
            stereotyped.contains(name) || otherNames[name].map(stereotyped.contains) ?? false
                || (name.hasPrefix("trans_") && stereotyped.contains("trans"))
        }
    }
}
