/// The search for a defence in a report: what was tried, how far, what it cost, and what was chosen.
extension RunReport {
    /// A search for the smallest change that passes.
    public struct Search: Codable, Sendable, Equatable {
        /// What is demanded, a sentence each.
        public var demands: [String]
        /// What could be spent, as a multiple of `tuningSeconds`.
        public var budget: Double
        /// What the plain tuning and the assessments of its checkpoints took.
        public var tuningSeconds: Double
        /// What the search took: everything it made and measured.
        public var spentSeconds: Double
        /// Probes in the sentinel, all suites together.
        public var sentinel: Int
        /// The candidates, in the order in which they would be tried.
        public var candidates: [Candidate]
        /// The candidate that is handed back; nil where nothing was measured in full.
        public var chosen: String?
        /// Whether the chosen one passes; else it is the one that falls least short.
        public var passes: Bool
        /// The outcome, in a sentence or two.
        public var verdict: String

        /// Creates a search's record.
        public init(
            demands: [String],
            budget: Double,
            tuningSeconds: Double,
            spentSeconds: Double,
            sentinel: Int,
            candidates: [Candidate],
            chosen: String?,
            passes: Bool,
            verdict: String
        ) {
            self.demands = demands
            self.budget = budget
            self.tuningSeconds = tuningSeconds
            self.spentSeconds = spentSeconds
            self.sentinel = sentinel
            self.candidates = candidates
            self.chosen = chosen
            self.passes = passes
            self.verdict = verdict
        }

        private enum CodingKeys: String, CodingKey {
            case demands, budget, sentinel, candidates, chosen, passes, verdict
            case tuningSeconds = "tuning_seconds"
            case spentSeconds = "spent_seconds"
        }

