import Foundation
import Glibc
import TemperWeights
import Testing

/// Writing: what comes out, and what stays when the disk is full.
@Suite struct WriterTests {
    @Test func writesWhatTheReaderReads() throws {
        try withScratchDirectory { (directory) throws in
            let url = directory.appendingPathComponent("out.safetensors")
            let types = SafetensorsType.allCases
            let tensors = types.map { type in
                SafetensorsWriter.Tensor(name: "läyer \"\(type.rawValue)\"\n", dtype: type, shape: [2, 3]) { emit in
                    for row in 0..<2 {
                        try [UInt8](repeating: UInt8(row), count: 3 * type.byteCount).withUnsafeBytes(emit)
                    }
                }
            }
            try SafetensorsWriter.write(tensors: tensors, metadata: ["b": "\\ \u{1}", "a": "x"], to: url)
            let file = try SafetensorsFile(contentsOf: url)
            #expect(file.names == tensors.map(\.name))
            #expect(file.metadata == ["b": "\\ \u{1}", "a": "x"])
            for (tensor, type) in zip(tensors, types) {
                #expect(file.entries[tensor.name]?.dtype == type)
                let bytes = try file.withBytes(of: tensor.name) { Array($0) }
                let half = 3 * type.byteCount
                #expect(bytes == Array(repeating: 0, count: half) + Array(repeating: 1, count: half))
            }
            #expect(file.entries[tensors[0].name]?.byteRange.lowerBound.isMultiple(of: 8) == true)
            #expect(try contents(of: directory) == ["out.safetensors"])
        }
    }

    @Test func refusesTensorsThatContradictThemselves() throws {
        try withScratchDirectory { (directory) throws in
            let url = directory.appendingPathComponent("out.safetensors")
            func refusal(_ tensors: [SafetensorsWriter.Tensor]) throws -> String {
                try messageOfFailure { try SafetensorsWriter.write(tensors: tensors, metadata: [:], to: url) }
            }
            let fine = SafetensorsWriter.Tensor(name: "a", dtype: .uint8, shape: [2], data: Data([1, 2]))
            var wrong = fine
            wrong.shape = [3]
            #expect(try refusal([wrong]).contains("handed over 2 of its 3 bytes"))
            wrong.shape = [1]
            #expect(try refusal([wrong]).contains("more than its 1 bytes"))
            wrong.shape = [-1]
            #expect(try refusal([wrong]).contains("impossible"))
            #expect(try refusal([fine, fine]).contains("used twice"))
            wrong = fine
            wrong.name = "__metadata__"
            #expect(try refusal([wrong]).contains("reserved"))
            #expect(try contents(of: directory).isEmpty)
        }
    }

    @Test(arguments: [0, 1, 100, 5000])
    func fullDiskLeavesTheOldFile(room: Int) throws {
        try withScratchDirectory { (directory) throws in
            let url = directory.appendingPathComponent("model.safetensors")
            try AtomicFile.write(Data("old".utf8), to: url)
            let tensor = SafetensorsWriter.Tensor(
                name: "a",
                dtype: .uint8,
                shape: [10_000],
                data: Data(count: 10_000)
            )
            // Takes bytes in small pieces until the room is used up, as a disk does.
            var left = room
            let message = try messageOfFailure {
                try SafetensorsWriter.write(tensors: [tensor], metadata: [:], to: url) { descriptor, bytes in
                    guard left > 0 else { return .failed(errno: ENOSPC) }
                    let piece = UnsafeRawBufferPointer(rebasing: bytes.prefix(min(left, 777)))
                    left -= piece.count
                    return AtomicFile.systemWrite(descriptor, piece)
                }
            }
            #expect(message.contains(url.path))
            #expect(message.contains("No space left on device"))
            #expect(try contents(of: directory) == ["model.safetensors"])
            #expect(try Data(contentsOf: url) == Data("old".utf8))
        }
    }

    /// The same on a real full disk: the variable names a directory on a file system with less than 8 MB of room.
    @Test(.enabled(if: ProcessInfo.processInfo.environment["TEMPER_TEST_SMALL_DISK"] != nil))
    func realFullDiskLeavesTheOldFile() throws {
        let directory = URL(
            fileURLWithPath: try #require(ProcessInfo.processInfo.environment["TEMPER_TEST_SMALL_DISK"])
        )
        let url = directory.appendingPathComponent("model.safetensors")
        try AtomicFile.write(Data("old".utf8), to: url)
        let message = try messageOfFailure { try AtomicFile.write(Data(count: 8 << 20), to: url) }
        #expect(message.contains("No space left on device"))
        #expect(try contents(of: directory) == ["model.safetensors"])
        #expect(try Data(contentsOf: url) == Data("old".utf8))
    }

    @Test func interruptedAndPartialWritesAreContinued() throws {
        try withScratchDirectory { (directory) throws in
            let url = directory.appendingPathComponent("file")
            let data = Data((0..<1000).map { UInt8(truncatingIfNeeded: $0) })
            var call = 0
            try AtomicFile.write(to: url) { descriptor, bytes in
                call += 1
                guard call % 2 == 0 else { return .failed(errno: EINTR) }
                return AtomicFile.systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: bytes.prefix(7)))
            } _: { sink in
                try data.withUnsafeBytes { try sink.append($0) }
            }
            #expect(try Data(contentsOf: url) == data)
        }
    }

    @Test func failingContentLeavesTheOldFile() throws {
        struct Stop: Error {}
        try withScratchDirectory { (directory) throws in
            let url = directory.appendingPathComponent("file")
            try AtomicFile.write(Data("old".utf8), to: url)
            #expect(throws: Stop.self) { try AtomicFile.write(to: url) { _ in throw Stop() } }
            #expect(try contents(of: directory) == ["file"])
            #expect(try Data(contentsOf: url) == Data("old".utf8))
        }
    }

    @Test func replacesWhileMappedAndSkipsLeftovers() throws {
        try withScratchDirectory { (directory) throws in
            let url = directory.appendingPathComponent("file")
            let leftover = directory.appendingPathComponent("file.tmp-\(getpid())")
            try AtomicFile.write(Data("old".utf8), to: url)
            try Data("left by a killed process".utf8).write(to: leftover)
            let mapped = try MappedFile(contentsOf: url)
            try AtomicFile.write(Data("new content".utf8), to: url)
            #expect(mapped.withBytes { Array($0) } == Array("old".utf8))
            #expect(try Data(contentsOf: url) == Data("new content".utf8))
            #expect(try contents(of: directory) == ["file", leftover.lastPathComponent])
        }
    }

    @Test func missingDirectoryIsNamed() throws {
        try withScratchDirectory { (directory) throws in
            let url = directory.appendingPathComponent("missing/file")
            let message = try messageOfFailure { try AtomicFile.write(Data([1]), to: url) }
            #expect(message.contains(url.path))
            #expect(message.contains("No such file or directory"))
        }
    }

    private func contents(of directory: URL) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
    }
}
