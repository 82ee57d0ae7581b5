import Foundation

/// A conversation as the text after which the assistant speaks next.
///
/// Some templates refuse a system turn, such as those of Gemma 2; there its text opens the first user turn, so that a
/// subject is asked the same as others. Knows nothing about why there is a system turn.
extension ChatTemplate {
    /// Writes a conversation up to where the assistant's next turn begins, or goes on where it has begun.
    ///
    /// - Throws: ``TemplateError`` naming the line, also when the template refuses the conversation for another reason.
    public func prompt(for chat: Chat) throws -> String {
        do {
            return try beginning(of: chat)
        } catch let refusal as TemplateError where refusal.isRaisedByTemplate {
            guard let folded = chat.withoutSystemTurn else { throw refusal }
            return try beginning(of: folded)
        }
    }

    /// Writes a conversation up to where the assistant goes on: a new turn, or its last one where it has begun to speak.
    ///
    /// A conversation that ends with an assistant turn ends right after that turn's text, as with transformers'
    /// `continue_final_message`; white space around the text that the template strips is left out.
    ///
    /// - Throws: ``TemplateError``, also where the template does not write the last turn's text.
    private func beginning(of chat: Chat) throws -> String {
        guard let last = chat.messages.last, last.role == .assistant else {
            return try render(chat, addGenerationPrompt: true).text
        }
        let text = Array(try render(chat).text.utf8)
        for ending in [last.content, last.content.trimmingCharacters(in: .whitespacesAndNewlines)] {
            let part = Array(ending.utf8)
            guard !part.isEmpty, part.count <= text.count else { continue }
            let starts = stride(from: text.count - part.count, through: 0, by: -1)
            if let start = starts.first(where: { text[$0...].starts(with: part) }) {
                return String(decoding: text[..<(start + part.count)], as: UTF8.self)
            }
        }
        throw TemplateError(
            "the last assistant turn, which is to be continued, is empty or not in what the template writes",
            line: nil
        )
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
