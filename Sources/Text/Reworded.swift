/// A subject that is given every conversation in another form: with a system turn in front, or with what was looked up
/// for it.
///
/// Knows nothing about why.
public struct Reworded<Subject: Responder & LikelihoodModel>: Responder, LikelihoodModel {
    private let subject: Subject
    private let reword: @Sendable (Chat) -> Chat

    /// Gives `subject` what `reword` makes of each conversation.
    public init(_ subject: Subject, _ reword: @escaping @Sendable (Chat) -> Chat) {
        self.subject = subject
        self.reword = reword
    }

    /// Tells `subject` what `system` says before every conversation, in front of what its own system turn says.
    public init(_ subject: Subject, system: String) {
        self.init(subject) { chat in
            guard let first = chat.messages.first, first.role == .system else {
                return Chat([Message(.system, system)] + chat.messages)
            }
            return Chat([Message(.system, "\(system)\n\n\(first.content)")] + chat.messages.dropFirst())
        }
    }

    /// Answers each conversation.
    public func respond(to chats: [Chat], options: SamplingOptions) async throws -> [Completion] {
        try await subject.respond(to: chats.map(reword), options: options)
    }

    /// Answers each conversation, and leaves an answer as soon as enough of it is there.
    public func respond(
        to chats: [Chat],
        options: SamplingOptions,
        until isEnough: @escaping @Sendable (_ index: Int, _ partial: String) -> Bool
    ) async throws -> [Completion] {
        try await subject.respond(to: chats.map(reword), options: options, until: isEnough)
    }

    /// Answers each conversation, and hands each answer over as soon as it is there.
    public func respond(to chats: [Chat], options: SamplingOptions, watch: AnswerWatch) async throws -> [Completion] {
        try await subject.respond(to: chats.map(reword), options: options, watch: watch)
    }

    /// The sum of token log-probabilities of each candidate turn.
    public func logLikelihoods(of candidates: [Continuation]) async throws -> [Double] {
        try await subject.logLikelihoods(of: candidates.map { Continuation(of: reword($0.chat), text: $0.text) })
    }
}
