import Foundation

/// Turns a text into hashed features: which words, word pairs and pieces of words occur in it.
///
/// Knows nothing about labels. Weinberger et al. 2009 (arXiv 0902.2206): every feature falls into one of 2^k buckets
/// with a sign of its own, so that no vocabulary has to be kept and collisions cancel on average. A feature counts once
/// however often it occurs. Words with their pairs, and pieces of three to five bytes that do not reach over a space,
/// are two groups, each scaled to length 1, so that a long text weighs as much as a short one.
struct TextFeatures {
    /// Changes whenever a text's features could change; a file of weights names the one it was trained with.
    static let version = 1

    /// The bucket of each feature in the low 31 bits; the top bit is set where its sign is negative.
    private(set) var buckets: [UInt32] = []
    /// How many of the buckets belong to the group of words; the others belong to the group of pieces.
    private(set) var wordCount = 0

    /// The value of every feature of the first group.
    var wordValue: Float { wordCount > 0 ? 1 / Float(wordCount).squareRoot() : 0 }
    /// The value of every feature of the second group.
    var pieceValue: Float { buckets.count > wordCount ? 1 / Float(buckets.count - wordCount).squareRoot() : 0 }

    /// The features of a text, in 2^`bits` buckets.
    init(_ text: String, bits: Int) {
        let bytes = Self.normalised(text)
        let mask = (UInt64(1) << UInt64(bits)) - 1
        var words: [UInt64] = []
        var pieces: [UInt64] = []
        bytes.withUnsafeBufferPointer { bytes in
            Self.addWords(of: bytes, to: &words)
            Self.addPieces(of: bytes, to: &pieces)
        }
        buckets.reserveCapacity(words.count + pieces.count)
        Self.append(&words, mask, to: &buckets)
        wordCount = buckets.count
        Self.append(&pieces, mask, to: &buckets)
    }

    /// The dot product of these features with one label's weights, before their scale.
    func score(_ weights: UnsafeBufferPointer<Int8>) -> Float {
        func sum(_ range: Range<Int>) -> Int {
            var sum = 0
            for index in range {
                let weight = Int(weights[Int(buckets[index] & 0x7FFF_FFFF)])
                sum += buckets[index] >> 31 == 0 ? weight : -weight
            }
            return sum
        }
        return wordValue * Float(sum(0..<wordCount)) + pieceValue * Float(sum(wordCount..<buckets.count))
    }

    /// Each distinct hash once, in an order of its own.
    private static func append(_ hashes: inout [UInt64], _ mask: UInt64, to buckets: inout [UInt32]) {
        hashes.sort()
        var last: UInt64?
        for hash in hashes where hash != last {
            last = hash
            buckets.append(UInt32(hash & mask) | (hash >> 63 == 0 ? 0 : 0x8000_0000))
        }
    }

    /// The text in lower case and compatibility form (NFKC), without accents and invisible scalars, with plain
    /// quotation marks; so that full-width letters, ligatures and zero-width joiners hide nothing.
    static func normalised(_ text: String) -> [UInt8] {
        if text.utf8.allSatisfy({ $0 < 0x80 }) {
            return text.utf8.map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        }
        var bytes: [UInt8] = []
        let folded = text.precomposedStringWithCompatibilityMapping.lowercased().decomposedStringWithCanonicalMapping
        for scalar in folded.unicodeScalars {
            switch scalar {
            case "\u{2018}", "\u{2019}", "\u{02BC}": bytes.append(UInt8(ascii: "'"))
            case "\u{201C}", "\u{201D}": bytes.append(UInt8(ascii: "\""))
            default:
                let properties = scalar.properties
                if properties.generalCategory == .nonspacingMark || properties.isDefaultIgnorableCodePoint { continue }
                if properties.isWhitespace {
                    bytes.append(0x20)
                } else {
                    bytes.append(contentsOf: scalar.utf8)
                }
            }
        }
        return bytes
    }

    private static func addWords(of bytes: UnsafeBufferPointer<UInt8>, to hashes: inout [UInt64]) {
        var previous: UInt64?
        var start = 0
        while start < bytes.count {
            guard isWord(bytes[start]) else {
                start += 1
                continue
            }
            var end = start
            var hash = basis(1)
            while end < bytes.count, isWord(bytes[end]) {
                hash = (hash ^ UInt64(bytes[end])) &* prime
                end += 1
            }
            hashes.append(stirred(hash))
            if let previous { hashes.append(stirred(previous &* 0x9E37_79B9_7F4A_7C15 ^ hash)) }
            previous = hash
            start = end
        }
    }

    /// Runs of three to five bytes inside a space, a word with its punctuation, and a space.
    private static func addPieces(of bytes: UnsafeBufferPointer<UInt8>, to hashes: inout [UInt64]) {
        var start = 0
        while start < bytes.count {
            guard !isSpace(bytes[start]) else {
                start += 1
                continue
            }
            var end = start
            while end < bytes.count, !isSpace(bytes[end]) { end += 1 }
            for first in (start - 1)..<end {
                var hash = basis(2)
                for offset in 0..<5 {
                    let place = first + offset
                    guard place <= end else { break }
                    let byte = place < start || place == end ? 0x20 : bytes[place]
                    hash = (hash ^ UInt64(byte)) &* prime
                    if offset >= 2 { hashes.append(stirred(hash)) }
                }
            }
            start = end
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte <= 0x20 || byte == 0x7F }

    private static func isWord(_ byte: UInt8) -> Bool {
        byte >= 0x80 || (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
    }

    /// FNV-1a, begun anew for each group.
    private static func basis(_ group: UInt64) -> UInt64 { (0xCBF2_9CE4_8422_2325 ^ group) &* prime }
    private static let prime: UInt64 = 0x100_0000_01B3

    /// FNV's low bits are weak; this mixes all bits into them (the finisher of SplitMix64).
    private static func stirred(_ hash: UInt64) -> UInt64 {
        var mixed = (hash ^ hash >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}
