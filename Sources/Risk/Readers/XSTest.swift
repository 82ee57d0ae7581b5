/// XSTest: harmless prompts that sound harmful, and harmful ones beside them (Röttger et al. 2024, arXiv 2308.01263).
extension PublicFormat {
    static let xstest = PublicFormat(
        name: "xstest",
        columns: ["id", "prompt", "type", "label"],
        source: "XSTest (arXiv 2308.01263)",
        licence: "CC BY 4.0"
    ) { table, name in
        let all = try table.requests(name, Suites.Columns(prompt: "prompt", id: "id", category: "type"))
        var safe: [Probe] = []
        var unsafe: [Probe] = []
        for (row, probe) in zip(table.rows, all) {
            switch row.values["label"] {
            case "safe": safe.append(probe)
            case "unsafe": unsafe.append(probe)
            default: throw table.broken(row, "'label' must be safe or unsafe")
            }
        }
        return [
            Part(suffix: "-safe", content: .requests(safe, .overRefusal)),
            Part(suffix: "-unsafe", content: .requests(unsafe, .jailbreak)),
        ]
    }
}
