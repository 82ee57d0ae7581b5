/// The expression half of the parser: Jinja 3.1's grammar by recursive descent.
extension TemplateParser {
    typealias Expression = TemplateSyntax.Expression
    typealias Arguments = TemplateSyntax.Arguments

    /// Reads an expression; `a if b else c` only where `allowsCondition`.
    mutating func expression(allowsCondition: Bool = true) throws -> Expression {
        try enter()
        defer { leave() }
        guard allowsCondition else { return try or() }
        var value = try or()
        while takeName("if") {
            let line = line
            let test = try or()
            let otherwise = takeName("else") ? try expression() : nil
            value = try Expression(.condition(test, then: value, otherwise: otherwise), line: line)
        }
        return value
    }

    /// Reads an expression, or several with commas between as a tuple.
    mutating func tuple(allowsCondition: Bool = true) throws -> Expression {
        let line = line
        let first = try expression(allowsCondition: allowsCondition)
        guard isSign(",") else { return first }
        var items = [first]
        while takeSign(",") {
            if endsTuple { break }
            items.append(try expression(allowsCondition: allowsCondition))
        }
        return try Expression(.tuple(items), line: line)
    }

    private var endsTuple: Bool {
        token.kind == .blockEnd || token.kind == .outputEnd || isSign(")") || isSign("=")
    }

    private mutating func or() throws -> Expression {
        var left = try and()
        while isName("or") {
            let line = next().line
            left = try Expression(.or(left, try and()), line: line)
        }
        return left
    }

    private mutating func and() throws -> Expression {
        var left = try not()
        while isName("and") {
            let line = next().line
            left = try Expression(.and(left, try not()), line: line)
        }
        return left
    }

    private mutating func not() throws -> Expression {
        guard isName("not") else { return try comparison() }
        try enter()
        defer { leave() }
        let line = next().line
        return try Expression(.not(try not()), line: line)
    }

    private mutating func comparison() throws -> Expression {
        let line = line
        let first = try sum()
        var rest: [(sign: String, value: Expression)] = []
        while true {
            if token.kind == .sign, ["==", "!=", "<", "<=", ">", ">="].contains(token.text) {
                let sign = next().text
                rest.append((sign, try sum()))
            } else if takeName("in") {
                rest.append(("in", try sum()))
            } else if isName("not"), following.kind == .name, following.text == "in" {
                _ = (next(), next())
                rest.append(("not in", try sum()))
            } else {
                return rest.isEmpty ? first : try Expression(.compare(first, rest), line: line)
            }
        }
    }

    private mutating func chain(_ signs: [String], _ operand: (inout Self) throws -> Expression) throws -> Expression {
        var left = try operand(&self)
        while token.kind == .sign, signs.contains(token.text) {
            let sign = next()
            left = try Expression(.binary(sign.text, left, try operand(&self)), line: sign.line)
        }
        return left
    }

    private mutating func sum() throws -> Expression {
        try chain(["+", "-"]) { parser in
            try parser.chain(["~"]) { parser in
                try parser.chain(["*", "/", "//", "%"]) { parser in
                    try parser.chain(["**"]) { parser in try parser.unary() }
                }
            }
        }
    }

    private mutating func unary(takesFilters: Bool = true) throws -> Expression {
        try enter()
        defer { leave() }
        let line = line
        var value: Expression
        if takeSign("-") {
            value = try Expression(.negative(try unary(takesFilters: false)), line: line)
        } else if takeSign("+") {
            value = try Expression(.positive(try unary(takesFilters: false)), line: line)
        } else {
            value = try primary()
        }
        value = try postfix(value)
        return takesFilters ? try filters(value) : value
    }

    private mutating func primary() throws -> Expression {
        let token = next()
        switch token.kind {
        case .name:
            switch token.text {
            case "true", "True": return try Expression(.bool(true), line: token.line)
            case "false", "False": return try Expression(.bool(false), line: token.line)
            case "none", "None": return try Expression(.none, line: token.line)
            default: return try Expression(.name(token.text), line: token.line)
            }
        case .string:
            var text = token.text
            while self.token.kind == .string { text += next().text }
            return try Expression(.string(text), line: token.line)
        case .integer:
            guard let value = Int(token.text) else {
                throw TemplateError("the number \(token.text) is too large", line: token.line)
            }
            return try Expression(.int(value), line: token.line)
        case .float:
            return try Expression(.double(Double(token.text) ?? 0), line: token.line)
        case .sign where token.text == "(":
            if takeSign(")") { return try Expression(.tuple([]), line: token.line) }
            let value = try tuple()
            try expectSign(")")
            return value
        case .sign where token.text == "[":
            return try Expression(.list(try items(until: "]")), line: token.line)
        case .sign where token.text == "{":
            return try dict(line: token.line)
        default:
            throw unexpected(token, wanted: "an expression")
        }
    }

