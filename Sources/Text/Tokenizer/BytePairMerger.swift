/// Merges the smallest units of one pre-token into tokens, best rank first, ties from the left.
///
/// The symbols form a linked list and the candidate pairs a heap, so n units cost O(n log n) however long the run is.
/// Units are bytes, as in GPT-2, or characters, as in SentencePiece (Kudo and Richardson 2018, arXiv 1808.06226).
/// Algorithm: Sennrich et al. 2016 (arXiv 1508.07909). Knows nothing about text or special tokens.
struct BytePairMerger: Sendable {
    /// What merging starts from.
    enum Unit: Sendable {
        case byte
        /// A character that the vocabulary lacks becomes the tokens of its bytes, if all of them are there.
        case character(byteTokens: [Int32?])
    }

    /// What becomes of a unit that the vocabulary lacks.
    enum Missing: Sendable {
        /// It is left out, and its neighbours become adjacent.
        case dropped
        /// It becomes this id; runs become one if `fused`.
        case unknown(id: Int32, fused: Bool)
    }

    /// Which pairs merge, and which of them first.
    enum Order: Sendable {
        /// The pairs listed, best first; a pair given twice has its last rank.
        case listed([(left: Int32, right: Int32, result: Int32)])
        /// Every pair that is a token when put together, the best score first.
        case scored([Float])
    }

    /// Space reused between pre-tokens.
    struct Scratch {
        fileprivate var symbols: [Symbol] = []
        fileprivate var heap = RankHeap()
    }

    fileprivate struct Symbol {
        var id: Int32
        var previous: Int32
        var next: Int32
        var start: Int32
        var end: Int32
    }

    /// How a pair's rank is found.
    private enum Ranking {
        /// From a pair of ids packed in 64 bits to its rank, and the id each rank merges into.
        case listed(ranks: [UInt64: Int32], results: [Int32])
        /// The rank of each id; equal scores share one.
        case scored(ranks: [Int32])
    }

    private let table: TokenTable
    private let unit: Unit
    private let byteIDs: [Int32]
    private let ranking: Ranking
    private let missing: Missing
    private let takesWholeWords: Bool

    /// Prepares the merges.
    ///
    /// - Parameters:
    ///   - table: the vocabulary.
    ///   - unit: what merging starts from.
    ///   - order: which pairs merge.
    ///   - missing: what becomes of a unit the vocabulary lacks.
    ///   - takesWholeWords: whether a pre-token that is itself a token is taken as it is, without merging.
    init(table: TokenTable, unit: Unit, order: Order, missing: Missing, takesWholeWords: Bool) {
        self.table = table
        self.unit = unit
        self.missing = missing
        self.takesWholeWords = takesWholeWords
        byteIDs = (0..<256).map { table.find([UInt8($0)]) ?? -1 }
        switch order {
        case .listed(let merges):
            var ranks: [UInt64: Int32] = [:]
            ranks.reserveCapacity(merges.count)
            for (rank, merge) in merges.enumerated() {
                ranks[Self.key(merge.left, merge.right)] = Int32(rank)
            }
            ranking = .listed(ranks: ranks, results: merges.map(\.result))
        case .scored(let scores):
            var ranks = [Int32](repeating: 0, count: scores.count)
            var rank: Int32 = -1
            var last: Float?
            for id in scores.indices.sorted(by: { scores[$0] > scores[$1] }) {
                if scores[id] != last { rank += 1 }
                (ranks[id], last) = (rank, scores[id])
            }
            ranking = .scored(ranks: ranks)
        }
    }

    private static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// Merges one pre-token and appends its tokens to `pieces`.
    func merge(_ bytes: UnsafeBufferPointer<UInt8>, scratch: inout Scratch, into pieces: inout [TokenPiece]) {
        if takesWholeWords, let id = table.find(bytes) {
            pieces.append(TokenPiece(id: id, start: 0, end: Int32(bytes.count)))
            return
        }
        seed(bytes, scratch: &scratch)
        if scratch.symbols.count > 1 {
            for index in 0..<scratch.symbols.count - 1 { push(Int32(index), of: bytes, scratch: &scratch) }
            while let (rank, index) = scratch.heap.pop() { apply(rank, at: index, of: bytes, scratch: &scratch) }
        }
        var index: Int32 = scratch.symbols.isEmpty ? -1 : 0
        while index >= 0 {
            let symbol = scratch.symbols[Int(index)]
            pieces.append(TokenPiece(id: symbol.id, start: symbol.start, end: symbol.end))
            index = symbol.next
        }
    }

