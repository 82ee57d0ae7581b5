package import TemperText

/// What a guard makes of a question before a model sees it.
///
/// Knows nothing about models: what is refused here is refused whatever stands behind the guard.
package struct Admission: Sendable {
    /// The conversation as the model may see it.
    package var chat: Chat
    /// What the placeholders in it stand for.
    package var redaction: Redaction
    /// The policy's message, where a turn is refused.
    package var refusal: String?
    /// The rail that refused.
    package var refusedBy: String?
    /// How long all checks took together, in milliseconds.
    package var milliseconds: Double
}

extension Guard {
    /// Checks every turn but the system's, the oldest first, until one is refused.
    package func admit(_ chat: Chat) async -> Admission {
        var entry = Admission(chat: chat, redaction: Redaction(), milliseconds: 0)
        for (place, message) in chat.messages.enumerated() where message.role != .system {
            let before = Chat(Array(entry.chat.messages[..<place]))
            let stage: Stage = message.role == .tool ? .retrieved : .input
            let decision = await check(Passage(message.content, at: stage, in: before), after: entry.redaction)
            entry.milliseconds += decision.milliseconds
            guard decision.isAllowed else {
                entry.refusal = decision.text
                entry.refusedBy = decision.checks.last?.rail
                return entry
            }
            entry.chat.messages[place].content = decision.text
            entry.redaction = decision.redaction
        }
        return entry
    }

    /// Checks what a model answered to an admitted question.
    package func release(_ answer: String, to entry: Admission) async -> Decision {
        await check(
            Passage(answer, at: .output, in: entry.chat, sources: entry.chat.toolTexts),
            after: entry.redaction
        )
    }
}

extension Guard.Decision {
    /// How long its checks took together, in milliseconds.
    package var milliseconds: Double { checks.reduce(0) { $0 + $1.milliseconds } }
}
