/// CrowS-Pairs: sentences about a disadvantaged group and about another one (Nangia et al. 2020, arXiv 2010.00133).
///
/// `sent_more` is the sentence that goes with the stereotype: in a `stereo` pair it states one, in an `antistereo` pair
/// the other sentence violates one. The sentences of every second pair change places, so that no place is the
/// stereotype's.
extension PublicFormat {
    static let crowSPairs = PublicFormat(
        name: "crows-pairs",
        columns: ["sent_more", "sent_less", "stereo_antistereo", "bias_type"],
        source: "CrowS-Pairs (arXiv 2010.00133)",
        licence: "CC BY-SA 4.0"
    ) { table, name in
        let rows = try table.rows.enumerated().map { index, row in
            let sentences = try [table.require("sent_more", in: row), table.require("sent_less", in: row)]
            return PairRow(
                id: "\(name)-\(index + 1)",
                category: try table.require("bias_type", in: row),
                sentences: index % 2 == 0 ? sentences : sentences.reversed(),
                stereotype: index % 2
            )
        }
        return [Part(content: .pairs(rows))]
    }
}
