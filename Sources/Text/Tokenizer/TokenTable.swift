/// All tokens' bytes in one block, with an index from bytes to id.
///
/// Keys are bytes, never strings: Swift compares strings by canonical equivalence and would merge tokens. Open addressing
/// over FNV-1a. Knows nothing about merges or special tokens.
struct TokenTable: Sendable {
    private var pool: [UInt8] = []
    private var starts: [Int32] = [0]
    private var slots: [Int32] = []
    private var mask = 0
    /// Length in bytes of the longest searchable token.
    private(set) var longest = 0

    /// Number of ids.
    var count: Int { starts.count - 1 }

    /// Lays out tokens by id; only those marked searchable are found by ``find(_:)``.
    ///
    /// - Parameters:
    ///   - tokens: the bytes of each id; an id without a token has none.
    ///   - isSearchable: one entry per id.
    init(_ tokens: [[UInt8]], isSearchable: [Bool]) {
        starts.reserveCapacity(tokens.count + 1)
        pool.reserveCapacity(tokens.reduce(0) { $0 + $1.count })
        for token in tokens {
            pool.append(contentsOf: token)
            starts.append(Int32(pool.count))
        }
        var capacity = 16
        while capacity < tokens.count * 2 { capacity *= 2 }
        slots = [Int32](repeating: -1, count: capacity)
        mask = capacity - 1
        for id in tokens.indices where isSearchable[id] && !tokens[id].isEmpty {
            longest = max(longest, tokens[id].count)
            tokens[id].withUnsafeBufferPointer { bytes in
                var slot = Self.slotHash(Self.hash(bytes)) & mask
                while slots[slot] >= 0 { slot = (slot + 1) & mask }
                slots[slot] = Int32(id)
            }
        }
    }

    /// The bytes of an id, or nil if there is no such id.
    func bytes(of id: Int) -> ArraySlice<UInt8>? {
        guard id >= 0, id < count else { return nil }
        return pool[Int(starts[id])..<Int(starts[id + 1])]
    }

    /// The id of the searchable token with exactly these bytes.
    func find(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32? {
        guard bytes.count <= longest else { return nil }
        return find(bytes, hash: Self.hash(bytes))
    }

    /// The id of the searchable token with exactly these bytes.
    func find(_ bytes: [UInt8]) -> Int32? {
        bytes.withUnsafeBufferPointer(find)
    }

    /// Calls `body` with id and length of every searchable token that the bytes begin with, shortest first.
    func forEachPrefix(of bytes: UnsafeBufferPointer<UInt8>, _ body: (Int32, Int) -> Void) {
        var hash = Self.emptyHash
        for length in 0..<min(bytes.count, longest) {
            hash = Self.extend(hash, bytes[length])
            if let id = find(UnsafeBufferPointer(rebasing: bytes[...length]), hash: hash) { body(id, length + 1) }
        }
    }

    private func find(_ bytes: UnsafeBufferPointer<UInt8>, hash: UInt64) -> Int32? {
        guard !slots.isEmpty, !bytes.isEmpty else { return nil }
        var slot = Self.slotHash(hash) & mask
        while slots[slot] >= 0 {
            let id = Int(slots[slot])
            let start = Int(starts[id])
            if Int(starts[id + 1]) - start == bytes.count {
                var index = 0
                while index < bytes.count, pool[start + index] == bytes[index] { index += 1 }
                if index == bytes.count { return Int32(id) }
            }
            slot = (slot + 1) & mask
        }
        return nil
    }

    private static let emptyHash: UInt64 = 0xCBF2_9CE4_8422_2325

    private static func extend(_ hash: UInt64, _ byte: UInt8) -> UInt64 {
        (hash ^ UInt64(byte)) &* 0x100_0000_01B3
    }

    private static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> UInt64 {
        bytes.reduce(emptyHash, extend)
    }

    private static func slotHash(_ hash: UInt64) -> Int {
        Int(truncatingIfNeeded: hash ^ (hash >> 29)) & Int.max
    }
}
