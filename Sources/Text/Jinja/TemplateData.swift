/// Values while a template runs: Python's, as far as templates can tell.
///
/// Strings are compared and counted by scalars, as Python does. Knows nothing about syntax.
indirect enum TemplateData {
    case undefined(String)
    case none
    case bool(Bool)
    case int(Int)
    case double(Double)
    case string(String)
    case list([TemplateData])
    case tuple([TemplateData])
    case dict([(key: TemplateData, value: TemplateData)])
    case namespace(Namespace)
    case loop(LoopState)
    case function(String)
    case method(TemplateData, String)
    case macro(MacroValue)

    /// What `namespace()` makes: names whose values survive the loop that sets them.
    final class Namespace {
        var values: [(key: TemplateData, value: TemplateData)] = []
    }

    /// What a loop shows of itself.
    final class LoopState {
        let items: [TemplateData]
        var index = 0
        var lastChanged: TemplateData?

        init(items: [TemplateData]) { self.items = items }
    }

    /// A macro and where it was defined.
    final class MacroValue {
        let macro: TemplateSyntax.Macro
        let scope: TemplateScope

        init(macro: TemplateSyntax.Macro, scope: TemplateScope) {
            self.macro = macro
            self.scope = scope
        }
    }

    /// Takes plain data in.
    init(_ value: TemplateValue) {
        switch value {
        case .null: self = .none
        case .bool(let value): self = .bool(value)
        case .int(let value): self = .int(value)
        case .double(let value): self = .double(value)
        case .string(let value): self = .string(value)
        case .array(let values): self = .list(values.map(TemplateData.init))
        case .object(let pairs): self = .dict(pairs.map { (.string($0.key), TemplateData($0.value)) })
        }
    }

    var isUndefined: Bool {
        if case .undefined = self { true } else { false }
    }

    /// Python's truth of the value.
    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .int(let value): value != 0
        case .double(let value): value != 0
        case .string(let value): !value.isEmpty
        case .list(let values), .tuple(let values): !values.isEmpty
        case .dict(let pairs): !pairs.isEmpty
        default: true
        }
    }

    /// What the value is called in errors.
    var kindName: String {
        switch self {
        case .undefined: "an undefined value"
        case .none: "none"
        case .bool: "a boolean"
        case .int, .double: "a number"
        case .string: "a string"
        case .list: "a list"
        case .tuple: "a tuple"
        case .dict: "a mapping"
        case .namespace: "a namespace"
        case .loop: "a loop"
        case .function, .method, .macro: "a function"
        }
    }

    /// The number, with booleans as 0 and 1.
    var number: Double? {
        switch self {
        case .bool(let value): value ? 1 : 0
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    /// The whole number, with booleans as 0 and 1.
    var whole: Int? {
        switch self {
        case .bool(let value): value ? 1 : 0
        case .int(let value): value
        default: nil
        }
    }

    /// Python's equality.
    func equals(_ other: TemplateData) -> Bool {
        switch (self, other) {
        case (.undefined, .undefined), (.none, .none): return true
        case (.string(let left), .string(let right)): return left.utf8.elementsEqual(right.utf8)
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            return left.count == right.count && zip(left, right).allSatisfy { $0.equals($1) }
        case (.dict(let left), .dict(let right)):
            return left.count == right.count
                && left.allSatisfy { pair in Self.value(of: pair.key, in: right)?.equals(pair.value) ?? false }
        case (.namespace(let left), .namespace(let right)): return left === right
        default:
            if let left = whole, let right = other.whole { return left == right }
            if let left = number, let right = other.number { return left == right }
            return false
        }
    }

    /// Whether this sorts before the other; an error for kinds Python does not order.
    func precedes(_ other: TemplateData) throws -> Bool {
        switch (self, other) {
        case (.string(let left), .string(let right)): return left.utf8.lexicographicallyPrecedes(right.utf8)
        case (.list(let left), .list(let right)), (.tuple(let left), .tuple(let right)):
            for (first, second) in zip(left, right) where !first.equals(second) { return try first.precedes(second) }
            return left.count < right.count
        default:
            if let left = whole, let right = other.whole { return left < right }
            if let left = number, let right = other.number { return left < right }
            throw TemplateFault("\(kindName) and \(other.kindName) have no order")
        }
    }

    /// The value under a key.
    static func value(of key: TemplateData, in pairs: [(key: TemplateData, value: TemplateData)]) -> TemplateData? {
        pairs.last { $0.key.equals(key) }?.value
    }

    /// Puts a value under a key, in place if the key is there.
    static func set(
        _ value: TemplateData,
        for key: TemplateData,
        in pairs: inout [(key: TemplateData, value: TemplateData)]
    ) {
        if let index = pairs.firstIndex(where: { $0.key.equals(key) }) {
            pairs[index].value = value
        } else {
            pairs.append((key, value))
        }
    }

    /// The elements that a loop over the value sees.
    func elements() throws -> [TemplateData] {
        switch self {
        case .undefined: return []
        case .list(let values), .tuple(let values): return values
        case .dict(let pairs): return pairs.map(\.key)
        case .string(let text): return text.unicodeScalars.map { .string(String(Character($0))) }
        default: throw TemplateFault("\(kindName) is not something to loop over")
        }
    }
}

/// Names and values visible at one place of a template.
final class TemplateScope {
    private var values: [String: TemplateData] = [:]
    private let parent: TemplateScope?

    init(parent: TemplateScope? = nil) { self.parent = parent }

    func value(of name: String) -> TemplateData? {
        values[name] ?? parent?.value(of: name)
    }

    func set(_ name: String, _ value: TemplateData) { values[name] = value }

    /// Changes a value where it is defined.
    func update(_ name: String, _ value: TemplateData) {
        if values[name] != nil || parent == nil { values[name] = value } else { parent?.update(name, value) }
    }
}
