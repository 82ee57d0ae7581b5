/// HTML and SVG text in which whatever is interpolated is escaped, unless it is markup already.
///
/// The type is the guard: a `String`, such as a model's answer, cannot reach the page unescaped, because only a literal
/// in this source or another `Markup` is copied as it is. The output is also well-formed XML.
package struct Markup: ExpressibleByStringInterpolation, Sendable {
    /// The finished text.
    package let text: String

    package init(stringLiteral value: String) {
        text = value
    }

    package init(stringInterpolation: StringInterpolation) {
        text = stringInterpolation.text
    }

    /// Joins parts into one, each on its own line.
    package init(joining parts: [Markup]) {
        text = parts.map(\.text).joined(separator: "\n")
    }

    /// Collects literal text as it is and everything else escaped.
    package struct StringInterpolation: StringInterpolationProtocol {
        var text = ""

        package init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + interpolationCount * 16)
        }

        package mutating func appendLiteral(_ literal: String) { text += literal }
        package mutating func appendInterpolation(_ markup: Markup) { text += markup.text }
        package mutating func appendInterpolation(_ parts: [Markup]) { text += Markup(joining: parts).text }
        package mutating func appendInterpolation(_ string: String) { text += Markup.escape(string) }
        package mutating func appendInterpolation(_ integer: Int) { text += String(integer) }
        package mutating func appendInterpolation(_ coordinate: Double) { text += Format.coordinate(coordinate) }
    }

    /// Makes any text harmless and visible inside an element or a quoted attribute.
    ///
    /// The five special characters become references. Control characters become their pictures, and the marks that
    /// reorder text (Unicode's bidirectional controls) become their code, so an answer cannot disguise what it says.
    package static func escape(_ string: String) -> String {
        var result = ""
        result.reserveCapacity(string.utf8.count + 16)
        var afterReturn = false
        for scalar in string.unicodeScalars {
            if afterReturn, scalar != "\n" { result += "\u{240D}" }
            afterReturn = scalar == "\r"
            switch scalar.value {
            case 0x26: result += "&amp;"
            case 0x3C: result += "&lt;"
            case 0x3E: result += "&gt;"
            case 0x22: result += "&quot;"
            case 0x27: result += "&#39;"
            case 0x0D: break
            case 0x09, 0x0A: result.unicodeScalars.append(scalar)
            case 0x00...0x1F: result.unicodeScalars.append(picture(of: scalar.value))
            case 0x7F: result += "\u{2421}"
            case 0x80...0x9F, 0x061C, 0x200B, 0x200E, 0x200F, 0x2028...0x202E, 0x2066...0x2069, 0xE0000...0xE007F:
                result += "[U+" + padded(scalar.value) + "]"
            case 0xFDD0...0xFDEF: result += "\u{FFFD}"
            case let value where value & 0xFFFE == 0xFFFE: result += "\u{FFFD}"
            default: result.unicodeScalars.append(scalar)
            }
        }
        if afterReturn { result += "\u{240D}" }
        return result
    }

    private static func picture(of control: UInt32) -> Unicode.Scalar {
        Unicode.Scalar(0x2400 + control) ?? "\u{FFFD}"
    }

    private static func padded(_ value: UInt32) -> String {
        let digits = String(value, radix: 16, uppercase: true)
        return String(repeating: "0", count: max(0, 4 - digits.count)) + digits
    }
}
