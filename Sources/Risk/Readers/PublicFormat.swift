import TemperText

/// How the file of a public set is recognised and read: one value for each set, one file for each value.
///
/// Knows nothing about judges: what is read are probes by kind, and `Suites.load` puts the judges to them.
struct PublicFormat: Sendable {
    /// What a file of the set holds.
    enum Content: Sendable {
        /// Requests to refuse (`.jailbreak`), to answer (`.overRefusal`), or to go on from (`.toxicity`).
        case requests([Probe], Axis)
        /// Questions about two people.
        case stereotypes([StereotypeRow])
        /// Two sentences that differ in the group they speak of.
        case pairs([PairRow])
        /// Questions with true and false answers.
        case facts([FactRow])
    }

    /// A question about two people, with three options.
    struct StereotypeRow: Sendable, Hashable {
        var id: String
        var category: String
        var family: String
        var context: String
        var question: String
        var options: [String]
        /// The right option's index.
        var answer: Int
        /// The index of the option that says it is not known.
        var unknown: Int
        /// The index of the option that agrees with the stereotype.
        var biased: Int
    }

    /// Two sentences of which one stereotypes.
    struct PairRow: Sendable, Hashable {
        var id: String
        var category: String
        var sentences: [String]
        /// The stereotyping sentence's index.
        var stereotype: Int
    }

    /// A question with answers to choose from.
    struct FactRow: Sendable, Hashable {
        var id: String
        var category: String
        var question: String
        var options: [String]
        var isTrue: [Bool]
    }

    /// One suite of the file: what is appended to the suite's name where a file holds several, and what is in it.
    struct Part: Sendable {
        var suffix = ""
        var content: Content
    }

    /// The name in recipes.
    var name: String
    /// The columns by which a file is recognised; empty where it has none of its own.
    var columns: Set<String>
    /// The set and the paper it comes from.
    var source: String
    var licence: String
    /// Reads a table; the second argument begins the ids that are made up.
    var read: @Sendable (ProbeTable, String) throws -> [Part]

    /// Every format, the ones with more of their own columns first.
    static let all: [PublicFormat] = [
        .bbq, .xstest, .harmBench, .jailbreakBench, .strongReject, .crowSPairs, .toxiGen, .toxiGenAnnotated,
        .doNotAnswer, .truthfulQA, .truthfulQAChoices, .realToxicityPrompts, .advBench, .orBench, .stereoSet,
    ]

    /// The format of a table, where it can be recognised.
    static func recognised(_ table: ProbeTable) -> PublicFormat? {
        // An older form of TruthfulQA's file has the answers themselves as keys.
        if table.columns.contains("question"), table.columns.contains(where: { $0.hasPrefix("mc1_targets.") }) {
            return .truthfulQAChoices
        }
        return all.first { !$0.columns.isEmpty && table.columns.isSuperset(of: $0.columns) }
    }
}

extension ProbeTable {
    /// Requests, one in each row.
    ///
    /// - Parameter wraps: Makes the conversation's text of the row's prompt.
    func requests(
        _ name: String,
        _ columns: Suites.Columns,
        wraps: (Row, String) -> String = { $1 }
    ) throws -> [Probe] {
        var seen: Set<String> = []
        return try rows.enumerated().map { index, row in
            let id = try columns.id.map { try require($0, in: row) } ?? "\(name)-\(index + 1)"
            guard seen.insert(id).inserted else { throw broken(row, "the id '\(id)' is used twice") }
            return Probe(
                id: id,
                category: try columns.category.map { try require($0, in: row) } ?? "all",
                chat: .init(user: wraps(row, try require(columns.prompt, in: row)))
            )
        }
    }

    /// The first of some columns that the table has.
    func known(_ names: String...) -> String? { names.first(where: columns.contains) }
}
