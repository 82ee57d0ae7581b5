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
    private let rows: [(turns: [Message], length: Int)]
    private let index: RowIndex
    private let length: @Sendable (Chat) throws -> Int
    /// Tokens that a prompt may have.
    private let room: Int

    /// How many rows there are to find.
    var count: Int { rows.count }

    /// Takes the rows that are no longer than `limit` tokens as the model's template writes them, without their system
    /// turns.
    ///
    /// - Parameter answer: The tokens of the model's context that are left to an answer.
    @TorchActor
    init(_ data: Dataset, examples: Int, for model: LanguageModel, limit: Int, answer: Int) throws {
        let tokenizer = try model.requireTokenizer()
        let length: @Sendable (Chat) throws -> Int = { tokenizer.encode(try model.promptText($0)).count }
        rows = try data.examples.map { $0.chat.messages.filter { $0.role != .system } }
            .map { ($0, try length(Chat($0))) }
            .filter { $0.1 <= limit }
        index = RowIndex(rows.map { $0.turns.map(\.content).joined(separator: "\n") })
        self.examples = examples
        self.length = length
        room = model.configuration.contextLength - answer
    }

    /// A conversation with the rows before its first turn, after the system's, as many as the model's context holds; the
    /// row that is most alike comes last.
    func shown(_ chat: Chat) -> Chat {
        var left = room - ((try? length(chat)) ?? room)
        let found = index.nearest(to: chat.lastUserText, examples).prefix { row in
            left -= rows[row].length
            return left >= 0
        }
        let system = chat.messages.prefix { $0.role == .system }
        return Chat(system + found.reversed().flatMap { rows[$0].turns } + chat.messages.dropFirst(system.count))
    }
}

extension Recipe {
    /// What looks rows up before questions; nil where the recipe does not ask for it.
    ///
    /// - Parameter answer: The longest answer, in tokens; nil takes that of an assessment.
    @TorchActor
    func retriever(in data: Dataset, for model: LanguageModel, answer: Int? = nil) throws -> Retriever? {
        guard let retrieval else { return nil }
        return try Retriever(
            data,
            examples: retrieval.examples,
            for: model,
            limit: tune.settings.cutoffLen,
            // Candidates that are only weighed need room, too.
            answer: answer ?? max(assess.maxNewTokens, 128)
        )
    }
}
