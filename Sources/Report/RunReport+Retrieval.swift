/// What was done instead of tuning, in a report.
extension RunReport {
    /// The reference with rows of the tuning's data before every question.
    public struct Retrieval: Codable, Sendable, Equatable {
        /// How many rows stand before a question, at most.
        public var examples: Int
        /// How many rows there were to find; nil where it is not known yet.
        public var rows: Int?
        /// By how many tokens a question is longer, in the mean; nil where it was not counted.
        public var addedTokens: Double?

        /// Creates a record.
        public init(examples: Int, rows: Int?, addedTokens: Double?) {
            self.examples = examples
            self.rows = rows
            self.addedTokens = addedTokens
        }

        private enum CodingKeys: String, CodingKey {
            case examples, rows
            case addedTokens = "added_tokens"
        }

        /// Writes every key, empty ones as `null`.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(examples, forKey: .examples)
            try values.encode(rows, forKey: .rows)
            try values.encode(addedTokens, forKey: .addedTokens)
        }
    }
}
