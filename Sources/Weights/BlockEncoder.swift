/// Rounds `Float` weights to blocks of GGUF codes: the inverse of `BlockDecoder` for the types with blocks of 32.
///
/// It knows nothing about files or shapes. Each block is rounded by itself, in single precision and in the order of
/// ggml's reference (`quantize_row_*_ref`), so that the blocks are those of llama.cpp's own files, byte for byte, where
/// that uses no importance matrix. Layouts stand with `BlockDecoder`.
package enum BlockEncoder {
    /// The types that can be written.
    package static let types: [GGUFTensorType] = [.q8_0, .q5_1, .q5_0, .q4_1, .q4_0]

    /// The bytes of `weights`, whose number must be a multiple of 32.
    package static func encode(_ weights: [Float], as type: GGUFTensorType) -> [UInt8] {
        precondition(weights.count.isMultiple(of: 32), "a block has 32 weights")
        var bytes: [UInt8] = []
        bytes.reserveCapacity(weights.count / 32 * type.bytesPerBlock)
        weights.withUnsafeBufferPointer { weights in
            for start in stride(from: 0, to: weights.count, by: 32) {
                let block = UnsafeBufferPointer(rebasing: weights[start..<start + 32])
                switch type {
                case .q8_0: eightBits(block, &bytes)
                case .q5_1: withMinimum(block, bits: 5, &bytes)
                case .q5_0: symmetric(block, bits: 5, &bytes)
                case .q4_1: withMinimum(block, bits: 4, &bytes)
                case .q4_0: symmetric(block, bits: 4, &bytes)
                default: preconditionFailure("\(type.name) is not written")
                }
            }
        }
        return bytes
    }

    /// What is left of weights that were rounded to `type`.
    package static func rounded(_ weights: [Float], to type: GGUFTensorType) -> [Float] {
        guard let decode = BlockDecoder.function(for: type) else { preconditionFailure("\(type.name) is not read") }
        let bytes = encode(weights, as: type)
        return [Float](unsafeUninitializedCapacity: weights.count) { target, count in
            bytes.withUnsafeBufferPointer { source in
                guard let source = source.baseAddress, let target = target.baseAddress else { return }
                decode(source, weights.count / 32, target)
            }
            count = weights.count
        }
    }

    // MARK: Blocks

    private typealias Block = UnsafeBufferPointer<Float>

    private static func eightBits(_ block: Block, _ bytes: inout [UInt8]) {
        let largest = block.reduce(0) { max($0, abs($1)) }
        let scale = largest / 127
        let inverse = scale == 0 ? 0 : 1 / scale
        append(scale, &bytes)
        for weight in block {
            bytes.append(UInt8(bitPattern: Int8((weight * inverse).rounded(.toNearestOrAwayFromZero))))
        }
    }

    /// Codes around the middle one; the weight farthest from zero gets the lowest code exactly.
    private static func symmetric(_ block: Block, bits: Int, _ bytes: inout [UInt8]) {
        var farthest: Float = 0
        for weight in block where abs(weight) > abs(farthest) { farthest = weight }
        let middle = Float(1 << (bits - 1))
        let scale = farthest / -middle
        let inverse = scale == 0 ? 0 : 1 / scale
        append(scale, &bytes)
        append(block.map { code($0 * inverse + (middle + 0.5), bits) }, bits: bits, &bytes)
    }

    /// Codes from the smallest weight to the largest.
    private static func withMinimum(_ block: Block, bits: Int, _ bytes: inout [UInt8]) {
        let least = block.reduce(.infinity) { min($0, $1) }
        let most = block.reduce(-.infinity) { max($0, $1) }
        let scale = (most - least) / Float((1 << bits) - 1)
        let inverse = scale == 0 ? 0 : 1 / scale
        append(scale, &bytes)
        append(least, &bytes)
        append(block.map { code(($0 - least) * inverse + 0.5, bits) }, bits: bits, &bytes)
    }

    private static func code(_ value: Float, _ bits: Int) -> UInt8 {
        UInt8(min(Int(value), (1 << bits) - 1))
    }

    private static func append(_ half: Float, _ bytes: inout [UInt8]) {
        let pattern = Float16(half).bitPattern
        bytes.append(UInt8(truncatingIfNeeded: pattern))
        bytes.append(UInt8(truncatingIfNeeded: pattern >> 8))
    }

    /// Fifth bits first, where there are such, then halves of bytes: code i beside code i + 16.
    private static func append(_ codes: [UInt8], bits: Int, _ bytes: inout [UInt8]) {
        if bits == 5 {
            for byte in 0..<4 {
                bytes.append((0..<8).reduce(0) { $0 | (codes[8 * byte + $1] >> 4) << $1 })
            }
        }
        for i in 0..<16 { bytes.append(codes[i] & 15 | codes[i + 16] << 4) }
    }
}
