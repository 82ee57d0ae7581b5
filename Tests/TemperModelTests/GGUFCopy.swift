import Foundation
import TemperTorch

@testable import TemperModel
@testable import TemperWeights

/// A copy of the golden GGUF file with other metadata or tensors, for what the goldens do not show.
struct GGUFCopy {
    var metadata: [String: GGUFValue]
    /// In torch's order of dimensions; all are written in float32.
    var tensors: [(name: String, shape: [Int], values: [Float])]

    init() throws {
        let file = try GGUFFile(contentsOf: Golden.folder.appending(path: "tiny-llama.gguf"))
        metadata = file.metadata
        tensors = try file.tensors.map { ($0.name, $0.shape, try file.dequantize($0.name)) }
    }

    static func text(_ text: String) -> GGUFValue { .string(GGUFString(bytes: Array(text.utf8))) }

    func write(to url: URL) throws {
        var bytes = Data("GGUF".utf8)
        func append(_ number: some FixedWidthInteger) {
            withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
        }
        func append(bytes text: some Collection<UInt8>) {
            append(UInt64(text.count))
            bytes.append(contentsOf: text)
        }
        append(UInt32(3))
        append(UInt64(tensors.count))
        append(UInt64(metadata.count))
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
            append(bytes: key.utf8)
            switch value {
            case .uint32(let number):
                append(UInt32(4))
                append(number)
            case .int32(let number):
                append(UInt32(5))
                append(number)
            case .float32(let number):
                append(UInt32(6))
                append(number.bitPattern)
            case .bool(let flag):
                append(UInt32(7))
                append(UInt8(flag ? 1 : 0))
            case .string(let text):
                append(UInt32(8))
                append(bytes: text.bytes)
            case .uint64(let number):
                append(UInt32(10))
                append(number)
            case .array(.strings(let texts)):
                append(UInt32(9))
                append(UInt32(8))
                append(UInt64(texts.count))
                for text in texts { append(bytes: text) }
            case .array(.float32(let numbers)):
                append(UInt32(9))
                append(UInt32(6))
                append(UInt64(numbers.count))
                for number in numbers { append(number.bitPattern) }
            case .array(let array):
                append(UInt32(9))
                append(UInt32(11))
                append(UInt64(array.count))
                for number in array.integers ?? [] { append(Int64(number)) }
            default:
                preconditionFailure("the golden file has no such metadata")
            }
        }
        var offset = 0
        for tensor in tensors {
            append(bytes: tensor.name.utf8)
            append(UInt32(tensor.shape.count))
            for size in tensor.shape.reversed() { append(UInt64(size)) }
            append(UInt32(0))
            append(UInt64(offset))
            offset += (tensor.values.count * 4 + 31) / 32 * 32
        }
        for tensor in tensors {
            bytes.append(Data(count: (32 - bytes.count % 32) % 32))
            tensor.values.withUnsafeBytes { bytes.append(contentsOf: $0) }
        }
        try bytes.write(to: url)
    }

    /// Writes the copy to a folder of its own for the length of `body`.
    @TorchActor
    func withFile<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
        try await withFolder { folder in
            let url = folder.appending(path: "copy.gguf")
            try write(to: url)
            return try await body(url)
        }
    }
}

/// A folder of its own for one test, removed afterwards.
@TorchActor
func withFolder<Result>(_ body: (URL) async throws -> Result) async throws -> Result {
    let folder = FileManager.default.temporaryDirectory.appending(path: "temper-model-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
}
