import TemperGuard

/// Puts the client's own words back in the places of placeholders, in a text that arrives in pieces.
///
/// The beginning of a placeholder waits for its rest. Knows nothing about rails; what it gets was judged.
struct PlaceholderReader: Sendable {
    private let redaction: Redaction
    private var rest = ""

    init(_ redaction: Redaction) {
        self.redaction = redaction
    }

    mutating func take(_ text: String) -> String {
        guard !redaction.originals.isEmpty else { return text }
        let whole = rest + text
        guard let start = whole.lastIndex(of: "<"), !whole[start...].contains(">"),
            redaction.originals.keys.contains(where: { $0.hasPrefix(whole[start...]) })
        else {
            rest = ""
            return redaction.restore(whole)
        }
        rest = String(whole[start...])
        return redaction.restore(String(whole[..<start]))
    }

    mutating func finish() -> String {
        defer { rest = "" }
        return rest
    }
}
