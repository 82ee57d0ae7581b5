/// The tree of a parsed template.
///
/// Knows nothing about how it was written or what it means.
enum TemplateSyntax {
    /// An expression and the line it begins on.
    final class Expression: Sendable {
        let kind: Kind
        let line: Int
        /// Levels of the tree below and including this node; bounded so that recursion is.
        let depth: Int

        init(_ kind: Kind, line: Int) throws {
            self.kind = kind
            self.line = line
            depth = 1 + (kind.children.map(\.depth).max() ?? 0)
            guard depth <= Self.deepest else {
                throw TemplateError("an expression nests more than \(Self.deepest) levels", line: line)
            }
        }

        private static let deepest = 160
    }

    /// What an expression is.
    enum Kind: Sendable {
        case none
        case bool(Bool)
        case int(Int)
        case double(Double)
        case string(String)
        case name(String)
        case list([Expression])
        case tuple([Expression])
        case dict([(key: Expression, value: Expression)])
        case attribute(Expression, String)
        case item(Expression, Expression)
        case slice(Expression, lower: Expression?, upper: Expression?, step: Expression?)
        case call(Expression, Arguments)
        case filter(Expression, String, Arguments)
        case test(Expression, String, Arguments)
        case not(Expression)
        case negative(Expression)
        case positive(Expression)
        case binary(String, Expression, Expression)
        case and(Expression, Expression)
        case or(Expression, Expression)
        case compare(Expression, [(sign: String, value: Expression)])
        case condition(Expression, then: Expression, otherwise: Expression?)
        /// The text a filter block or a filtered `set` block has captured.
        case captured

        fileprivate var children: [Expression] {
            switch self {
            case .none, .bool, .int, .double, .string, .name, .captured: []
            case .list(let items), .tuple(let items): items
            case .dict(let pairs): pairs.flatMap { [$0.key, $0.value] }
            case .attribute(let base, _), .not(let base), .negative(let base), .positive(let base): [base]
            case .item(let base, let index): [base, index]
            case .slice(let base, let lower, let upper, let step): [base] + [lower, upper, step].compactMap { $0 }
            case .call(let base, let arguments), .filter(let base, _, let arguments), .test(let base, _, let arguments):
                [base] + arguments.positional + arguments.named.map(\.value)
            case .binary(_, let left, let right), .and(let left, let right), .or(let left, let right): [left, right]
            case .compare(let first, let rest): [first] + rest.map(\.value)
            case .condition(let test, let then, let otherwise): [test, then] + [otherwise].compactMap { $0 }
            }
        }
    }

    /// Arguments of a call.
    struct Arguments: Sendable {
        var positional: [Expression] = []
        var named: [(name: String, value: Expression)] = []
    }

    /// What a value is stored in.
    indirect enum Target: Sendable {
        case name(String)
        case attribute(of: String, String)
        case tuple([Target])
    }

    /// A macro, or the body of a `call` block.
    struct Macro: Sendable {
        var name: String
        var parameters: [(name: String, fallback: Expression?)]
        var body: [Statement]
        var line: Int
    }

    /// A `for` loop.
    struct Loop: Sendable {
        var target: Target
        var items: Expression
        var filter: Expression?
        var body: [Statement]
        var otherwise: [Statement]
        var line: Int
    }

    /// A piece of a template.
    indirect enum Statement: Sendable {
        case text(String)
        case output(Expression)
        case loop(Loop)
        case branch([(test: Expression, body: [Statement])], otherwise: [Statement])
        case set(Target, Expression)
        case setBlock(Target, filter: Expression, body: [Statement])
        case filterBlock(Expression, body: [Statement])
        case with([(target: Target, value: Expression)], body: [Statement])
        case macro(Macro)
        case call(Expression, Macro)
        case generation([Statement], line: Int)
        case `break`
        case `continue`
    }
}
