/// Puts values in place of `${NAME}` and `${NAME:-default}`; `$${` stands for `${` itself.
///
/// Knows nothing about where the values come from. The spelling is the shell's.
enum RecipeVariables {
    /// The text with every variable replaced by what `value` gives for its name and default.
    static func expand(
        _ text: String,
        value: (_ name: String, _ fallback: String?) throws -> String,
        malformed: (_ expected: String) -> RecipeError
    ) throws -> String {
        var result = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            let tail = rest[dollar...]
            if tail.hasPrefix("$${") {
                result += "${"
                rest = tail.dropFirst(3)
            } else if tail.hasPrefix("${") {
                guard let end = tail.firstIndex(of: "}") else {
                    throw malformed("a \"}\" after every \"${\", or \"$${\" for the signs themselves")
                }
                let inside = tail[..<end].dropFirst(2)
                var name = inside
                var fallback: String?
                if let colon = inside.firstIndex(of: ":"), inside[colon...].hasPrefix(":-") {
                    name = inside[..<colon]
                    fallback = String(inside[colon...].dropFirst(2))
                }
                let isName =
                    name.utf8.allSatisfy { isLetter($0) || (0x30...0x39).contains($0) }
                    && (name.utf8.first.map(isLetter) ?? false)
                guard isName else { throw malformed("${NAME} or ${NAME:-default}") }
                result += try value(String(name), fallback)
                rest = tail[tail.index(after: end)...]
            } else {
                result += "$"
                rest = tail.dropFirst()
            }
        }
        return result + rest
    }

    /// The text written so that ``expand(_:value:malformed:)`` gives it back.
    static func escape(_ text: String) -> String {
        var result = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            result += rest[dollar...].hasPrefix("${") ? "$$" : "$"
            rest = rest[dollar...].dropFirst()
        }
        return result + rest
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
    }
}
