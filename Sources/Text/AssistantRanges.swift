/// Finds which parts of a rendered conversation the assistant wrote, so that only those are trained on.
///
/// A template's own `{% generation %}` blocks say it best; without them, what each assistant turn adds to the prompt
/// before it is the turn. Knows nothing about token ids.
extension ChatTemplate {
    /// The text of a conversation and the UTF-8 ranges of the assistant's turns, each with its end-of-turn token.
    ///
    /// - Parameters:
    ///   - chat: the conversation.
    ///   - variables: further variables, as for ``render(_:addGenerationPrompt:variables:now:)``.
    /// - Throws: ``TemplateError`` if the template fails or writes earlier turns differently once later ones are there.
    public func assistantRanges(
        of chat: Chat,
        variables: [String: TemplateValue] = [:]
    ) throws -> (text: String, ranges: [Range<Int>]) {
        let whole = try render(chat, variables: variables)
        if !whole.generationRanges.isEmpty { return (whole.text, whole.generationRanges) }
        let bytes = Array(whole.text.utf8)
        var ranges: [Range<Int>] = []
        for index in chat.messages.indices where chat.messages[index].role == .assistant {
            let before = Chat(Array(chat.messages[..<index]))
            let through = Chat(Array(chat.messages[...index]))
            let prompt = try render(before, addGenerationPrompt: true, variables: variables).text
            let text = try render(through, variables: variables).text
            guard text.utf8.starts(with: prompt.utf8), bytes.starts(with: text.utf8) else {
                throw TemplateError(
                    "the template writes turns before message \(index + 1) differently once that turn or later ones are "
                        + "there, so the assistant's part cannot be told apart; mark it with {% generation %} blocks",
                    line: nil
                )
            }
            ranges.append(prompt.utf8.count..<turnEnd(bytes, from: prompt.utf8.count, to: text.utf8.count))
        }
        return (whole.text, ranges)
    }

    /// Takes white space after an end-of-turn token off; where no such token ends the turn, it all stays.
    private func turnEnd(_ bytes: [UInt8], from start: Int, to end: Int) -> Int {
        var trimmed = end
        while trimmed > start, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[trimmed - 1]) { trimmed -= 1 }
        let turn = bytes[start..<trimmed]
        let isEnded = endOfTurnTokens.contains { turn.reversed().starts(with: $0.utf8.reversed()) }
        return isEnded ? trimmed : end
    }
}
