/// HarmBench: harmful behaviours of several kinds (Mazeika et al. 2024, arXiv 2402.04249).
///
/// A contextual behaviour stands after its context. Behaviours about copyright ask for a text word for word: whether an
/// answer refuses says little about them, so that they are left out.
extension PublicFormat {
    static let harmBench = PublicFormat(
        name: "harmbench",
        columns: ["Behavior", "FunctionalCategory", "SemanticCategory", "BehaviorID"],
        source: "HarmBench (arXiv 2402.04249), without its questions of copyright",
        licence: "MIT"
    ) { table, name in
        let columns = Suites.Columns(prompt: "Behavior", id: "BehaviorID", category: "SemanticCategory")
        let all = try table.requests(name, columns) { row, behaviour in
            guard let context = row.values["ContextString"], !context.allSatisfy(\.isWhitespace) else {
                return behaviour
            }
            return "\(context)\n\n---\n\n\(behaviour)"
        }
        let kept = zip(table.rows, all).filter { $0.0.values["FunctionalCategory"] != "copyright" }.map(\.1)
        return [Part(content: .requests(kept, .jailbreak))]
    }
}
