import Foundation

/// Runs a parsed template: the expression half. Operators and attributes are Python's.
extension TemplateInterpreter {
    typealias Expression = TemplateSyntax.Expression

    /// The value of an expression.
    func evaluate(_ expression: Expression, in scope: TemplateScope) throws -> TemplateData {
        try nested {
            line = expression.line
            return try value(of: expression.kind, in: scope)
        }
    }

    private func value(of kind: TemplateSyntax.Kind, in scope: TemplateScope) throws -> TemplateData {
        switch kind {
        case .none: return .none
        case .bool(let value): return .bool(value)
        case .int(let value): return .int(value)
        case .double(let value): return .double(value)
        case .string(let value): return .string(value)
        case .captured: return captured
        case .name(let name):
            return scope.value(of: name)
                ?? (TemplateFunctions.names.contains(name) ? .function(name) : .undefined(name))
        case .not(let operand): return .bool(!(try evaluate(operand, in: scope).isTrue))
        case .and(let left, let right):
            let value = try evaluate(left, in: scope)
            return value.isTrue ? try evaluate(right, in: scope) : value
        case .or(let left, let right):
            let value = try evaluate(left, in: scope)
            return value.isTrue ? value : try evaluate(right, in: scope)
        case .condition(let test, let then, let otherwise):
            if try evaluate(test, in: scope).isTrue { return try evaluate(then, in: scope) }
            return try otherwise.map { try evaluate($0, in: scope) } ?? .undefined("the missing else")
        default: return try compound(kind, in: scope)
        }
    }

    private func compound(_ kind: TemplateSyntax.Kind, in scope: TemplateScope) throws -> TemplateData {
        switch kind {
        case .list(let items): return try checked(.list(try items.map { try evaluate($0, in: scope) }))
        case .tuple(let items): return try checked(.tuple(try items.map { try evaluate($0, in: scope) }))
        case .dict(let pairs):
            var result: [(key: TemplateData, value: TemplateData)] = []
            for pair in pairs {
                let key = try evaluate(pair.key, in: scope)
                TemplateData.set(try evaluate(pair.value, in: scope), for: key, in: &result)
            }
            return try checked(.dict(result))
        case .attribute(let base, let name): return try attribute(name, of: try evaluate(base, in: scope))
        case .item(let base, let index):
            return try item(try evaluate(index, in: scope), of: try evaluate(base, in: scope))
        case .slice(let base, let lower, let upper, let step):
            let bounds = try [lower, upper, step].map { bound in
                try bound.map { try wholeBound(try evaluate($0, in: scope)) } ?? nil
            }
            return try slice(try evaluate(base, in: scope), bounds[0], bounds[1], bounds[2])
        case .call: return try call(kind, caller: nil, in: scope)
        case .filter(let base, let name, let arguments):
            let value = try evaluate(base, in: scope)
            return try applyFilter(name, to: value, try self.arguments(arguments, in: scope))
        case .test(let base, let name, let arguments):
            let value = try evaluate(base, in: scope)
            return .bool(try applyTest(name, to: value, try self.arguments(arguments, in: scope)))
        case .negative(let operand): return try negative(try evaluate(operand, in: scope))
        case .positive(let operand): return try evaluate(operand, in: scope)
        case .binary(let sign, let left, let right):
            return try binary(sign, try evaluate(left, in: scope), try evaluate(right, in: scope))
        case .compare(let first, let rest): return try compare(try evaluate(first, in: scope), rest, in: scope)
        default: return .none
        }
    }

    private func wholeBound(_ value: TemplateData) throws -> Int? {
        if case .none = value { return nil }
        guard let bound = value.whole else { throw TemplateFault("a slice needs whole numbers, not \(value.kindName)") }
        return bound
    }

    private func arguments(_ syntax: TemplateSyntax.Arguments, in scope: TemplateScope) throws -> TemplateArguments {
        TemplateArguments(
            positional: try syntax.positional.map { try evaluate($0, in: scope) },
            named: try syntax.named.map { ($0.name, try evaluate($0.value, in: scope)) }
        )
    }

    /// Calls for a `call` block.
    func call(_ expression: Expression, caller: TemplateData?, in scope: TemplateScope) throws -> TemplateData {
        line = expression.line
        return try call(expression.kind, caller: caller, in: scope)
    }

    private func call(_ kind: TemplateSyntax.Kind, caller: TemplateData?, in scope: TemplateScope) throws
        -> TemplateData
    {
        guard case .call(let callee, let syntax) = kind else { return .none }
        let arguments = try arguments(syntax, in: scope)
        if case .attribute(let base, "append") = callee.kind, case .list(let items) = try evaluate(base, in: scope) {
            return try append(arguments, to: items, at: base, in: scope)
        }
        let function = try evaluate(callee, in: scope)
        try charge()
        switch function {
        case .macro(let macro): return try call(macro, arguments, caller: caller)
        case .function(let name): return try callFunction(name, arguments)
        case .method(let owner, let name): return try callMethod(name, of: owner, arguments)
        case .undefined(let name): throw TemplateFault("'\(name)' is undefined and cannot be called")
        default: throw TemplateFault("\(function.kindName) cannot be called")
        }
    }

