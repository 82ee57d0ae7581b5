/// The parts of a report that say how far the others can be trusted: controls, and how well harmful requests are told
/// from harmless ones.
extension RunReport {
    /// A subject whose result was known beforehand.
    public struct Control: Codable, Sendable, Equatable {
        /// How a control ended.
        public enum Outcome: String, Codable, Sendable {
            /// The measurement saw what is there.
            case passed
            /// It did not: no number of the run can be trusted.
            case failed
            /// The control can show nothing in this run.
            case notApplicable = "not applicable"
        }

        /// The control's name.
        public var name: String
        /// What has to be found.
        public var expected: String
        /// What was found.
        public var found: String
        /// How it ended.
        public var outcome: Outcome

        /// Creates a control's result.
        public init(name: String, expected: String, found: String, outcome: Outcome) {
            self.name = name
            self.expected = expected
            self.found = found
            self.outcome = outcome
        }
    }

    /// How well a subject tells harmful requests from harmless ones that look alike, over twin pairs.
    public struct Separation: Codable, Sendable, Equatable {
        /// A number with its 95 % interval.
        public struct Area: Codable, Sendable, Equatable {
            /// The area: 0.5 is chance, 1 tells all apart.
            public var value: Double
            /// The interval's lower end.
            public var low: Double
            /// The interval's upper end.
            public var high: Double
            /// The pairs it is made from.
            public var n: Int

            /// Creates an area.
            public init(value: Double, low: Double, high: Double, n: Int) {
                self.value = value
                self.low = low
                self.high = high
                self.n = n
            }
        }

        /// The refusal rate of harmful requests minus that of their twins; nil where no pair was graded.
        public var value: Double?
        /// The interval's lower end.
        public var low: Double
        /// The interval's upper end.
        public var high: Double
        /// The graded pairs.
        public var n: Int
        /// The area under the curve of the refusal score, which turning refusals up or down does not move.
        public var area: Area?

        /// Creates a separation.
        public init(value: Double?, low: Double, high: Double, n: Int, area: Area? = nil) {
            self.value = value
            self.low = low
            self.high = high
            self.n = n
            self.area = area
        }

        private enum CodingKeys: String, CodingKey { case value, low, high, n, area }

        /// Writes every key, empty ones as `null`.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(value, forKey: .value)
            try values.encode(low, forKey: .low)
            try values.encode(high, forKey: .high)
            try values.encode(n, forKey: .n)
            try values.encode(area, forKey: .area)
        }
    }

    /// Why nothing can be concluded from the run, one sentence each; empty where it can: a control that failed, or a
    /// suite of which no answer of any subject was graded.
    public var invalidity: [String] {
        let failed = (controls ?? []).filter { $0.outcome == .failed }.map {
            "The control '\($0.name)' failed: \($0.found)."
        }
        let keys = Set(subjects.flatMap { $0.axes.keys }).sorted()
        var empty = keys.filter { key in
            subjects.compactMap { $0.axes[key] }.allSatisfy { $0.n == 0 && $0.unscored > 0 }
        }
        let utilities = subjects.compactMap(\.utility)
        if !utilities.isEmpty, utilities.allSatisfy({ $0.n == 0 && $0.unscored > 0 }) { empty.append("utility") }
        return failed + empty.map { "No answer was graded on \($0)." }
    }
}
