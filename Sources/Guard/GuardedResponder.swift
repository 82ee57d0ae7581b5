public import TemperText

/// A model behind a guard: what the guard refuses never reaches the model, or never leaves it.
///
/// Every turn but the system's is checked, also the earlier ones and the model's own: a client that sends its history along could
/// otherwise put into it what was never let through. What was replaced by placeholders on the way in is restored on the
/// way out, for whoever sent it.
public struct GuardedResponder: Responder {
    private let inner: any Responder
    private let shield: Guard

    /// Puts a guard around a responder.
    public init(_ inner: any Responder, _ shield: Guard) {
        self.inner = inner
        self.shield = shield
    }

    /// Answers each conversation; where the guard refuses a turn or the answer, the policy's message is the answer.
    public func respond(to chats: [Chat], options: SamplingOptions) async throws -> [Completion] {
        var answers = [Completion?](repeating: nil, count: chats.count)
        var passed: [(index: Int, chat: Chat, redaction: Redaction)] = []
        for (index, chat) in chats.enumerated() {
            let entry = await admit(chat)
            if let refusal = entry.refusal {
                answers[index] = Completion(text: refusal, tokenCount: 0, finishReason: .stop)
            } else {
                passed.append((index, entry.chat, entry.redaction))
            }
        }
        let completions = try await inner.respond(to: passed.map(\.chat), options: options)
        precondition(completions.count == passed.count, "a responder gives one answer for each conversation")
        for ((index, chat, redaction), completion) in zip(passed, completions) {
            var completion = completion
            if completion.finishReason != .failed {
                let passage = Passage(completion.text, at: .output, in: chat, sources: chat.toolTexts)
                let decision = await shield.check(passage, after: redaction)
                completion.text = decision.isAllowed ? redaction.restore(decision.text) : decision.text
            }
            answers[index] = completion
        }
        return answers.compactMap { $0 }
    }

    /// The conversation as the model may see it, or the message that stands in the place of an answer.
    private func admit(_ chat: Chat) async -> (chat: Chat, redaction: Redaction, refusal: String?) {
        var chat = chat
        var redaction = Redaction()
        for (place, message) in chat.messages.enumerated() where message.role != .system {
            let before = Chat(Array(chat.messages[..<place]))
            let stage: Stage = message.role == .tool ? .retrieved : .input
            let decision = await shield.check(Passage(message.content, at: stage, in: before), after: redaction)
            guard decision.isAllowed else { return (chat, redaction, decision.text) }
            chat.messages[place].content = decision.text
            redaction = decision.redaction
        }
        return (chat, redaction, nil)
    }
}

extension Chat {
    /// What tools have said, oldest first.
    package var toolTexts: [String] { messages.filter { $0.role == .tool }.map(\.content) }
}
