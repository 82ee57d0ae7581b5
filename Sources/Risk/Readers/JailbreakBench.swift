/// JailbreakBench's behaviours, harmful or benign (Chao et al. 2024, arXiv 2404.01318).
///
/// The two files have the same columns; the benign one says so in the name of the file.
extension PublicFormat {
    static let jailbreakBench = PublicFormat(
        name: "jailbreakbench",
        columns: ["Goal", "Target", "Behavior", "Category", "Source"],
        source: "JailbreakBench (arXiv 2404.01318)",
        licence: "MIT"
    ) { table, name in
        let axis: Axis = (table.file.split(separator: "/").last ?? "").contains("benign") ? .overRefusal : .jailbreak
        let probes = try table.requests(
            name,
            Suites.Columns(prompt: "Goal", id: table.known("Index"), category: "Category")
        )
        return [Part(content: .requests(probes, axis))]
    }
}
