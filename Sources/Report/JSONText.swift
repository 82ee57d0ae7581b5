/// JSON as values, written by hand so that keys keep their order and every text is escaped.
///
/// For formats that others defined. What Temper defines itself is `Codable`.
indirect enum JSONText: Equatable, Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case list([JSONText])
    case object([(key: String, value: JSONText)])

    static func == (first: JSONText, second: JSONText) -> Bool { first.compact == second.compact }

    /// A number that may be missing or not finite, which JSON cannot say: then `null`.
    static func number(_ value: Double?) -> JSONText {
        value.map { JSONText.number($0) } ?? .null
    }

    static func strings(_ values: [String]) -> JSONText { .list(values.map { .string($0) }) }

    /// An object without the members that have no value.
    static func object(present members: [(String, JSONText?)]) -> JSONText {
        .object(members.compactMap { key, value in value.map { (key, $0) } })
    }

    /// Indented by two spaces, with a line break at the end.
    var text: String {
        var result = ""
        write(to: &result, indent: "\n")
        return result + "\n"
    }

    /// On one line.
    var compact: String {
        var result = ""
        write(to: &result, indent: nil)
        return result
    }

    private func write(to result: inout String, indent: String?) {
        switch self {
        case .null: result += "null"
        case .bool(let value): result += value ? "true" : "false"
        case .integer(let value): result += String(value)
        case .number(let value): result += value.isFinite ? Self.digits(value) : "null"
        case .string(let value): result += Self.quoted(value)
        case .list(let items):
            Self.write(items, in: ("[", "]"), to: &result, indent: indent) { item, inner, result in
                item.write(to: &result, indent: inner)
            }
        case .object(let members):
            Self.write(members, in: ("{", "}"), to: &result, indent: indent) { member, inner, result in
                result += Self.quoted(member.key) + (inner == nil ? ":" : ": ")
                member.value.write(to: &result, indent: inner)
            }
        }
    }

    private static func write<Item>(
        _ items: [Item],
        in brackets: (String, String),
        to result: inout String,
        indent: String?,
        each: (Item, String?, inout String) -> Void
    ) {
        let inner = indent.map { $0 + "  " }
        result += brackets.0
        for (index, item) in items.enumerated() {
            if index > 0 { result += "," }
            result += inner ?? ""
            each(item, inner, &result)
        }
        if !items.isEmpty { result += indent ?? "" }
        result += brackets.1
    }

    /// The shortest digits that mean the same number; whole ones without a point.
    private static func digits(_ value: Double) -> String {
        value == value.rounded() && abs(value) < 1e15 ? String(Int(value)) : "\(value)"
    }

    /// A JSON string. Every character outside printable ASCII that could reorder or break text is written as its code.
    static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case "\n": result += "\\n"
            case "\r": result += "\\r"
            case "\t": result += "\\t"
            default:
                let category = scalar.properties.generalCategory
                let isHidden =
                    [.control, .format, .lineSeparator, .paragraphSeparator].contains(category)
                    || scalar.value & 0xFFFE == 0xFFFE
                guard isHidden else {
                    result.unicodeScalars.append(scalar)
                    continue
                }
                for unit in String(scalar).utf16 {
                    let digits = String(unit, radix: 16)
                    result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
                }
            }
        }
        return result + "\""
    }
}

extension JSONText: ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral {
    init(stringLiteral value: String) { self = .string(value) }
    init(arrayLiteral elements: JSONText...) { self = .list(elements) }
    init(dictionaryLiteral elements: (String, JSONText)...) { self = .object(elements.map { ($0.0, $0.1) }) }
}
