import Foundation
public import TemperGuard
import TemperReport
import TemperText

/// Reads and writes a guard's policy, as strictly as a recipe: a key or a value that is not understood is an error.
///
/// Knows nothing about what rails find. A rule has the keys of every rule and those that its own rail reads.
public enum PolicyFile {
    static let keys = ["name", "message", "fail_open", "rules"]
    static let ruleKeys = ["rail", "action", "threshold", "stages", "labels"]

    /// Reads a policy file; the name `standard` means the policy that the program carries.
    ///
    /// - Throws: ``RecipeError`` with the file, the line, the key and the remedy.
    public static func load(_ path: String) throws -> Policy {
        if path == Policy.standard.name { return .standard }
        let url = URL(fileURLWithPath: path)
        return try parse(RecipeError.text(of: url, or: "write `standard`"), file: url.relativePath)
    }

    /// Reads a policy from a text; `file` names it in messages.
    ///
    /// - Throws: ``RecipeError`` with the file, the line, the key and the remedy.
    public static func parse(_ yaml: String, file: String) throws -> Policy {
        let context = RecipeTable.Context(file: file, environment: [:])
        let table = try RecipeTable(RecipeNode.parse(yaml, file: file), path: "", known: keys, context: context)
        var policy = Policy(name: try table.text("name", default: "policy"), rules: [])
        policy.message = try table.text("message", default: policy.message)
        policy.failsOpen = try table.flag("fail_open", default: false)
        guard let rules = try table.list("rules", expected: "a list of rules"), !rules.isEmpty else {
            throw table.missing(
                "rules",
                expected: "a list of rules; `temper guard --print-policy` prints an example"
            )
        }
        for (path, node) in rules { policy.rules.append(try rule(node, path: path, context: context)) }
        return policy
    }

    /// The policy as a text that ``parse(_:file:)`` reads.
    public static func yaml(_ policy: Policy) -> String { yaml(policy, head: []) { _ in [] } }

    /// The policy with comments: some lines at the top, and some before each rule.
    static func yaml(_ policy: Policy, head: [String], comments: (Policy.Rule) -> [String]) -> String {
        // A comment is one line, whatever the text that it quotes holds.
        func comment(_ text: String) -> String { "# " + text.split(whereSeparator: \.isNewline).joined(separator: " ") }
        func list(_ items: [String]) -> String { "[\(items.map(YAMLText.text).joined(separator: ", "))]" }
        var lines = ["# What a guard does about what its rails find; see Docs/guard.md."] + head.map(comment)
        lines += [
            "name: \(YAMLText.text(policy.name))",
            "message: \(YAMLText.text(policy.message))   # stands in the place of what is refused",
            "fail_open: \(policy.failsOpen)   # true lets pass what a rail could not check",
            policy.rules.isEmpty ? "rules: []" : "rules:   # asked in this order; actions: allow, flag, redact, refuse",
        ]
        for rule in policy.rules {
            lines += comments(rule).map { "  " + comment($0) }
            lines.append("  - rail: \(YAMLText.text(rule.rail))")
            lines.append("    action: \(rule.action.rawValue)")
            if let threshold = rule.threshold { lines.append("    threshold: \(YAMLText.number(threshold))") }
            if let stages = rule.stages { lines.append("    stages: \(list(stages.map(\.rawValue)))") }
            if let labels = rule.labels { lines.append("    labels: \(list(labels))") }
            let own = rule.settings
            for (key, texts) in [
                ("phrases", own.phrases), ("allowed", own.allowed), ("disallowed", own.disallowed),
                ("rails", own.rails),
            ] {
                if let texts { lines.append("    \(key): \(list(texts))") }
            }
            if let limit = own.limit { lines.append("    limit: \(limit)") }
            if let least = own.leastLikeness { lines.append("    least_likeness: \(YAMLText.number(least))") }
            if let nats = own.nats { lines.append("    nats: \(YAMLText.number(nats))") }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func rule(_ node: RecipeNode, path: String, context: RecipeTable.Context) throws -> Policy.Rule {
        let names = Rails.all.map(\.name)
        let open = try RecipeTable(node, path: path, known: nil, context: context)
        guard let name = try open.optionalText("rail") else {
            throw open.missing("rail", expected: "one of \(names.joined(separator: ", "))")
        }
        guard let method = Rails.all.first(where: { $0.name == name }) else {
            throw open.error("rail", found: name, expected: nearest(to: name, among: names))
        }
        let table = try RecipeTable(node, path: path, known: ruleKeys + method.settings, context: context)
        var rule = Policy.Rule(name, try table.choice("action", default: .refuse))
        if table.node("threshold") != nil { rule.threshold = try table.number("threshold", default: 0, in: 0...1) }
        if let stages = try texts("stages", in: table) {
            rule.stages = try stages.map { text in
                guard let stage = Stage(rawValue: text) else {
                    let known = Stage.allCases.map(\.rawValue)
                    throw table.error("stages", found: text, expected: nearest(to: text, among: known))
                }
                return stage
            }
        }
        rule.labels = try texts("labels", in: table)
        rule.settings.phrases = try texts("phrases", in: table)
        rule.settings.allowed = try texts("allowed", in: table)
        rule.settings.disallowed = try texts("disallowed", in: table)
        rule.settings.rails = try texts("rails", in: table)
        rule.settings.limit = try table.optionalWhole("limit", in: 1...100_000_000)
        if table.node("least_likeness") != nil {
            rule.settings.leastLikeness = try table.number("least_likeness", default: 0, in: 0...1)
        }
        if table.node("nats") != nil { rule.settings.nats = try table.number("nats", default: 2, in: 0.01...100) }
        return rule
    }

    private static func texts(_ key: String, in table: RecipeTable) throws -> [String]? {
        try table.list(key, expected: "a list of texts")?.map { path, node in
            try table.text(node, path: path, expected: "a text")
        }
    }

    private static func nearest(to name: String, among names: [String]) -> String {
        if let nearest = Spelling.nearest(to: name, among: names) {
            return "`\(nearest)`, if that was meant; the names are \(names.joined(separator: ", "))"
        }
        return "one of \(names.joined(separator: ", "))"
    }
}
