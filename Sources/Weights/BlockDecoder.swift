/// Turns blocks of GGUF weights into `Float`, one small function for each storage type.
///
/// It knows nothing about files or shapes: it is given a run of whole blocks and writes as many weights as they hold.
/// The arithmetic is done in single precision in the order of ggml's reference, so the results are equal bit for bit.
/// Layouts: ggml's public block formats. All numbers are little endian, `d` and `m` are half precision scales, `q` is an
/// unsigned code, and "low, high" names the two four-bit halves of a byte.
///
/// Blocks of 32 weights; weight i < 16 is the low half of byte i, weight i + 16 the high half:
/// - Q4_0: d, 16 bytes of q;              w = d (q - 8)
/// - Q4_1: d, m, 16 bytes of q;           w = d q + m
/// - Q5_0: d, 32 fifth bits, 16 bytes;    w = d (q - 16)
/// - Q5_1: d, m, 32 fifth bits, 16 bytes; w = d q + m
/// - Q8_0: d, 32 signed bytes;            w = d q
///
/// Blocks of 256 weights ("K"), in groups with scales of their own:
/// - Q2_K: 16 bytes (scale low, minimum high), 64 bytes of 2-bit codes, d, m; groups of 16; w = d s q - m t
/// - Q3_K: 32 bytes of third bits, 64 bytes of 2-bit codes, 12 bytes of 16 six-bit scales, d; groups of 16;
///   w = d (s - 32) (q - 4), where the third bit is worth 4
/// - Q4_K: d, m, 12 bytes of 8 six-bit scales and minimums, 128 bytes; groups of 32; w = d s q - m t
/// - Q5_K: d, m, 12 bytes as in Q4_K, 32 bytes of fifth bits, 128 bytes; groups of 32; w = d s q - m t
/// - Q6_K: 128 bytes of low halves, 64 bytes of upper 2 bits, 16 signed scales, d; groups of 16; w = d s (q - 32)
enum BlockDecoder {
    /// Stored blocks, at any alignment.
    typealias Source = UnsafePointer<UInt8>
    /// Room for the weights of the blocks; it may be uninitialised.
    typealias Target = UnsafeMutablePointer<Float>
    /// Decodes a number of whole blocks from `source` to `target`.
    typealias Function = (_ source: Source, _ blocks: Int, _ target: Target) -> Void

    /// The decoder for a storage type, or nil where there is none.
    static func function(for type: GGUFTensorType) -> Function? {
        switch type {
        case .f32: f32
        case .f16: f16
        case .bf16: bf16
        case .q4_0: q4_0
        case .q4_1: q4_1
        case .q5_0: q5_0
        case .q5_1: q5_1
        case .q8_0: q8_0
        case .q2_K: q2_K
        case .q3_K: q3_K
        case .q4_K: q4_K
        case .q5_K: q5_K
        case .q6_K: q6_K
        default: nil
        }
    }

    // MARK: Plain types

    private static func f32(_ source: Source, _ blocks: Int, _ target: Target) {
        UnsafeMutableRawPointer(target).copyMemory(from: source, byteCount: 4 * blocks)
    }

    private static func f16(_ source: Source, _ blocks: Int, _ target: Target) {
        for i in 0..<blocks { target[i] = half(source + 2 * i) }
    }

    private static func bf16(_ source: Source, _ blocks: Int, _ target: Target) {
        for i in 0..<blocks { target[i] = Float(bitPattern: UInt32(word(source + 2 * i)) << 16) }
    }

    // MARK: Blocks of 32

    private static func q4_0(_ source: Source, _ blocks: Int, _ target: Target) {
        for block in 0..<blocks {
            let (b, w) = (source + 18 * block, target + 32 * block)
            let d = half(b)
            for i in 0..<16 {
                let q = b[2 &+ i]
                w[i] = d * Float(Int32(q & 15) &- 8)
                w[i &+ 16] = d * Float(Int32(q >> 4) &- 8)
            }
        }
    }

    private static func q4_1(_ source: Source, _ blocks: Int, _ target: Target) {
        for block in 0..<blocks {
            let (b, w) = (source + 20 * block, target + 32 * block)
            let (d, m) = (half(b), half(b + 2))
            for i in 0..<16 {
                let q = b[4 &+ i]
                w[i] = d * Float(Int32(q & 15)) + m
                w[i &+ 16] = d * Float(Int32(q >> 4)) + m
            }
        }
    }

