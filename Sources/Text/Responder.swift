/// How an answer is decoded.
public struct SamplingOptions: Codable, Sendable, Hashable {
    /// The most tokens to generate for one answer.
    public var maxNewTokens: Int
    /// Softmax temperature; 0 decodes greedily and ignores `topK`, `topP` and `seed`.
    public var temperature: Double
    /// Keep only the `topK` most likely tokens; 0 keeps all.
    public var topK: Int
    /// Keep the smallest set of tokens whose probability reaches `topP`; 1 keeps all.
    public var topP: Double
    /// Seed of the sampler; each answer's stream derives from it and from the answer's index.
    public var seed: UInt64

    /// Creates decoding options; the defaults decode greedily.
    public init(
        maxNewTokens: Int = 64,
        temperature: Double = 0,
        topK: Int = 0,
        topP: Double = 1,
        seed: UInt64 = 0
    ) {
        self.maxNewTokens = maxNewTokens
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.seed = seed
    }
}

/// One answer.
public struct Completion: Codable, Sendable, Hashable {
    /// Why generation ended.
    public enum FinishReason: String, Codable, Sendable {
        /// The model ended its turn.
        case stop
        /// The token limit was reached.
        case length
        /// Whoever asked had read enough.
        case decided
        /// What stands around the model refused; the text is its message, whatever the wording.
        case refused
        /// There is no answer: `failure` says why.
        case failed
    }

    /// The answer's text, special tokens left out.
    public var text: String
    /// Tokens generated, the end-of-turn token included.
    public var tokenCount: Int
    /// Why generation ended.
    public var finishReason: FinishReason
    /// Why there is no answer, where generation failed; such a completion is never graded as if it were one.
    public var failure: String?

    /// Creates an answer.
    public init(text: String, tokenCount: Int, finishReason: FinishReason) {
        self.text = text
        self.tokenCount = tokenCount
        self.finishReason = finishReason
    }

    /// Stands for an answer that could not be had.
    public init(failure: String) {
        self.init(text: "", tokenCount: 0, finishReason: .failed)
        self.failure = failure
    }
}

/// What is done with answers while others are still being written.
public struct AnswerWatch: Sendable {
    /// Asked about the conversation with this index and the beginning of its answer, on any thread; nil wants answers
    /// to their end. A responder that cannot stop early never asks.
    public var isEnough: (@Sendable (_ index: Int, _ partial: String) -> Bool)?
    /// The random stream of each answer; nil takes the conversations' own indices. So part of a batch, asked again,
    /// draws what it would have drawn among the others.
    public var streams: [Int]?
    /// Called once for each answer, as soon as it is there, on any thread.
    public var finished: (@Sendable (_ index: Int, _ completion: Completion) throws -> Void)?

    /// Creates a watch.
    public init(
        isEnough: (@Sendable (_ index: Int, _ partial: String) -> Bool)? = nil,
        streams: [Int]? = nil,
        finished: (@Sendable (_ index: Int, _ completion: Completion) throws -> Void)? = nil
    ) {
        self.isEnough = isEnough
        self.streams = streams
        self.finished = finished
    }
}

/// Whatever answers conversations: a local model, a guarded one, or a remote endpoint.
public protocol Responder: Sendable {
    /// Answers each conversation; one that ends with an assistant turn is answered with the rest of that turn, by responders
    /// that can do so.
    ///
    /// - Returns: one completion per conversation, in the same order.
    func respond(to chats: [Chat], options: SamplingOptions) async throws -> [Completion]

    /// Answers each conversation, and may leave an answer as soon as enough of it is there.
    ///
    /// - Parameter isEnough: asked about the conversation with this index and the beginning of its answer; called on any
    ///   thread. A responder that cannot stop early never asks.
    func respond(
        to chats: [Chat],
        options: SamplingOptions,
        until isEnough: @escaping @Sendable (_ index: Int, _ partial: String) -> Bool
    ) async throws -> [Completion]

    /// Answers each conversation, and hands each answer over as soon as it is there.
    func respond(to chats: [Chat], options: SamplingOptions, watch: AnswerWatch) async throws -> [Completion]
}

extension Responder {
    /// Answers to the end.
    public func respond(
        to chats: [Chat],
        options: SamplingOptions,
        until isEnough: @escaping @Sendable (_ index: Int, _ partial: String) -> Bool
    ) async throws -> [Completion] {
        try await respond(to: chats, options: options)
    }

    /// Hands the answers over when all are there; each draws from the stream of its own index.
    public func respond(to chats: [Chat], options: SamplingOptions, watch: AnswerWatch) async throws -> [Completion] {
        let completions =
            if let isEnough = watch.isEnough {
                try await respond(to: chats, options: options, until: isEnough)
            } else {
                try await respond(to: chats, options: options)
            }
        for (index, completion) in completions.enumerated() { try watch.finished?(index, completion) }
        return completions
    }
}

/// A text and the context it continues.
public struct Continuation: Sendable, Hashable {
    /// The conversation so far; the candidate is the assistant's next turn.
    public var chat: Chat
    /// The candidate text.
    public var text: String

    /// Creates a candidate continuation.
    public init(of chat: Chat, text: String) {
        self.chat = chat
        self.text = text
    }
}

/// Whatever can say how likely it finds a text.
public protocol LikelihoodModel: Sendable {
    /// The sum of token log-probabilities (natural logarithm) of each candidate given its context.
    func logLikelihoods(of candidates: [Continuation]) async throws -> [Double]
}
