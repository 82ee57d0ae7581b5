import Foundation
import TemperWeights
import Testing

/// The golden files beside the tests; `generate.py` in that folder makes them.
let goldens = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Goldens/weights")

/// A directory of its own for one test, removed afterwards.
func withScratchDirectory<Result>(_ body: (URL) throws -> Result) throws -> Result {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent("temper-weights-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: url) }
    return try body(url)
}

/// A safetensors file from a header's text and its data.
func safetensors(header: String, data: [UInt8] = [], statedLength: UInt64? = nil) -> Data {
    let length = statedLength ?? UInt64(header.utf8.count)
    return withUnsafeBytes(of: length.littleEndian) { Data($0) } + Data(header.utf8) + Data(data)
}

/// The description of the `WeightsError` that `body` throws.
func messageOfFailure(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
) throws -> String {
    let error = try #require(throws: WeightsError.self, sourceLocation: sourceLocation) { try body() }
    return error.description
}

/// Builds little endian binary content piece by piece.
struct Bytes {
    var data = Data()

    mutating func append<T: FixedWidthInteger>(_ value: T) {
        withUnsafeBytes(of: value.littleEndian) { data.append(contentsOf: $0) }
    }

    mutating func append(text: String) {
        append(UInt64(text.utf8.count))
        data.append(contentsOf: text.utf8)
    }

    /// The start of a GGUF file.
    static func gguf(version: UInt32 = 3, tensors: UInt64, pairs: UInt64) -> Bytes {
        var bytes = Bytes(data: Data("GGUF".utf8))
        bytes.append(version)
        bytes.append(tensors)
        bytes.append(pairs)
        return bytes
    }

    /// One line of a GGUF tensor list.
    mutating func append(tensor name: String, dimensions: [UInt64], type: UInt32, offset: UInt64) {
        append(text: name)
        append(UInt32(dimensions.count))
        for dimension in dimensions { append(dimension) }
        append(type)
        append(offset)
    }

    /// Zeros up to the next multiple of 32, then `count` more: GGUF's data section.
    mutating func appendData(count: Int) {
        data.append(Data(count: (32 - data.count % 32) % 32 + count))
    }
}

/// A small generator of reproducible random numbers (SplitMix64), so that a failing mutation can be made again.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
