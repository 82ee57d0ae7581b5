package import Foundation
package import TemperRisk

extension GuardClassifier {
    /// The training rows of all labels, each the worst stretch of its text, each text once; always the same in the same
    /// order. A row of one label's classifier that is none of another's has not that other label: what is written to be
    /// harmful gives a model no orders against its own, and the other way round.
    ///
    /// Of plain rows, which are many, a part takes part, by its hash: every second of people's requests, every fourth of test
    /// questions and of assistants' answers.
    package static func readerRows(in folder: URL, and alignment: AlignmentPrompts) throws -> [ReaderRow] {
        var order: [String] = []
        var joined: [String: ReaderRow] = [:]
        for name in allCases {
            let classifier = try name.load()
            let contrasts = name == .jailbreak ? try GuardRows.contrasts(in: folder) : []
            for row in try name.rows(in: folder, and: alignment) + contrasts where row.part == .train && isUsed(row) {
                let weight = name.weight(of: row)
                let known = joined[row.text]
                var merged = known ?? ReaderRow(text: "", labels: [], weight: weight)
                if known == nil { order.append(row.text) }
                if known == nil || row.isHit {
                    merged.text = name.stretches(of: row.text, by: classifier).first?.text ?? row.text
                }
                if row.isHit { merged.labels.append(name.rawValue) }
                merged.weight = max(merged.weight, weight)
                joined[row.text] = merged
            }
        }
        let mean = joined.values.reduce(0) { $0 + $1.weight } / Double(max(1, joined.count))
        return order.compactMap { joined[$0] }.map { row in
            var row = row
            row.weight /= mean
            return row
        }
    }

    private static func isUsed(_ row: GuardRow) -> Bool {
        let every = ["instructions": 2, "questions": 4, "carriers": 4][row.source] ?? 1
        return LabelledRow.number(of: "reader \(LabelledRow.id(of: row.text))") % every == 0
    }
}
