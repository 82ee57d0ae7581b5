public import Foundation

/// SHA-256 (FIPS 180-4), to name prompts and suites by their content.
///
/// Takes bytes in as they come. Written out because the layer has no dependency that offers it; it is for
/// identity, not for secrets.
public struct SHA256 {
    private var state = initial
    private var schedule = [UInt32](repeating: 0, count: 64)
    /// What does not fill a block yet.
    private var rest: [UInt8] = []
    private var byteCount: UInt64 = 0

    /// The digest of some bytes, as 64 lower-case hexadecimal digits.
    public static func hex(_ bytes: some Sequence<UInt8>) -> String {
        var hash = SHA256()
        Array(bytes).withUnsafeBytes { hash.update($0) }
        return hash.finish()
    }

    /// The digest of a text's UTF-8 bytes.
    public static func hex(of text: String) -> String { hex(text.utf8) }

    /// The digest of a file's content, of which a megabyte is in memory at a time.
    public static func hex(contentsOf file: URL) throws -> String {
        let handle = try FileHandle(forReadingFrom: file)
        defer { try? handle.close() }
        var hash = SHA256()
        while let chunk = try handle.read(upToCount: 1 << 20), !chunk.isEmpty {
            chunk.withUnsafeBytes { hash.update($0) }
        }
        return hash.finish()
    }

    private mutating func update(_ bytes: UnsafeRawBufferPointer) {
        byteCount &+= UInt64(bytes.count)
        var start = 0
        if !rest.isEmpty {
            start = min(64 - rest.count, bytes.count)
            rest.append(contentsOf: bytes[..<start])
            guard rest.count == 64 else { return }
            rest.withUnsafeBytes { Self.compress(&state, &schedule, $0[...]) }
            rest.removeAll(keepingCapacity: true)
        }
        let end = start + (bytes.count - start) / 64 * 64
        Self.compress(&state, &schedule, bytes[start..<end])
        rest.append(contentsOf: bytes[end...])
    }

    /// Pads the message with a one, zeros and its length in bits, and writes the state out.
    private mutating func finish() -> String {
        let bitCount = byteCount &* 8
        var padding: [UInt8] = [0x80]
        padding.append(contentsOf: repeatElement(0, count: (119 - rest.count) % 64))
        for shift in stride(from: UInt64(56), through: 0, by: -8) {
            padding.append(UInt8(truncatingIfNeeded: bitCount >> shift))
        }
        padding.withUnsafeBytes { update($0) }
        return state.map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 8 - digits.count) + digits
        }.joined()
    }

    /// Takes whole blocks of 64 bytes in.
    private static func compress(
        _ state: inout [UInt32],
        _ schedule: inout [UInt32],
        _ blocks: Slice<UnsafeRawBufferPointer>
    ) {
        func rotate(_ x: UInt32, _ n: UInt32) -> UInt32 { x >> n | x << (32 - n) }
        let bytes = UnsafeRawBufferPointer(rebasing: blocks)
        // Locals and pointers, so that no block costs an allocation or a copy.
        state.withUnsafeMutableBufferPointer { state in
            schedule.withUnsafeMutableBufferPointer { w in
                roundConstants.withUnsafeBufferPointer { k in
                    for block in stride(from: 0, to: bytes.count, by: 64) {
                        for i in 0..<16 {
                            let word = bytes.loadUnaligned(fromByteOffset: block + 4 * i, as: UInt32.self)
                            w[i] = UInt32(bigEndian: word)
                        }
                        for i in 16..<64 {
                            let (early, late) = (w[i - 15], w[i - 2])
                            let small0 = rotate(early, 7) ^ rotate(early, 18) ^ early >> 3
                            let small1 = rotate(late, 17) ^ rotate(late, 19) ^ late >> 10
                            w[i] = w[i - 16] &+ small0 &+ w[i - 7] &+ small1
                        }
                        var (a, b, c, d) = (state[0], state[1], state[2], state[3])
                        var (e, f, g, h) = (state[4], state[5], state[6], state[7])
                        for i in 0..<64 {
                            let big1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
                            let first = h &+ big1 &+ ((e & f) ^ (~e & g)) &+ k[i] &+ w[i]
                            let big0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
                            let second = big0 &+ ((a & b) ^ (a & c) ^ (b & c))
                            (h, g, f, e) = (g, f, e, d &+ first)
                            (d, c, b, a) = (c, b, a, first &+ second)
                        }
                        state[0] &+= a
                        state[1] &+= b
                        state[2] &+= c
                        state[3] &+= d
                        state[4] &+= e
                        state[5] &+= f
                        state[6] &+= g
                        state[7] &+= h
                    }
                }
            }
        }
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
