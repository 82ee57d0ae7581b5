import Foundation

/// Python's view of text: white space, case, printing of values and JSON.
///
/// Knows nothing about templates.
enum PythonText {
    /// Whether `str.strip` removes it.
    static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        (0x1C...0x1F).contains(scalar.value) || scalar.properties.isWhitespace
    }

    /// Scalars as a string.
    static func string(_ scalars: some Sequence<Unicode.Scalar>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }

    static func upper(_ text: String) -> String {
        text.unicodeScalars.map(\.properties.uppercaseMapping).joined()
    }

    static func lower(_ text: String) -> String {
        text.unicodeScalars.map(\.properties.lowercaseMapping).joined()
    }

    /// First letter large, the rest small.
    static func capitalize(_ text: String) -> String {
        guard let first = text.unicodeScalars.first else { return "" }
        return first.properties.titlecaseMapping + lower(string(text.unicodeScalars.dropFirst()))
    }

    /// Strips white space, or the given characters, from the chosen ends.
    static func strip(_ text: String, _ characters: String?, left: Bool = true, right: Bool = true) -> String {
        let set = characters.map { Set($0.unicodeScalars) }
        let strips = { (scalar: Unicode.Scalar) in set?.contains(scalar) ?? isSpace(scalar) }
        var scalars = Substring(text).unicodeScalars
        while left, let first = scalars.first, strips(first) { scalars.removeFirst() }
        while right, let last = scalars.last, strips(last) { scalars.removeLast() }
        return String(scalars)
    }

    /// Pieces between occurrences of a separator, at most `limit` cuts; by bytes, so never by equivalence.
    static func split(_ text: String, by separator: String, limit: Int = .max) -> [String] {
        let (bytes, needle) = (Array(text.utf8), Array(separator.utf8))
        guard !needle.isEmpty else { return [text] }
        var pieces: [String] = []
        var (start, position) = (0, 0)
        while position + needle.count <= bytes.count, pieces.count < limit {
            if bytes[position] == needle[0], bytes[position..<position + needle.count].elementsEqual(needle) {
                pieces.append(String(decoding: bytes[start..<position], as: UTF8.self))
                position += needle.count
                start = position
            } else {
                position += 1
            }
        }
        return pieces + [String(decoding: bytes[start...], as: UTF8.self)]
    }

    /// Words between runs of white space, at most `limit` cuts.
    static func words(_ text: String, limit: Int = .max) -> [String] {
        var words: [String] = []
        var rest = Substring(strip(text, nil, right: false)).unicodeScalars
        while !rest.isEmpty, words.count < limit, let end = rest.firstIndex(where: isSpace) {
            words.append(String(rest[..<end]))
            rest = rest[end...]
            while let first = rest.first, isSpace(first) { rest.removeFirst() }
        }
        if !rest.isEmpty { words.append(String(rest)) }
        return words
    }

    /// Lines without their ends, as `str.splitlines`.
    static func lines(_ text: String) -> [String] {
        var lines: [String] = []
        var current = String.UnicodeScalarView()
        var previous: Unicode.Scalar?
        var isOpen = false
        for scalar in text.unicodeScalars {
            switch scalar.value {
            case 0x0A where previous == "\r": break
            case 0x0A...0x0D, 0x1C...0x1E, 0x85, 0x2028, 0x2029:
                lines.append(String(current))
                current = .init()
                isOpen = false
            default:
                current.append(scalar)
                isOpen = true
            }
            previous = scalar
        }
        if isOpen { lines.append(String(current)) }
        return lines
    }

    /// Occurrences replaced from the left, at most `limit`.
    static func replace(_ text: String, _ old: String, _ new: String, limit: Int = .max) -> String {
        guard old.isEmpty else { return split(text, by: old, limit: limit).joined(separator: new) }
        var result = ""
        var left = limit
        for scalar in text.unicodeScalars {
            if left > 0 { result += new }
            left = max(0, left - 1)
            result.unicodeScalars.append(scalar)
        }
        return left > 0 ? result + new : result
    }

    /// What `str(value)` gives.
    static func str(_ value: TemplateData) -> String {
        switch value {
        case .undefined: ""
        case .string(let text): text
        default: repr(value)
        }
    }

    private static func repr(_ value: TemplateData) -> String {
        switch value {
        case .undefined: return "Undefined"
        case .none: return "None"
        case .bool(let value): return value ? "True" : "False"
        case .int(let value): return String(value)
        case .double(let value): return float(value)
        case .string(let text): return quoted(text)
        case .list(let values): return "[" + values.map(repr).joined(separator: ", ") + "]"
        case .tuple(let values):
            return "(" + values.map(repr).joined(separator: ", ") + (values.count == 1 ? ",)" : ")")
        case .dict(let pairs):
            return "{" + pairs.map { repr($0.key) + ": " + repr($0.value) }.joined(separator: ", ") + "}"
        default: return "<" + value.kindName + ">"
        }
    }

    private static func float(_ value: Double) -> String {
        guard abs(value) >= 1e16, value.isFinite, !"\(value)".contains("e") else { return "\(value)" }
        return String(format: "%.16e", value)
    }

    private static func quoted(_ text: String) -> String {
        let quote: Unicode.Scalar = text.utf8.contains(0x27) && !text.utf8.contains(0x22) ? "\"" : "'"
        var result = String(Character(quote))
        for scalar in text.unicodeScalars {
            switch scalar {
            case quote, "\\": result += "\\" + String(Character(scalar))
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case _ where isPrintable(scalar): result.unicodeScalars.append(scalar)
            case _ where scalar.value < 0x100: result += String(format: "\\x%02x", scalar.value)
            case _ where scalar.value < 0x10000: result += String(format: "\\u%04x", scalar.value)
            default: result += String(format: "\\U%08x", scalar.value)
            }
        }
        result.unicodeScalars.append(quote)
        return result
    }

    private static func isPrintable(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: false
        case .spaceSeparator: scalar == " "
        default: true
        }
    }

    /// How `tojson` writes a value.
    struct JSONStyle {
        var indent: String?
        var item = ","
        var colon = ": "
        var isASCII = false
        var sortsKeys = false
    }

    /// What Python's `json.dumps` gives.
    static func json(_ value: TemplateData, _ style: JSONStyle, margin: String = "\n") throws -> String {
        switch value {
        case .none: return "null"
        case .bool(let value): return value ? "true" : "false"
        case .int(let value): return String(value)
        case .double(let value):
            return value.isNaN ? "NaN" : value.isInfinite ? (value < 0 ? "-Infinity" : "Infinity") : float(value)
        case .string(let text): return jsonString(text, isASCII: style.isASCII)
        case .list(let values), .tuple(let values):
            let inner = margin + (style.indent ?? "")
            return bracket("[", "]", try values.map { try json($0, style, margin: inner) }, style, margin)
        case .dict(let pairs):
            let inner = margin + (style.indent ?? "")
            let ordered = style.sortsKeys ? try pairs.sorted { try $0.key.precedes($1.key) } : pairs
            let items = try ordered.map { pair in
                let key: String
                switch pair.key {
                case .string(let text): key = text
                case .int, .double, .bool, .none: key = try json(pair.key, style)
                default: throw TemplateFault("tojson cannot use \(pair.key.kindName) as a key")
                }
                return jsonString(key, isASCII: style.isASCII) + style.colon
                    + (try json(pair.value, style, margin: inner))
            }
            return bracket("{", "}", items, style, margin)
        default: throw TemplateFault("tojson cannot write \(value.kindName)")
        }
    }

    private static func bracket(
        _ open: String,
        _ close: String,
        _ items: [String],
        _ style: JSONStyle,
        _ margin: String
    ) -> String {
        guard !items.isEmpty else { return open + close }
        guard let indent = style.indent else { return open + items.joined(separator: style.item) + close }
        return open + margin + indent + items.joined(separator: style.item + margin + indent) + margin + close
    }

    private static func jsonString(_ text: String, isASCII: Bool) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            case "\u{8}": result += "\\b"
            case "\u{C}": result += "\\f"
            case _ where scalar.value < 0x20: result += String(format: "\\u%04x", scalar.value)
            case _ where isASCII && scalar.value > 0x7E && scalar.value != 0x7F:
                for unit in String(Character(scalar)).utf16 { result += String(format: "\\u%04x", UInt32(unit)) }
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
