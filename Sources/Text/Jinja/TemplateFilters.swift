import Foundation

/// The filters chat templates use, as Jinja 3.1 defines them; `tojson` is transformers' own.
enum TemplateFilters {
    /// Every filter there is.
    static let names: Set<String> = [
        "abs", "attr", "capitalize", "count", "d", "default", "dictsort", "e", "escape", "first", "float", "indent",
        "int", "items", "join", "last", "length", "list", "lower", "map", "max", "min", "reject", "rejectattr",
        "replace", "reverse", "round", "safe", "select", "selectattr", "sort", "string", "sum", "title", "tojson",
        "trim", "unique", "upper",
    ]
}

extension TemplateInterpreter {
    /// Applies a filter by name.
    func applyFilter(_ name: String, to value: TemplateData, _ arguments: TemplateArguments) throws -> TemplateData {
        try charge()
        switch name {
        case "default", "d":
            let isMissing = value.isUndefined || (arguments.isTrue(1, "boolean") && !value.isTrue)
            return isMissing ? arguments.value(0, "default_value") ?? .string("") : value
        case "length", "count": return .int(try length(of: value))
        case "items":
            if value.isUndefined { return .list([]) }
            guard case .dict(let pairs) = value else { throw TemplateFault("items needs a mapping") }
            return .list(pairs.map { .tuple([$0.key, $0.value]) })
        case "tojson": return .string(try json(value, arguments))
        case "abs":
            if let whole = value.whole, whole != .min { return .int(abs(whole)) }
            guard let number = value.number else { throw TemplateFault("abs needs a number, not \(value.kindName)") }
            return .double(abs(number))
        case "round": return try rounded(value, arguments)
        case "int": return wholeNumber(value, fallback: arguments.value(0, "default") ?? .int(0))
        case "float":
            if let number = value.number { return .double(number) }
            guard case .string(let text) = value, let number = Double(PythonText.strip(text, nil)) else {
                return arguments.value(0, "default") ?? .double(0)
            }
            return .double(number)
        case "attr":
            guard let key = try arguments.text(0, "name") else { throw TemplateFault("attr needs a name") }
            if case .dict = value, !TemplateMethods.ofMappings.contains(key) { return .undefined(key) }
            return try attribute(key, of: value)
        case "list", "first", "last", "reverse", "join", "map", "select", "reject", "selectattr", "rejectattr", "sort",
            "unique", "sum", "min", "max", "dictsort":
            return try applyListFilter(name, to: value, arguments)
        default: return .string(try textFilter(name, PythonText.str(value), arguments))
        }
    }

    /// Python's `len`.
    func length(of value: TemplateData) throws -> Int {
        if case .string(let text) = value {
            try charge(text.utf8.count)
            return text.unicodeScalars.count
        }
        return try value.elements().count
    }