    /// Lists are values here, so `append` stores the longer list where the shorter was.
    private func append(
        _ arguments: TemplateArguments,
        to items: [TemplateData],
        at base: Expression,
        in scope: TemplateScope
    ) throws -> TemplateData {
        guard arguments.positional.count == 1 else { throw TemplateFault("append takes one argument") }
        try charge(items.count)
        let longer = try checked(.list(items + arguments.positional))
        switch base.kind {
        case .name(let name): scope.update(name, longer)
        case .attribute(let owner, let name):
            guard case .namespace(let space) = try evaluate(owner, in: scope) else { fallthrough }
            TemplateData.set(longer, for: .string(name), in: &space.values)
        default: throw TemplateFault("append needs a list with a name; use list + [item] instead")
        }
        return .none
    }

    private func compare(
        _ first: TemplateData,
        _ rest: [(sign: String, value: Expression)],
        in scope: TemplateScope
    ) throws -> TemplateData {
        var left = first
        for (sign, expression) in rest {
            let right = try evaluate(expression, in: scope)
            switch right {
            case .list, .tuple, .dict: _ = try checked(right)
            default: break
            }
            let holds =
                switch sign {
                case "==": left.equals(right)
                case "!=": !left.equals(right)
                case "<": try left.precedes(right)
                case ">": try right.precedes(left)
                case "<=": try left.equals(right) || left.precedes(right)
                case ">=": try left.equals(right) || right.precedes(left)
                case "in": try contains(left, in: right)
                default: try !contains(left, in: right)
                }
            guard holds else { return .bool(false) }
            left = right
        }
        return .bool(true)
    }

    /// Python's `in`.
    func contains(_ item: TemplateData, in container: TemplateData) throws -> Bool {
        switch container {
        case .string(let text):
            guard case .string(let part) = item else {
                throw TemplateFault("only a string can be in a string, not \(item.kindName)")
            }
            try charge(text.utf8.count)
            return part.isEmpty || PythonText.split(text, by: part, limit: 1).count > 1
        default:
            let elements = try container.elements()
            try charge(elements.count)
            return elements.contains { $0.equals(item) }
        }
    }

    private func negative(_ value: TemplateData) throws -> TemplateData {
        if let whole = value.whole, whole != .min { return .int(-whole) }
        guard let number = value.number else { throw TemplateFault("\(value.kindName) cannot be negated") }
        return .double(-number)
    }

    private func binary(_ sign: String, _ left: TemplateData, _ right: TemplateData) throws -> TemplateData {
        if sign == "~" { return try joined(PythonText.str(left), PythonText.str(right)) }
        switch (sign, left, right) {
        case ("+", .string(let left), .string(let right)): return try joined(left, right)
        case ("+", .list(let left), .list(let right)):
            try charge(left.count + right.count)
            return .list(left + right)
        case ("+", .tuple(let left), .tuple(let right)): return .tuple(left + right)
        case ("*", .string(let text), _), ("*", _, .string(let text)):
            if let count = right.whole ?? left.whole {
                guard text.utf8.count.multipliedReportingOverflow(by: max(0, count)).partialValue <= Limit.bytes,
                    count <= Limit.bytes
                else { throw TemplateFault("a repeated string is too long") }
                try charge(text.utf8.count * max(0, count))
                return .string(String(repeating: text, count: max(0, count)))
            }
        case ("*", .list(let items), _):
            if let count = right.whole {
                guard count <= Limit.range, items.count <= Limit.range, items.count * max(0, count) <= Limit.range
                else {
                    throw TemplateFault("a repeated list is too long")
                }
                try charge(items.count * max(0, count))
                return .list(Array(repeatElement(items, count: max(0, count)).joined()))
            }
        default: break
        }
        if case .undefined(let name) = left { throw TemplateFault("'\(name)' is undefined") }
        if case .undefined(let name) = right { throw TemplateFault("'\(name)' is undefined") }
        guard let first = left.number, let second = right.number else {
            throw TemplateFault("'\(sign)' does not work between \(left.kindName) and \(right.kindName)")
        }
        if let first = left.whole, let second = right.whole, let result = try whole(sign, first, second) {
            return .int(result)
        }
        return .double(try fraction(sign, first, second))
    }

    private func joined(_ left: String, _ right: String) throws -> TemplateData {
        try charge(left.utf8.count + right.utf8.count)
        return .string(left + right)
    }

