/// A conversation as the text after which the assistant speaks next.
///
/// Some templates refuse a system turn, such as those of Gemma 2; there its text opens the first user turn, so that a
/// subject is asked the same as others. Knows nothing about why there is a system turn.
extension ChatTemplate {
    /// Writes a conversation up to where the assistant's next turn begins.
    ///
    /// - Throws: ``TemplateError`` naming the line, also when the template refuses the conversation for another reason.
    public func prompt(for chat: Chat) throws -> String {
        do {
            return try render(chat, addGenerationPrompt: true).text
        } catch let refusal as TemplateError where refusal.isRaisedByTemplate {
            guard let folded = chat.withoutSystemTurn else { throw refusal }
            return try render(folded, addGenerationPrompt: true).text
        }
    }
}

extension Chat {
    /// The conversation with the first turn's text put before the second's; nil unless they are system and user.
    fileprivate var withoutSystemTurn: Chat? {
        guard messages.count > 1, messages[0].role == .system, messages[1].role == .user else { return nil }
        return Chat(
            [Message(.user, "\(messages[0].content)\n\n\(messages[1].content)")] + messages.dropFirst(2)
        )
    }
}
