import TemperGuard
import TemperText

/// The texts of tools' calls: names, arguments as they are written, and the texts inside arguments that are JSON.
///
/// Calls come whole, or as deltas that each hold a part. Knows nothing about tools.
enum CallTexts {
    /// Where a text stands in a call: the keys that lead to it, and the call's number.
    private typealias Place = [String]

    static func texts(of value: TemplateValue) -> [String] {
        value.texts.flatMap { text -> [String] in
            guard let first = text.utf8.first(where: { $0 > 0x20 }),
                first == UInt8(ascii: "{") || first == UInt8(ascii: "["),
                let inner = try? TemplateValue(json: Array(text.utf8))
            else { return [text] }
            return [text] + inner.texts
        }
    }

    /// The texts of deltas: what stands at one place is one text, whatever its name; and every part by itself.
    static func texts(ofParts deltas: [TemplateValue]) -> [String] {
        var wholes: [Place: String] = [:]
        for delta in deltas {
            _ = mapped(delta) { place, text in
                wholes[place, default: ""] += text
                return text
            }
        }
        let ordered = wholes.sorted { $0.key.lexicographicallyPrecedes($1.key) }
        return ordered.flatMap { texts(of: .string($0.value)) } + deltas.flatMap(\.texts)
    }

    /// The deltas, or whole calls, with the client's own words in the places of placeholders, in arguments and inputs
    /// alone.
    static func restored(_ deltas: [TemplateValue], _ redaction: Redaction) -> [TemplateValue] {
        guard !redaction.originals.isEmpty else { return deltas }
        // Arguments are JSON in a text.
        let quoted = redaction.writing { String(TemplateValue.string($0).json.dropFirst().dropLast()) }
        var ends: [Place: Int] = [:]
        for (index, delta) in deltas.enumerated() {
            _ = mapped(delta) { place, text in
                ends[place] = index
                return text
            }
        }
        var readers: [Place: PlaceholderReader] = [:]
        return deltas.enumerated().map { index, delta in
            mapped(delta) { place, text in
                guard place.contains("arguments") || place.last == "input" else { return text }
                var reader = readers[place] ?? PlaceholderReader(place.last == "arguments" ? quoted : redaction)
                defer { readers[place] = reader }
                return reader.take(text) + (ends[place] == index ? reader.finish() : "")
            }
        }
    }

    /// The value with every text changed.
    private static func mapped(
        _ value: TemplateValue,
        at place: Place = [],
        _ change: (Place, String) -> String
    ) -> TemplateValue {
        switch value {
        case .string(let text): .string(change(place, text))
        case .array(let items):
            .array(
                items.enumerated().map { position, item in
                    // A delta says which call it goes on with.
                    let number = place == ["tool_calls"] ? item["index"]?.int ?? position : position
                    return mapped(item, at: place + ["\(number)"], change)
                }
            )
        case .object(let pairs):
            .object(pairs.map { ($0.key, mapped($0.value, at: place + [$0.key], change)) })
        default: value
        }
    }
}
