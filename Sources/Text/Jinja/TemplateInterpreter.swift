import Foundation

/// Runs a parsed template: the statement half.
///
/// Steps, output and recursion are bounded, because templates come with models and are not to be trusted. Semantics:
/// Jinja 3.1's sandbox. Knows nothing about models.
final class TemplateInterpreter {
    typealias Statement = TemplateSyntax.Statement

    /// What a run may cost.
    enum Limit {
        static let steps = 2_000_000
        static let bytes = 16 << 20
        static let depth = 320
        static let range = 100_000
        static let nesting = 64
        static let elements = 200_000
    }

    /// How a list of statements ended.
    private enum Flow {
        case normal, `break`, `continue`
    }

    /// What has been written since the innermost capture began.
    private(set) var output = ""
    private(set) var generationRanges: [Range<Int>] = []
    /// The line last begun, for errors.
    var line = 1
    /// The moment `strftime_now` tells.
    let now: Date
    private var captures = 0
    private var steps = 0
    private var depth = 0
    /// The text `captured` stands for.
    var captured: TemplateData = .none

    init(now: Date) { self.now = now }

    /// Runs a whole template.
    func run(_ statements: [Statement], in scope: TemplateScope) throws {
        do {
            _ = try execute(statements, in: scope)
        } catch let fault as TemplateFault {
            throw TemplateError(fault.reason, line: line, isRaisedByTemplate: fault.isRaisedByTemplate)
        }
    }

    /// Counts work; `size` is how many bytes or elements were handled.
    func charge(_ size: Int = 0) throws {
        steps += 1 + size / 64
        guard steps <= Limit.steps else { throw TemplateFault("the template runs for too long") }
        guard size <= Limit.bytes else { throw TemplateFault("the template makes more than \(Limit.bytes) bytes") }
    }

    /// Counts a level of recursion around some work.
    func nested<Result>(_ body: () throws -> Result) throws -> Result {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Limit.depth else { throw TemplateFault("the template recurses too deeply") }
        try charge()
        return try body()
    }

    /// Passes a new collection on if it is neither too deep nor too large to be walked through by recursion.
    func checked(_ value: TemplateData) throws -> TemplateData {
        var count = 0
        func visit(_ value: TemplateData, depth: Int) throws {
            count += 1
            guard depth <= Limit.nesting else { throw TemplateFault("a value nests more than \(Limit.nesting) levels") }
            guard count <= Limit.elements else {
                throw TemplateFault("a value has more than \(Limit.elements) elements")
            }
            switch value {
            case .list(let items), .tuple(let items): for item in items { try visit(item, depth: depth + 1) }
            case .dict(let pairs):
                for pair in pairs {
                    try visit(pair.key, depth: depth + 1)
                    try visit(pair.value, depth: depth + 1)
                }
            default: break
            }
        }
        try visit(value, depth: 0)
        try charge(count)
        return value
    }

    private func write(_ text: String) throws {
        try charge(text.utf8.count)
        output += text
        guard output.utf8.count <= Limit.bytes else {
            throw TemplateFault("the template writes more than \(Limit.bytes) bytes")
        }
    }

    /// What some statements write, instead of writing it.
    private func capture(_ statements: [Statement], in scope: TemplateScope) throws -> String {
        let outer = output
        output = ""
        captures += 1
        defer {
            output = outer
            captures -= 1
        }
        _ = try execute(statements, in: scope)
        return output
    }

    private func execute(_ statements: [Statement], in scope: TemplateScope) throws -> Flow {
        try nested {
            for statement in statements {
                let flow = try execute(statement, in: scope)
                if flow != .normal { return flow }
            }
            return .normal
        }
    }

    private func execute(_ statement: Statement, in scope: TemplateScope) throws -> Flow {
        switch statement {
        case .text(let text): try write(text)
        case .output(let expression): try write(PythonText.str(try evaluate(expression, in: scope)))
        case .loop(let loop): return try execute(loop, in: scope)
        case .branch(let branches, let otherwise):
            for branch in branches where try evaluate(branch.test, in: scope).isTrue {
                return try execute(branch.body, in: scope)
            }
            return try execute(otherwise, in: scope)
        case .set(let target, let value): try assign(try evaluate(value, in: scope), to: target, in: scope)
        case .setBlock(let target, let filter, let body):
            try assign(try filtered(filter, body, in: scope), to: target, in: scope)
        case .filterBlock(let filter, let body): try write(PythonText.str(try filtered(filter, body, in: scope)))
        case .with(let bindings, let body):
            let inner = TemplateScope(parent: scope)
            for binding in bindings {
                try assign(try evaluate(binding.value, in: scope), to: binding.target, in: inner)
            }
            return try execute(body, in: inner)
        case .macro(let macro): scope.set(macro.name, .macro(.init(macro: macro, scope: scope)))
        case .call(let call, let caller):
            let value = TemplateData.macro(.init(macro: caller, scope: scope))
            try write(PythonText.str(try self.call(call, caller: value, in: scope)))
        case .generation(let body, let line): try generate(body, line: line, in: scope)
        case .break: return .break
        case .continue: return .continue
        }
        return .normal
    }