    private func textFilter(_ name: String, _ text: String, _ arguments: TemplateArguments) throws -> String {
        try charge(text.utf8.count)
        switch name {
        case "trim": return PythonText.strip(text, try arguments.text(0, "chars"))
        case "upper": return PythonText.upper(text)
        case "lower": return PythonText.lower(text)
        case "capitalize": return PythonText.capitalize(text)
        case "title": return title(text)
        case "replace":
            guard let old = arguments.value(0, "old"), let new = arguments.value(1, "new") else {
                throw TemplateFault("replace needs what to replace and by what")
            }
            return try replaced(
                text,
                PythonText.str(old),
                PythonText.str(new),
                limit: try arguments.whole(2, "count")
            )
        case "indent": return try indented(text, arguments)
        case "e", "escape":
            let signs = [("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("'", "&#39;"), ("\"", "&#34;")]
            return signs.reduce(text) { PythonText.replace($0, $1.0, $1.1) }
        default: return text
        }
    }

    /// Replaces, after making sure that the result is not too long.
    func replaced(_ text: String, _ old: String, _ new: String, limit: Int?) throws -> String {
        let places = old.isEmpty ? text.unicodeScalars.count + 1 : text.utf8.count / old.utf8.count
        guard places.multipliedReportingOverflow(by: new.utf8.count).partialValue <= Limit.bytes else {
            throw TemplateFault("replace would make more than \(Limit.bytes) bytes")
        }
        try charge(text.utf8.count)
        return PythonText.replace(text, old, new, limit: limit.map { $0 < 0 ? .max : $0 } ?? .max)
    }

    private func title(_ text: String) -> String {
        var result = ""
        var startsWord = true
        for scalar in text.unicodeScalars {
            let properties = scalar.properties
            result += startsWord ? properties.uppercaseMapping : properties.lowercaseMapping
            startsWord = PythonText.isSpace(scalar) || "-({[<".unicodeScalars.contains(scalar)
        }
        return result
    }

    private func indented(_ text: String, _ arguments: TemplateArguments) throws -> String {
        let margin: String
        switch arguments.value(0, "width") {
        case .string(let text)?: margin = text
        case nil: margin = "    "
        case let width?:
            guard let count = width.whole, count <= 1000 else { throw TemplateFault("indent needs a width up to 1000") }
            margin = String(repeating: " ", count: max(0, count))
        }
        let lines = PythonText.lines(text + "\n")
        try charge(text.utf8.count + lines.count * margin.utf8.count)
        let (first, blank) = (arguments.isTrue(1, "first"), arguments.isTrue(2, "blank"))
        let result = lines.enumerated().map { index, line in
            index == 0 || (line.isEmpty && !blank) ? line : margin + line
        }
        return (first ? margin : "") + result.joined(separator: "\n")
    }

    private func json(_ value: TemplateData, _ arguments: TemplateArguments) throws -> String {
        var style = PythonText.JSONStyle()
        style.isASCII = arguments.isTrue(0, "ensure_ascii")
        switch arguments.value(1, "indent") {
        case .string(let text)?: style.indent = text
        case let width?:
            if let count = width.whole {
                guard count <= 1000 else { throw TemplateFault("indent needs a width up to 1000") }
                style.indent = String(repeating: " ", count: max(0, count))
            }
        case nil: break
        }
        style.item = style.indent == nil ? ", " : ","
        if case .list(let signs)? = arguments.value(2, "separators") { set(signs, in: &style) }
        if case .tuple(let signs)? = arguments.value(2, "separators") { set(signs, in: &style) }
        style.sortsKeys = arguments.isTrue(3, "sort_keys")
        let text = try PythonText.json(value, style)
        try charge(text.utf8.count)
        return text
    }

    private func set(_ separators: [TemplateData], in style: inout PythonText.JSONStyle) {
        guard separators.count == 2 else { return }
        style.item = PythonText.str(separators[0])
        style.colon = PythonText.str(separators[1])
    }

    private func rounded(_ value: TemplateData, _ arguments: TemplateArguments) throws -> TemplateData {
        guard let number = value.number else { throw TemplateFault("round needs a number, not \(value.kindName)") }
        let precision = try arguments.whole(0, "precision") ?? 0
        guard (-300...300).contains(precision) else { throw TemplateFault("round's precision is out of range") }
        let scale = pow(10, Double(precision))
        switch try arguments.text(1, "method") ?? "common" {
        case "common":
            if let whole = value.whole, precision >= 0 { return .int(whole) }
            if precision < 0 { return .double((number * scale).rounded(.toNearestOrEven) / scale) }
            return .double(Double(String(format: "%.\(precision)f", number)) ?? number)
        case "ceil": return .double((number * scale).rounded(.up) / scale)
        case "floor": return .double((number * scale).rounded(.down) / scale)
        default: throw TemplateFault("round's method must be common, ceil or floor")
        }
    }

    private func wholeNumber(_ value: TemplateData, fallback: TemplateData) -> TemplateData {
        if let whole = value.whole { return .int(whole) }
        if let number = value.number { return Int(exactly: number.rounded(.towardZero)).map { .int($0) } ?? fallback }
        guard case .string(let text) = value else { return fallback }
        let trimmed = PythonText.strip(text, nil)
        if let whole = Int(trimmed) { return .int(whole) }
        guard let number = Double(trimmed) else { return fallback }
        return Int(exactly: number.rounded(.towardZero)).map { .int($0) } ?? fallback
    }
}
