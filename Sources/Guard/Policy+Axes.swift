package import TemperRisk

/// Which rails stand against which kind of risk.
///
/// Knows nothing about measurements. What no rail can see in a text, such as a stereotype or an invented fact, has no
/// rules here: a guard that claimed to cover it would only look safe.
extension Policy {
    /// The rules against one kind of risk, in the order of ``standard``; empty where no rail covers it.
    package static func rules(against axis: Axis) -> [Rule] {
        switch axis {
        case .jailbreak:
            [
                Rule("jailbreak", .refuse, stages: [.input]),
                Rule("encoded", .refuse, stages: [.input, .retrieved]),
            ]
        case .injection: [Rule("injection", .refuse), Rule("encoded", .refuse, stages: [.input, .retrieved])]
        case .toxicity: [Rule("toxicity", .flag, stages: [.input]), Rule("toxicity", .refuse, stages: [.output])]
        case .privacy: [Rule("secrets", .redact), Rule("personal-data", .redact), Rule("prompt-leak", .refuse)]
        case .bias, .hallucination, .overRefusal, .utility: []
        }
    }

    /// The rules that every policy begins with: without them a text can be too long to check, or hide from every rail.
    package static let groundwork = [
        Rule("length", .refuse, stages: [.input, .retrieved]),
        Rule("unicode", .redact, stages: [.input, .retrieved]),
    ]

    /// A policy against some kinds of risk, each rule once, in the order in which rails are asked.
    package static func against(_ axes: some Sequence<Axis>, named name: String) -> Policy {
        let wanted = groundwork + axes.flatMap(rules(against:))
        let order = ["length", "unicode", "secrets", "personal-data", "injection", "jailbreak", "encoded", "toxicity"]
        var seen: Set<Rule> = []
        let rules = wanted.filter { seen.insert($0).inserted }.enumerated().sorted { first, second in
            func place(_ rule: Rule) -> Int { order.firstIndex(of: rule.rail) ?? order.count }
            return (place(first.element), first.offset) < (place(second.element), second.offset)
        }
        return Policy(name: name, rules: rules.map(\.element))
    }
}
