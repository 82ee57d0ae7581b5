/// One turn of a conversation.
public struct Message: Codable, Sendable, Hashable {
    /// Who speaks.
    public enum Role: String, Codable, Sendable, CaseIterable {
        case system, user, assistant, tool
    }

    /// Who speaks this turn.
    public var role: Role
    /// What is said, as plain text.
    public var content: String

    /// Creates a turn.
    public init(_ role: Role, _ content: String) {
        self.role = role
        self.content = content
    }
}

/// A conversation: turns in order, oldest first.
public struct Chat: Codable, Sendable, Hashable {
    /// The turns, oldest first.
    public var messages: [Message]

    /// Creates a conversation from its turns.
    public init(_ messages: [Message]) {
        self.messages = messages
    }

    /// Creates a conversation that is one user turn.
    public init(user prompt: String) {
        self.messages = [Message(.user, prompt)]
    }

    /// The last user turn's text, or an empty string.
    public var lastUserText: String {
        messages.last { $0.role == .user }?.content ?? ""
    }
}
