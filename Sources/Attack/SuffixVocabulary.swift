package import TemperText

/// The tokens that a suffix may be made of: what a user can type, and nothing that steers a chat template.
///
/// It knows nothing about models.
package struct SuffixVocabulary: Sendable {
    /// Ids in ascending order.
    package let ids: [Int]

    /// Every token but control tokens, line breaks and cut characters; printable ASCII alone where `printableASCII`.
    package init(_ tokenizer: Tokenizer, printableASCII: Bool) {
        let special = tokenizer.specialTokenIDs.union(tokenizer.endOfTurnIDs)
        ids = (0..<tokenizer.vocabularySize).filter { id in
            guard !special.contains(id), let bytes = tokenizer.bytes(of: id), !bytes.isEmpty else { return false }
            if printableASCII { return bytes.allSatisfy { (0x20...0x7E).contains($0) } }
            guard let text = String(validating: bytes, as: UTF8.self) else { return false }
            return !text.unicodeScalars.contains { $0.properties.generalCategory == .control || $0.value == 0x2028 }
        }
    }

    /// All of the given ids.
    package init(ids: [Int]) {
        self.ids = ids
    }

    /// The `count` ids with the lowest scores, lowest first, of equal ones the lowest id.
    package func lowest(_ count: Int, of scores: UnsafeBufferPointer<Float>) -> [Int] {
        var kept: [(score: Float, id: Int)] = []
        kept.reserveCapacity(count + 1)
        var limit = Float.infinity
        ids.withUnsafeBufferPointer { ids in
            for id in ids {
                let score = scores[id]
                guard score < limit || kept.count < count, !score.isNaN else { continue }
                var (low, high) = (0, kept.count)
                while low < high {
                    let middle = (low + high) / 2
                    if kept[middle].score <= score { low = middle + 1 } else { high = middle }
                }
                kept.insert((score, id), at: low)
                if kept.count > count { kept.removeLast() }
                if kept.count == count { limit = kept[count - 1].score }
            }
        }
        return kept.map(\.id)
    }
}
