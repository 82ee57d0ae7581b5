import NIOCore
package import TemperText

/// Writes plain data as JSON, and finds all texts in it.
///
/// Knows nothing about what the data means. What is checked and what is passed on is the same tree, written anew: a document
/// that two readers understand differently cannot get past.
extension TemplateValue {
    /// An object of the pairs that have a value, in order.
    package static func object(of pairs: KeyValuePairs<String, TemplateValue?>) -> TemplateValue {
        .object(pairs.compactMap { pair in pair.value.map { (key: pair.key, value: $0) } })
    }

    /// The pairs of an object; none for other kinds.
    package var pairs: [(key: String, value: TemplateValue)] {
        if case .object(let pairs) = self { pairs } else { [] }
    }

    /// Every text in it, the names of its keys included.
    package var texts: [String] {
        switch self {
        case .string(let text): [text]
        case .array(let values): values.flatMap(\.texts)
        case .object(let pairs): pairs.flatMap { [$0.key] + $0.value.texts }
        default: []
        }
    }

    /// The document.
    package var json: String {
        var bytes: [UInt8] = []
        write(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The document, ready to be sent.
    var buffer: ByteBuffer {
        var bytes: [UInt8] = []
        write(into: &bytes)
        return ByteBuffer(bytes: bytes)
    }

    private func write(into bytes: inout [UInt8]) {
        switch self {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .int(let value): bytes += "\(value)".utf8
        case .double(let value): bytes += (value.isFinite ? "\(value)" : "null").utf8
        case .string(let text): Self.write(text, into: &bytes)
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                value.write(into: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let pairs):
            bytes.append(UInt8(ascii: "{"))
            for (index, pair) in pairs.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                Self.write(pair.key, into: &bytes)
                bytes.append(UInt8(ascii: ":"))
                pair.value.write(into: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func write(_ text: String, into bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""): bytes += #"\""#.utf8
            case UInt8(ascii: "\\"): bytes += #"\\"#.utf8
            case 0x0A: bytes += #"\n"#.utf8
            case 0x0D: bytes += #"\r"#.utf8
            case 0x09: bytes += #"\t"#.utf8
            case 0..<0x20:
                let digits = String(byte, radix: 16)
                bytes += (#"\u"# + String(repeating: "0", count: 4 - digits.count) + digits).utf8
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
