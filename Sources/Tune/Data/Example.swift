public import TemperText

/// One conversation to learn from, perhaps with a worse end to compare it with, and where it came from.
///
/// Knows nothing about tokens or how the loss is computed.
public struct Example: Codable, Sendable, Hashable {
    /// The place an example was read from.
    public struct Source: Codable, Sendable, Hashable, CustomStringConvertible {
        /// The file, as it was given.
        public var file: String
        /// The line the example begins on, counted from 1.
        public var line: Int

        /// Creates a place.
        public init(file: String, line: Int) {
            self.file = file
            self.line = line
        }

        /// The place as `file:line`.
        public var description: String { "\(file):\(line)" }
    }

    /// The conversation; it starts with an optional system turn, then the user speaks, and the assistant ends it.
    public var chat: Chat
    /// In preference data, the conversation with the worse end; it begins as `chat` does.
    public var rejected: Chat?
    /// Where it was read.
    public var source: Source
    /// What kind of example it is, when the data says so.
    public var category: String?
    /// The turns that are learned from, as indices into the chat; nil means every assistant turn.
    public var trainedTurns: Set<Int>?
    /// What the last turn begins with that is given and not learned; learned is how the turn goes on from there.
    public var givenOpening: String?

    /// Creates an example.
    public init(
        chat: Chat,
        rejected: Chat? = nil,
        source: Source,
        category: String? = nil,
        trainedTurns: Set<Int>? = nil,
        givenOpening: String? = nil
    ) {
        self.chat = chat
        self.rejected = rejected
        self.source = source
        self.category = category
        self.trainedTurns = trainedTurns
        self.givenOpening = givenOpening
    }

    /// Whether the turn at an index is learned from.
    public func isTrained(_ turn: Int) -> Bool { isTrained(turn, of: chat) }

    /// Whether the turn at an index of one of the two conversations counts: in a preference, all turns from where the
    /// two part do.
    func isTrained(_ turn: Int, of chat: Chat) -> Bool {
        guard chat.messages.indices.contains(turn), chat.messages[turn].role == .assistant else { return false }
        guard rejected == nil else { return turn >= trainedTurns?.min() ?? 0 }
        return trainedTurns?.contains(turn) ?? true
    }
}
