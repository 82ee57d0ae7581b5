public import TemperText

/// One conversation to learn from, and where it came from.
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
    /// Where it was read.
    public var source: Source
    /// What kind of example it is, when the data says so.
    public var category: String?
    /// The turns that are learned from, as indices into the chat; nil means every assistant turn.
    public var trainedTurns: Set<Int>?

    /// Creates an example.
    public init(
        chat: Chat,
        source: Source,
        category: String? = nil,
        trainedTurns: Set<Int>? = nil
    ) {
        self.chat = chat
        self.source = source
        self.category = category
        self.trainedTurns = trainedTurns
    }

    /// Whether the turn at an index is learned from.
    public func isTrained(_ turn: Int) -> Bool {
        guard chat.messages.indices.contains(turn), chat.messages[turn].role == .assistant else { return false }
        return trainedTurns?.contains(turn) ?? true
    }
}
