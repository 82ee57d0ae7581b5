/// Sets a policy's thresholds so that few harmless prompts of a domain are refused.
///
/// Knows nothing about harmful prompts: what a higher threshold lets through is on the rails' cards. Idea: a floor under the
/// share of harmless prompts that pass, and the lowest thresholds that keep to it.
public enum Tuning {
    /// What one rule's threshold was and is.
    public struct Change: Sendable, Hashable, Codable {
        /// The rail.
        public var rail: String
        /// The threshold before.
        public var before: Double
        /// The threshold after.
        public var after: Double
        /// How many of the prompts the rule refused before, and refuses now.
        public var refused: [Int]
    }

    /// The policy with thresholds at which at most `budget` of the prompts are refused.
    ///
    /// The budget is shared equally among the rules that refuse an input and refuse a prompt now; a rule that keeps to its
    /// share stays as it is. A rule whose findings have no degrees cannot be tuned and stays as well.
    ///
    /// - Parameters:
    ///   - prompts: harmless prompts of the domain.
    ///   - budget: the share that may be refused, 0 to 1.
    public static func tune(
        _ policy: Policy,
        prompts: [String],
        budget: Double,
        resources: RailResources = RailResources()
    ) async throws -> (policy: Policy, changes: [Change]) {
        var scores: [Int: [Double]] = [:]
        for (place, rule) in policy.rules.enumerated() where rule.action == .refuse {
            let rail = try Rails.make(rule, with: resources)
            guard (rule.stages ?? rail.card.stages).contains(.input), rail.card.stages.contains(.input) else {
                continue
            }
            var own: [Double] = []
            for prompt in prompts {
                let found = try await rail.findings(in: Passage(prompt, at: .input))
                own.append(found.filter { rule.labels?.contains($0.label) ?? true }.map(\.score).max() ?? 0)
            }
            let least = rule.threshold ?? rail.card.threshold
            if own.contains(where: { $0 >= least }) { scores[place] = own }
        }
        var policy = policy
        var changes: [Change] = []
        let allowed = Int(budget * Double(prompts.count) / Double(max(1, scores.count)))
        for (place, own) in scores.sorted(by: { $0.key < $1.key }) {
            let rule = policy.rules[place]
            let before = try rule.threshold ?? Rails.make(rule, with: resources).card.threshold
            func refused(_ threshold: Double) -> Int { own.count { $0 >= threshold } }
            guard refused(before) > allowed else { continue }
            // The lowest threshold, in thousandths, that keeps to the share.
            let steps = (Int((before * 1000).rounded(.up))...1000).map { Double($0) / 1000 }
            let after = steps.first { refused($0) <= allowed } ?? before
            policy.rules[place].threshold = after
            changes.append(
                Change(rail: rule.rail, before: before, after: after, refused: [refused(before), refused(after)])
            )
        }
        return (policy, changes)
    }
}
