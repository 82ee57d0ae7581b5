import Foundation
import TemperWeights
import Testing

/// The block decoders against values from the reference implementation.
@Suite struct DequantizeTests {
    @Test(arguments: [
        "F32", "F16", "BF16", "Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K",
    ])
    func equalsReferenceBitForBit(name: String) throws {
        let file = try GGUFFile(contentsOf: goldens.appendingPathComponent("quants.gguf"))
        let reference = try SafetensorsFile(contentsOf: goldens.appendingPathComponent("quants.safetensors"))
        let tensor = try #require(file.tensor(named: name))
        #expect(tensor.type.name == name)
        #expect(tensor.shape == [3, 512])
        #expect(tensor.elementCount == 1536)
        let expected = try reference.withBytes(of: name) { bytes in
            (0..<1536).map { bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self) }
        }
        let values = try file.dequantize(name).map(\.bitPattern)
        // A difference in the sign of zero is not a difference in weight.
        let different = zip(values, expected).enumerated().filter { _, pair in
            pair.0 != pair.1 && Float(bitPattern: pair.0) != Float(bitPattern: pair.1)
        }
        #expect(values.count == expected.count)
        #expect(different.isEmpty, "first difference at \(different.first?.offset ?? -1)")
    }

    @Test func largeTensorIsCutIntoPiecesWithoutSeams() throws {
        // 300,000 half precision weights: several pieces, the last one not full.
        let count = 300_000
        var bytes = Bytes.gguf(tensors: 1, pairs: 0)
        bytes.append(tensor: "w", dimensions: [1000, 300], type: 1, offset: 0)
        bytes.appendData(count: 0)
        for index in 0..<count { bytes.append(UInt16(truncatingIfNeeded: index % 2048 + 0x3C00)) }
        let values = try withScratchDirectory { (directory) throws in
            let url = directory.appendingPathComponent("large.gguf")
            try bytes.data.write(to: url)
            return try GGUFFile(contentsOf: url).dequantize("w")
        }
        let wrong = values.indices.first { index in
            let step = index % 2048
            let expected = step < 1024 ? 1 + Float(step) / 1024 : 2 + Float(step - 1024) / 512
            return values[index] != expected
        }
        #expect(values.count == count)
        #expect(wrong == nil)
    }

    @Test func unsupportedTypeNamesTensorTypeAndRemedy() throws {
        let file = try GGUFFile(contentsOf: goldens.appendingPathComponent("quants.gguf"))
        let message = try messageOfFailure { _ = try file.dequantize("IQ4_NL") }
        #expect(message.contains("\"IQ4_NL\" is stored as IQ4_NL"))
        #expect(message.contains("convert the model again"))
    }

    @Test func missingTensorIsNamed() throws {
        let file = try GGUFFile(contentsOf: goldens.appendingPathComponent("quants.gguf"))
        let message = try messageOfFailure { _ = try file.dequantize("blk.0.attn_q.weight") }
        #expect(message.contains("no tensor named \"blk.0.attn_q.weight\""))
        #expect(message.contains("quants.gguf"))
    }
}
