/// What a guard does about what its rails find: one line for each rail, in the order in which they are asked.
///
/// Knows nothing about files or how rails work.
public struct Policy: Sendable, Hashable, Codable {
    /// What happens to a passage in which a rail found something.
    public enum Action: String, Codable, Sendable, CaseIterable, Comparable {
        /// Nothing; the finding is not even recorded.
        case allow
        /// It passes and is recorded.
        case flag
        /// What was found is replaced; what cannot be replaced is refused.
        case redact
        /// A message stands in its place.
        case refuse

        /// By how much they take away.
        public static func < (first: Action, second: Action) -> Bool { first.rank < second.rank }

        private var rank: Int { Self.allCases.firstIndex(of: self) ?? 0 }
    }

    /// One rail's part.
    public struct Rule: Sendable, Hashable, Codable {
        /// The rail's name.
        public var rail: String
        /// What its findings lead to.
        public var action: Action
        /// The score from which a finding counts; nil for the rail's own.
        public var threshold: Double?
        /// Where it stands; nil for every stage that the rail can stand at.
        public var stages: [Stage]?
        /// The labels that count; nil for all.
        public var labels: [String]?
        /// What only this rail understands.
        public var settings: RailSettings

        /// Creates a rule.
        public init(
            _ rail: String,
            _ action: Action = .refuse,
            threshold: Double? = nil,
            stages: [Stage]? = nil,
            labels: [String]? = nil,
            settings: RailSettings = RailSettings()
        ) {
            self.rail = rail
            self.action = action
            self.threshold = threshold
            self.stages = stages
            self.labels = labels
            self.settings = settings
        }
    }

    /// The name in records.
    public var name: String
    /// The rails, in order.
    public var rules: [Rule]
    /// What stands in the place of what is refused.
    public var message: String
    /// Whether a passage that a rail could not check passes. False by default: a broken guard lets nothing through.
    public var failsOpen: Bool

    /// Creates a policy.
    public init(
        name: String,
        rules: [Rule],
        message: String = "I cannot help with this request.",
        failsOpen: Bool = false
    ) {
        self.name = name
        self.rules = rules
        self.message = message
        self.failsOpen = failsOpen
    }
}
