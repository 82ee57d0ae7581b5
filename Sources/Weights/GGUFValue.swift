/// A metadata value of a GGUF file, in the type in which the file stores it.
///
/// Text in a GGUF file is bytes: a tokenizer's entries need not be valid UTF-8, and Swift compares strings by canonical
/// equivalence, so strings keep their bytes and offer a `String` for display. Arrays are stored flat, one case for each
/// element type, so a vocabulary of a quarter of a million entries costs two allocations.
/// Format: the public GGUF specification (ggml-org/ggml, docs/gguf.md).
public enum GGUFValue: Sendable, Equatable {
    case uint8(UInt8)
    case int8(Int8)
    case uint16(UInt16)
    case int16(Int16)
    case uint32(UInt32)
    case int32(Int32)
    case uint64(UInt64)
    case int64(Int64)
    case float32(Float)
    case float64(Double)
    case bool(Bool)
    case string(GGUFString)
    case array(GGUFArray)

    /// The value as a whole number, if it is one and fits.
    public var integer: Int? {
        switch self {
        case .uint8(let value): Int(value)
        case .int8(let value): Int(value)
        case .uint16(let value): Int(value)
        case .int16(let value): Int(value)
        case .uint32(let value): Int(value)
        case .int32(let value): Int(value)
        case .uint64(let value): Int(exactly: value)
        case .int64(let value): Int(value)
        default: nil
        }
    }

    /// The value as a number, whole or not.
    public var number: Double? {
        switch self {
        case .float32(let value): Double(value)
        case .float64(let value): value
        default: integer.map { Double($0) }
        }
    }

    /// The value as a truth value, if it is one.
    public var flag: Bool? {
        if case .bool(let value) = self { value } else { nil }
    }

    /// The value as text, if it is a string; bytes that are not UTF-8 become replacement characters.
    public var text: String? {
        if case .string(let value) = self { value.text } else { nil }
    }

    /// The elements, if the value is an array of strings.
    public var strings: GGUFStrings? {
        if case .array(.strings(let value)) = self { value } else { nil }
    }

    /// The elements, if the value is an array of whole numbers that all fit.
    public var integers: [Int]? {
        guard case .array(let array) = self else { return nil }
        return array.integers
    }
}

/// A string as a GGUF file stores it: bytes that are meant to be UTF-8.
public struct GGUFString: Sendable, Hashable {
    /// The bytes as they are.
    public let bytes: [UInt8]

    /// The bytes read as UTF-8; invalid ones become replacement characters.
    public var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// The elements of a GGUF array, stored flat.
public enum GGUFArray: Sendable, Equatable {
    case uint8([UInt8])
    case int8([Int8])
    case uint16([UInt16])
    case int16([Int16])
    case uint32([UInt32])
    case int32([Int32])
    case uint64([UInt64])
    case int64([Int64])
    case float32([Float])
    case float64([Double])
    case bool([Bool])
    case strings(GGUFStrings)
    case arrays([GGUFArray])

    /// The number of elements.
    public var count: Int {
        switch self {
        case .uint8(let values): values.count
        case .int8(let values): values.count
        case .uint16(let values): values.count
        case .int16(let values): values.count
        case .uint32(let values): values.count
        case .int32(let values): values.count
        case .uint64(let values): values.count
        case .int64(let values): values.count
        case .float32(let values): values.count
        case .float64(let values): values.count
        case .bool(let values): values.count
        case .strings(let values): values.count
        case .arrays(let values): values.count
        }
    }

    /// The elements as whole numbers, if they are and all fit.
    public var integers: [Int]? {
        switch self {
        case .uint8(let values): return values.map { Int($0) }
        case .int8(let values): return values.map { Int($0) }
        case .uint16(let values): return values.map { Int($0) }
        case .int16(let values): return values.map { Int($0) }
        case .uint32(let values): return values.map { Int($0) }
        case .int32(let values): return values.map { Int($0) }
        case .int64(let values): return values.map { Int($0) }
        case .uint64(let values):
            let result = values.compactMap { Int(exactly: $0) }
            return result.count == values.count ? result : nil
        default: return nil
        }
    }
}

/// Many strings in one block of bytes.
public struct GGUFStrings: Sendable, Equatable, RandomAccessCollection {
    /// All bytes, one string after the other.
    let storage: [UInt8]
    /// Where each string ends in `storage`.
    let ends: [Int]

    /// The position of the first string, always zero.
    public var startIndex: Int { 0 }

    /// The number of strings.
    public var endIndex: Int { ends.count }

    /// The bytes of one string.
    public subscript(position: Int) -> ArraySlice<UInt8> {
        storage[(position == 0 ? 0 : ends[position - 1])..<ends[position]]
    }
}
