import Foundation
import TemperWeights
import Testing

/// Reading safetensors files and directories, and refusing files that lie.
@Suite struct SafetensorsFileTests {
    @Test func readsEntriesMetadataAndEscapes() throws {
        let header = #"""
            {"__metadata__":{"format":"pt","note":"a\n\"\u00e9\ud83d\ude00"}, "b":{"dtype":"U8","shape":[3],
             "data_offsets":[4,7]},"a":{"shape":[],"data_offsets":[0,4],"dtype":"F32"},
             "none":{"dtype":"BF16","shape":[0,5],"data_offsets":[7,7]}}  
            """#
        let file = try open(safetensors(header: header, data: [0, 0, 128, 63, 7, 8, 9]))
        #expect(file.metadata == ["format": "pt", "note": "a\n\"é😀"])
        #expect(file.names == ["a", "b", "none"])
        #expect(file.entries["a"]?.shape == [])
        #expect(file.entries["none"]?.shape == [0, 5])
        #expect(file.entries["b"]?.dtype == .uint8)
        #expect(try file.withBytes(of: "a") { $0.loadUnaligned(as: Float.self) } == 1)
        #expect(try file.withBytes(of: "b") { Array($0) } == [7, 8, 9])
        #expect(try file.withBytes(of: "none") { $0.count } == 0)
        #expect(try messageOfFailure { try file.withBytes(of: "c") { _ in } }.contains("no tensor named \"c\""))
    }

    @Test func readsAnEmptyHeader() throws {
        #expect(try open(safetensors(header: "{}")).names.isEmpty)
    }

    @Test(arguments: [
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, "ends at byte 8"),
        (#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, "needs 8 bytes"),
        (#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}}"#, "leaves a gap"),
        (#"{"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]}}"#, "belong to none"),
        (#"{"a":{"dtype":"U8","shape":[4],"data_offsets":[4,0]}}"#, "leaves a gap"),
        (
            #"{"a":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"b":{"dtype":"U8","shape":[4],"data_offsets":[0,3]}}"#,
            "needs 4 bytes"
        ),
        (
            #"{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}}"#,
            "overlaps"
        ),
        (#"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, "not negative"),
        (#"{"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}"#, "expected"),
        (#"{"a":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}"#, "expected"),
        (#"{"a":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}"#, "starts with 0"),
        (#"{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,4]}}"#, "impossibly large"),
        (#"{"a":{"dtype":"F32","shape":[99999999999999999999],"data_offsets":[0,4]}}"#, "too large"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,9223372036854775807]}}"#, "needs 4 bytes"),
        (#"{"a":{"dtype":"F99","shape":[1],"data_offsets":[0,4]}}"#, "stored as F99"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}"#, "two numbers"),
        (#"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#, "needs dtype"),
        (#"{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}"#, "unknown or repeated key"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}"#, "unknown or repeated key"),
        (
            #"{"a":{"dtype":"I8","shape":[4],"data_offsets":[0,4]},"a":{"dtype":"I8","shape":[0],"data_offsets":[4,4]}}"#,
            "occurs twice"
        ),
        (#"{"__metadata__":{"a":1}}"#, "expected"),
        (#"{"__metadata__":{"a":"\ud800"}}"#, "surrogate"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]"#, "ends early"),
        (#"{"a":{"dtype":"F32","sha"#, "does not end"),
        (#"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}} {"#, "follows the closing brace"),
        (#"[]"#, "not an object"),
        (#" {}"#, "not an object"),
    ])
    func refusesLyingHeader(header: String, text: String) throws {
        let message = try messageOfFailure { _ = try open(safetensors(header: header, data: [0, 0, 0, 0])) }
        #expect(message.contains(text), "\(message)")
        #expect(message.contains("model.safetensors"))
    }

    @Test func refusesLyingLength() throws {
        for (length, text) in [
            (UInt64.max, "claims"), (100_000_001, "claims"), (3, "only 2 follow"), (1, "claims"), (0, "claims"),
        ] {
            let message = try messageOfFailure { _ = try open(safetensors(header: "{}", statedLength: length)) }
            #expect(message.contains(text), "\(length): \(message)")
        }
        #expect(try messageOfFailure { _ = try open(Data([1, 2, 3])) }.contains("3 bytes"))
        #expect(try messageOfFailure { _ = try open(safetensors(header: "{\"\u{1}\":")) }.contains("control character"))
    }

    @Test func missingEmptyAndUnreadableFilesAreNamed() throws {
        try withScratchDirectory { (directory) throws in
            let missing = directory.appendingPathComponent("missing.safetensors")
            let message = try messageOfFailure { _ = try SafetensorsFile(contentsOf: missing) }
            #expect(message.contains(missing.path))
            #expect(message.contains("No such file"))
            let empty = directory.appendingPathComponent("empty.gguf")
            try Data().write(to: empty)
            #expect(try messageOfFailure { _ = try GGUFFile(contentsOf: empty) }.contains("the file is empty"))
            #expect(try messageOfFailure { _ = try GGUFFile(contentsOf: directory) }.contains("not a regular file"))
        }
    }

    @Test func readsASingleFileDirectory() throws {
        try withScratchDirectory { (directory) throws in
            try write(["a", "b"], to: directory.appendingPathComponent("model.safetensors"))
            let weights = try SafetensorsDirectory(at: directory)
            #expect(weights.names == ["a", "b"])
            #expect(weights.files.count == 1)
        }
    }

    @Test func readsShardsThroughTheIndex() throws {
        try withScratchDirectory { (directory) throws in
            try write(["a", "c"], to: directory.appendingPathComponent("model-00001-of-00002.safetensors"))
            try write(["b"], to: directory.appendingPathComponent("model-00002-of-00002.safetensors"))
            try writeIndex(
                ["a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"],
                in: directory
            )
            let weights = try SafetensorsDirectory(at: directory)
            #expect(weights.names == ["a", "b"])
            #expect(weights.entry("b")?.shape == [1])
            #expect(weights.entry("c") == nil, "the index does not list it")
            #expect(try weights.withBytes(of: "b") { Array($0) } == Array("b".utf8))
            #expect(throws: WeightsError.self) { try weights.withBytes(of: "c") { _ in } }
        }
    }

    @Test func refusesIncompleteDirectories() throws {
        try withScratchDirectory { (directory) throws in
            func refusal() throws -> String { try messageOfFailure { _ = try SafetensorsDirectory(at: directory) } }
            #expect(try refusal().contains("neither model.safetensors nor"))
            try writeIndex(["a": "one.safetensors"], in: directory)
            #expect(try refusal().contains("lists this shard, but it is missing"))
            try write(["b"], to: directory.appendingPathComponent("one.safetensors"))
            #expect(try refusal().contains("says that one.safetensors holds tensor \"a\""))
            try writeIndex(["a": "../one.safetensors"], in: directory)
            #expect(try refusal().contains("not a plain file name"))
            try writeIndex([:], in: directory)
            #expect(try refusal().contains("weight_map is empty"))
            try Data("{\"weight_map\": [1".utf8).write(
                to: directory.appendingPathComponent("model.safetensors.index.json")
            )
            #expect(try refusal().contains("needs an object \"weight_map\""))
        }
    }

    /// One tensor per name, which holds the name's one letter.
    private func write(_ names: [String], to url: URL) throws {
        try SafetensorsWriter.write(
            tensors: names.map { .init(name: $0, dtype: .uint8, shape: [1], data: Data($0.utf8)) },
            metadata: [:],
            to: url
        )
    }

    private func writeIndex(_ map: [String: String], in directory: URL) throws {
        try JSONEncoder().encode(["weight_map": map]).write(
            to: directory.appendingPathComponent("model.safetensors.index.json")
        )
    }

    private func open(_ data: Data) throws -> SafetensorsFile {
        try withScratchDirectory { (directory) throws in
            let url = directory.appendingPathComponent("model.safetensors")
            try data.write(to: url)
            return try SafetensorsFile(contentsOf: url)
        }
    }
}
