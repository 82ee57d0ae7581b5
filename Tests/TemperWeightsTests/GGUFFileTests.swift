import Foundation
import TemperWeights
import Testing

/// Reading GGUF metadata and tensor lists, and refusing files that lie.
@Suite struct GGUFFileTests {
    @Test func readsEveryMetadataType() throws {
        let file = try GGUFFile(contentsOf: goldens.appendingPathComponent("metadata.gguf"))
        let metadata = file.metadata
        #expect(file.version == 3)
        #expect(file.alignment == 64)
        #expect(metadata["uint8"] == .uint8(255))
        #expect(metadata["int8"] == .int8(127))
        #expect(metadata["uint16"] == .uint16(65535))
        #expect(metadata["int16"] == .int16(32767))
        #expect(metadata["uint32"] == .uint32(.max))
        #expect(metadata["int32"] == .int32(.max))
        #expect(metadata["uint64"] == .uint64(.max))
        #expect(metadata["int64"] == .int64(.max))
        #expect(metadata["float32"] == .float32(0.25))
        #expect(metadata["float64"] == .float64(0.1))
        #expect(metadata["bool"] == .bool(false))
        #expect(metadata["uint8s"] == .array(.uint8([0, 255])))
        #expect(metadata["int8s"] == .array(.int8([-128, 127])))
        #expect(metadata["uint16s"] == .array(.uint16([0, .max])))
        #expect(metadata["int16s"] == .array(.int16([.min, .max])))
        #expect(metadata["uint32s"] == .array(.uint32([0, .max])))
        #expect(metadata["int32s"] == .array(.int32([.min, .max])))
        #expect(metadata["uint64s"] == .array(.uint64([0, .max])))
        #expect(metadata["int64s"] == .array(.int64([.min, .max])))
        #expect(metadata["float32s"] == .array(.float32([-1.5, 0.25])))
        #expect(metadata["float64s"] == .array(.float64([-1e300, 0.1])))
        #expect(metadata["bools"] == .array(.bool([true, false])))
        #expect(metadata["empty"] == .array(.float32([])))
    }