    private func seed(_ bytes: UnsafeBufferPointer<UInt8>, scratch: inout Scratch) {
        scratch.symbols.removeAll(keepingCapacity: true)
        var lastIsUnknown = false
        var offset = 0
        while offset < bytes.count {
            let end = offset + unitLength(bytes[offset], left: bytes.count - offset)
            defer { offset = end }
            if let id = unitID(UnsafeBufferPointer(rebasing: bytes[offset..<end])) {
                append(id, offset..<end, scratch: &scratch)
                lastIsUnknown = false
            } else if let ids = byteTokens(of: bytes[offset..<end]) {
                for (place, id) in ids.enumerated() {
                    append(id, offset + place..<offset + place + 1, scratch: &scratch)
                }
                lastIsUnknown = false
            } else if case .unknown(let id, let fused) = missing {
                if fused, lastIsUnknown {
                    scratch.symbols[scratch.symbols.count - 1].end = Int32(end)
                } else {
                    append(id, offset..<end, scratch: &scratch)
                }
                lastIsUnknown = true
            }
        }
    }

    private func append(_ id: Int32, _ range: Range<Int>, scratch: inout Scratch) {
        let index = Int32(scratch.symbols.count)
        if index > 0 { scratch.symbols[Int(index) - 1].next = index }
        scratch.symbols.append(
            Symbol(id: id, previous: index - 1, next: -1, start: Int32(range.lowerBound), end: Int32(range.upperBound))
        )
    }

    private func unitLength(_ lead: UInt8, left: Int) -> Int {
        guard case .character = unit else { return 1 }
        return min(left, lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4)
    }

    private func unitID(_ bytes: UnsafeBufferPointer<UInt8>) -> Int32? {
        guard bytes.count == 1 else { return table.find(bytes) }
        let id = byteIDs[Int(bytes[0])]
        return id < 0 ? nil : id
    }

    private func byteTokens(of bytes: Slice<UnsafeBufferPointer<UInt8>>) -> [Int32]? {
        guard case .character(let tokens) = unit else { return nil }
        let ids = bytes.compactMap { tokens[Int($0)] }
        return ids.count == bytes.count ? ids : nil
    }

    /// Rank and result of the pair that two symbols make.
    private func rank(
        _ left: Symbol,
        _ right: Symbol,
        of bytes: UnsafeBufferPointer<UInt8>
    ) -> (rank: Int32, result: Int32)? {
        switch ranking {
        case .listed(let ranks, let results):
            return ranks[Self.key(left.id, right.id)].map { ($0, results[Int($0)]) }
        case .scored(let ranks):
            let together = bytes[Int(left.start)..<Int(right.end)]
            return table.find(UnsafeBufferPointer(rebasing: together)).map { (ranks[Int($0)], $0) }
        }
    }

    /// Offers the pair that starts at a symbol to the heap.
    private func push(_ index: Int32, of bytes: UnsafeBufferPointer<UInt8>, scratch: inout Scratch) {
        let left = scratch.symbols[Int(index)]
        guard left.next >= 0 else { return }
        if let (rank, _) = rank(left, scratch.symbols[Int(left.next)], of: bytes) {
            scratch.heap.push(rank: rank, index: index)
        }
    }

    private func apply(_ offered: Int32, at index: Int32, of bytes: UnsafeBufferPointer<UInt8>, scratch: inout Scratch)
    {
        let left = scratch.symbols[Int(index)]
        // The pair may have been merged away or changed since it was offered.
        guard left.id >= 0, left.next >= 0 else { return }
        let right = scratch.symbols[Int(left.next)]
        guard let (current, result) = rank(left, right, of: bytes), isSame(current, offered) else { return }
        scratch.symbols[Int(left.next)].id = -1
        scratch.symbols[Int(index)].id = result
        scratch.symbols[Int(index)].end = right.end
        scratch.symbols[Int(index)].next = right.next
        if right.next >= 0 { scratch.symbols[Int(right.next)].previous = index }
        if left.previous >= 0 { push(left.previous, of: bytes, scratch: &scratch) }
        push(index, of: bytes, scratch: &scratch)
    }

    /// Whether two ranks make the same token, which is what the reference implementation asks.
    private func isSame(_ left: Int32, _ right: Int32) -> Bool {
        guard case .listed(_, let results) = ranking else { return left == right }
        return results[Int(left)] == results[Int(right)]
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
