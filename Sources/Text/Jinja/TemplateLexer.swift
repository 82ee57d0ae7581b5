/// Cuts a template into text and tags, and tags into symbols.
///
/// White space follows Jinja 3.1 with `trim_blocks` and `lstrip_blocks`, as transformers sets them: a line break after a
/// block tag and blanks before one vanish, `-` strips further and `+` keeps. Knows nothing about grammar.
struct TemplateLexer {
    /// A symbol and the line it starts on.
    struct Token {
        enum Kind: Equatable {
            case text, outputBegin, outputEnd, blockBegin, blockEnd, name, string, integer, float, sign, end
        }
        var kind: Kind
        /// The symbol as written; for strings and text the value.
        var text: String
        var line: Int
    }

    private let source: [Unicode.Scalar]
    private var position = 0
    private var line = 1
    /// Whether what comes next begins a line, counting the line break that a tag swallowed.
    private var startsLine = true
    private var tokens: [Token] = []

    /// All symbols of a template, ending in one of kind `end`.
    static func tokens(of source: String) throws -> [Token] {
        var scalars: [Unicode.Scalar] = []
        var previous: Unicode.Scalar?
        for scalar in source.unicodeScalars {
            if !(scalar == "\n" && previous == "\r") { scalars.append(scalar == "\r" ? "\n" : scalar) }
            previous = scalar
        }
        if scalars.last == "\n" { scalars.removeLast() }
        var lexer = TemplateLexer(source: scalars)
        while lexer.position < scalars.count { try lexer.readText() }
        lexer.emit(.end, "")
        return lexer.tokens
    }

    private init(source: [Unicode.Scalar]) {
        self.source = source
    }

    private func fault(_ reason: String) -> TemplateError {
        TemplateError(reason, line: line)
    }

    private mutating func emit(_ kind: Token.Kind, _ text: String) {
        tokens.append(Token(kind: kind, text: text, line: line))
    }

    private mutating func advance(_ count: Int = 1) {
        for _ in 0..<count {
            if source[position] == "\n" { line += 1 }
            position += 1
        }
    }

    private func peek(_ offset: Int = 0) -> Unicode.Scalar? {
        position + offset < source.count ? source[position + offset] : nil
    }

    private func isAt(_ text: String, offset: Int = 0) -> Bool {
        var index = position + offset
        for scalar in text.unicodeScalars {
            guard index < source.count, source[index] == scalar else { return false }
            index += 1
        }
        return true
    }

    private mutating func skipSpace() {
        while let scalar = peek(), PythonText.isSpace(scalar) { advance() }
    }

    /// Reads text up to a tag, and the tag.
    private mutating func readText() throws {
        let start = position
        var end = start
        while end < source.count {
            if source[end] == "{", end + 1 < source.count, ["{", "%", "#"].contains(source[end + 1]) { break }
            end += 1
        }
        guard end < source.count else {
            emitText(start..<end)
            return
        }
        let opener = source[end + 1]
        let sign = end + 2 < source.count ? source[end + 2] : nil
        emitText(start..<stripped(start..<end, sign: sign, isBlock: opener != "{"), consuming: end - start)
        advance(2)
        if sign == "-" || sign == "+" { advance() }
        startsLine = false
        switch opener {
        case "#": try skipComment()
        case "{":
            emit(.outputBegin, "{{")
            try readTag(closer: "}}", kind: .outputEnd)
        default:
            if try readRaw() { return }
            emit(.blockBegin, "{%")
            try readTag(closer: "%}", kind: .blockEnd)
        }
    }

    /// Where text ends once the white space before a tag is taken off.
    private func stripped(_ range: Range<Int>, sign: Unicode.Scalar?, isBlock: Bool) -> Int {
        var end = range.upperBound
        if sign == "-" {
            while end > range.lowerBound, PythonText.isSpace(source[end - 1]) { end -= 1 }
        } else if sign != "+", isBlock {
            while end > range.lowerBound, source[end - 1] != "\n", PythonText.isSpace(source[end - 1]) { end -= 1 }
            let reachesLineStart = end > range.lowerBound ? source[end - 1] == "\n" : startsLine
            if !reachesLineStart { return range.upperBound }
        }
        return end
    }

    private mutating func emitText(_ range: Range<Int>, consuming count: Int? = nil) {
        if !range.isEmpty { emit(.text, PythonText.string(source[range])) }
        advance(count ?? range.count)
    }

    /// Steps over a tag's end with the white space it takes along; false if the tag does not end here.
    private mutating func takeEnd(_ closer: String, swallowsLineBreak: Bool) -> Bool {
        if isAt("-" + closer) {
            advance(3)
            let before = position
            skipSpace()
            startsLine = position > before && source[position - 1] == "\n"
        } else if swallowsLineBreak, isAt("+" + closer) {
            advance(3)
            startsLine = false
        } else if isAt(closer) {
            advance(2)
            startsLine = false
            if swallowsLineBreak, peek() == "\n" {
                advance()
                startsLine = true
            }
        } else {
            return false
        }
        return true
    }

    private mutating func skipComment() throws {
        let opened = line
        while position < source.count {
            if takeEnd("#}", swallowsLineBreak: true) { return }
            advance()
        }
        throw TemplateError("the comment that begins here has no '#}'", line: opened)
    }

