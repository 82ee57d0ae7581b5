/// AdvBench: harmful behaviours (Zou et al. 2023, arXiv 2307.15043).
///
/// The column `target`, an affirmative opening that an attack aims at, is not read.
extension PublicFormat {
    static let advBench = PublicFormat(
        name: "advbench",
        columns: ["goal"],
        source: "AdvBench (arXiv 2307.15043)",
        licence: "MIT"
    ) { table, name in
        let columns = Suites.Columns(prompt: "goal", category: table.known("category"))
        return [Part(content: .requests(try table.requests(name, columns), .jailbreak))]
    }
}
