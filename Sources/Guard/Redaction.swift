/// Puts replacements into a text, and keeps what they stand for so that it can be put back.
///
/// Knows nothing about rails. A reversible finding becomes a numbered placeholder such as `<EMAIL_0>`; the same original
/// always becomes the same one, so that a model can still tell two addresses apart. The originals stay in this value and
/// are in no record.
public struct Redaction: Sendable, Hashable {
    /// What each placeholder stands for.
    public private(set) var originals: [String: String] = [:]
    private var placeholders: [String: String] = [:]

    /// Starts without any placeholder.
    public init() {}

    /// The text with every finding's range replaced; of ranges that overlap, the one that begins first counts, and of
    /// those the longest.
    public mutating func apply(_ findings: [Finding], to text: String) -> String {
        let bytes = Array(text.utf8)
        var result: [UInt8] = []
        var position = 0
        let sorted = findings.sorted { first, second in
            let (a, b) = (first.range ?? 0..<0, second.range ?? 0..<0)
            return (a.lowerBound, -a.upperBound) < (b.lowerBound, -b.upperBound)
        }
        for finding in sorted {
            guard let range = finding.range, let replacement = finding.replacement, range.lowerBound >= position,
                range.upperBound <= bytes.count
            else { continue }
            result += bytes[position..<range.lowerBound]
            let original = String(decoding: bytes[range], as: UTF8.self)
            result += (finding.isReversible ? placeholder(replacement, for: original, in: text) : replacement).utf8
            position = range.upperBound
        }
        return String(decoding: result + bytes[position...], as: UTF8.self)
    }

    /// The same placeholders for originals that are written otherwise, such as inside a JSON text.
    package func writing(_ form: (String) -> String) -> Redaction {
        var copy = self
        copy.originals = originals.mapValues(form)
        return copy
    }

    /// The text with the originals in the placeholders' places.
    public func restore(_ text: String) -> String {
        guard !originals.isEmpty else { return text }
        var result = ""
        var rest = text[...]
        while let start = rest.firstIndex(of: "<") {
            result += rest[..<start]
            rest = rest[start...]
            guard let end = rest.firstIndex(of: ">"), let original = originals[String(rest[...end])] else {
                result.append("<")
                rest = rest.dropFirst()
                continue
            }
            result += original
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    private static let mostOriginals = 1000

    private mutating func placeholder(_ kind: String, for original: String, in text: String) -> String {
        let key = "\(kind) \(original)"
        if let known = placeholders[key] { return known }
        // A text that is all addresses must not cost the square of its length; what has no number is not restored.
        guard originals.count < Self.mostOriginals else { return "<\(kind)>" }
        // A number that the text already holds would be mistaken for ours.
        var number = 0
        while originals["<\(kind)_\(number)>"] != nil || text.contains("<\(kind)_\(number)>") { number += 1 }
        let name = "<\(kind)_\(number)>"
        placeholders[key] = name
        originals[name] = original
        return name
    }
}
