import TemperModel
import TemperReport
import TemperRisk
import TemperText

/// The reference that looks up what it was not taught.
extension Story {
    /// The name of the subject, its folder and its phase.
    static let retrievalName = "retrieval"

    /// Adds what the reference reaches that looks rows up; `retriever` is nil where the story is told without it.
    mutating func addRetrieval(_ result: (assessment: Assessment, seconds: Double), by retriever: Retriever?) throws {
        guard let settings = recipe.retrieval else { return }
        add(.retrieval, Self.retrievalName, result)
        self.retriever = retriever
        retrieval = RunReport.Retrieval(
            examples: settings.examples,
            rows: retriever?.count,
            addedTokens: try retriever.flatMap(addedTokens)
        )
    }

    /// By how many tokens a prompt of the utility suite is longer with what was retrieved, in the mean; of all suites
    /// where there is no such suite. Nil without a tokenizer.
    private func addedTokens(_ retriever: Retriever) throws -> Double? {
        guard let model, let tokenizer = model.tokenizer else { return nil }
        let own = suites.filter { $0.card.axis == .utility }
        let chats = try (own.isEmpty ? suites : own).flatMap { try $0.probes(limit: nil, seed: 0).map(\.chat) }
        guard !chats.isEmpty else { return nil }
        func length(_ chat: Chat) throws -> Int { tokenizer.encode(try model.promptText(chat)).count }
        return Double(try chats.reduce(0) { try $0 + length(retriever.shown($1)) - length($1) }) / Double(chats.count)
    }
}
