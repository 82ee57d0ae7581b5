import TemperAlign

/// `tune.risk_budget`: how much risk the tuning may add before something is done about it.
extension Recipe {
    /// A risk budget of the tuning.
    public struct RiskBudget: Sendable, Hashable {
        /// What is done when the budget is spent.
        public enum Action: String, Sendable, CaseIterable {
            /// The tuning ends there.
            case stop
            /// The tuning ends, and the best of the checkpoints within the budget is the result.
            case rollback
            /// The tuning goes back to the last checkpoint within the budget, and on with safety rows in every step.
            case mix
        }

        /// What is looked at.
        public enum Sign: String, Sendable, CaseIterable {
            /// The verdicts on the suite's answers.
            case verdicts
            /// How likely the model begins the safe answers that the reference gave: of harmful requests, its refusals.
            case openings
        }

        /// The suite that is asked.
        public var suite: String = "jailbreak"
        /// The rise of its rate over the reference that is allowed; spent when the lower end of the paired 95 %
        /// interval lies above it.
        public var increase: Double = 0.1
        /// What is done then.
        public var action: Action = .rollback
        /// What is looked at.
        public var sign: Sign = .verdicts
        /// Probes of the suite.
        public var probes: Int = 40

        /// Creates a budget with defaults.
        public init() {}
    }
}

extension Recipe.RiskBudget {
    static let keys = ["suite", "increase", "action", "sign", "probes"]

    init(_ table: RecipeTable) throws {
        self.init()
        suite = try table.text("suite", default: suite)
        increase = try table.number("increase", default: increase, in: 0...1)
        action = try table.choice("action", default: action)
        sign = try table.choice("sign", default: sign)
        probes = try table.whole("probes", default: probes, in: 1...100_000)
    }

    /// The steps at which the sentinel is asked: every one at first, then ever fewer, each at most half again as far as
    /// the one before: 1, 2, 3, 4, 6, 8, 12, 16, 24 ...
    static func steps(total: Int) -> [Int] {
        var steps: [Int] = []
        var step = 1
        while step < total {
            steps.append(step)
            if step > 1, step + step / 2 < total { steps.append(step + step / 2) }
            step *= 2
        }
        return steps + (total > 0 ? [total] : [])
    }
}
