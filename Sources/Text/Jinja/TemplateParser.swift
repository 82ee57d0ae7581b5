/// Turns a template's symbols into its tree: the statement half.
///
/// Grammar: Jinja 3.1, with the loop controls and the `generation` block of transformers. Inheritance and includes are
/// not part of chat templates and are refused by name. Knows nothing about values.
struct TemplateParser {
    typealias Statement = TemplateSyntax.Statement
    typealias Target = TemplateSyntax.Target
    typealias Token = TemplateLexer.Token

    private let tokens: [Token]
    private var position = 0
    private var depth = 0
    private var loopDepth = 0
    private static let deepest = 80

    /// The statements of a template.
    static func parse(_ source: String) throws -> [Statement] {
        var parser = TemplateParser(tokens: try TemplateLexer.tokens(of: source))
        return try parser.statements(until: [])
    }

    private init(tokens: [Token]) {
        self.tokens = tokens
    }

    /// The symbol at hand.
    var token: Token { tokens[position] }
    /// The one after it.
    var following: Token { tokens[min(position + 1, tokens.count - 1)] }
    /// The line of the symbol at hand.
    var line: Int { token.line }

    /// Takes the symbol at hand.
    mutating func next() -> Token {
        let token = tokens[position]
        position = min(position + 1, tokens.count - 1)
        return token
    }

    /// Counts a level of nesting, so that hostile templates cannot exhaust the stack.
    mutating func enter() throws {
        depth += 1
        guard depth <= Self.deepest else {
            throw TemplateError("the template nests more than \(Self.deepest) levels", line: line)
        }
    }

    /// Ends a level of nesting.
    mutating func leave() { depth -= 1 }

    func isSign(_ sign: String) -> Bool { token.kind == .sign && token.text == sign }
    func isName(_ name: String) -> Bool { token.kind == .name && token.text == name }

    mutating func takeSign(_ sign: String) -> Bool {
        guard isSign(sign) else { return false }
        _ = next()
        return true
    }

    mutating func takeName(_ name: String) -> Bool {
        guard isName(name) else { return false }
        _ = next()
        return true
    }

    mutating func expectSign(_ sign: String) throws {
        guard takeSign(sign) else { throw unexpected(token, wanted: "'\(sign)'") }
    }

    mutating func expectName() throws -> String {
        guard token.kind == .name else { throw unexpected(token, wanted: "a name") }
        return next().text
    }

    private mutating func expectWord(_ name: String) throws {
        guard takeName(name) else { throw unexpected(token, wanted: "'\(name)'") }
    }

    func unexpected(_ token: Token, wanted: String) -> TemplateError {
        let found = token.kind == .end ? "the end of the template" : "'\(token.text)'"
        return TemplateError("found \(found) where \(wanted) was expected", line: token.line)
    }

    private mutating func endTag() throws {
        guard token.kind == .blockEnd else { throw unexpected(token, wanted: "'%}'") }
        _ = next()
    }

    /// Reads statements up to a block tag of one of these names, which is left with its name at hand.
    private mutating func statements(until names: [String]) throws -> [Statement] {
        try enter()
        defer { leave() }
        let opened = line
        var statements: [Statement] = []
        while true {
            switch token.kind {
            case .text: statements.append(.text(next().text))
            case .outputBegin:
                _ = next()
                statements.append(.output(try tuple()))
                guard token.kind == .outputEnd else { throw unexpected(token, wanted: "'}}'") }
                _ = next()
            case .blockBegin:
                _ = next()
                if token.kind == .name, names.contains(token.text) { return statements }
                statements.append(try block())
            case .end where names.isEmpty: return statements
            case .end:
                throw TemplateError("the block that begins here has no '\(names.last ?? "")'", line: opened)
            default: throw unexpected(token, wanted: "text or a tag")
            }
        }
    }

    /// Reads a body up to its end tag, which is taken.
    private mutating func body(_ end: String) throws -> [Statement] {
        try endTag()
        let body = try statements(until: [end])
        _ = next()
        try endTag()
        return body
    }

