/// Merges the bytes of one pre-token into tokens, best rank first, ties from the left.
///
/// The symbols form a linked list and the candidate pairs a heap, so n bytes cost O(n log n) however long the run is.
/// Algorithm: Sennrich et al. 2016 (arXiv 1508.07909) over bytes as in GPT-2. Knows nothing about text or special tokens.
struct BytePairMerger: Sendable {
    /// What becomes of a byte that the vocabulary lacks.
    enum MissingByte: Sendable {
        /// It is left out, and its neighbours become adjacent.
        case dropped
        /// It becomes this id; runs become one if `fused`.
        case unknown(id: Int32, fused: Bool)
    }

    /// A token and the bytes of the pre-token it covers.
    struct Piece {
        var id: Int32
        var start: Int32
        var end: Int32
    }

    /// Space reused between pre-tokens.
    struct Scratch {
        fileprivate var symbols: [Symbol] = []
        fileprivate var heap = RankHeap()
        /// The tokens of the pre-token merged last.
        fileprivate(set) var pieces: [Piece] = []
    }

    fileprivate struct Symbol {
        var id: Int32
        var previous: Int32
        var next: Int32
        var start: Int32
        var end: Int32
    }

    private let table: TokenTable
    private let byteIDs: [Int32]
    /// From a pair of ids packed in 64 bits to its rank.
    private let ranks: [UInt64: Int32]
    /// The id each rank merges into.
    private let results: [Int32]
    private let missingByte: MissingByte
    private let takesWholeWords: Bool

    /// Prepares the merges.
    ///
    /// - Parameters:
    ///   - table: the vocabulary.
    ///   - merges: pairs of ids and what they merge into, best first; a pair given twice has its last rank.
    ///   - missingByte: what becomes of a byte the vocabulary lacks.
    ///   - takesWholeWords: whether a pre-token that is itself a token is taken as it is, without merging.
    init(
        table: TokenTable,
        merges: [(left: Int32, right: Int32, result: Int32)],
        missingByte: MissingByte,
        takesWholeWords: Bool
    ) {
        self.table = table
        self.missingByte = missingByte
        self.takesWholeWords = takesWholeWords
        byteIDs = (0..<256).map { table.find([UInt8($0)]) ?? -1 }
        var ranks: [UInt64: Int32] = [:]
        ranks.reserveCapacity(merges.count)
        for (rank, merge) in merges.enumerated() {
            ranks[Self.key(merge.left, merge.right)] = Int32(rank)
        }
        self.ranks = ranks
        results = merges.map(\.result)
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// Merges one pre-token; the tokens are left in `scratch.pieces`.
    func merge(_ bytes: UnsafeBufferPointer<UInt8>, scratch: inout Scratch) {
        scratch.pieces.removeAll(keepingCapacity: true)
        if takesWholeWords, let id = table.find(bytes) {
            scratch.pieces.append(Piece(id: id, start: 0, end: Int32(bytes.count)))
            return
        }
        seed(bytes, scratch: &scratch)
        if scratch.symbols.count > 1 {
            for index in 0..<scratch.symbols.count - 1 { push(Int32(index), scratch: &scratch) }
            while let (rank, index) = scratch.heap.pop() { apply(rank, at: index, scratch: &scratch) }
        }
        var index: Int32 = scratch.symbols.isEmpty ? -1 : 0
        while index >= 0 {
            let symbol = scratch.symbols[Int(index)]
            scratch.pieces.append(Piece(id: symbol.id, start: symbol.start, end: symbol.end))
            index = symbol.next
        }
    }

    private func seed(_ bytes: UnsafeBufferPointer<UInt8>, scratch: inout Scratch) {
        scratch.symbols.removeAll(keepingCapacity: true)
        var lastIsUnknown = false
        for offset in 0..<bytes.count {
            var id = byteIDs[Int(bytes[offset])]
            let isUnknown = id < 0
            if isUnknown {
                guard case .unknown(let unknown, let fused) = missingByte else { continue }
                if fused, lastIsUnknown {
                    scratch.symbols[scratch.symbols.count - 1].end = Int32(offset + 1)
                    continue
                }
                id = unknown
            }
            lastIsUnknown = isUnknown
            let index = Int32(scratch.symbols.count)
            if index > 0 { scratch.symbols[Int(index) - 1].next = index }
            scratch.symbols.append(
                Symbol(id: id, previous: index - 1, next: -1, start: Int32(offset), end: Int32(offset + 1))
            )
        }
    }

    /// Offers the pair that starts at a symbol to the heap.
    private func push(_ index: Int32, scratch: inout Scratch) {
        let left = scratch.symbols[Int(index)]
        guard left.next >= 0 else { return }
        if let rank = ranks[Self.key(left.id, scratch.symbols[Int(left.next)].id)] {
            scratch.heap.push(rank: rank, index: index)
        }
    }

    private func apply(_ rank: Int32, at index: Int32, scratch: inout Scratch) {
        let left = scratch.symbols[Int(index)]
        // The pair may have been merged away or changed since it was offered.
        guard left.id >= 0, left.next >= 0 else { return }
        let right = scratch.symbols[Int(left.next)]
        guard let current = ranks[Self.key(left.id, right.id)], results[Int(current)] == results[Int(rank)] else {
            return
        }
        scratch.symbols[Int(left.next)].id = -1
        scratch.symbols[Int(index)].id = results[Int(rank)]
        scratch.symbols[Int(index)].end = right.end
        scratch.symbols[Int(index)].next = right.next
        if right.next >= 0 { scratch.symbols[Int(right.next)].previous = index }
        if left.previous >= 0 { push(left.previous, scratch: &scratch) }
        push(index, scratch: &scratch)
    }
}

/// A binary heap of (rank, position) packed in 64 bits, smallest first.
private struct RankHeap {
    private var items: [UInt64] = []

    mutating func push(rank: Int32, index: Int32) {
        let item = UInt64(UInt32(bitPattern: rank)) << 32 | UInt64(UInt32(bitPattern: index))
        var hole = items.count
        items.append(item)
        while hole > 0 {
            let parent = (hole - 1) / 2
            if items[parent] <= item { break }
            items[hole] = items[parent]
            hole = parent
        }
        items[hole] = item
    }

    mutating func pop() -> (rank: Int32, index: Int32)? {
        guard let top = items.first, let last = items.popLast() else { return nil }
        if !items.isEmpty {
            var hole = 0
            while true {
                var child = hole * 2 + 1
                if child >= items.count { break }
                if child + 1 < items.count, items[child + 1] < items[child] { child += 1 }
                if items[child] >= last { break }
                items[hole] = items[child]
                hole = child
            }
            items[hole] = last
        }
        return (Int32(truncatingIfNeeded: top >> 32), Int32(truncatingIfNeeded: top))
    }
}