    private static func q5_0(_ source: Source, _ blocks: Int, _ target: Target) {
        for block in 0..<blocks {
            let (b, w) = (source + 22 * block, target + 32 * block)
            let d = half(b)
            let fifth = UInt32(word(b + 2)) | UInt32(word(b + 4)) << 16
            for i in 0..<16 {
                let q = UInt32(b[6 &+ i])
                let low = q & 15 | (fifth &>> UInt32(truncatingIfNeeded: i) & 1) << 4
                let high = q >> 4 | (fifth &>> UInt32(truncatingIfNeeded: i &+ 16) & 1) << 4
                w[i] = d * Float(Int32(bitPattern: low) &- 16)
                w[i &+ 16] = d * Float(Int32(bitPattern: high) &- 16)
            }
        }
    }

    private static func q5_1(_ source: Source, _ blocks: Int, _ target: Target) {
        for block in 0..<blocks {
            let (b, w) = (source + 24 * block, target + 32 * block)
            let (d, m) = (half(b), half(b + 2))
            let fifth = UInt32(word(b + 4)) | UInt32(word(b + 6)) << 16
            for i in 0..<16 {
                let q = UInt32(b[8 &+ i])
                let low = q & 15 | (fifth &>> UInt32(truncatingIfNeeded: i) & 1) << 4
                let high = q >> 4 | (fifth &>> UInt32(truncatingIfNeeded: i &+ 16) & 1) << 4
                w[i] = d * Float(Int32(bitPattern: low)) + m
                w[i &+ 16] = d * Float(Int32(bitPattern: high)) + m
            }
        }
    }

    private static func q8_0(_ source: Source, _ blocks: Int, _ target: Target) {
        for block in 0..<blocks {
            let (b, w) = (source + 34 * block, target + 32 * block)
            let d = half(b)
            for i in 0..<32 { w[i] = d * Float(Int32(Int8(bitPattern: b[2 &+ i]))) }
        }
    }

    // MARK: Blocks of 256

    private static func q2_K(_ source: Source, _ blocks: Int, _ target: Target) {
        for block in 0..<blocks {
            let (b, w) = (source + 84 * block, target + 256 * block)
            let (d, m) = (half(b + 80), half(b + 82))
            for group in 0..<16 {
                let (codes, shift) = twoBitPlace(group)
                let scale = d * Float(Int32(b[group] & 15))
                let minimum = m * Float(Int32(b[group] >> 4))
                for i in 0..<16 {
                    let q = b[16 &+ codes &+ i] &>> shift & 3
                    w[16 &* group &+ i] = scale * Float(Int32(q)) - minimum
                }
            }
        }
    }

    private static func q3_K(_ source: Source, _ blocks: Int, _ target: Target) {
        for block in 0..<blocks {
            let (b, w) = (source + 110 * block, target + 256 * block)
            let d = half(b + 108)
            for group in 0..<16 {
                let (codes, shift) = twoBitPlace(group)
                // Scales: low four bits in bytes 0 to 7 (groups 0 to 7 low, 8 to 15 high), upper two in bytes 8 to 11.
                let low = b[96 &+ (group & 7)] &>> UInt8(truncatingIfNeeded: group / 8 * 4) & 15
                let high = b[104 &+ (group & 3)] &>> UInt8(truncatingIfNeeded: group / 4 * 2) & 3
                let scale = d * Float(Int32(low | high << 4) &- 32)
                let thirds = (group & 1) &* 16
                let third = UInt8(truncatingIfNeeded: group >> 1)
                for i in 0..<16 {
                    let q = b[32 &+ codes &+ i] &>> shift & 3 | (b[thirds &+ i] &>> third & 1) << 2
                    w[16 &* group &+ i] = scale * Float(Int32(q) &- 4)
                }
            }
        }
    }

