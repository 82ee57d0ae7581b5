import Yams

/// A recipe as a tree of texts, each with the place it came from, and the overrides put into it.
///
/// Knows nothing about which keys a recipe has, except to let an override reach a key by any of its names.
struct RecipeNode {
    indirect enum Content {
        case null
        /// A text, and whether it stands without quotes.
        case scalar(String, isPlain: Bool)
        case list([RecipeNode])
        case table([(key: String, origin: Origin, value: RecipeNode)])
    }

    /// Where a value was written.
    struct Origin {
        var line: Int?
        var override: String?
    }

    var content: Content
    var origin: Origin

    /// What the value is, in words.
    var found: String {
        switch content {
        case .null: "null"
        case .scalar(let text, let isPlain): isPlain ? text : "\"\(text)\""
        case .list: "a list"
        case .table: "a section"
        }
    }

    /// What stands at the ends of the tree, by its path, such as `tune.train_data.0.limit`.
    var leaves: [String: String] { leaves(named: false) }

    /// The same; what has a name in a list goes by that and not by its place, such as `assess.suites.jailbreak.limit`.
    var namedLeaves: [String: String] { leaves(named: true) }

    private func leaves(named: Bool) -> [String: String] {
        let children: [(key: String, node: RecipeNode)]
        switch content {
        case .null, .scalar: return ["": found]
        case .list(let items):
            let names = items.map { item in named ? item.name : nil }
            let areNames = !names.contains(nil) && Set(names).count == names.count
            children = items.enumerated().map { (areNames ? names[$0.offset] ?? "" : "\($0.offset)", $0.element) }
        case .table(let pairs): children = pairs.map { ($0.key, $0.value) }
        }
        var result: [String: String] = [:]
        for (key, node) in children {
            for (path, text) in node.leaves(named: named) { result[path.isEmpty ? key : "\(key).\(path)"] = text }
        }
        return result
    }

    /// What a table says under `name`.
    private var name: String? {
        guard case .table(let pairs) = content, let pair = pairs.first(where: { $0.key == "name" }),
            case .scalar = pair.value.content
        else { return nil }
        return pair.value.found
    }

    private static let mostNodes = 100_000

    /// Reads a YAML text into a tree.
    static func parse(_ yaml: String, file: String, override: String? = nil) throws -> RecipeNode {
        do {
            guard let node = try Yams.compose(yaml: yaml) else {
                return RecipeNode(content: .null, origin: Origin(override: override))
            }
            var left = mostNodes
            return try convert(node, file: file, override: override, left: &left)
        } catch let error as YamlError {
            let (line, reason) = explain(error)
            throw RecipeError(file: file, line: override == nil ? line : nil, override: override, .syntax(reason))
        }
    }

    private static func explain(_ error: YamlError) -> (line: Int?, reason: String) {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            (mark.line, "\(problem) (column \(mark.column)); quote texts that hold special characters")
        case .reader(let problem, _, _, _): (nil, problem)
        case .duplicatedKeysInMapping(let keys, let context):
            (context.mark.line, "the key `\(keys.joined(separator: "`, `"))` stands twice; keep one")
        default: (nil, "\(error)")
        }
    }

    private static func convert(
        _ node: Node,
        file: String,
        override: String?,
        left: inout Int
    ) throws -> RecipeNode {
        left -= 1
        guard left > 0 else {
            throw RecipeError(file: file, override: override, .syntax("more than \(mostNodes) values"))
        }
        func origin(_ node: Node) -> Origin {
            Origin(line: override == nil ? node.mark?.line : nil, override: override)
        }
        switch node {
        case .scalar(let scalar):
            let isPlain = scalar.style == .plain || scalar.style == .any
            let isNull = isPlain && ["", "~", "null", "Null", "NULL"].contains(scalar.string)
            return RecipeNode(
                content: isNull ? .null : .scalar(scalar.string, isPlain: isPlain),
                origin: origin(node)
            )
        case .sequence(let sequence):
            var items: [RecipeNode] = []
            for item in sequence { items.append(try convert(item, file: file, override: override, left: &left)) }
            return RecipeNode(content: .list(items), origin: origin(node))
        case .mapping(let mapping):
            var pairs: [(key: String, origin: Origin, value: RecipeNode)] = []
            for (key, value) in mapping {
                guard case .scalar(let name) = key else {
                    throw RecipeError(file: file, line: key.mark?.line, .syntax("a key must be a plain word"))
                }
                pairs.append(
                    (name.string, origin(key), try convert(value, file: file, override: override, left: &left))
                )
            }
            return RecipeNode(content: .table(pairs), origin: origin(node))
        case .alias:
            throw RecipeError(file: file, line: node.mark?.line, .syntax("an alias could not be resolved"))
        }
    }

    /// Puts `a.b=value` into the tree; the value is read as YAML, a number in the path counts list items from 0.
    mutating func apply(_ override: String, file: String) throws {
        func fail(_ reason: String) -> RecipeError { RecipeError(file: file, override: override, .badOverride(reason)) }
        guard let equals = override.firstIndex(of: "=") else {
            throw fail("no \"=\"; write --set key=value, such as --set tune.lora_r=8")
        }
        let path = override[..<equals].split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        guard path.allSatisfy({ !$0.isEmpty }) else { throw fail("an empty name in the key; write a.b=value") }
        let value = try Self.parse(String(override[override.index(after: equals)...]), file: file, override: override)
        try set(value, at: path[...], done: [], fail: fail)
    }

    private mutating func set(
        _ value: RecipeNode,
        at path: ArraySlice<String>,
        done: [String],
        fail: (String) -> RecipeError
    ) throws {
        guard let name = path.first else {
            self = value
            return
        }
        if case .null = content { content = .table([]) }
        let here = done.joined(separator: ".")
        switch content {
        case .table(var pairs):
            // A defence's knobs are its own; everywhere else a key may be reached by any of its names.
            func plain(_ key: String) -> String { done.count >= 2 ? key : RecipeNames.aliases[key] ?? key }
            let existing = pairs.firstIndex { plain($0.key) == plain(name) }
            var child =
                existing.map { pairs[$0].value } ?? RecipeNode(content: .null, origin: value.origin)
            try child.set(value, at: path.dropFirst(), done: done + [name], fail: fail)
            if let existing {
                pairs[existing] = (pairs[existing].key, value.origin, child)
            } else {
                pairs.append((name, value.origin, child))
            }
            content = .table(pairs)
        case .list(var items):
            guard let index = Int(name), items.indices.contains(index) else {
                throw fail("`\(here)` is a list of \(items.count); name an item as \(here).0 to \(items.count - 1)")
            }
            try items[index].set(value, at: path.dropFirst(), done: done + [name], fail: fail)
            content = .list(items)
        default:
            throw fail("`\(here)` is \(found), not a section; it has no `\(name)`")
        }
    }
}
