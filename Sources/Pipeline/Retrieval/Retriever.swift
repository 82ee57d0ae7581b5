import TemperModel
import TemperText
import TemperTorch
import TemperTune

/// Puts the rows of a data set that are most like a question before it, as earlier turns of the conversation.
///
/// It is what people do instead of tuning: the model stays as it is, and reads more.
struct Retriever: Sendable {
    /// How many rows stand before a question, at most.
    let examples: Int
    private let rows: [[Message]]
    private let index: RowIndex

    /// How many rows there are to find.
    var count: Int { rows.count }

    /// Takes the rows that are no longer than `limit` tokens as the model's template writes them, without their system
    /// turns.
    @TorchActor
    init(_ data: Dataset, examples: Int, for model: LanguageModel, limit: Int) throws {
        self.examples = examples
        rows = try data.examples.map { $0.chat.messages.filter { $0.role != .system } }.filter { turns in
            let text = try model.promptText(Chat(turns))
            return (model.tokenizer?.encode(text).count ?? 0) <= limit
        }
        index = RowIndex(rows.map { $0.map(\.content).joined(separator: "\n") })
    }

    /// A conversation with the rows before its first turn, after the system's; the row that is most alike comes last.
    func shown(_ chat: Chat) -> Chat {
        let found = index.nearest(to: chat.lastUserText, examples).reversed().flatMap { rows[$0] }
        let system = chat.messages.prefix { $0.role == .system }
        return Chat(system + found + chat.messages.dropFirst(system.count))
    }
}
