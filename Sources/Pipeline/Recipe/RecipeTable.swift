import Foundation

/// One section of a recipe while it is read: known keys, typed values, and an error for anything else.
///
/// Knows nothing about what the keys mean. Variables in texts are put in here, so that they work in every value.
struct RecipeTable {
    /// What is the same for every section of a recipe.
    struct Context {
        var file: String
        var environment: [String: String]
        var dataDir: String?

        func error(_ problem: RecipeError.Problem, key: String, at origin: RecipeNode.Origin) -> RecipeError {
            RecipeError(file: file, line: origin.line, override: origin.override, key: key, problem)
        }
    }

    let path: String
    let context: Context
    let origin: RecipeNode.Origin
    private var values: [String: RecipeNode] = [:]
    private(set) var keys: [String] = []

    /// Opens a section; with `known` nil every key is taken as it stands.
    init(_ node: RecipeNode, path: String, known: [String]?, context: Context) throws {
        self.path = path
        self.context = context
        origin = node.origin
        let pairs: [(key: String, origin: RecipeNode.Origin, value: RecipeNode)]
        switch node.content {
        case .table(let found): pairs = found
        case .null: pairs = []
        default:
            let expected = known.map { "a section with the keys \($0.joined(separator: ", "))" } ?? "a section"
            throw context.error(.badValue(found: node.found, expected: expected), key: path, at: node.origin)
        }
        var written: [String: String] = [:]
        for (key, origin, value) in pairs {
            let full = path.isEmpty ? key : "\(path).\(key)"
            var name = key
            if let known {
                guard let canonical = RecipeNames.canonical(key, in: known) else {
                    let remedy = RecipeNames.remedy(for: key, in: known)
                    throw context.error(.unknownKey(remedy: remedy), key: full, at: origin)
                }
                name = canonical
            }
            if let other = written[name] { throw context.error(.twice(other), key: full, at: origin) }
            written[name] = key
            values[name] = value
            keys.append(name)
        }
    }

    func fullKey(_ key: String) -> String { path.isEmpty ? key : "\(path).\(key)" }

    func error(_ key: String, found: String, expected: String) -> RecipeError {
        context.error(.badValue(found: found, expected: expected), key: fullKey(key), at: values[key]?.origin ?? origin)
    }

    func missing(_ key: String, expected: String) -> RecipeError {
        context.error(.missing(expected: expected), key: fullKey(key), at: origin)
    }

    /// The value of a key; nil when it is absent.
    func node(_ key: String) -> RecipeNode? { values[key] }

    private func isNull(_ key: String) -> Bool {
        guard let node = values[key] else { return true }
        if case .null = node.content { return true }
        return false
    }

    // MARK: Typed values

    func text(_ key: String, default value: String) throws -> String {
        try values[key].map { try text($0, key: key) } ?? value
    }

    func optionalText(_ key: String) throws -> String? {
        try isNull(key) ? nil : values[key].map { try text($0, key: key) }
    }

    /// A whole number; without a range, of any size.
    func whole(_ key: String, default value: Int, in range: ClosedRange<Int>? = nil) throws -> Int {
        try values[key] == nil ? value : whole(key, in: range)
    }

    func optionalWhole(_ key: String, in range: ClosedRange<Int>? = nil) throws -> Int? {
        try isNull(key) ? nil : whole(key, in: range)
    }

    private func whole(_ key: String, in range: ClosedRange<Int>?) throws -> Int {
        guard let node = values[key], let number = Int(try scalar(node, key, "a whole number")),
            range?.contains(number) ?? true
        else {
            let limits = range.map { range in
                ", \(range.lowerBound) " + (range.upperBound == .max ? "or more" : "to \(range.upperBound)")
            }
            throw error(key, found: values[key]?.found ?? "nothing", expected: "a whole number\(limits ?? "")")
        }
        return number
    }

    func seed(_ key: String, default value: UInt64) throws -> UInt64 {
        guard let node = values[key] else { return value }
        let expected = "a whole number, 0 or more"
        guard let number = UInt64(try scalar(node, key, expected)) else {
            throw error(key, found: node.found, expected: expected)
        }
        return number
    }

    /// A number; without a range, of any size.
    func number(_ key: String, default value: Double, in range: ClosedRange<Double>? = nil) throws -> Double {
        guard let node = values[key] else { return value }
        let limits = range.map { ", \(RecipeValue.number($0.lowerBound)) to \(RecipeValue.number($0.upperBound))" }
        let expected = "a number\(limits ?? "")"
        let text = try scalar(node, key, expected)
        guard let number = Self.number(text), range?.contains(number) ?? true else {
            throw error(key, found: node.found, expected: expected)
        }
        return number
    }

    func choice<Choice: RawRepresentable & CaseIterable>(
        _ key: String,
        default value: Choice
    ) throws -> Choice where Choice.RawValue == String {
        guard let node = values[key] else { return value }
        let expected = "one of \(Choice.allCases.map(\.rawValue).joined(separator: ", "))"
        guard let choice = Choice(rawValue: try scalar(node, key, expected)) else {
            throw error(key, found: node.found, expected: expected)
        }
        return choice
    }

    /// True or false.
    func flag(_ key: String, default value: Bool) throws -> Bool {
        guard let node = values[key], !isNull(key) else { return value }
        let expected = "true or false"
        guard let flag = Self.flag(try scalar(node, key, expected)) else {
            throw error(key, found: node.found, expected: expected)
        }
        return flag
    }

    /// The items of a list, each with its own path; nil when the key is absent or null.
    func list(_ key: String, expected: String) throws -> [(path: String, node: RecipeNode)]? {
        guard let node = values[key], !isNull(key) else { return nil }
        guard case .list(let items) = node.content else { throw error(key, found: node.found, expected: expected) }
        return items.enumerated().map { ("\(fullKey(key)).\($0.offset)", $0.element) }
    }

    // MARK: Scalars

    static func number(_ text: String) -> Double? {
        // Double also reads "nan", "inf" and hexadecimal, which no recipe means.
        guard text.utf8.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }) else { return nil }
        guard let number = Double(text), number.isFinite else { return nil }
        return number
    }

    static func flag(_ text: String) -> Bool? {
        switch text {
        case "true", "True", "TRUE": true
        case "false", "False", "FALSE": false
        default: nil
        }
    }

    private func scalar(_ node: RecipeNode, _ key: String, _ expected: String) throws -> String {
        try text(node, path: fullKey(key), expected: expected)
    }

    private func text(_ node: RecipeNode, key: String) throws -> String {
        try text(node, path: fullKey(key), expected: "a text")
    }

    /// The text of a value with its variables put in.
    func text(_ node: RecipeNode, path: String, expected: String) throws -> String {
        guard case .scalar(let text, _) = node.content else {
            throw context.error(.badValue(found: node.found, expected: expected), key: path, at: node.origin)
        }
        return try RecipeVariables.expand(text) { name, fallback in
            if name == "data_dir", let folder = context.dataDir { return folder }
            if let value = context.environment[name], !value.isEmpty { return value }
            if let fallback { return fallback }
            let remedy =
                name == "data_dir"
                ? "set `data_dir` at the top level of the recipe"
                : "export \(name)=..., or write ${\(name):-default}, or give the value with --set \(path)=..."
            throw context.error(.unsetVariable(name, remedy: remedy), key: path, at: node.origin)
        } malformed: { reason in
            context.error(.badValue(found: node.found, expected: reason), key: path, at: node.origin)
        }
    }
}
