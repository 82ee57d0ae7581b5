public import TemperText

/// A local model that fails on conversations it has no room for, one by one, where a `LocalResponder` alone ends the work.
public struct ResponderWithinContext: Responder {
    private let local: LocalResponder

    /// Wraps a responder.
    public init(_ local: LocalResponder) {
        self.local = local
    }

    /// Answers the conversations that fit; the others are failures that say how long they are.
    public func respond(to chats: [Chat], options: SamplingOptions) async throws -> [Completion] {
        let problems = try chats.map { chat -> String? in
            do {
                try local.checkRoom(for: chat, options: options)
                return nil
            } catch let error as ModelError {
                guard case .contextLength = error else { throw error }
                return "\(error)"
            }
        }
        let open = chats.indices.filter { problems[$0] == nil }
        var answers = try await local.respond(to: open.map { chats[$0] }, options: options).makeIterator()
        return problems.map { problem in
            problem.map(Completion.init(failure:)) ?? answers.next() ?? Completion(failure: "no answer came back")
        }
    }
}