    private mutating func items(until closer: String) throws -> [Expression] {
        var items: [Expression] = []
        while !takeSign(closer) {
            if !items.isEmpty {
                try expectSign(",")
                if takeSign(closer) { break }
            }
            items.append(try expression())
        }
        return items
    }

    private mutating func dict(line: Int) throws -> Expression {
        var pairs: [(key: Expression, value: Expression)] = []
        while !takeSign("}") {
            if !pairs.isEmpty {
                try expectSign(",")
                if takeSign("}") { break }
            }
            let key = try expression()
            try expectSign(":")
            pairs.append((key, try expression()))
        }
        return try Expression(.dict(pairs), line: line)
    }

    private mutating func postfix(_ value: Expression) throws -> Expression {
        var value = value
        while true {
            let line = line
            if takeSign(".") {
                let name = next()
                switch name.kind {
                case .name: value = try Expression(.attribute(value, name.text), line: line)
                case .integer:
                    let index = try Expression(.int(Int(name.text) ?? 0), line: line)
                    value = try Expression(.item(value, index), line: line)
                default: throw unexpected(name, wanted: "a name")
                }
            } else if takeSign("[") {
                value = try subscripted(value, line: line)
            } else if isSign("(") {
                value = try Expression(.call(value, try arguments()), line: line)
            } else {
                return value
            }
        }
    }

    private mutating func subscripted(_ value: Expression, line: Int) throws -> Expression {
        var parts: [Expression?] = [nil]
        while !takeSign("]") {
            if takeSign(":") {
                parts.append(nil)
            } else if parts[parts.count - 1] == nil {
                parts[parts.count - 1] = try tuple()
            } else {
                throw unexpected(token, wanted: "']'")
            }
        }
        if parts.count == 1, let index = parts[0] { return try Expression(.item(value, index), line: line) }
        guard parts.count > 1, parts.count <= 3 else { throw TemplateError("an index was expected", line: line) }
        let step = parts.count == 3 ? parts[2] : nil
        return try Expression(.slice(value, lower: parts[0], upper: parts[1], step: step), line: line)
    }

    /// Reads arguments in parentheses, if there are any.
    mutating func arguments() throws -> Arguments {
        var arguments = Arguments()
        guard takeSign("(") else { return arguments }
        var isFirst = true
        while !takeSign(")") {
            if !isFirst {
                try expectSign(",")
                if takeSign(")") { break }
            }
            isFirst = false
            if token.kind == .name, following.kind == .sign, following.text == "=" {
                let name = next().text
                _ = next()
                arguments.named.append((name, try expression()))
            } else if isSign("*") || isSign("**") {
                throw TemplateError("unpacking arguments with * or ** is not supported", line: line)
            } else {
                guard arguments.named.isEmpty else {
                    throw TemplateError("an argument without a name follows one with a name", line: line)
                }
                arguments.positional.append(try expression())
            }
        }
        return arguments
    }

    /// Reads the filters and tests that follow a value.
    mutating func filters(_ value: Expression) throws -> Expression {
        var value = value
        while true {
            let line = line
            if isSign("|") {
                value = try filter(value)
            } else if takeName("is") {
                value = try test(value, line: line)
            } else if isSign("(") {
                value = try Expression(.call(value, try arguments()), line: line)
            } else {
                return value
            }
        }
    }

    private mutating func filter(_ value: Expression) throws -> Expression {
        try expectSign("|")
        return try namedFilter(value)
    }

    /// Reads a filter's name and arguments, and applies it.
    mutating func namedFilter(_ value: Expression) throws -> Expression {
        let line = line
        let name = try dottedName()
        guard TemplateFilters.names.contains(name) else { throw TemplateError("unknown filter '\(name)'", line: line) }
        return try Expression(.filter(value, name, try arguments()), line: line)
    }

    private mutating func dottedName() throws -> String {
        var name = try expectName()
        while takeSign(".") { name += "." + (try expectName()) }
        return name
    }

    private mutating func test(_ value: Expression, line: Int) throws -> Expression {
        let isNegated = takeName("not")
        let word = try dottedName()
        let name = word == "None" ? "none" : word
        guard TemplateTests.names.contains(name) else { throw TemplateError("unknown test '\(name)'", line: line) }
        var arguments = Arguments()
        if isSign("(") {
            arguments = try self.arguments()
        } else if beginsTestArgument {
            arguments.positional = [try postfix(try primary())]
        }
        let test = try Expression(.test(value, name, arguments), line: line)
        return isNegated ? try Expression(.not(test), line: line) : test
    }

    private var beginsTestArgument: Bool {
        switch token.kind {
        case .name: !["else", "or", "and", "is", "if", "not", "in"].contains(token.text)
        case .string, .integer, .float: true
        case .sign: token.text == "[" || token.text == "{"
        default: false
        }
    }
}
