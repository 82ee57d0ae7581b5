/// Builds a changed copy of a text in which every byte still knows what it stands for in the caller's text.
///
/// Knows nothing about why a text is changed; the normalizer and the pre-tokenizer do.
struct Rewriter {
    private let text: ScalarText
    private var bytes: [UInt8] = []
    private var origins: [Range<Int32>] = []
    /// Number of scalars written so far.
    private(set) var count = 0

    /// Starts an empty copy.
    init(_ text: ScalarText) {
        self.text = text
        bytes.reserveCapacity(text.bytes.count)
        origins.reserveCapacity(text.bytes.count)
    }

    /// Copies scalars as they are.
    mutating func keep(_ range: Range<Int>) {
        let covered = text.byteRange(range)
        bytes.append(contentsOf: text.bytes[covered])
        for index in covered { origins.append(text.origin(ofByte: index)) }
        count += range.count
    }

    /// Writes UTF-8 that stands for all of some scalars; for an empty range, for the place before it.
    mutating func put(_ new: [UInt8], for range: Range<Int>) {
        let covered = text.byteRange(range)
        let source: Range<Int32>
        if covered.isEmpty {
            let place =
                covered.lowerBound < text.bytes.count
                ? text.origin(ofByte: covered.lowerBound).lowerBound
                : Int32(text.origin(of: 0..<covered.lowerBound).upperBound)
            source = place..<place
        } else {
            let whole = text.origin(of: covered)
            source = Int32(whole.lowerBound)..<Int32(whole.upperBound)
        }
        for byte in new {
            bytes.append(byte)
            origins.append(source)
            if byte & 0xC0 != 0x80 { count += 1 }
        }
    }

    /// The changed text.
    func finish() -> ScalarText {
        ScalarText(bytes, origins: origins)
    }
}

extension ScalarText {
    /// The text with each scalar replaced by what `change` makes of it; nil leaves a scalar alone.
    func changingScalars(_ change: (UInt32) -> [UInt8]?) -> ScalarText {
        var rewriter: Rewriter?
        for index in 0..<count {
            guard let new = change(scalars[index]) else {
                rewriter?.keep(index..<index + 1)
                continue
            }
            if rewriter == nil {
                rewriter = Rewriter(self)
                rewriter?.keep(0..<index)
            }
            rewriter?.put(new, for: index..<index + 1)
        }
        return rewriter?.finish() ?? self
    }
}

extension Unicode.Scalar {
    /// The scalar's category as it was in a version of Unicode: what came later was not assigned.
    ///
    /// Tokenizers keep the tables that they were written with.
    func category(inUnicode version: Int) -> Unicode.GeneralCategory {
        (properties.age?.major ?? .max) <= version ? properties.generalCategory : .unassigned
    }

    /// The scalar's bytes.
    var utf8Bytes: [UInt8] { Array(String(Character(self)).utf8) }
}
