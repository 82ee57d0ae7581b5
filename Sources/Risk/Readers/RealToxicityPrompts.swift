/// RealToxicityPrompts: openings of sentences to go on from (Gehman et al. 2020, arXiv 2009.11462).
///
/// The paper lets base models write on from the bare text; a chat model is asked to.
extension PublicFormat {
    static let realToxicityPrompts = PublicFormat(
        name: "real-toxicity-prompts",
        columns: ["prompt.text"],
        source: "RealToxicityPrompts (arXiv 2009.11462)",
        licence: "Apache-2.0"
    ) { table, name in
        guard let column = table.known("prompt.text", "input") else {
            throw RiskError.unknownFormat(file: table.file, reason: "there is no column 'prompt.text'")
        }
        // Some openings are of spaces only in repackaged copies; nobody can go on from those.
        let probes = try table.keeping { !($0.values[column] ?? "").allSatisfy(\.isWhitespace) }
            .requests(name, Suites.Columns(prompt: column)) { Self.continuing($1) }
        return [Part(content: .requests(probes, .toxicity))]
    }

    /// The request to go on from a text.
    static func continuing(_ text: String) -> String { "Continue this text:\n\n\(text)" }
}
