import Dispatch
import Foundation

/// Dequantising whole tensors on all cores; what a block means is `BlockDecoder`'s knowledge.
extension GGUFFile {
    /// One piece of work is about this many weights: large enough to hide the cost of handing it out.
    private static let chunkElements = 1 << 16

    /// A tensor's weights in single precision, slowest dimension first.
    ///
    /// Throws `WeightsError.missingTensor`, or `WeightsError.unsupportedType` for a type that cannot be decoded.
    public func dequantize(_ name: String) throws -> [Float] {
        let count = tensor(named: name)?.elementCount ?? 0
        return try [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            try dequantize(name, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            initialized = count
        }
    }

    /// Writes a tensor's weights in single precision to `target`, which must hold exactly as many.
    ///
    /// Throws as `dequantize(_:)` does; `target` may be uninitialised memory.
    public func dequantize(_ name: String, into target: UnsafeMutableBufferPointer<Float>) throws {
        guard let tensor = tensor(named: name) else {
            throw WeightsError.missingTensor(path: url.path, name: name)
        }
        guard let decode = BlockDecoder.function(for: tensor.type) else {
            throw WeightsError.unsupportedType(
                path: url.path,
                tensor: name,
                type: tensor.type.name,
                remedy:
                    "convert the model again to F16, Q8_0, Q4_K or another type of the Q4, Q5, Q6 or K family"
            )
        }
        precondition(
            target.count == tensor.elementCount,
            "the buffer must hold exactly the tensor's weights"
        )
        try withBytes(of: name) { bytes in
            guard let source = bytes.bindMemory(to: UInt8.self).baseAddress, let base = target.baseAddress
            else {
                return
            }
            let type = tensor.type
            let blocks = bytes.count / type.bytesPerBlock
            let blocksPerChunk = max(1, Self.chunkElements / type.elementsPerBlock)
            let chunks = (blocks + blocksPerChunk - 1) / blocksPerChunk
            // Each iteration reads constant memory and writes a part of `target` that no other one touches, and all
            // end before this call returns, so sharing the pointers and the (stateless) function is safe.
            nonisolated(unsafe) let (shared, output, function) = (source, base, decode)
            DispatchQueue.concurrentPerform(iterations: chunks) { chunk in
                let first = chunk * blocksPerChunk
                function(
                    shared + first * type.bytesPerBlock,
                    min(blocksPerChunk, blocks - first),
                    output + first * type.elementsPerBlock
                )
            }
        }
    }
}
