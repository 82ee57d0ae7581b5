/// Finds tokens that are written out in the text, such as `<|im_end|>`, before anything else is split.
///
/// The longest token at the leftmost place wins, as in Hugging Face's added vocabulary. Knows nothing about merges.
struct AddedTokens: Sendable {
    /// A token found by its text rather than by merging.
    struct Entry: Sendable {
        var id: Int
        var content: [UInt8]
        /// Control tokens, which decoding may skip.
        var isSpecial: Bool
        /// Not part of a longer word.
        var isSingleWord = false
        /// Takes white space on its left with it.
        var stripsLeft = false
        /// Takes white space on its right with it.
        var stripsRight = false
        /// Looked for after normalisation rather than before.
        var isNormalized = false
    }

    /// A stretch of bytes, and the token it is if it is one.
    struct Segment {
        var range: Range<Int>
        var id: Int?
    }

    private let entries: [Entry]
    /// From node and byte to node; node 0 is the root.
    private var edges: [UInt64: Int32] = [:]
    /// The entry that ends at each node, or -1.
    private var ends: [Int32] = [-1]
    private var startsToken = [Bool](repeating: false, count: 256)

    /// Builds the search tree; of two tokens with the same text the later wins.
    init(_ entries: [Entry]) {
        self.entries = entries
        for (index, entry) in entries.enumerated() where !entry.content.isEmpty {
            startsToken[Int(entry.content[0])] = true
            var node: Int32 = 0
            for byte in entry.content {
                let key = Self.key(node, byte)
                if let next = edges[key] {
                    node = next
                } else {
                    ends.append(-1)
                    node = Int32(ends.count - 1)
                    edges[key] = node
                }
            }
            ends[Int(node)] = Int32(index)
        }
    }

    private static func key(_ node: Int32, _ byte: UInt8) -> UInt64 {
        UInt64(node) << 8 | UInt64(byte)
    }

    /// Cuts text into tokens and what lies between them.
    func split(_ bytes: [UInt8]) -> [Segment] {
        guard !entries.isEmpty else { return [Segment(range: 0..<bytes.count, id: nil)] }
        var segments: [Segment] = []
        var done = 0
        var position = 0
        while position < bytes.count {
            guard startsToken[Int(bytes[position])], let (entry, end) = longest(in: bytes, at: position) else {
                position += 1
                continue
            }
            let start = position
            position = end
            if entry.isSingleWord, isWord(bytes, before: start) || isWord(bytes, after: end) { continue }
            var range = start..<end
            if entry.stripsLeft { range = max(spaceStart(bytes, before: start), done)..<end }
            if entry.stripsRight { range = range.lowerBound..<spaceEnd(bytes, after: end) }
            guard range.lowerBound >= done else { continue }
            if done < range.lowerBound { segments.append(Segment(range: done..<range.lowerBound, id: nil)) }
            segments.append(Segment(range: range, id: entry.id))
            done = range.upperBound
        }
        if done < bytes.count { segments.append(Segment(range: done..<bytes.count, id: nil)) }
        return segments
    }

    private func longest(in bytes: [UInt8], at start: Int) -> (Entry, Int)? {
        var node: Int32 = 0
        var position = start
        var best: (Entry, Int)?
        while position < bytes.count, let next = edges[Self.key(node, bytes[position])] {
            node = next
            position += 1
            if ends[Int(node)] >= 0 { best = (entries[Int(ends[Int(node)])], position) }
        }
        return best
    }

    private func scalar(_ bytes: [UInt8], before end: Int) -> Unicode.Scalar? {
        guard end > 0 else { return nil }
        var start = end - 1
        while start > 0, bytes[start] & 0xC0 == 0x80 { start -= 1 }
        return String(decoding: bytes[start..<end], as: UTF8.self).unicodeScalars.first
    }

    private func scalar(_ bytes: [UInt8], after start: Int) -> Unicode.Scalar? {
        String(decoding: bytes[start..<min(start + 4, bytes.count)], as: UTF8.self).unicodeScalars.first
    }

    private func isWord(_ bytes: [UInt8], before end: Int) -> Bool {
        scalar(bytes, before: end).map(Self.isWord) ?? false
    }

    private func isWord(_ bytes: [UInt8], after start: Int) -> Bool {
        scalar(bytes, after: start).map(Self.isWord) ?? false
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .decimalNumber, .connectorPunctuation, .nonspacingMark, .spacingMark, .enclosingMark: true
        default: scalar.properties.isAlphabetic || scalar.properties.isJoinControl
        }
    }

    private func spaceStart(_ bytes: [UInt8], before end: Int) -> Int {
        var start = end
        while let scalar = scalar(bytes, before: start), scalar.properties.isWhitespace {
            start -= String(Character(scalar)).utf8.count
        }
        return start
    }

    private func spaceEnd(_ bytes: [UInt8], after start: Int) -> Int {
        var end = start
        while let scalar = scalar(bytes, after: end), scalar.properties.isWhitespace {
            end += String(Character(scalar)).utf8.count
        }
        return end
    }
}
