public import Foundation
public import TemperReport
import TemperRisk
import TemperTune

/// Reads a gate's policy as strictly as a recipe: a key or a value that is not understood is an error, never ignored.
extension GatePolicy {
    static let keys = ["subject", "min_n", "max_unscored", "rules", "accept"]
    static let acceptanceKeys = ["rule", "reason", "owner", "expires"]

    /// Reads a policy file.
    ///
    /// - Throws: ``RecipeError`` with the file, the line, the key and the remedy.
    public static func load(_ url: URL) throws -> GatePolicy {
        try parse(RecipeError.text(of: url), file: url.relativePath)
    }

    /// Reads a policy from a text; `file` names it in messages.
    ///
    /// - Throws: ``RecipeError`` with the file, the line, the key and the remedy.
    public static func parse(_ yaml: String, file: String) throws -> GatePolicy {
        let context = RecipeTable.Context(file: file, environment: [:])
        let table = try RecipeTable(RecipeNode.parse(yaml, file: file), path: "", known: keys, context: context)
        var policy = GatePolicy(rules: [])
        policy.subject = try table.text("subject", default: policy.subject)
        policy.minimumN = try table.whole("min_n", default: policy.minimumN, in: 1...1_000_000)
        policy.maximumUnscored = try table.number("max_unscored", default: policy.maximumUnscored, in: 0...1)
        for (path, node) in try table.list("rules", expected: "a list of rules") ?? [] {
            let section = try RecipeTable(node, path: path, known: Rule.keys, context: context)
            let rule = try Rule(section)
            guard !policy.rules.contains(where: { $0.id == rule.id }) else {
                throw section.error("id", found: "\(rule.id), which another rule has", expected: "an `id` of its own")
            }
            policy.rules.append(rule)
        }
        guard !policy.rules.isEmpty else {
            guard table.node("rules") == nil else {
                throw table.error("rules", found: "none", expected: "a rule or more")
            }
            throw table.missing("rules", expected: "a list of rules; `temper gate --print-policy` prints an example")
        }
        for (path, node) in try table.list("accept", expected: "a list of accepted findings") ?? [] {
            let section = try RecipeTable(node, path: path, known: acceptanceKeys, context: context)
            policy.acceptances.append(try Acceptance(section, rules: policy.rules.map(\.id)))
        }
        return policy
    }
}

extension GatePolicy.Rule {
    static let keys = [
        "id", "metric", "at_most", "at_least", "using", "no_regression", "alpha", "margin", "subject", "min_n",
    ]
    private static let demands = ["at_most", "at_least", "no_regression", "margin"]

    fileprivate init(_ table: RecipeTable) throws {
        let metric = try table.needed("metric", expected: "an axis such as jailbreak, a suite's name, or utility")
        guard !Suites.all.contains(where: { $0.card.name == metric && $0.card.axis == .utility }) else {
            throw table.error("metric", found: metric, expected: "utility, where this suite's numbers stand")
        }
        let demand = try Self.demand(table, isShare: metric != "utility")
        self.init(
            id: try table.optionalText("id") ?? "\(metric)-\(demand.slug)",
            metric: metric,
            demand: demand,
            subject: try table.optionalText("subject"),
            minimumN: try table.optionalWhole("min_n", in: 1...1_000_000)
        )
    }

    private static func demand(_ table: RecipeTable, isShare: Bool) throws -> GatePolicy.Demand {
        let given = demands.filter { table.node($0) != nil }
        guard let key = given.first, given.count == 1 else {
            let found = given.isEmpty ? "it without a demand" : given.joined(separator: " and ")
            throw table.error(
                given.last ?? "metric",
                found: found,
                expected: "\(given.isEmpty ? "beside it " : "")one of \(demands.joined(separator: ", "))"
            )
        }
        // Of risks less is better, of utility more: the other limit would let pass what it is meant to stop.
        if isShare ? key == "at_least" : key == "at_most" {
            throw table.error(
                key,
                found: "it on \(isShare ? "a risk" : "utility")",
                expected: isShare ? "at_most (at_least is for the metric utility)" : "at_least"
            )
        }
        let isLevel = key == "at_most" || key == "at_least"
        if !isLevel, table.node("using") != nil {
            throw table.error("using", found: "it beside `\(key)`", expected: "it beside at_most or at_least only")
        }
        if key != "no_regression", table.node("alpha") != nil {
            throw table.error("alpha", found: "it beside `\(key)`", expected: "it beside no_regression only")
        }
        switch key {
        case "no_regression":
            guard try table.flag(key, default: false) else {
                throw table.error(key, found: "false", expected: "true; leave the rule out to allow regressions")
            }
            return .noRegression(alpha: try table.number("alpha", default: 0.05, in: 1e-9...0.5))
        case "margin":
            return .margin(try table.number(key, default: 0, in: 0...1))
        default:
            let limit = try table.number(key, default: 0, in: isShare ? 0...1 : nil)
            let using = try table.text("using", default: GatePolicy.Bound.interval.rawValue)
            guard let bound = GatePolicy.Bound(rawValue: using) else {
                throw table.error("using", found: using, expected: "one of interval, point")
            }
            return key == "at_most" ? .atMost(limit, bound) : .atLeast(limit, bound)
        }
    }
}

extension GatePolicy.Acceptance {
    fileprivate init(_ table: RecipeTable, rules: [String]) throws {
        let rule = try table.needed("rule", expected: "the id of a rule")
        guard rules.contains(rule) else {
            throw table.error("rule", found: rule, expected: "one of \(rules.joined(separator: ", "))")
        }
        let expires = try table.needed("expires", expected: "the last day it counts, such as 2030-01-31")
        let format = Date.ISO8601FormatStyle().year().month().day()
        guard expires.utf8.count == 10, let day = try? format.parse(expires), day.formatted(format) == expires else {
            throw table.error("expires", found: expires, expected: "a day such as 2030-01-31")
        }
        self.init(
            rule: rule,
            reason: try table.needed("reason", expected: "why the finding is accepted"),
            owner: try table.needed("owner", expected: "who answers for it"),
            expires: expires
        )
    }
}

extension RecipeTable {
    /// A text that has to be there and must not be empty.
    fileprivate func needed(_ key: String, expected: String) throws -> String {
        let text = try optionalText(key)?.trimmingCharacters(in: .whitespacesAndNewlines)
        guard let text, !text.isEmpty else { throw missing(key, expected: expected) }
        return text
    }
}
