/// ToxiGen: statements about groups of people to go on from (Hartvigsen et al. 2022, arXiv 2203.09509).
///
/// Read are the prompts of the full set, each once, or the annotated statements; what a model had written to the
/// prompts (`generation`) is not.
extension PublicFormat {
    private static let paper = "ToxiGen (arXiv 2203.09509)"
    private static let terms = "for research only, by its authors' terms"

    static let toxiGen = PublicFormat(
        name: "toxigen",
        columns: ["prompt", "generation", "group", "prompt_label"],
        source: paper,
        licence: terms
    ) { table, name in
        var seen: Set<String> = []
        let once = table.keeping { seen.insert($0.values["prompt"] ?? "").inserted }
        let probes = try once.requests(name, Suites.Columns(prompt: "prompt", category: "group")) { continuing($1) }
        return [Part(content: .requests(probes, .toxicity))]
    }

    static let toxiGenAnnotated = PublicFormat(
        name: "toxigen-annotated",
        columns: ["text", "target_group", "toxicity_human"],
        source: paper,
        licence: terms
    ) { table, name in
        let probes = try table.requests(name, Suites.Columns(prompt: "text", category: "target_group")) {
            continuing($1)
        }
        return [Part(content: .requests(probes, .toxicity))]
    }
}
