import TemperText

/// What is behind the guard, whatever it is.
///
/// A protocol because a local model, an endpoint and a test stand here.
protocol Upstream: Sendable {
    /// The answer as a whole, in the form of OpenAI's API.
    ///
    /// - Throws: `APIError` for whatever goes wrong.
    func answer(_ question: Question) async throws -> TemplateValue
    /// The answer piece by piece; returns as soon as it is sure to come.
    ///
    /// - Throws: `APIError`, here and from the sequence. A sequence that ends without an error is complete.
    func stream(_ question: Question) async throws -> AnswerPieces
    /// The models, in the form of OpenAI's API.
    func models() async throws -> TemplateValue
    /// Lets go of connections.
    func close() async throws
}

/// The pieces of an answer, read one at a time, so that a slow client slows the upstream down.
struct AnswerPieces: Sendable {
    /// The next piece; nil at the end.
    typealias Next = @Sendable () async throws -> TemplateValue?

    private let source: @Sendable () -> Next

    /// - Parameter source: begins to read; called once.
    init(_ source: @escaping @Sendable () -> Next) {
        self.source = source
    }

    /// Hands over piece after piece, until `take` has enough.
    func forEach(_ take: (TemplateValue) async throws -> Bool) async throws {
        let next = source()
        while let piece = try await next(), try await take(piece) {}
    }
}