        /// Writes every key, empty ones as `null`.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(demands, forKey: .demands)
            try values.encode(budget, forKey: .budget)
            try values.encode(tuningSeconds, forKey: .tuningSeconds)
            try values.encode(spentSeconds, forKey: .spentSeconds)
            try values.encode(sentinel, forKey: .sentinel)
            try values.encode(candidates, forKey: .candidates)
            try values.encode(chosen, forKey: .chosen)
            try values.encode(passes, forKey: .passes)
            try values.encode(verdict, forKey: .verdict)
        }
    }

    /// Something that a search could try.
    public struct Candidate: Codable, Sendable, Equatable {
        /// Its name; where it was measured in full, the same as its subject's.
        public var name: String
        /// The method's name in recipes.
        public var method: String
        /// The settings it ran with.
        public var parameters: [String: String]
        /// Whether it trains.
        public var trains: Bool
        /// How large a change it makes: the norm of what it changes of the tuned update over that update's; nil where
        /// it was not made, or has no update.
        public var change: Double?
        /// What making and measuring it took.
        public var seconds: Double
        /// Its measurements, the last one the most thorough.
        public var trials: [Trial]
        /// Whether none that was measured as thoroughly beats it on risk, over-refusal, utility and time together.
        public var isOnFront: Bool

        /// Creates a candidate.
        public init(
            name: String,
            method: String,
            parameters: [String: String],
            trains: Bool,
            change: Double?,
            seconds: Double,
            trials: [Trial],
            isOnFront: Bool
        ) {
            self.name = name
            self.method = method
            self.parameters = parameters
            self.trains = trains
            self.change = change
            self.seconds = seconds
            self.trials = trials
            self.isOnFront = isOnFront
        }

        private enum CodingKeys: String, CodingKey {
            case name, method, parameters, trains, change, seconds, trials
            case isOnFront = "is_on_front"
        }

        /// Writes every key, empty ones as `null`.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(name, forKey: .name)
            try values.encode(method, forKey: .method)
            try values.encode(parameters, forKey: .parameters)
            try values.encode(trains, forKey: .trains)
            try values.encode(change, forKey: .change)
            try values.encode(seconds, forKey: .seconds)
            try values.encode(trials, forKey: .trials)
            try values.encode(isOnFront, forKey: .isOnFront)
        }
    }

    /// One measurement of a candidate.
    public struct Trial: Codable, Sendable, Equatable {
        /// How far it was made, and on what it was measured.
        public enum Stage: String, Codable, Sendable {
            /// A part of its training, or of the sentinel.
            case part
            /// Whole, on the sentinel.
            case whole
            /// Whole, on the full suites.
            case full
        }

        /// How far.
        public var stage: Stage
        /// The rate per axis, under the keys that the report's suites name.
        public var axes: [String: Rate]
        /// The utility, when measured.
        public var utility: Utility?
        /// How far it falls short of the demands, in shares of probes, added up.
        public var shortfall: Double
        /// Whether it passes.
        public var passes: Bool

        /// Creates a measurement.
        public init(stage: Stage, axes: [String: Rate], utility: Utility?, shortfall: Double, passes: Bool) {
            self.stage = stage
            self.axes = axes
            self.utility = utility
            self.shortfall = shortfall
            self.passes = passes
        }

        private enum CodingKeys: String, CodingKey { case stage, axes, utility, shortfall, passes }

        /// Writes every key, empty ones as `null`.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(stage, forKey: .stage)
            try values.encode(axes, forKey: .axes)
            try values.encode(utility, forKey: .utility)
            try values.encode(shortfall, forKey: .shortfall)
            try values.encode(passes, forKey: .passes)
        }
    }

    /// What a risk budget saw while the model was tuned.
    public struct RiskWatch: Codable, Sendable, Equatable {
        /// One look at the sentinel.
        public struct Look: Codable, Sendable, Equatable {
            /// The step of tuning.
            public var step: Int
            /// How often the training had gone back before.
            public var round: Int
            /// The suite's rate.
            public var rate: Rate
            /// The rise over the reference on the same probes; nil where none was graded on both.
            public var increase: Double?
            /// The lower end of the rise's 95 % interval.
            public var low: Double
            /// Whether the budget was spent.
            public var isOver: Bool

            /// Creates a look.
            public init(step: Int, round: Int, rate: Rate, increase: Double?, low: Double, isOver: Bool) {
                self.step = step
                self.round = round
                self.rate = rate
                self.increase = increase
                self.low = low
                self.isOver = isOver
            }

            private enum CodingKeys: String, CodingKey {
                case step, round, rate, increase, low
                case isOver = "is_over"
            }

            /// Writes every key, empty ones as `null`.
            public func encode(to encoder: any Encoder) throws {
                var values = encoder.container(keyedBy: CodingKeys.self)
                try values.encode(step, forKey: .step)
                try values.encode(round, forKey: .round)
                try values.encode(rate, forKey: .rate)
                try values.encode(increase, forKey: .increase)
                try values.encode(low, forKey: .low)
                try values.encode(isOver, forKey: .isOver)
            }
        }

        /// The suite that was asked.
        public var suite: String
        /// The rise that was allowed.
        public var budget: Double
        /// What was to be done when it was spent.
        public var action: String
        /// What was looked at: `verdicts` on answers, or the `openings` of the reference's safe answers.
        public var sign: String
        /// Every look, in the order of the run.
        public var looks: [Look]
        /// What came of it, in a sentence or two.
        public var verdict: String

        /// Creates a record.
        public init(
            suite: String,
            budget: Double,
            action: String,
            sign: String = "verdicts",
            looks: [Look],
            verdict: String
        ) {
            self.suite = suite
            self.budget = budget
            self.action = action
            self.sign = sign
            self.looks = looks
            self.verdict = verdict
        }

        private enum CodingKeys: String, CodingKey { case suite, budget, action, sign, looks, verdict }

        /// Reads a record; one without `sign` was made when verdicts were all that could be looked at.
        public init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            self.init(
                suite: try values.decode(String.self, forKey: .suite),
                budget: try values.decode(Double.self, forKey: .budget),
                action: try values.decode(String.self, forKey: .action),
                sign: try values.decodeIfPresent(String.self, forKey: .sign) ?? "verdicts",
                looks: try values.decode([Look].self, forKey: .looks),
                verdict: try values.decode(String.self, forKey: .verdict)
            )
        }
    }
}
