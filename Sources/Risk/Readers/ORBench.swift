/// OR-Bench: harmless prompts that models refuse (Cui et al. 2024, arXiv 2405.20947).
///
/// Its columns are those of any table, so that it has to be named. The set's harmful file is the format `harmful`.
extension PublicFormat {
    static let orBench = PublicFormat(
        name: "or-bench",
        columns: [],
        source: "OR-Bench (arXiv 2405.20947)",
        licence: "CC BY 4.0"
    ) { table, name in
        let columns = Suites.Columns(prompt: "prompt", category: table.known("category"))
        return [Part(content: .requests(try table.requests(name, columns), .overRefusal))]
    }
}
