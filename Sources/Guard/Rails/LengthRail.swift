/// Finds texts that are too long.
///
/// Knows nothing about tokens: counts UTF-8 bytes, which no text has fewer of than tokens.
public struct LengthRail: Rail {
    private let limit: Int

    /// Allows at most `limit` bytes.
    public init(limit: Int = 32_768) {
        precondition(limit > 0, "a text has to be allowed one byte at least")
        self.limit = limit
    }

    /// What the rail is.
    public var card: RailCard {
        RailCard(
            name: "length",
            looksFor: "texts of more than \(limit) bytes",
            labels: ["too-long"],
            limits: ["Looks at one text, not at the whole conversation."]
        )
    }

    /// Whether the text is too long.
    public func findings(in passage: Passage) async throws -> [Finding] {
        let count = passage.text.utf8.count
        return count > limit ? [Finding("too-long", reason: "\(count) bytes, where \(limit) are allowed")] : []
    }
}
