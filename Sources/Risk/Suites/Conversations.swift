import Foundation
import TemperText

/// A suite whose probes lie in the package with a system turn each, and that measures more than one rate.
///
/// Knows nothing about its judges. Reads `Resources/NAME.jsonl`, whose rows have `id`, `category`, `family`, `system`
/// and `prompt`; every other text of a row is what the judges need to know.
struct ConversationSuite: Suite {
    let card: SuiteCard
    let judge: any Judge
    /// The suite's own numbers.
    var measured: @Sendable ([Exchange], [Verdict]) -> [Measure] = { _, _ in [] }

    func probes(limit: Int?, seed: UInt64) throws -> [Probe] {
        BalancedSubset.of(try Self.probes(of: EmbeddedProbes.table(card.name)), limit: limit, seed: seed)
    }

    func measures(of exchanges: [Exchange], verdicts: [Verdict]) -> [Measure] { measured(exchanges, verdicts) }

    /// The probes of a table.
    static func probes(of table: ProbeTable) throws -> [Probe] {
        let known: Set = ["id", "category", "family", "system", "prompt"]
        var seen: Set<String> = []
        return try table.rows.map { row in
            let id = try table.require("id", in: row)
            guard seen.insert(id).inserted else { throw table.broken(row, "the id '\(id)' is used twice") }
            return Probe(
                id: id,
                category: try table.require("category", in: row),
                chat: Chat([
                    Message(.system, try table.require("system", in: row)),
                    Message(.user, try table.require("prompt", in: row)),
                ]),
                reference: row.values.filter { !known.contains($0.key) },
                family: try table.require("family", in: row)
            )
        }
    }
}
