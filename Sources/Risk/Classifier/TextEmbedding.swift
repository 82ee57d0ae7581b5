/// Whatever turns texts into vectors of which near ones mean something alike.
public protocol TextEmbedding: Sendable {
    /// One vector for each text, all of one length.
    func vectors(of texts: [String]) async throws -> [[Float]]
}
