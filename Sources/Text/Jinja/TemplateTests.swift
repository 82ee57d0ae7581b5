/// The tests that follow `is`, as Jinja 3.1 defines them.
enum TemplateTests {
    /// Every test there is.
    static let names: Set<String> = [
        "!=", "<", "<=", "==", ">", ">=", "boolean", "callable", "defined", "divisibleby", "eq", "equalto", "even",
        "false", "float", "ge", "greaterthan", "gt", "in", "integer", "iterable", "le", "lessthan", "lower", "lt",
        "mapping", "ne", "none", "number", "odd", "sameas", "sequence", "string", "true", "undefined", "upper",
    ]
}

extension TemplateInterpreter {
    /// Whether a value passes a test.
    func applyTest(_ name: String, to value: TemplateData, _ arguments: TemplateArguments) throws -> Bool {
        try charge()
        func other() throws -> TemplateData {
            guard let other = arguments.positional.first else {
                throw TemplateFault("the test '\(name)' needs a value")
            }
            return other
        }
        switch name {
        case "==", "eq", "equalto": return value.equals(try other())
        case "!=", "ne": return !value.equals(try other())
        case "<", "lt", "lessthan": return try value.precedes(try other())
        case ">", "gt", "greaterthan": return try other().precedes(value)
        case "<=", "le": return try value.equals(try other()) || value.precedes(try other())
        case ">=", "ge": return try value.equals(try other()) || other().precedes(value)
        case "in": return try contains(value, in: try other())
        case "sameas": return isSame(value, try other())
        case "divisibleby":
            guard let number = value.whole, let divisor = try other().whole, divisor != 0 else {
                throw TemplateFault("divisibleby needs whole numbers, the second not zero")
            }
            return number.isMultiple(of: divisor)
        case "odd", "even":
            guard let number = value.whole else { throw TemplateFault("\(name) needs a whole number") }
            return number.isMultiple(of: 2) == (name == "even")
        case "upper", "lower":
            let text = PythonText.str(value)
            let hasCase = text.unicodeScalars.contains(where: \.properties.isCased)
            let changed = name == "upper" ? PythonText.upper(text) : PythonText.lower(text)
            return hasCase && changed.utf8.elementsEqual(text.utf8)
        default: return isKind(name, value)
        }
    }

    private func isSame(_ value: TemplateData, _ other: TemplateData) -> Bool {
        switch (value, other) {
        case (.bool, .bool), (.none, .none), (.int, .int), (.string, .string), (.namespace, .namespace):
            value.equals(other)
        default: false
        }
    }

    private func isKind(_ name: String, _ value: TemplateData) -> Bool {
        switch (name, value) {
        case ("undefined", .undefined), ("none", .none), ("true", .bool(true)), ("false", .bool(false)),
            ("boolean", .bool), ("integer", .int), ("float", .double), ("string", .string), ("mapping", .dict),
            ("number", .int), ("number", .double), ("number", .bool), ("callable", .function), ("callable", .method),
            ("callable", .macro), ("sequence", .undefined), ("iterable", .undefined), ("iterable", .loop):
            true
        case ("defined", _): !value.isUndefined
        case ("iterable", .list), ("iterable", .tuple), ("iterable", .dict), ("iterable", .string),
            ("sequence", .list), ("sequence", .tuple), ("sequence", .dict), ("sequence", .string):
            true
        default: false
        }
    }
}
