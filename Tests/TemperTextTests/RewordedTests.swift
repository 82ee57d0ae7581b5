import TemperText
import Testing

/// What a subject is told before every conversation.
struct RewordedTests {
    /// Says back the turns that it was given.
    private struct Echo: Responder, LikelihoodModel {
        private func text(_ chat: Chat) -> String {
            chat.messages.map { "\($0.role.rawValue): \($0.content)" }.joined(separator: " | ")
        }

        func respond(to chats: [Chat], options: SamplingOptions) async throws -> [Completion] {
            chats.map { Completion(text: text($0), tokenCount: 1, finishReason: .stop) }
        }

        func logLikelihoods(of candidates: [Continuation]) async throws -> [Double] {
            candidates.map { Double(text($0.chat).count) }
        }
    }

    @Test func everyConversationBeginsWithIt() async throws {
        let told = Reworded(Echo(), system: "Take care.")
        let chats = [Chat(user: "a"), Chat([Message(.system, "Be brief."), Message(.user, "b")])]
        let expected = ["system: Take care. | user: a", "system: Take care.\n\nBe brief. | user: b"]
        #expect(try await told.respond(to: chats, options: SamplingOptions()).map(\.text) == expected)
        let watched = try await told.respond(to: chats, options: SamplingOptions(), watch: AnswerWatch())
        #expect(watched.map(\.text) == expected)
        let stopped = try await told.respond(to: chats, options: SamplingOptions()) { _, _ in false }
        #expect(stopped.map(\.text) == expected)
        let scores = try await told.logLikelihoods(of: chats.map { Continuation(of: $0, text: "t") })
        #expect(scores == expected.map { Double($0.count) })
    }
}
