/// Reads the JSON header of a safetensors file, strictly.
///
/// The header is an object from tensor names to `{"dtype", "shape", "data_offsets"}`, plus `__metadata__`, an object of
/// strings. A general JSON reader would quietly merge repeated names, round large integers and accept anything nested;
/// all of these are ways to lie about a weight file, so this scanner accepts this one grammar and names the byte where
/// the text leaves it. It checks the grammar alone: sizes and offsets are judged by `SafetensorsFile`.
/// Format: the public description in the safetensors repository (huggingface/safetensors, README).
struct SafetensorsHeader {
    /// One tensor as the header states it, not yet checked against anything.
    struct Item {
        var name: String
        var dtype: String
        var shape: [Int]
        var begin: Int
        var end: Int
    }

    /// Where and why the text is not a header.
    struct Fault: Error {
        var offset: Int
        var reason: String
    }

    private(set) var items: [Item] = []
    private(set) var metadata: [String: String] = [:]

    init(_ bytes: UnsafeRawBufferPointer) throws(Fault) {
        guard bytes.first == UInt8(ascii: "{") else {
            throw Fault(offset: 0, reason: "the header is not an object")
        }
        var scanner = Scanner(bytes: bytes)
        var seen = Set<String>()
        try scanner.object { (scanner, name) throws(Fault) in
            guard seen.insert(name).inserted else {
                throw scanner.fault("the name \"\(name)\" occurs twice")
            }
            if name == "__metadata__" {
                metadata = try Self.metadata(&scanner)
            } else {
                items.append(try Self.item(&scanner, name: name))
            }
        }
        try scanner.end()
    }

    private static func metadata(_ scanner: inout Scanner) throws(Fault) -> [String: String] {
        var result: [String: String] = [:]
        try scanner.object { (scanner, key) throws(Fault) in
            let value = try scanner.string()
            guard result.updateValue(value, forKey: key) == nil else {
                throw scanner.fault("the metadata key \"\(key)\" occurs twice")
            }
        }
        return result
    }

    private static func item(_ scanner: inout Scanner, name: String) throws(Fault) -> Item {
        var dtype: String?
        var shape: [Int]?
        var offsets: [Int]?
        try scanner.object { (scanner, key) throws(Fault) in
            switch key {
            case "dtype" where dtype == nil: dtype = try scanner.string()
            case "shape" where shape == nil: shape = try scanner.integers()
            case "data_offsets" where offsets == nil: offsets = try scanner.integers()
            default: throw scanner.fault("tensor \"\(name)\" has an unknown or repeated key \"\(key)\"")
            }
        }
        guard let dtype, let shape, let offsets, offsets.count == 2 else {
            throw scanner.fault("tensor \"\(name)\" needs dtype, shape and data_offsets of two numbers")
        }
        return Item(name: name, dtype: dtype, shape: shape, begin: offsets[0], end: offsets[1])
    }
}

/// A cursor over JSON text that knows objects, strings and arrays of non-negative integers.
private struct Scanner {
    typealias Fault = SafetensorsHeader.Fault

    let bytes: UnsafeRawBufferPointer
    var position = 0

    init(bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    func fault(_ reason: String) -> Fault { Fault(offset: position, reason: reason) }

    /// The next byte that is not white space, without taking it.
    mutating func peek() throws(Fault) -> UInt8 {
        while position < bytes.count {
            switch bytes[position] {
            case 0x20, 0x09, 0x0A, 0x0D: position += 1
            case let byte: return byte
            }
        }
        throw fault("the text ends early")
    }

    mutating func take(_ character: Unicode.Scalar) throws(Fault) {
        guard try peek() == UInt8(ascii: character) else { throw fault("expected '\(character)'") }
        position += 1
    }

    /// Takes `character` if it is next.
    mutating func skip(_ character: Unicode.Scalar) throws(Fault) -> Bool {
        guard try peek() == UInt8(ascii: character) else { return false }
        position += 1
        return true
    }

    /// Only white space may follow.
    mutating func end() throws(Fault) {
        while position < bytes.count {
            guard [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) else {
                throw fault("text follows the closing brace")
            }
            position += 1
        }
    }

    mutating func object(_ member: (inout Scanner, String) throws(Fault) -> Void) throws(Fault) {
        try take("{")
        if try skip("}") { return }
        repeat {
            let key = try string()
            try take(":")
            try member(&self, key)
        } while try skip(",")
        try take("}")
    }

    mutating func integers() throws(Fault) -> [Int] {
        try take("[")
        var result: [Int] = []
        if try skip("]") { return result }
        repeat {
            result.append(try integer())
        } while try skip(",")
        try take("]")
        return result
    }

    private mutating func integer() throws(Fault) -> Int {
        _ = try peek()
        let start = position
        var value = 0
        while position < bytes.count, case let digit = bytes[position] &- UInt8(ascii: "0"), digit <= 9 {
            let (scaled, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = scaled.addingReportingOverflow(Int(digit))
            guard !overflow, !carry else { throw fault("the number is too large") }
            value = sum
            position += 1
        }
        guard position > start else { throw fault("expected a whole number that is not negative") }
        guard position == start + 1 || bytes[start] != UInt8(ascii: "0") else {
            throw fault("a number starts with 0")
        }
        return value
    }

    mutating func string() throws(Fault) -> String {
        try take("\"")
        var text: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case UInt8(ascii: "\""):
                guard let result = String(validating: text, as: UTF8.self) else {
                    throw fault("a string is not valid UTF-8")
                }
                return result
            case UInt8(ascii: "\\"):
                text.append(contentsOf: String(try escape()).utf8)
            case 0..<0x20:
                throw fault("a string holds a control character")
            default:
                text.append(byte)
            }
        }
        throw fault("a string does not end")
    }

    private mutating func escape() throws(Fault) -> Unicode.Scalar {
        guard position < bytes.count else { throw fault("a string does not end") }
        let byte = bytes[position]
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            var code = try hexadecimal()
            if (0xD800..<0xDC00).contains(code) {
                guard position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
                    bytes[position + 1] == UInt8(ascii: "u")
                else { throw fault("half of a surrogate pair") }
                position += 2
                let low = try hexadecimal()
                guard (0xDC00..<0xE000).contains(low) else { throw fault("half of a surrogate pair") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw fault("half of a surrogate pair") }
            return scalar
        default: throw fault("an unknown escape in a string")
        }
    }

    private mutating func hexadecimal() throws(Fault) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard position < bytes.count,
                let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue
            else {
                throw fault("\\u needs four hexadecimal digits")
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }
}