    /// Whole-number arithmetic with Python's rounding; nil where the result has a fraction.
    private func whole(_ sign: String, _ left: Int, _ right: Int) throws -> Int? {
        var result: (partialValue: Int, overflow: Bool)
        switch sign {
        case "+": result = left.addingReportingOverflow(right)
        case "-": result = left.subtractingReportingOverflow(right)
        case "*": result = left.multipliedReportingOverflow(by: right)
        case "//", "%":
            guard right != 0 else { throw TemplateFault("division by zero") }
            let quotient = left.dividedReportingOverflow(by: right)
            let remainder = left.remainderReportingOverflow(dividingBy: right).partialValue
            let isBelow = remainder != 0 && (remainder < 0) != (right < 0)
            let floored = quotient.partialValue - (isBelow ? 1 : 0)
            result = (sign == "%" ? remainder + (isBelow ? right : 0) : floored, quotient.overflow)
        case "**":
            guard right >= 0 else { return nil }
            result = (1, false)
            var left = left
            var power = right
            while power > 0, !result.overflow {
                if power & 1 == 1 { result = result.partialValue.multipliedReportingOverflow(by: left) }
                power >>= 1
                if power > 0 {
                    let square = left.multipliedReportingOverflow(by: left)
                    left = square.partialValue
                    if square.overflow { result.overflow = true }
                }
            }
        default: return nil
        }
        guard !result.overflow else { throw TemplateFault("a number is too large") }
        return result.partialValue
    }

    private func fraction(_ sign: String, _ left: Double, _ right: Double) throws -> Double {
        if ["/", "//", "%"].contains(sign), right == 0 { throw TemplateFault("division by zero") }
        switch sign {
        case "+": return left + right
        case "-": return left - right
        case "*": return left * right
        case "/": return left / right
        case "//": return (left / right).rounded(.down)
        case "%": return left - right * (left / right).rounded(.down)
        default: return pow(left, right)
        }
    }

    /// What `value.name` is: a method first, then an item.
    func attribute(_ name: String, of value: TemplateData) throws -> TemplateData {
        switch value {
        case .undefined(let owner): throw TemplateFault("'\(owner)' is undefined and has no '\(name)'")
        case .namespace(let space): return TemplateData.value(of: .string(name), in: space.values) ?? .undefined(name)
        case .loop(let state): return loopAttribute(name, of: state)
        case .dict(let pairs):
            if TemplateMethods.ofMappings.contains(name) { return .method(value, name) }
            return TemplateData.value(of: .string(name), in: pairs) ?? .undefined(name)
        case .string where TemplateMethods.ofStrings.contains(name): return .method(value, name)
        case .list, .tuple:
            return TemplateMethods.ofLists.contains(name) ? .method(value, name) : .undefined(name)
        default: return .undefined(name)
        }
    }

    private func loopAttribute(_ name: String, of state: TemplateData.LoopState) -> TemplateData {
        let (index, count) = (state.index, state.items.count)
        switch name {
        case "index": return .int(index + 1)
        case "index0": return .int(index)
        case "revindex": return .int(count - index)
        case "revindex0": return .int(count - index - 1)
        case "first": return .bool(index == 0)
        case "last": return .bool(index == count - 1)
        case "length": return .int(count)
        case "depth": return .int(1)
        case "depth0": return .int(0)
        case "previtem": return index > 0 ? state.items[index - 1] : .undefined("loop.previtem")
        case "nextitem": return index + 1 < count ? state.items[index + 1] : .undefined("loop.nextitem")
        case "cycle", "changed": return .method(.loop(state), name)
        default: return .undefined("loop.\(name)")
        }
    }

    /// What `value[index]` is: an item first, then a method.
    func item(_ index: TemplateData, of value: TemplateData) throws -> TemplateData {
        if case .undefined(let name) = value { throw TemplateFault("'\(name)' is undefined and has no items") }
        if case .dict(let pairs) = value, let found = TemplateData.value(of: index, in: pairs) { return found }
        if case .string(let name) = index { return try attribute(name, of: value) }
        guard let number = index.whole else { return .undefined(PythonText.str(index)) }
        switch value {
        case .list(let items), .tuple(let items):
            let position = number < 0 ? number + items.count : number
            return items.indices.contains(position) ? items[position] : .undefined("item \(number)")
        case .string(let text):
            let scalars = Array(text.unicodeScalars)
            try charge(scalars.count)
            let position = number < 0 ? number + scalars.count : number
            guard scalars.indices.contains(position) else { return .undefined("item \(number)") }
            return .string(String(Character(scalars[position])))
        default: return .undefined("item \(number)")
        }
    }

    private func slice(_ value: TemplateData, _ lower: Int?, _ upper: Int?, _ step: Int?) throws -> TemplateData {
        let step = step ?? 1
        guard step != 0, step != .min else { throw TemplateFault("a slice's step must not be zero") }
        guard !value.isUndefined else { throw TemplateFault("an undefined value cannot be sliced") }
        let items = try value.elements()
        try charge(items.count)
        func clamp(_ bound: Int?, _ fallback: Int) -> Int {
            guard var bound else { return fallback }
            if bound < 0 { bound = max(bound, -items.count - 1) + items.count }
            return step > 0 ? min(max(bound, 0), items.count) : min(max(bound, -1), items.count - 1)
        }
        let start = clamp(lower, step > 0 ? 0 : items.count - 1)
        let end = clamp(upper, step > 0 ? items.count : -1)
        let chosen = stride(from: start, to: end, by: step).map { items[$0] }
        switch value {
        case .string: return .string(chosen.map(PythonText.str).joined())
        case .tuple: return .tuple(chosen)
        case .list: return .list(chosen)
        default: throw TemplateFault("\(value.kindName) cannot be sliced")
        }
    }
}