    private func filtered(
        _ filter: TemplateSyntax.Expression,
        _ body: [Statement],
        in scope: TemplateScope
    ) throws -> TemplateData {
        let text = try capture(body, in: TemplateScope(parent: scope))
        let outer = captured
        captured = .string(text)
        defer { captured = outer }
        return try evaluate(filter, in: scope)
    }

    private func generate(_ body: [Statement], line: Int, in scope: TemplateScope) throws {
        guard captures == 0 else {
            self.line = line
            throw TemplateFault("a generation block inside a macro or a captured block has no place in the text")
        }
        let start = output.utf8.count
        _ = try execute(body, in: TemplateScope(parent: scope))
        generationRanges.append(start..<output.utf8.count)
    }

    private func execute(_ loop: TemplateSyntax.Loop, in scope: TemplateScope) throws -> Flow {
        line = loop.line
        var items = try evaluate(loop.items, in: scope).elements()
        try charge(items.count)
        if let filter = loop.filter {
            items = try items.filter { item in
                let inner = TemplateScope(parent: scope)
                try assign(item, to: loop.target, in: inner)
                return try evaluate(filter, in: inner).isTrue
            }
        }
        guard !items.isEmpty else { return try execute(loop.otherwise, in: scope) }
        let state = TemplateData.LoopState(items: items)
        for (index, item) in items.enumerated() {
            state.index = index
            let inner = TemplateScope(parent: scope)
            inner.set("loop", .loop(state))
            try assign(item, to: loop.target, in: inner)
            if try execute(loop.body, in: inner) == .break { break }
        }
        return .normal
    }

    private func assign(_ value: TemplateData, to target: TemplateSyntax.Target, in scope: TemplateScope) throws {
        switch target {
        case .name(let name): scope.set(name, value)
        case .attribute(let owner, let name):
            guard case .namespace(let space)? = scope.value(of: owner) else {
                throw TemplateFault("'\(owner).\(name)' cannot be set: only a namespace has names to set")
            }
            guard !name.hasPrefix("_") else { throw TemplateFault("a namespace's name must not begin with '_'") }
            TemplateData.set(value, for: .string(name), in: &space.values)
        case .tuple(let targets):
            let values = try value.elements()
            guard values.count == targets.count else {
                throw TemplateFault("\(values.count) values cannot be set to \(targets.count) names")
            }
            for (target, value) in zip(targets, values) { try assign(value, to: target, in: scope) }
        }
    }

    /// Runs a macro; its text is the value.
    func call(_ value: TemplateData.MacroValue, _ arguments: TemplateArguments, caller: TemplateData?) throws
        -> TemplateData
    {
        let macro = value.macro
        let scope = TemplateScope(parent: value.scope)
        guard arguments.positional.count <= macro.parameters.count else {
            throw TemplateFault("the macro '\(macro.name)' takes at most \(macro.parameters.count) arguments")
        }
        for name in arguments.named.map(\.name) where !macro.parameters.contains(where: { $0.name == name }) {
            throw TemplateFault("the macro '\(macro.name)' has no parameter '\(name)'")
        }
        scope.set("caller", caller ?? .undefined("caller"))
        for (index, parameter) in macro.parameters.enumerated() {
            if let given = arguments.value(index, parameter.name) {
                scope.set(parameter.name, given)
            } else if let fallback = parameter.fallback {
                scope.set(parameter.name, try evaluate(fallback, in: scope))
            } else {
                scope.set(parameter.name, .undefined(parameter.name))
            }
        }
        return .string(try capture(macro.body, in: scope))
    }
}

/// The values of a call's arguments.
struct TemplateArguments {
    var positional: [TemplateData] = []
    var named: [(name: String, value: TemplateData)] = []

    /// The argument at a position or under a name.
    func value(_ index: Int, _ name: String) -> TemplateData? {
        index < positional.count ? positional[index] : named.last { $0.name == name }?.value
    }

    /// The text at a position or under a name.
    func text(_ index: Int, _ name: String) throws -> String? {
        switch value(index, name) {
        case nil, .some(.none): nil
        case .string(let text): text
        case let other?: throw TemplateFault("'\(name)' must be a string, not \(other.kindName)")
        }
    }

    /// The whole number at a position or under a name.
    func whole(_ index: Int, _ name: String) throws -> Int? {
        switch value(index, name) {
        case nil, .some(.none): return nil
        case let other?:
            guard let number = other.whole else { throw TemplateFault("'\(name)' must be a whole number") }
            return number
        }
    }

    /// The truth at a position or under a name; false if absent.
    func isTrue(_ index: Int, _ name: String) -> Bool {
        value(index, name)?.isTrue ?? false
    }
}
