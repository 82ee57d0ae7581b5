/// A stretch of text as bytes and scalars, each byte knowing which bytes of the caller's text it came from.
///
/// Scalars, never grapheme clusters: the reference tokenizers split inside clusters (CRLF, Thai, Indic marks, emoji).
/// Knows nothing about tokens.
struct ScalarText {
    /// What a pattern needs to know of a scalar.
    enum Kind: UInt8 {
        case letter, number, space, lineBreak, other

        /// Whether regular expressions count it as `\s`.
        var isSpace: Bool { self == .space || self == .lineBreak }
    }

    /// UTF-8 of the stretch.
    private(set) var bytes: [UInt8]
    /// The scalars.
    private(set) var scalars: [UInt32] = []
    /// The kind of each scalar.
    private(set) var kinds: [Kind] = []
    /// Where in `bytes` each scalar starts, and at the end the number of bytes.
    private(set) var starts: [Int32] = []
    /// Where in the caller's text the stretch begins; used while there is no map.
    private let base: Int
    /// For each byte, the caller's bytes it stands for; nil when they are the same bytes.
    private var origins: [Range<Int32>]?

    /// Number of scalars.
    var count: Int { scalars.count }

    /// Decodes valid UTF-8 that begins at `base` in the caller's text.
    init(_ bytes: [UInt8], base: Int) {
        self.bytes = bytes
        self.base = base
        scan()
    }

    /// Scans changed text, of which each byte stands for a range of the caller's.
    init(_ bytes: [UInt8], origins: [Range<Int32>]) {
        self.bytes = bytes
        self.base = 0
        self.origins = origins
        scan()
    }

    private mutating func scan() {
        scalars.reserveCapacity(bytes.count)
        kinds.reserveCapacity(bytes.count)
        starts.reserveCapacity(bytes.count + 1)
        var index = 0
        while index < bytes.count {
            let lead = bytes[index]
            let length = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4
            var scalar = length == 1 ? UInt32(lead) : UInt32(lead & (0x7F >> UInt8(length)))
            for next in (index + 1)..<(index + length) where next < bytes.count {
                scalar = scalar << 6 | UInt32(bytes[next] & 0x3F)
            }
            starts.append(Int32(index))
            scalars.append(scalar)
            kinds.append(Self.kind(of: scalar))
            index += length
        }
        starts.append(Int32(bytes.count))
    }

    private static func kind(of scalar: UInt32) -> Kind {
        switch scalar {
        case 0x61...0x7A, 0x41...0x5A: return .letter
        case 0x30...0x39: return .number
        case 0x0A, 0x0D: return .lineBreak
        case 0x20, 0x09, 0x0B, 0x0C: return .space
        case 0..<0x80: return .other
        default: break
        }
        guard let properties = Unicode.Scalar(scalar)?.properties else { return .other }
        switch properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: return .letter
        case .decimalNumber, .letterNumber, .otherNumber: return .number
        default: return properties.isWhitespace ? .space : .other
        }
    }

    /// The bytes of a range of scalars.
    func byteRange(_ range: Range<Int>) -> Range<Int> {
        Int(starts[range.lowerBound])..<Int(starts[range.upperBound])
    }

    /// The caller's bytes that a range of this text's bytes stands for.
    func origin(of range: Range<Int>) -> Range<Int> {
        guard let origins else { return base + range.lowerBound..<base + range.upperBound }
        guard !range.isEmpty else { return base..<base }
        let lower = Int(origins[range.lowerBound].lowerBound)
        return lower..<max(lower, Int(origins[range.upperBound - 1].upperBound))
    }

    /// The caller's bytes that one byte stands for.
    func origin(ofByte index: Int) -> Range<Int32> {
        origins?[index] ?? Int32(base + index)..<Int32(base + index + 1)
    }

    /// A part of the text by bytes, which must lie between scalars.
    func part(_ range: Range<Int>) -> ScalarText {
        if origins == nil { return ScalarText(Array(bytes[range]), base: base + range.lowerBound) }
        return ScalarText(Array(bytes[range]), origins: range.map(origin(ofByte:)))
    }
}