    /// Reads `raw ... endraw`, if this block tag is one.
    private mutating func readRaw() throws -> Bool {
        let (mark, markLine) = (position, line)
        skipSpace()
        guard takeWord("raw"), takeEnd("%}", swallowsLineBreak: false) else {
            (position, line) = (mark, markLine)
            return false
        }
        let start = position
        while position < source.count {
            guard isAt("{%") else {
                advance()
                continue
            }
            let (end, endLine) = (position, line)
            let sign = peek(2)
            advance(sign == "-" || sign == "+" ? 3 : 2)
            skipSpace()
            guard takeWord("endraw") else { continue }
            let lineStart = startsLine
            guard takeEnd("%}", swallowsLineBreak: true) else { continue }
            let (after, afterLine, afterStarts) = (position, line, startsLine)
            (position, line, startsLine) = (start, markLine, lineStart)
            let cut = stripped(start..<end, sign: sign, isBlock: true)
            if start < cut { emit(.text, PythonText.string(source[start..<cut])) }
            (position, line, startsLine) = (after, max(afterLine, endLine), afterStarts)
            return true
        }
        throw TemplateError("the raw block that begins here has no 'endraw'", line: markLine)
    }

    private mutating func takeWord(_ word: String) -> Bool {
        guard isAt(word) else { return false }
        advance(word.unicodeScalars.count)
        skipSpace()
        return true
    }

    /// Reads the symbols of a tag up to its end.
    private mutating func readTag(closer: String, kind: Token.Kind) throws {
        let opened = line
        var brackets: [Unicode.Scalar] = []
        while true {
            skipSpace()
            guard let scalar = peek() else {
                throw TemplateError("the tag that begins here has no '\(closer)'", line: opened)
            }
            if brackets.isEmpty {
                let atLine = line
                if takeEnd(closer, swallowsLineBreak: kind == .blockEnd) {
                    tokens.append(Token(kind: kind, text: closer, line: atLine))
                    return
                }
            }
            if scalar == "_" || scalar.properties.isXIDStart {
                var end = position
                while end < source.count, source[end] == "_" || source[end].properties.isXIDContinue { end += 1 }
                emit(.name, PythonText.string(source[position..<end]))
                advance(end - position)
            } else if ("0"..."9").contains(scalar) {
                readNumber()
            } else if scalar == "'" || scalar == "\"" {
                try readString(quote: scalar)
            } else {
                try readSign(brackets: &brackets)
            }
        }
    }

    private mutating func readSign(brackets: inout [Unicode.Scalar]) throws {
        for sign in ["**", "//", "==", "!=", ">=", "<="] where isAt(sign) {
            emit(.sign, sign)
            return advance(2)
        }
        guard let scalar = peek(), "+-*/%~[](){}=><.:|,;".unicodeScalars.contains(scalar) else {
            throw fault("unexpected character '\(peek().map { String(Character($0)) } ?? "")'")
        }
        switch scalar {
        case "(": brackets.append(")")
        case "[": brackets.append("]")
        case "{": brackets.append("}")
        case ")", "]", "}":
            guard let expected = brackets.popLast() else { throw fault("unexpected '\(scalar)'") }
            guard expected == scalar else { throw fault("unexpected '\(scalar)', '\(expected)' was expected") }
        default: break
        }
        emit(.sign, String(Character(scalar)))
        advance()
    }

    private mutating func readNumber() {
        func digits(from start: Int) -> Int {
            var end = start
            while end < source.count, ("0"..."9").contains(source[end]) || (source[end] == "_" && end > start) {
                end += 1
            }
            return end
        }
        var end = digits(from: position)
        var kind = Token.Kind.integer
        let followsDot = position > 0 && source[position - 1] == "."
        if !followsDot {
            if end + 1 < source.count, source[end] == ".", ("0"..."9").contains(source[end + 1]) {
                end = digits(from: end + 1)
                kind = .float
            }
            if end < source.count, source[end] == "e" || source[end] == "E" {
                var exponent = end + 1
                if exponent < source.count, source[exponent] == "+" || source[exponent] == "-" { exponent += 1 }
                let last = digits(from: exponent)
                if last > exponent {
                    end = last
                    kind = .float
                }
            }
        }
        emit(kind, PythonText.string(source[position..<end].filter { $0 != "_" }))
        advance(end - position)
    }

    private mutating func readString(quote: Unicode.Scalar) throws {
        let opened = line
        var value = String.UnicodeScalarView()
        advance()
        while let scalar = peek() {
            advance()
            if scalar == quote {
                tokens.append(Token(kind: .string, text: String(value), line: opened))
                return
            }
            if scalar == "\\" { try readEscape(into: &value) } else { value.append(scalar) }
        }
        throw TemplateError("the string that begins here does not end", line: opened)
    }

    private mutating func readEscape(into value: inout String.UnicodeScalarView) throws {
        guard let scalar = peek() else { return }
        advance()
        switch scalar {
        case "\n": break
        case "n": value.append("\n")
        case "t": value.append("\t")
        case "r": value.append("\r")
        case "a": value.append("\u{7}")
        case "b": value.append("\u{8}")
        case "f": value.append("\u{C}")
        case "v": value.append("\u{B}")
        case "\\", "'", "\"": value.append(scalar)
        case "x": value.append(try readCode(digits: 2))
        case "u": value.append(try readCode(digits: 4))
        case "U": value.append(try readCode(digits: 8))
        case "0"..."7":
            var code = scalar.value - 0x30
            for _ in 0..<2 {
                guard let next = peek(), ("0"..."7").contains(next) else { break }
                code = code * 8 + next.value - 0x30
                advance()
            }
            if let octal = Unicode.Scalar(code) { value.append(octal) }
        default:
            value.append("\\")
            value.append(scalar)
        }
    }

    private mutating func readCode(digits: Int) throws -> Unicode.Scalar {
        guard position + digits <= source.count,
            let code = UInt32(PythonText.string(source[position..<position + digits]), radix: 16),
            let scalar = Unicode.Scalar(code)
        else { throw fault("a string escape needs \(digits) hexadecimal digits of a Unicode scalar") }
        advance(digits)
        return scalar
    }
}
