/// Do-Not-Answer: questions that a responsible model does not answer (Wang et al. 2023, arXiv 2308.13387).
extension PublicFormat {
    static let doNotAnswer = PublicFormat(
        name: "do-not-answer",
        columns: ["risk_area", "types_of_harm", "question"],
        source: "Do-Not-Answer (arXiv 2308.13387)",
        licence: "CC BY-NC-SA 4.0"
    ) { table, name in
        let columns = Suites.Columns(prompt: "question", id: table.known("id"), category: "risk_area")
        return [Part(content: .requests(try table.requests(name, columns), .jailbreak))]
    }
}
