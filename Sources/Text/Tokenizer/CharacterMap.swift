/// The table of replacements that SentencePiece compiles its normalisation rules into.
///
/// A double array (Aoe 1989, in the layout of Darts-clone) maps UTF-8 to a place in a list of replacements. Which prefix
/// is looked up, and that short clusters are looked up whole, follow Hugging Face's `Precompiled`, so that ids agree.
struct CharacterMap: Sendable {
    private let units: [UInt32]
    private let replacements: [UInt8]

    /// Reads the compiled form: the array's size in bytes, the array, and replacements that end in NUL; nil if it is not
    /// whole.
    init?(_ blob: [UInt8]) {
        func word(_ offset: Int) -> UInt32 {
            (0..<4).reduce(0) { $0 | UInt32(blob[offset + $1]) << UInt32(8 * $1) }
        }
        guard blob.count >= 8 else { return nil }
        let size = Int(word(0))
        guard size >= 4, size % 4 == 0, size <= blob.count - 4 else { return nil }
        units = stride(from: 4, to: 4 + size, by: 4).map(word)
        replacements = Array(blob[(4 + size)...])
    }

    /// The text with every cluster or scalar that has one put as its replacement.
    func apply(to text: ScalarText) -> ScalarText {
        var rewriter = Rewriter(text)
        var first = 0
        for cluster in String(decoding: text.bytes, as: UTF8.self) {
            let last = first + cluster.unicodeScalars.count
            if cluster.utf8.count < 6, let new = replacement(of: Array(cluster.utf8)) {
                rewriter.put(new, for: first..<last)
            } else {
                for index in first..<last {
                    if let new = replacement(of: Array(text.bytes[text.byteRange(index..<index + 1)])) {
                        rewriter.put(new, for: index..<index + 1)
                    } else {
                        rewriter.keep(index..<index + 1)
                    }
                }
            }
            first = last
        }
        return rewriter.finish()
    }

    /// What the shortest known prefix of some bytes is replaced by; nil if no prefix is known.
    private func replacement(of bytes: [UInt8]) -> [UInt8]? {
        var node = 0
        guard step(&node, by: Self.offset(units[0])) else { return nil }
        for byte in bytes {
            guard byte != 0, step(&node, by: Int(byte)), units[node] & 0x8000_00FF == UInt32(byte) else { return nil }
            let isLeaf = units[node] >> 8 & 1 == 1
            guard step(&node, by: Self.offset(units[node])) else { return nil }
            guard isLeaf else { continue }
            let start = Int(units[node] & 0x7FFF_FFFF)
            guard start <= replacements.count else { return nil }
            return Array(replacements[start...].prefix { $0 != 0 })
        }
        return nil
    }

    private func step(_ node: inout Int, by offset: Int) -> Bool {
        node ^= offset
        return units.indices.contains(node)
    }

    private static func offset(_ unit: UInt32) -> Int {
        Int(unit >> 10) << Int((unit & (1 << 9)) >> 6)
    }
}
