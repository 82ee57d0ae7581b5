/// Reads GGUF's primitive and nested values from bytes, never past the end.
///
/// Every count that the file states is compared with the bytes that are left before anything is allocated, so a lying
/// count costs an error and no memory. The cursor knows the grammar of values and nothing about headers or tensors.
struct GGUFCursor {
    /// Where and why reading stopped.
    struct Fault: Error {
        var offset: Int
        var reason: String
        var isTruncation = false
    }

    /// Arrays of arrays may be this deep; real files use one level.
    static let nestingLimit = 4

    let bytes: UnsafeRawBufferPointer
    private(set) var position = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    var remaining: Int { bytes.count - position }

    func fault(_ reason: String) -> Fault { Fault(offset: position, reason: reason) }

    /// One number, little endian.
    mutating func number<T: BitwiseCopyable>(_ type: T.Type = T.self) throws(Fault) -> T {
        let size = MemoryLayout<T>.size
        guard remaining >= size else { throw cut() }
        defer { position += size }
        return bytes.loadUnaligned(fromByteOffset: position, as: T.self)
    }

    /// A count of things of which each takes at least `minimum` bytes.
    mutating func count(of what: String, minimum: Int) throws(Fault) -> Int {
        let value = try number(UInt64.self)
        guard let count = Int(exactly: value), count <= remaining / minimum else {
            throw Fault(
                offset: position - 8,
                reason: "it claims \(value) \(what), but only \(remaining) bytes are left",
                isTruncation: true
            )
        }
        return count
    }

    mutating func string() throws(Fault) -> GGUFString {
        let count = try count(of: "bytes of text", minimum: 1)
        defer { position += count }
        return GGUFString(bytes: Array(bytes[position..<position + count]))
    }

    mutating func value() throws(Fault) -> GGUFValue {
        let kind = try number(UInt32.self)
        return switch kind {
        case 0: .uint8(try number())
        case 1: .int8(try number())
        case 2: .uint16(try number())
        case 3: .int16(try number())
        case 4: .uint32(try number())
        case 5: .int32(try number())
        case 6: .float32(try number())
        case 7: .bool(try bool())
        case 8: .string(try string())
        case 9: .array(try array(depth: 1))
        case 10: .uint64(try number())
        case 11: .int64(try number())
        case 12: .float64(try number())
        default: throw fault("there is no value type \(kind)")
        }
    }

    private mutating func array(depth: Int) throws(Fault) -> GGUFArray {
        guard depth <= Self.nestingLimit else {
            throw fault("arrays are nested more than \(Self.nestingLimit) deep")
        }
        let kind = try number(UInt32.self)
        return switch kind {
        case 0: .uint8(try numbers())
        case 1: .int8(try numbers())
        case 2: .uint16(try numbers())
        case 3: .int16(try numbers())
        case 4: .uint32(try numbers())
        case 5: .int32(try numbers())
        case 6: .float32(try numbers())
        case 7: .bool(try bools())
        case 8: .strings(try strings())
        case 9: .arrays(try arrays(depth: depth + 1))
        case 10: .uint64(try numbers())
        case 11: .int64(try numbers())
        case 12: .float64(try numbers())
        default: throw fault("there is no array element type \(kind)")
        }
    }

    private mutating func bool() throws(Fault) -> Bool {
        let byte = try number(UInt8.self)
        guard byte <= 1 else { throw fault("a truth value is \(byte) instead of 0 or 1") }
        return byte == 1
    }

    private mutating func bools() throws(Fault) -> [Bool] {
        let values: [UInt8] = try numbers()
        guard values.allSatisfy({ $0 <= 1 }) else { throw fault("a truth value is neither 0 nor 1") }
        return values.map { $0 == 1 }
    }

    /// A whole array of numbers in one copy.
    private mutating func numbers<T: BitwiseCopyable>() throws(Fault) -> [T] {
        let size = MemoryLayout<T>.stride
        let count = try count(of: "array elements", minimum: size)
        let source = UnsafeRawBufferPointer(rebasing: bytes[position..<position + count * size])
        position += count * size
        return Array(unsafeUninitializedCapacity: count) { buffer, initialized in
            UnsafeMutableRawBufferPointer(buffer).copyMemory(from: source)
            initialized = count
        }
    }

    /// All strings of an array, in one block of bytes.
    private mutating func strings() throws(Fault) -> GGUFStrings {
        let count = try count(of: "strings", minimum: 8)
        var ends: [Int] = []
        ends.reserveCapacity(count)
        var storage: [UInt8] = []
        for _ in 0..<count {
            let length = try self.count(of: "bytes of text", minimum: 1)
            storage.append(
                contentsOf: UnsafeRawBufferPointer(rebasing: bytes[position..<position + length])
            )
            position += length
            ends.append(storage.count)
        }
        return GGUFStrings(storage: storage, ends: ends)
    }

    private mutating func arrays(depth: Int) throws(Fault) -> [GGUFArray] {
        let count = try count(of: "arrays", minimum: 12)
        var result: [GGUFArray] = []
        result.reserveCapacity(count)
        for _ in 0..<count { result.append(try array(depth: depth)) }
        return result
    }

    private func cut() -> Fault {
        Fault(offset: position, reason: "the file ends in the middle of its header", isTruncation: true)
    }
}
