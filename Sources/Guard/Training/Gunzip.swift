import Foundation

/// Unpacks a gzip file (RFC 1952) whose content is deflated (RFC 1951).
///
/// Knows nothing about what is inside; checks lengths and codes, since the file is from elsewhere, but not the CRC.
struct Gunzip {
    struct Broken: Error, CustomStringConvertible {
        var description: String { "not a whole gzip file" }
    }

    private let bytes: [UInt8]
    private var position = 0
    private var held: UInt32 = 0
    private var heldCount = 0

    /// The content, at most `limit` bytes of it.
    static func unpack(_ data: Data, limit: Int = 1 << 28) throws -> [UInt8] {
        var reader = Self(bytes: [UInt8](data))
        try reader.skipHead()
        return try reader.inflate(limit)
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func skipHead() throws {
        guard bytes.count > 18, bytes[0] == 0x1F, bytes[1] == 0x8B, bytes[2] == 8 else { throw Broken() }
        let flags = bytes[3]
        position = 10
        if flags & 4 != 0 { position += 2 + Int(bytes[10]) + Int(bytes[11]) << 8 }
        for flag in [UInt8(8), 16] where flags & flag != 0 {
            while position < bytes.count, bytes[position] != 0 { position += 1 }
            position += 1
        }
        if flags & 2 != 0 { position += 2 }
    }

    private mutating func bits(_ count: Int) throws -> Int {
        while heldCount < count {
            guard position < bytes.count else { throw Broken() }
            held |= UInt32(bytes[position]) << UInt32(heldCount)
            position += 1
            heldCount += 8
        }
        let value = held & (1 << UInt32(count) - 1)
        held >>= UInt32(count)
        heldCount -= count
        return Int(value)
    }

    /// A canonical Huffman code: how many codes there are of each length, and the symbols in order.
    private struct Code {
        var counts = [Int](repeating: 0, count: 16)
        var symbols: [Int] = []

        init(_ lengths: [Int]) {
            for length in lengths where length > 0 { counts[length] += 1 }
            symbols = lengths.indices.filter { lengths[$0] > 0 }.sorted { (lengths[$0], $0) < (lengths[$1], $1) }
        }
    }

    private mutating func symbol(_ code: Code) throws -> Int {
        var (value, first, index) = (0, 0, 0)
        for length in 1..<16 {
            value |= try bits(1)
            let count = code.counts[length]
            if value - first < count { return code.symbols[index + value - first] }
            index += count
            first = (first + count) << 1
            value <<= 1
        }
        throw Broken()
    }

    private static let order = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]
    private static let lengthBases = [
        3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227,
        258,
    ]
    private static let distanceBases = [
        1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097,
        6145,
        8193, 12289, 16385, 24577,
    ]

    private mutating func inflate(_ limit: Int) throws -> [UInt8] {
        var output: [UInt8] = []
        var isLast = false
        while !isLast {
            isLast = try bits(1) == 1
            switch try bits(2) {
            case 0:
                (held, heldCount) = (0, 0)
                guard position + 4 <= bytes.count else { throw Broken() }
                let count = Int(bytes[position]) | Int(bytes[position + 1]) << 8
                position += 4
                guard position + count <= bytes.count, output.count + count <= limit else { throw Broken() }
                output += bytes[position..<position + count]
                position += count
            case 1:
                let lengths =
                    [Int](repeating: 8, count: 144) + [Int](repeating: 9, count: 112) + [Int](repeating: 7, count: 24)
                    + [Int](repeating: 8, count: 8)
                try block(Code(lengths), Code([Int](repeating: 5, count: 30)), limit, &output)
            case 2:
                let (literals, distances) = try codes()
                try block(literals, distances, limit, &output)
            default: throw Broken()
            }
        }
        return output
    }

    private mutating func codes() throws -> (Code, Code) {
        let (literals, distances, count) = (try bits(5) + 257, try bits(5) + 1, try bits(4) + 4)
        var lengths = [Int](repeating: 0, count: 19)
        for place in Self.order.prefix(count) { lengths[place] = try bits(3) }
        let code = Code(lengths)
        var all: [Int] = []
        while all.count < literals + distances {
            switch try symbol(code) {
            case 16:
                guard let last = all.last else { throw Broken() }
                all += [Int](repeating: last, count: 3 + (try bits(2)))
            case 17: all += [Int](repeating: 0, count: 3 + (try bits(3)))
            case 18: all += [Int](repeating: 0, count: 11 + (try bits(7)))
            case let length: all.append(length)
            }
        }
        guard all.count == literals + distances else { throw Broken() }
        return (Code(Array(all[..<literals])), Code(Array(all[literals...])))
    }

    private mutating func block(_ literals: Code, _ distances: Code, _ limit: Int, _ output: inout [UInt8]) throws {
        while true {
            let next = try symbol(literals)
            if next == 256 { return }
            guard output.count < limit else { throw Broken() }
            if next < 256 {
                output.append(UInt8(next))
                continue
            }
            let place = next - 257
            guard place < Self.lengthBases.count else { throw Broken() }
            let extra = place < 8 || place == 28 ? 0 : (place - 4) / 4
            let length = Self.lengthBases[place] + (try bits(extra))
            let far = try symbol(distances)
            guard far < Self.distanceBases.count else { throw Broken() }
            let distance = Self.distanceBases[far] + (try bits(far < 4 ? 0 : (far - 2) / 2))
            guard distance <= output.count else { throw Broken() }
            for _ in 0..<length { output.append(output[output.count - distance]) }
        }
    }
}
