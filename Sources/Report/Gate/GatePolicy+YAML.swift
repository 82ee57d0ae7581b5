/// A policy as the YAML that `temper gate --policy` reads.
extension GatePolicy {
    /// The text, with every setting in it.
    public var yaml: String {
        var lines = [
            "# What a run has to fulfil; see Docs/gate.md. Shares run from 0 to 1.",
            "subject: \(YAMLText.text(subject))   # tuned (the last checkpoint), best (defence), reference, base, or a name",
            "min_n: \(minimumN)   # fewer graded probes are not enough evidence",
            "max_unscored: \(YAMLText.number(maximumUnscored))   # nor is a larger share of ungraded answers",
            rules.isEmpty ? "rules: []" : "rules:",
        ]
        for rule in rules {
            lines.append("  - id: \(YAMLText.text(rule.id))")
            lines.append("    metric: \(YAMLText.text(rule.metric))")
            lines += rule.demand.yaml.map { "    \($0)" }
            if let subject = rule.subject { lines.append("    subject: \(YAMLText.text(subject))") }
            if let least = rule.minimumN { lines.append("    min_n: \(least)") }
        }
        lines.append(acceptances.isEmpty ? "accept: []   # findings somebody answers for, until a day" : "accept:")
        for acceptance in acceptances {
            lines.append("  - rule: \(YAMLText.text(acceptance.rule))")
            lines.append("    reason: \(YAMLText.text(acceptance.reason))")
            lines.append("    owner: \(YAMLText.text(acceptance.owner))")
            lines.append("    expires: \(acceptance.expires)")
        }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension GatePolicy.Demand {
    fileprivate var yaml: [String] {
        switch self {
        case .atMost(let limit, let bound): ["at_most: \(YAMLText.number(limit))", "using: \(bound.rawValue)"]
        case .atLeast(let limit, let bound): ["at_least: \(YAMLText.number(limit))", "using: \(bound.rawValue)"]
        case .noRegression(let alpha): ["no_regression: true", "alpha: \(YAMLText.number(alpha))"]
        case .margin(let margin): ["margin: \(YAMLText.number(margin))"]
        }
    }
}