    private static func q4_K(_ source: Source, _ blocks: Int, _ target: Target) {
        for block in 0..<blocks {
            let (b, w) = (source + 144 * block, target + 256 * block)
            let (d, m) = (half(b), half(b + 2))
            for group in 0..<8 {
                let (s, t) = sixBitPair(b + 4, group)
                let (scale, minimum) = (d * s, m * t)
                let codes = b + 16 + group / 2 * 32
                let shift = UInt8(truncatingIfNeeded: (group & 1) &* 4)
                for i in 0..<32 {
                    let q = codes[i] &>> shift & 15
                    w[32 &* group &+ i] = scale * Float(Int32(q)) - minimum
                }
            }
        }
    }

    private static func q5_K(_ source: Source, _ blocks: Int, _ target: Target) {
        for block in 0..<blocks {
            let (b, w) = (source + 176 * block, target + 256 * block)
            let (d, m) = (half(b), half(b + 2))
            for group in 0..<8 {
                let (s, t) = sixBitPair(b + 4, group)
                let (scale, minimum) = (d * s, m * t)
                let codes = b + 48 + group / 2 * 32
                let shift = UInt8(truncatingIfNeeded: (group & 1) &* 4)
                let fifth = UInt8(truncatingIfNeeded: group)
                for i in 0..<32 {
                    let q = codes[i] &>> shift & 15 | (b[16 &+ i] &>> fifth & 1) << 4
                    w[32 &* group &+ i] = scale * Float(Int32(q)) - minimum
                }
            }
        }
    }

    private static func q6_K(_ source: Source, _ blocks: Int, _ target: Target) {
        for block in 0..<blocks {
            let (b, w) = (source + 210 * block, target + 256 * block)
            let d = half(b + 208)
            for group in 0..<16 {
                let (upper, shift) = twoBitPlace(group)
                // Each half of the block keeps 128 low halves in 64 bytes: groups 0 to 3 low, 4 to 7 high.
                let lower = b + group / 8 * 64 + (group & 3) &* 16
                let nibble = UInt8(truncatingIfNeeded: group & 4)
                let scale = d * Float(Int32(Int8(bitPattern: b[192 &+ group])))
                for i in 0..<16 {
                    let q = lower[i] &>> nibble & 15 | (b[128 &+ upper &+ i] &>> shift & 3) << 4
                    w[16 &* group &+ i] = scale * Float(Int32(q) &- 32)
                }
            }
        }
    }

    // MARK: Parts

    /// Where the two-bit codes of a group of 16 lie: each half of the block keeps 128 codes in 32 bytes, four to a byte.
    @inline(__always)
    private static func twoBitPlace(_ group: Int) -> (offset: Int, shift: UInt8) {
        (group / 8 * 32 + group % 2 * 16, UInt8(truncatingIfNeeded: group % 8 / 2 * 2))
    }

    /// Scale and minimum of a group of 32 in Q4_K and Q5_K.
    ///
    /// Bytes 0 to 3 hold scales 0 to 3 and bytes 4 to 7 minimums 0 to 3, each in the lower six bits. Scales and minimums
    /// 4 to 7 take four bits from bytes 8 to 11 (scales low, minimums high) and the two that were left over above.
    @inline(__always)
    private static func sixBitPair(_ b: Source, _ group: Int) -> (
        scale: Float, minimum: Float
    ) {
        if group < 4 {
            return (Float(Int32(b[group] & 63)), Float(Int32(b[group + 4] & 63)))
        }
        let scale = b[group + 4] & 15 | (b[group - 4] >> 6) << 4
        let minimum = b[group + 4] >> 4 | (b[group] >> 6) << 4
        return (Float(Int32(scale)), Float(Int32(minimum)))
    }

    @inline(__always)
    private static func word(_ b: Source) -> UInt16 {
        UInt16(b[0]) | UInt16(b[1]) << 8
    }

    /// Half precision to single, exactly.
    ///
    /// Written out because a processor without half precision would call a library
    /// function for each number, and because it must not depend on whether denormals are flushed to zero.
    @inline(__always)
    private static func half(_ b: Source) -> Float {
        let bits = UInt32(word(b))
        let magnitude = bits & 0x7FFF
        let exponentShift: UInt32 = magnitude >= 0x7C00 ? 224 << 23 : 112 << 23
        let normal = magnitude << 13 &+ exponentShift
        let denormal = (Float(Int32(bitPattern: magnitude)) * 0x1p-24).bitPattern
        let unsigned = magnitude < 0x400 ? denormal : normal
        return Float(bitPattern: (bits & 0x8000) << 16 | unsigned)
    }
}
