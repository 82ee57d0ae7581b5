import TemperAlign
import TemperTune

/// `defend`: a search for a defence, in place of a list of them or beside it.
extension Recipe {
    /// A search over the methods and their knobs.
    public struct Search: Sendable, Hashable {
        /// What may be spent, as a multiple of what the tuning and the assessments of its checkpoints took.
        public var budget: Double = 3
        /// Probes of each suite while candidates are compared.
        public var sentinel: Int = 24
        /// The gate's policy that decides what passes; nil takes the search's own demands.
        public var gate: String?
        /// The methods to try; nil takes all that the run can use.
        public var methods: [String]?

        /// Creates a search with defaults.
        public init() {}
    }
}

extension Recipe.Search {
    static let keys = ["method", "budget", "sentinel", "gate", "methods"]
    /// What the names of candidates begin with, so that no listed defence shares one.
    static let prefix = "auto-"

    init(_ node: RecipeNode, in root: RecipeTable) throws {
        self.init()
        let expected = "auto, which searches for a defence; list the defences to try under `defences`"
        func check(_ method: String, _ table: RecipeTable, _ key: String) throws {
            guard method == "auto" else { throw table.error(key, found: "\"\(method)\"", expected: expected) }
        }
        if case .scalar = node.content {
            try check(try root.text("defend", default: "auto"), root, "defend")
            return
        }
        let table = try RecipeTable(node, path: "defend", known: Self.keys, context: root.context)
        try check(try table.text("method", default: "auto"), table, "method")
        budget = try table.number("budget", default: budget, in: 0.1...1000)
        sentinel = try table.whole("sentinel", default: sentinel, in: 2...100_000)
        gate = try table.optionalText("gate")
        methods = try table.list("methods", expected: "a list of methods, or null for all")?.map {
            let name = try table.text($0.node, path: $0.path, expected: "a method")
            let known = Set(SearchSpace.all.map(\.method)).sorted()
            guard known.contains(name) else {
                throw table.context.error(
                    .badValue(found: "\"\(name)\"", expected: "one of \(known.joined(separator: ", "))"),
                    key: $0.path,
                    at: $0.node.origin
                )
            }
            return name
        }
        guard methods?.isEmpty != true else {
            throw table.error("methods", found: "an empty list", expected: "a method or more, or null for all")
        }
    }
}

extension Recipe {
    /// What a search tries in this run: what it can use, each under a name of its own.
    func candidates(of search: Search) -> [Defence] {
        SearchSpace.all.compactMap { entry in
            guard search.methods?.contains(entry.method) ?? true else { return nil }
            let knobs = entry.knobs.mapValues { text in
                RecipeTable.number(text).map(RecipeValue.number) ?? .string(text)
            }
            var defence = Defence(method: entry.method, knobs: knobs)
            defence.name = Search.prefix + defence.name
            if case .weights(let method)? = try? defence.make(), method.needsAlignment, align == nil { return nil }
            if tune.settings.finetuningType == .full, defence.needsAdapter { return nil }
            if tune.settings.stage == .dpo, defence.changesSupervisedTraining { return nil }
            return defence
        }
    }

    /// The recipe without what is decided after the tuning was done, so that a run that was tuned can be searched and
    /// continued, and that again.
    var withoutSequel: Recipe {
        var recipe = self
        recipe.search = nil
        recipe.continuation = nil
        recipe.retrieval = nil
        return recipe
    }
}
