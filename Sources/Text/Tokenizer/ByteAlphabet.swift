/// The printable alphabet in which byte-level BPE vocabularies are written: one visible character per byte.
///
/// Bytes that print as themselves keep their code point; the other 68 move to U+0100 and on. From the GPT-2 encoder
/// (Radford et al. 2019). Knows nothing about vocabularies.
enum ByteAlphabet {
    /// The byte each code point below U+0144 stands for; -1 where it stands for none.
    private static let byteOfScalar: [Int16] = {
        var table = [Int16](repeating: -1, count: 0x144)
        var next = 0x100
        for byte in 0..<256 {
            switch byte {
            case 0x21...0x7E, 0xA1...0xAC, 0xAE...0xFF:
                table[byte] = Int16(byte)
            default:
                table[next] = Int16(byte)
                next += 1
            }
        }
        return table
    }()

    /// The bytes a token's text stands for, or nil when a character is not of the alphabet.
    ///
    /// - Parameter text: UTF-8 of the token as vocabularies store it.
    static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var lead: Int?
        for unit in text {
            let scalar: Int
            if let first = lead {
                guard unit & 0xC0 == 0x80 else { return nil }
                scalar = first << 6 | Int(unit & 0x3F)
                lead = nil
            } else if unit < 0x80 {
                scalar = Int(unit)
            } else if unit & 0xE0 == 0xC0 {
                lead = Int(unit & 0x1F)
                continue
            } else {
                return nil
            }
            guard scalar < byteOfScalar.count, byteOfScalar[scalar] >= 0 else { return nil }
            bytes.append(UInt8(byteOfScalar[scalar]))
        }
        return lead == nil ? bytes : nil
    }
}
