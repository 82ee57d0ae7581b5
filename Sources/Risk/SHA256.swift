public import Foundation

/// SHA-256 (FIPS 180-4), to name prompts and suites by their content.
///
/// Knows nothing about files or JSON. Written out because the layer has no dependency that offers it; it is for
/// identity, not for secrets.
public enum SHA256 {
    /// The digest of some bytes, as 64 lower-case hexadecimal digits.
    public static func hex(_ bytes: some Sequence<UInt8>) -> String {
        var state = initial
        var message = Array(bytes)
        let bitCount = UInt64(message.count) &* 8
        message.append(0x80)
        message.append(contentsOf: repeatElement(0, count: (120 - message.count % 64) % 64))
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            message.append(UInt8(truncatingIfNeeded: bitCount >> shift))
        }
        var schedule = [UInt32](repeating: 0, count: 64)
        for block in stride(from: 0, to: message.count, by: 64) {
            compress(&state, message, block, &schedule)
        }
        return state.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    /// The digest of a text's UTF-8 bytes.
    public static func hex(of text: String) -> String { hex(text.utf8) }

    /// The digest of a file's content.
    public static func hex(contentsOf file: URL) throws -> String { hex(try Data(contentsOf: file)) }

    private static func compress(
        _ state: inout [UInt32],
        _ message: [UInt8],
        _ block: Int,
        _ schedule: inout [UInt32]
    ) {
        func rotate(_ x: UInt32, _ n: UInt32) -> UInt32 { x >> n | x << (32 - n) }
        for i in 0..<16 {
            let at = block + 4 * i
            schedule[i] =
                UInt32(message[at]) << 24 | UInt32(message[at + 1]) << 16 | UInt32(message[at + 2]) << 8
                | UInt32(message[at + 3])
        }
        for i in 16..<64 {
            let a = schedule[i - 15]
            let b = schedule[i - 2]
            let small0 = rotate(a, 7) ^ rotate(a, 18) ^ a >> 3
            let small1 = rotate(b, 17) ^ rotate(b, 19) ^ b >> 10
            schedule[i] = schedule[i - 16] &+ small0 &+ schedule[i - 7] &+ small1
        }
        var v = state
        for i in 0..<64 {
            let big1 = rotate(v[4], 6) ^ rotate(v[4], 11) ^ rotate(v[4], 25)
            let choice = (v[4] & v[5]) ^ (~v[4] & v[6])
            let first = v[7] &+ big1 &+ choice &+ roundConstants[i] &+ schedule[i]
            let big0 = rotate(v[0], 2) ^ rotate(v[0], 13) ^ rotate(v[0], 22)
            let majority = (v[0] & v[1]) ^ (v[0] & v[2]) ^ (v[1] & v[2])
            let second = big0 &+ majority
            v = [first &+ second, v[0], v[1], v[2], v[3] &+ first, v[4], v[5], v[6]]
        }
        for i in 0..<8 { state[i] &+= v[i] }
    }

    /// Fractional parts of the square roots of the first eight primes.
    private static let initial: [UInt32] = [
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19,
    ]

    /// Fractional parts of the cube roots of the first 64 primes, found by integer arithmetic.
    private static let roundConstants: [UInt32] = {
        var constants: [UInt32] = []
        var candidate: UInt64 = 2
        while constants.count < 64 {
            if !(2..<candidate).contains(where: { candidate % $0 == 0 }) {
                constants.append(cubeRootFraction(of: candidate))
            }
            candidate += 1
        }
        return constants
    }()

    /// The first 32 bits after the binary point of a number's cube root: the largest r with r^3 <= n * 2^96.
    private static func cubeRootFraction(of n: UInt64) -> UInt32 {
        var low: UInt64 = 0
        var high: UInt64 = 8 << 32
        while high - low > 1 {
            let middle = low + (high - low) / 2
            let square = middle.multipliedFullWidth(by: middle)
            // middle^3 as three 64-bit limbs; n * 2^96 has limbs (n >> 32, n << 32, 0).
            let lower = square.low.multipliedFullWidth(by: middle)
            let upper = square.high.multipliedFullWidth(by: middle)
            let (mid, carry) = lower.high.addingReportingOverflow(upper.low)
            let top = upper.high + (carry ? 1 : 0)
            let target = (n >> 32, n << 32, UInt64(0))
            if (top, mid, lower.low) <= target { low = middle } else { high = middle }
        }
        return UInt32(truncatingIfNeeded: low)
    }
}
