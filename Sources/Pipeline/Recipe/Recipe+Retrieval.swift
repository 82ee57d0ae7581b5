/// `retrieval`: what people do instead of tuning, measured beside it.
extension Recipe {
    /// The reference with the most similar rows of the tuning's data before every question.
    public struct Retrieval: Sendable, Hashable {
        /// How many rows.
        public var examples = 3

        /// Creates a retrieval with defaults.
        public init() {}
    }
}

extension Recipe.Retrieval {
    static let keys = ["examples"]

    init(_ table: RecipeTable) throws {
        self.init()
        examples = try table.whole("examples", default: examples, in: 1...50)
    }

    /// What the assessment is known by in a run of a fingerprint, so that a run that is over can have one, or another.
    func fingerprint(in run: String) -> String { "\(run) retrieval \(examples)" }
}
