/// A token and the bytes of the pre-token it covers.
struct TokenPiece {
    var id: Int32
    var start: Int32
    var end: Int32
}

/// Cuts a pre-token into the tokens that are most likely together.
///
/// The best path over all tokens, by log-probability. Algorithm: Kudo 2018 (arXiv 1804.10959), with the penalty of
/// SentencePiece for what the vocabulary lacks. Knows nothing about text or special tokens.
struct UnigramSegmenter: Sendable {
    private struct Node {
        var id: Int32 = -1
        var score = 0.0
        var start: Int32 = -1
    }

    private let table: TokenTable
    private let scores: [Double]
    private let unknownID: Int32?
    private let unknownScore: Double
    private let byteTokens: [Int32?]

    /// Prepares the search.
    ///
    /// - Parameters:
    ///   - table: the vocabulary.
    ///   - scores: the log-probability of each id.
    ///   - unknownID: what characters become that nothing covers; without it they are left out.
    ///   - byteTokens: the tokens of single bytes, used before `unknownID` where all of a stretch's bytes have one.
    init(table: TokenTable, scores: [Double], unknownID: Int32?, byteTokens: [Int32?]) {
        (self.table, self.scores, self.unknownID, self.byteTokens) = (table, scores, unknownID, byteTokens)
        unknownScore = (scores.min() ?? 0) - 10
    }

    /// Cuts one pre-token and appends its tokens to `pieces`.
    func segment(_ bytes: UnsafeBufferPointer<UInt8>, into pieces: inout [TokenPiece]) {
        var cuts: [TokenPiece] = []
        let path = bestPath(bytes)
        var end = bytes.count
        while end > 0 {
            let node = path[end]
            if node.id < 0, let last = cuts.last, last.id < 0 {
                cuts[cuts.count - 1].start = node.start
            } else {
                cuts.append(TokenPiece(id: node.id, start: node.start, end: Int32(end)))
            }
            end = Int(node.start)
        }
        for cut in cuts.reversed() {
            if cut.id < 0 { unknown(cut, of: bytes, into: &pieces) } else { pieces.append(cut) }
        }
    }

    /// For each place, the token that ends there on the best path; -1 is a character that no token covers alone.
    private func bestPath(_ bytes: UnsafeBufferPointer<UInt8>) -> [Node] {
        var path = [Node](repeating: Node(), count: bytes.count + 1)
        func offer(_ id: Int32, _ range: Range<Int>, _ score: Double) {
            let total = path[range.lowerBound].score + score
            guard path[range.upperBound].start < 0 || total > path[range.upperBound].score else { return }
            path[range.upperBound] = Node(id: id, score: total, start: Int32(range.lowerBound))
        }
        var start = 0
        while start < bytes.count {
            let lead = bytes[start]
            let next = min(bytes.count, start + (lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4))
            var isCovered = false
            table.forEachPrefix(of: UnsafeBufferPointer(rebasing: bytes[start...])) { id, length in
                offer(id == unknownID ? -1 : id, start..<start + length, scores[Int(id)])
                if start + length == next { isCovered = true }
            }
            if !isCovered { offer(-1, start..<next, unknownScore) }
            start = next
        }
        return path
    }

    private func unknown(_ cut: TokenPiece, of bytes: UnsafeBufferPointer<UInt8>, into pieces: inout [TokenPiece]) {
        let stretch = bytes[Int(cut.start)..<Int(cut.end)]
        if let id = table.find(UnsafeBufferPointer(rebasing: stretch)) {
            pieces.append(TokenPiece(id: id, start: cut.start, end: cut.end))
            return
        }
        let ids = stretch.compactMap { byteTokens[Int($0)] }
        if ids.count == stretch.count {
            for (place, id) in ids.enumerated() {
                pieces.append(TokenPiece(id: id, start: cut.start + Int32(place), end: cut.start + Int32(place) + 1))
            }
        } else if let unknownID {
            pieces.append(TokenPiece(id: unknownID, start: cut.start, end: cut.end))
        }
    }
}

/// Cuts a word into the longest tokens from its front; those that go on a word are stored with a prefix.
///
/// Algorithm: Schuster and Nakajima 2012, as in BERT (arXiv 1810.04805). Knows nothing about text or special tokens.
struct WordPieceSegmenter: Sendable {
    let table: TokenTable
    let prefix: [UInt8]
    /// What a word becomes that cannot be cut into tokens.
    let unknownID: Int32
    /// Words of more characters are unknown.
    let longestWord: Int

    /// Cuts one word and appends its tokens to `pieces`.
    func segment(_ bytes: UnsafeBufferPointer<UInt8>, into pieces: inout [TokenPiece]) {
        let whole = TokenPiece(id: unknownID, start: 0, end: Int32(bytes.count))
        guard bytes.count(where: { $0 & 0xC0 != 0x80 }) <= longestWord else {
            pieces.append(whole)
            return
        }
        let first = pieces.count
        var start = 0
        while start < bytes.count {
            let lead = start == 0 ? [] : prefix
            var best: (id: Int32, length: Int)?
            (lead + bytes[start...]).withUnsafeBufferPointer { rest in
                table.forEachPrefix(of: rest) { id, length in
                    if length > lead.count { best = (id, length - lead.count) }
                }
            }
            guard let best else {
                pieces.removeSubrange(first...)
                pieces.append(whole)
                return
            }
            pieces.append(TokenPiece(id: best.id, start: Int32(start), end: Int32(start + best.length)))
            start += best.length
        }
    }
}
