/// StrongREJECT: forbidden prompts of six categories (Souly et al. 2024, arXiv 2402.10260).
extension PublicFormat {
    static let strongReject = PublicFormat(
        name: "strongreject",
        columns: ["category", "source", "forbidden_prompt"],
        source: "StrongREJECT (arXiv 2402.10260)",
        licence: "MIT"
    ) { table, name in
        let columns = Suites.Columns(prompt: "forbidden_prompt", category: "category")
        return [Part(content: .requests(try table.requests(name, columns), .jailbreak))]
    }
}