    private mutating func block() throws -> Statement {
        let name = token
        guard name.kind == .name else { throw unexpected(name, wanted: "the name of a block") }
        _ = next()
        switch name.text {
        case "for": return try loop(line: name.line)
        case "if": return try branch()
        case "set": return try set()
        case "macro":
            let (title, parameters) = (try expectName(), try self.parameters())
            return .macro(.init(name: title, parameters: parameters, body: try isolated("endmacro"), line: name.line))
        case "call":
            let parameters = isSign("(") ? try self.parameters() : []
            let call = try expression()
            guard case .call = call.kind else { throw TemplateError("a call block needs a call", line: name.line) }
            return .call(
                call,
                .init(name: "caller", parameters: parameters, body: try isolated("endcall"), line: name.line)
            )
        case "filter":
            var filter = try namedFilter(try Expression(.captured, line: name.line))
            filter = try filters(filter)
            return .filterBlock(filter, body: try isolated("endfilter"))
        case "with": return try with()
        case "generation": return .generation(try isolated("endgeneration"), line: name.line)
        case "break", "continue":
            guard loopDepth > 0 else { throw TemplateError("'\(name.text)' outside a loop", line: name.line) }
            try endTag()
            return name.text == "break" ? .break : .continue
        case "block", "extends", "include", "import", "from", "autoescape", "trans", "do":
            throw TemplateError("'\(name.text)' is not part of chat templates", line: name.line)
        default:
            throw TemplateError("unknown tag '\(name.text)'", line: name.line)
        }
    }

    /// Reads a body from which `break` and `continue` cannot reach a loop outside.
    private mutating func isolated(_ end: String) throws -> [Statement] {
        let outer = loopDepth
        loopDepth = 0
        defer { loopDepth = outer }
        return try body(end)
    }

    private mutating func loop(line: Int) throws -> Statement {
        let target = try self.target()
        try expectWord("in")
        let items = try tuple(allowsCondition: false)
        let filter = takeName("if") ? try expression() : nil
        if isName("recursive") { throw TemplateError("recursive loops are not supported", line: line) }
        try endTag()
        loopDepth += 1
        let body = try statements(until: ["else", "endfor"])
        loopDepth -= 1
        var otherwise: [Statement] = []
        if takeName("else") {
            try endTag()
            otherwise = try statements(until: ["endfor"])
        }
        _ = next()
        try endTag()
        return .loop(
            .init(target: target, items: items, filter: filter, body: body, otherwise: otherwise, line: line)
        )
    }

    private mutating func branch() throws -> Statement {
        var branches: [(test: Expression, body: [Statement])] = []
        while true {
            let test = try tuple()
            try endTag()
            branches.append((test, try statements(until: ["elif", "else", "endif"])))
            let word = next().text
            if word == "elif" { continue }
            try endTag()
            guard word == "else" else { return .branch(branches, otherwise: []) }
            let otherwise = try statements(until: ["endif"])
            _ = next()
            try endTag()
            return .branch(branches, otherwise: otherwise)
        }
    }

    private mutating func set() throws -> Statement {
        let target = try self.target(allowsAttribute: true)
        if takeSign("=") {
            let value = try tuple()
            try endTag()
            return .set(target, value)
        }
        let filter = try filters(try Expression(.captured, line: line))
        return .setBlock(target, filter: filter, body: try isolated("endset"))
    }

    private mutating func with() throws -> Statement {
        var bindings: [(target: Target, value: Expression)] = []
        while token.kind != .blockEnd {
            if !bindings.isEmpty { try expectSign(",") }
            let target = Target.name(try expectName())
            try expectSign("=")
            bindings.append((target, try expression()))
        }
        return .with(bindings, body: try body("endwith"))
    }

    private mutating func target(allowsAttribute: Bool = false) throws -> Target {
        let first = try simpleTarget(allowsAttribute: allowsAttribute)
        guard isSign(",") else { return first }
        var targets = [first]
        while takeSign(",") {
            if isName("in") || isSign("=") { break }
            targets.append(try simpleTarget(allowsAttribute: allowsAttribute))
        }
        return .tuple(targets)
    }

    private mutating func simpleTarget(allowsAttribute: Bool) throws -> Target {
        if takeSign("(") {
            try enter()
            defer { leave() }
            let target = try self.target(allowsAttribute: allowsAttribute)
            try expectSign(")")
            return target
        }
        let name = try expectName()
        if allowsAttribute, takeSign(".") { return .attribute(of: name, try expectName()) }
        return .name(name)
    }

    private mutating func parameters() throws -> [(name: String, fallback: Expression?)] {
        var parameters: [(name: String, fallback: Expression?)] = []
        try expectSign("(")
        while !takeSign(")") {
            if !parameters.isEmpty { try expectSign(",") }
            let name = try expectName()
            parameters.append((name, takeSign("=") ? try expression() : nil))
        }
        return parameters
    }
}
