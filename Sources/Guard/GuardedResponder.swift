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
        var passed: [(index: Int, entry: Admission)] = []
        for (index, chat) in chats.enumerated() {
            let entry = await shield.admit(chat)
            if let refusal = entry.refusal {
                answers[index] = Completion(text: refusal, tokenCount: 0, finishReason: .refused)
            } else {
                passed.append((index, entry))
            }
        }
        let completions = try await inner.respond(to: passed.map(\.entry.chat), options: options)
        precondition(completions.count == passed.count, "a responder gives one answer for each conversation")
        for ((index, entry), completion) in zip(passed, completions) {
            var completion = completion
            if completion.finishReason != .failed {
                let decision = await shield.release(completion.text, to: entry)
                completion.text = decision.isAllowed ? entry.redaction.restore(decision.text) : decision.text
                if !decision.isAllowed { completion.finishReason = .refused }
            }
            answers[index] = completion
        }
        return answers.compactMap { $0 }
    }
}

extension Chat {
    /// What tools have said, oldest first.
    package var toolTexts: [String] { messages.filter { $0.role == .tool }.map(\.content) }
}
