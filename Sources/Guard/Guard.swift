import TemperText

/// Applies a policy: asks its rails in order and says what becomes of a passage.
///
/// Knows nothing about what rails look for. Fails closed: a rail that throws counts as a refusal, unless the policy says
/// otherwise.
public struct Guard: Sendable {
    /// What one rail said of a passage, and how long it took.
    public struct Check: Codable, Sendable, Hashable {
        /// The rail.
        public var rail: String
        /// What it found that counts: labels and scores from the rule's threshold on.
        public var findings: [Finding]
        /// The highest score of its findings, also below the threshold; 0 where it found nothing.
        public var score = 0.0
        /// The score from which a finding counts.
        public var threshold: Double
        /// What follows from this rail alone.
        public var action: Policy.Action
        /// Why the rail could not check, where it could not.
        public var failure: String?
        /// How long it took, in milliseconds.
        public var milliseconds: Double
    }

    /// What becomes of a passage.
    public struct Decision: Codable, Sendable, Hashable {
        /// The strongest action of all rails.
        public var action: Policy.Action
        /// What may be passed on: the text, the text with replacements, or the policy's message.
        public var text: String
        /// What each rail said, in the policy's order; rails after a refusal were not asked.
        public var checks: [Check]
        /// What the placeholders in `text` stand for; never written into a record.
        public var redaction = Redaction()

        private enum CodingKeys: String, CodingKey { case action, text, checks }

        /// Whether the text, perhaps with replacements, may be passed on.
        public var isAllowed: Bool { action != .refuse }
    }

    /// What is done about findings.
    public let policy: Policy
    private let rails: [(rule: Policy.Rule, rail: any Rail)]

    /// Joins a policy with the rails that it names.
    ///
    /// - Throws: `GuardError` when a rail, label or stage is not there.
    public init(_ policy: Policy, rails: [any Rail]) throws {
        try self.init(policy) { rule in
            guard let rail = rails.first(where: { $0.card.name == rule.rail }) else {
                throw GuardError.unknownRail(rule.rail, known: rails.map(\.card.name))
            }
            return rail
        }
    }

    /// Makes a policy's rails, each with the settings of its rule.
    ///
    /// - Throws: `GuardError` when a rail, label, stage or something that a rail needs is not there.
    public init(_ policy: Policy, resources: RailResources = RailResources()) throws {
        try self.init(policy) { try Rails.make($0, with: resources) }
    }

    private init(_ policy: Policy, rail: (Policy.Rule) throws -> any Rail) throws {
        self.policy = policy
        rails = try policy.rules.map { rule in
            let rail = try rail(rule)
            if let label = rule.labels?.first(where: { !rail.card.labels.contains($0) }) {
                throw GuardError.unknownLabel(label, rail: rule.rail, known: rail.card.labels)
            }
            if let stage = rule.stages?.first(where: { !rail.card.stages.contains($0) }) {
                throw GuardError.wrongStage(stage, rail: rule.rail, known: rail.card.stages)
            }
            return (rule, rail)
        }
    }

    /// The cards of the rails in use, in the policy's order.
    public var cards: [RailCard] { rails.map(\.rail.card) }

    /// Checks a passage; replacements are made before the next rail looks at it.
    ///
    /// - Parameter redaction: the placeholders of the texts before it, which go on being used.
    public func check(_ passage: Passage, after redaction: Redaction = Redaction()) async -> Decision {
        var passage = passage
        var redaction = redaction
        var checks: [Check] = []
        var action = Policy.Action.allow
        for (rule, rail) in rails {
            guard rule.action != .allow, (rule.stages ?? rail.card.stages).contains(passage.stage) else { continue }
            let check = await Self.check(passage, rule, rail, failsOpen: policy.failsOpen)
            checks.append(check)
            action = max(action, check.action)
            guard check.action != .refuse else { break }
            if check.action == .redact { passage.text = redaction.apply(check.findings, to: passage.text) }
        }
        return Decision(
            action: action,
            text: action == .refuse ? policy.message : passage.text,
            checks: checks,
            redaction: redaction
        )
    }

    private static func check(
        _ passage: Passage,
        _ rule: Policy.Rule,
        _ rail: any Rail,
        failsOpen: Bool
    ) async -> Check {
        let clock = ContinuousClock()
        let start = clock.now
        var check = Check(
            rail: rule.rail,
            findings: [],
            threshold: rule.threshold ?? rail.card.threshold,
            action: .allow,
            failure: nil,
            milliseconds: 0
        )
        do {
            let found = try await rail.findings(in: passage).filter { rule.labels?.contains($0.label) ?? true }
            check.score = found.map(\.score).max() ?? 0
            check.findings = found.filter { $0.score >= check.threshold }
            if !check.findings.isEmpty {
                let isReplaceable = check.findings.allSatisfy { $0.range != nil && $0.replacement != nil }
                check.action = rule.action == .redact && !isReplaceable ? .refuse : rule.action
            }
        } catch {
            check.failure = "\(error)"
            check.action = failsOpen ? .flag : .refuse
        }
        let (seconds, attoseconds) = (clock.now - start).components
        check.milliseconds = Double(seconds) * 1e3 + Double(attoseconds) / 1e15
        return check
    }
}
