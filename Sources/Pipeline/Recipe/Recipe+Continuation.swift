import TemperTune

/// `continue`: the tuning goes on after its end, over and over, to see whether safety holds.
extension Recipe {
    /// A continued tuning.
    public struct Continuation: Sendable, Hashable {
        /// How often; each round takes as many steps as the tuning.
        public var rounds: Int = 10
        /// A chain of data sets, by turns one a round; nil takes the tuning's own in every round.
        public var trainData: [DataSource]?
        /// The defence that goes on beside the plain tuning: a name, or ``best``; nil for none.
        public var defence: String? = Self.best

        /// Stands for the defence that the run's report chooses.
        public static let best = "best"

        /// Creates a continuation with defaults.
        public init() {}
    }
}

extension Recipe.Continuation {
    static let keys = ["rounds", "train_data", "defence"]

    init(_ table: RecipeTable) throws {
        self.init()
        rounds = try table.whole("rounds", default: rounds, in: 1...1000)
        trainData = try table.sources("train_data")
        guard trainData?.isEmpty != true else {
            throw table.error("train_data", found: "an empty list", expected: "a source or more, or null")
        }
        if table.node("defence") != nil { defence = try table.optionalText("defence") }
    }

    /// The defence has to be one that the run makes.
    func check(_ table: RecipeTable, against recipe: Recipe) throws {
        let names = recipe.defences.map(\.name)
        let known = (names.isEmpty && recipe.search == nil ? [] : [Self.best]) + names
        guard let defence, !known.contains(defence) else { return }
        throw table.error(
            "defence",
            found: "\"\(defence)\"",
            expected: known.isEmpty
                ? "null, for the recipe has no `defences`" : "one of \(known.joined(separator: ", ")), or null"
        )
    }

    /// The data of each round in turn.
    func load(tuning: Dataset, seed: UInt64) throws -> [Dataset] {
        try trainData?.map { try $0.load(seed: seed) } ?? [tuning]
    }
}
