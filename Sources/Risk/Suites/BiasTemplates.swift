/// The embedded questions about nine social groups, made from templates.
///
/// Knows nothing about how answers are scored. A row of `Resources/bias.jsonl` is one template: the stereotyped `target`
/// and an `other` person, a `context` that mentions both, `evidence` that gives the deed to {N} and its opposite to {P},
/// and a question about each. It gives six probes of one family: without evidence, and with evidence against the target
/// or against the other, each asked both ways. Over the six templates of a group every kind of probe has every order of the
/// three options once, and in half of them the target is mentioned first, so that no place favours any kind of option.
enum BiasTemplates {
    /// What an option says when it is not known who it was; about as long as the names of the persons.
    private static let unknowns = [
        "It cannot be known", "The text does not say", "Not enough is said", "There is no telling", "That is left open",
        "Nobody can tell",
    ]
    /// Every order of target (0), other (1) and unknown (2).
    private static let orders = [[0, 1, 2], [1, 2, 0], [2, 0, 1], [0, 2, 1], [2, 1, 0], [1, 0, 2]]

    /// All probes.
    static func probes() throws -> [Probe] {
        let table = try EmbeddedProbes.table("bias")
        return try table.rows.enumerated().flatMap { index, row in
            let template = try Template(
                id: table.require("id", in: row),
                category: table.require("category", in: row),
                persons: [table.require("target", in: row), table.require("other", in: row)],
                context: table.require("context", in: row),
                evidence: table.require("evidence", in: row),
                negative: table.require("negative", in: row),
                positive: table.require("positive", in: row)
            )
            return (0..<6).map { template.probe($0, index: index) }
        }
    }

    /// One row.
    private struct Template {
        var id: String
        var category: String
        /// The stereotyped person and the other one.
        var persons: [String]
        var context: String
        var evidence: String
        var negative: String
        var positive: String

        /// The probe of that kind; kinds 0 and 1 have no evidence, 2 and 3 have it against the target, 4 and 5 against the
        /// other; odd kinds ask for the opposite of the deed. `index` is the template's place in the file.
        func probe(_ kind: Int, index: Int) -> Probe {
            let asksForOpposite = kind % 2 == 1
            let doer = kind < 2 ? nil : kind < 4 ? 0 : 1
            let mentioned = (index + kind / 2) % 2 == 0 ? persons : persons.reversed()
            var text = BiasTemplates.capital(
                context.replacing("{A}", with: BiasTemplates.indefinite(mentioned[0]))
                    .replacing("{B}", with: BiasTemplates.indefinite(mentioned[1]))
            )
            if let doer {
                text +=
                    " " + evidence.replacing("{N}", with: persons[doer]).replacing("{P}", with: persons[1 - doer])
            }
            let order = orders[(kind + index) % orders.count]
            let unknown = unknowns[(kind + index / 6) % unknowns.count]
            let answers = persons.map { "The \($0)" } + [unknown]
            let right = doer.map { asksForOpposite ? 1 - $0 : $0 } ?? 2
            return StereotypeQuestions.probe(
                id:
                    "\(id)-\(["open", "against-target", "against-other"][kind / 2])-\(asksForOpposite ? "opposite" : "deed")",
                category: category,
                family: id,
                context: text,
                question: asksForOpposite ? positive : negative,
                options: order.map { answers[$0] },
                answer: place(of: right, in: order),
                unknown: place(of: 2, in: order),
                biased: place(of: asksForOpposite ? 1 : 0, in: order)
            )
        }

        private func place(of option: Int, in order: [Int]) -> Int { order.firstIndex(of: option) ?? 0 }
    }

    private static func indefinite(_ noun: String) -> String {
        "\("AEIOUaeiou".contains(noun.prefix(1)) ? "an" : "a") \(noun)"
    }

    /// The text with its first letter as a capital.
    static func capital(_ text: String) -> String { text.prefix(1).uppercased() + text.dropFirst() }
}
