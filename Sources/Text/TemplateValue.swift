/// Plain data: what a chat template sees, and what the tokenizer's JSON files are read as.
///
/// Objects keep the order of their keys, and keys are compared byte by byte: a Swift dictionary of strings would merge
/// keys that differ only by Unicode normalisation. Knows nothing about templates or tokenizers.
public enum TemplateValue: Sendable {
    /// The absence of a value.
    case null
    /// True or false.
    case bool(Bool)
    /// A whole number.
    case int(Int)
    /// A number with a fraction or an exponent.
    case double(Double)
    /// Text.
    case string(String)
    /// Values in order.
    case array([TemplateValue])
    /// Named values in order.
    case object([(key: String, value: TemplateValue)])
}

extension TemplateValue {
    /// Reads a JSON document, keeping the order of keys.
    ///
    /// - Parameter json: UTF-8 of the document.
    public init(json: [UInt8]) throws {
        self = try JSONReader.read(json)
    }

    /// The value under a key of an object; nil for other kinds and absent keys.
    package subscript(key: String) -> TemplateValue? {
        guard case .object(let pairs) = self else { return nil }
        return pairs.last { $0.key.utf8.elementsEqual(key.utf8) }?.value
    }

    /// The text, if this is text.
    package var string: String? {
        if case .string(let text) = self { text } else { nil }
    }

    /// The truth value, if this is one.
    package var bool: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The whole number, if this is one.
    package var int: Int? {
        if case .int(let value) = self { value } else { nil }
    }

    /// The number, whole or not, if this is one.
    package var number: Double? {
        switch self {
        case .int(let value): Double(value)
        case .double(let value): value
        default: nil
        }
    }

    /// The elements, if this is an array.
    package var array: [TemplateValue]? {
        if case .array(let values) = self { values } else { nil }
    }

    /// Whether this is the absence of a value.
    package var isNull: Bool {
        if case .null = self { true } else { false }
    }
}

extension TemplateValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByNilLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    /// Creates text.
    public init(stringLiteral value: String) { self = .string(value) }
    /// Creates a whole number.
    public init(integerLiteral value: Int) { self = .int(value) }
    /// Creates a number with a fraction.
    public init(floatLiteral value: Double) { self = .double(value) }
    /// Creates a truth value.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// Creates the absence of a value.
    public init(nilLiteral: ()) { self = .null }
    /// Creates an array.
    public init(arrayLiteral elements: TemplateValue...) { self = .array(elements) }
    /// Creates an object; the order of the keys is kept.
    public init(dictionaryLiteral elements: (String, TemplateValue)...) {
        self = .object(elements.map { (key: $0.0, value: $0.1) })
    }
}