    @Test func keepsTextAsBytes() throws {
        let metadata = try GGUFFile(contentsOf: goldens.appendingPathComponent("metadata.gguf")).metadata
        #expect(metadata["string"]?.text == "Größe 漢字")
        #expect(metadata["broken"]?.text == "a\u{FFFD}\u{FFFD}b")
        guard case .string(let broken) = metadata["broken"] else {
            Issue.record("not a string")
            return
        }
        #expect(broken.bytes == [0x61, 0xFF, 0xFE, 0x62])
        let words = try #require(metadata["strings"]?.strings)
        #expect(
            words.map(Array.init) == [
                [], [0x61], [0x65, 0xCC, 0x81], [0xC3, 0xA9], [0xE6, 0xBC], Array("Ġthe".utf8),
            ]
        )
        #expect(words[2] != words[3], "canonically equivalent entries of a vocabulary are different entries")
    }

    @Test func offersConvenientReadings() throws {
        let metadata = try GGUFFile(contentsOf: goldens.appendingPathComponent("metadata.gguf")).metadata
        #expect(metadata["uint32"]?.integer == 4_294_967_295)
        #expect(metadata["uint64"]?.integer == nil)
        #expect(metadata["int16"]?.number == 32767)
        #expect(metadata["float32"]?.number == 0.25)
        #expect(metadata["bool"]?.flag == false)
        #expect(metadata["int32s"]?.integers == [-2_147_483_648, 2_147_483_647])
        #expect(metadata["uint64s"]?.integers == nil)
        #expect(metadata["bool"]?.integer == nil)
        guard case .array(.arrays(let nested)) = metadata["arrays"] else {
            Issue.record("not an array of arrays")
            return
        }
        #expect(nested.map(\.count) == [2, 1])
        #expect(nested[0] == .int32([1, 2]))
    }

    @Test func listsShapesInTorchOrder() throws {
        let file = try GGUFFile(contentsOf: goldens.appendingPathComponent("metadata.gguf"))
        let cube = try #require(file.tensor(named: "cube"))
        #expect(cube.shape == [2, 3, 4])
        #expect(cube.byteRange.lowerBound.isMultiple(of: 64))
        #expect(try file.withBytes(of: "cube") { Array($0) } == Array(0..<24))
    }

    @Test func readsVersionTwo() throws {
        var bytes = Bytes.gguf(version: 2, tensors: 1, pairs: 0)
        bytes.append(tensor: "w", dimensions: [4], type: 0, offset: 0)
        bytes.appendData(count: 16)
        let file = try open(bytes)
        #expect(file.version == 2)
        #expect(try file.dequantize("w") == [0, 0, 0, 0])
    }

    @Test func truncationNamesTheTensorAndTheSize() throws {
        let data = try Data(contentsOf: goldens.appendingPathComponent("quants.gguf"))
        let file = try GGUFFile(contentsOf: goldens.appendingPathComponent("quants.gguf"))
        let tensor = try #require(file.tensor(named: "Q5_0"))
        let message = try refusal(Bytes(data: data.prefix(tensor.byteRange.upperBound - 1)))
        #expect(message.contains("tensor \"Q5_0\" is cut"))
        let expected = try #require(file.tensors.map(\.byteRange.upperBound).max())
        #expect(message.contains("should have at least \(expected)"))
    }

    @Test(
        arguments: [
            ("an offset past the end", [32], 0, 1 << 40, "is cut"),
            ("an offset that overflows", [32], 0, UInt64.max - 31, "not a possible multiple"),
            ("an offset off the alignment", [32], 0, 8, "not a possible multiple"),
            ("a row of half a block", [33], 2, 0, "no whole number of Q4_0 blocks"),
            ("a huge shape", [1 << 32, 1 << 32], 0, 0, "impossibly large"),
            ("a negative shape", [UInt64.max], 0, 0, "no whole number"),
            ("a negative second dimension", [32, UInt64.max], 0, 0, "impossibly large"),
            ("too many dimensions", [1, 1, 1, 1, 1], 0, 0, "5 dimensions"),
            ("an unknown type", [32], 999, 0, "unknown type 999"),
            ("a removed type", [32], 4, 0, "unknown type 4"),
        ] as [(String, [UInt64], UInt32, UInt64, String)]
    )
    func refusesLyingTensor(what: String, dimensions: [UInt64], type: UInt32, offset: UInt64, text: String) throws {
        var bytes = Bytes.gguf(tensors: 1, pairs: 0)
        bytes.append(tensor: "liar", dimensions: dimensions, type: type, offset: offset)
        bytes.appendData(count: 256)
        let message = try refusal(bytes)
        #expect(message.contains(text), "\(message)")
        #expect(message.contains("liar"))
    }

    @Test func refusesOverlapAndRepetition() throws {
        var overlapping = Bytes.gguf(tensors: 2, pairs: 0)
        overlapping.append(tensor: "first", dimensions: [32], type: 0, offset: 0)
        overlapping.append(tensor: "second", dimensions: [32], type: 0, offset: 64)
        overlapping.appendData(count: 256)
        #expect(try refusal(overlapping).contains("\"first\" and \"second\" overlap"))
        var repeated = Bytes.gguf(tensors: 2, pairs: 0)
        repeated.append(tensor: "same", dimensions: [8], type: 0, offset: 0)
        repeated.append(tensor: "same", dimensions: [8], type: 0, offset: 32)
        repeated.appendData(count: 64)
        #expect(try refusal(repeated).contains("listed twice"))
    }

    @Test func refusesImpossibleCountsAndNesting() throws {
        #expect(try refusal(.gguf(tensors: 1 << 60, pairs: 0)).contains("claims \(1 << 60) tensors"))
        #expect(try refusal(.gguf(tensors: 0, pairs: .max)).contains("metadata pairs"))
        var text = Bytes.gguf(tensors: 0, pairs: 1)
        text.append(UInt64.max)
        text.data.append(Data(count: 32))
        #expect(try refusal(text).contains("bytes of text"))
        var nested = Bytes.gguf(tensors: 0, pairs: 1)
        nested.append(text: "deep")
        nested.append(UInt32(9))
        for _ in 0..<10_000 {
            nested.append(UInt32(9))
            nested.append(UInt64(1))
        }
        #expect(try refusal(nested).contains("nested more than 4 deep"))
        var array = Bytes.gguf(tensors: 0, pairs: 1)
        array.append(text: "long")
        array.append(UInt32(9))
        array.append(UInt32(5))
        array.append(UInt64(1) << 61)
        array.data.append(Data(count: 64))
        #expect(try refusal(array).contains("array elements"))
    }

    @Test func refusesOtherFormats() throws {
        #expect(try refusal(Bytes(data: Data("PK\u{3}\u{4} not a model".utf8))).contains("not a GGUF file"))
        #expect(try refusal(.gguf(version: 1, tensors: 0, pairs: 0)).contains("version 1"))
        #expect(try refusal(.gguf(version: 4, tensors: 0, pairs: 0)).contains("versions 2 and 3"))
        #expect(try refusal(.gguf(version: UInt32(3).byteSwapped, tensors: 0, pairs: 0)).contains("big endian"))
        var alignment = Bytes.gguf(tensors: 0, pairs: 1)
        alignment.append(text: "general.alignment")
        alignment.append(UInt32(4))
        alignment.append(UInt32(0))
        #expect(try refusal(alignment).contains("general.alignment"))
    }

    private func open(_ bytes: Bytes) throws -> GGUFFile {
        try withScratchDirectory { (directory) throws in
            let url = directory.appendingPathComponent("model.gguf")
            try bytes.data.write(to: url)
            return try GGUFFile(contentsOf: url)
        }
    }

    private func refusal(_ bytes: Bytes, sourceLocation: SourceLocation = #_sourceLocation) throws -> String {
        try messageOfFailure(sourceLocation: sourceLocation) { _ = try open(bytes) }
    }
}
