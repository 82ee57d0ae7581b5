import TemperText

/// StereoSet's sentences in context: a stereotype, its opposite and something unrelated (Nadeem et al. 2021, arXiv
/// 2004.09456).
///
/// Read are the intrasentence contexts, whose sentences differ in one word; the unrelated sentence is left out. Its
/// form, one object with lists of objects, is no table; `stereoSetRows` makes one of it.
extension PublicFormat {
    static let stereoSet = PublicFormat(
        name: "stereoset",
        columns: ["stereotype", "anti-stereotype", "bias_type", "context"],
        source: "StereoSet (arXiv 2004.09456)",
        licence: "CC BY-SA 4.0"
    ) { table, _ in
        let rows = try table.rows.enumerated().map { index, row in
            let sentences = try [table.require("stereotype", in: row), table.require("anti-stereotype", in: row)]
            return PairRow(
                id: try table.require("id", in: row),
                category: try table.require("bias_type", in: row),
                sentences: index % 2 == 0 ? sentences : sentences.reversed(),
                stereotype: index % 2
            )
        }
        return [Part(content: .pairs(rows))]
    }

    /// The rows of a document in StereoSet's form; nil where it is none.
    static func stereoSetRows(_ document: TemplateValue) -> [TemplateValue]? {
        guard let contexts = document["data"]?["intrasentence"]?.array else { return nil }
        return contexts.map { context in
            var row: [(key: String, value: TemplateValue)] = []
            for name in ["id", "bias_type", "context"] {
                if let value = context[name] { row.append((name, value)) }
            }
            for sentence in context["sentences"]?.array ?? [] {
                if let label = sentence["gold_label"]?.string, let text = sentence["sentence"] {
                    row.append((label, text))
                }
            }
            return .object(row)
        }
    }
}
