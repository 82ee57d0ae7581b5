import Foundation
import TemperWeights
import Testing

/// Damaged files: whatever is cut or changed, the readers give an error or values, and never crash.
@Suite struct MutationTests {
    @Test(arguments: ["metadata.gguf", "quants.gguf"])
    func damagedGGUF(name: String) throws {
        try damage(name, headerSize: 1300) { url in
            let file = try GGUFFile(contentsOf: url)
            for tensor in file.tensors where tensor.elementCount < 1 << 20 {
                _ = try? file.dequantize(tensor.name)
            }
            _ = file.metadata.values.map { ($0.integer, $0.text, $0.integers, $0.strings?.map(\.count)) }
        }
    }

    @Test func damagedSafetensors() throws {
        try damage("quants.safetensors", headerSize: 1100) { url in
            let file = try SafetensorsFile(contentsOf: url)
            for name in file.names { _ = try file.withBytes(of: name) { $0.reduce(0, &+) } }
        }
    }

    @Test func truncationIsAlwaysAnError() throws {
        for name in ["metadata.gguf", "quants.gguf", "quants.safetensors"] {
            let data = try Data(contentsOf: goldens.appendingPathComponent(name))
            try withScratchDirectory { (directory) throws in
                let url = directory.appendingPathComponent(name)
                let ends = Set(0..<64).union(stride(from: 64, to: data.count - 32, by: max(1, data.count / 400)))
                for end in ends {
                    try data.prefix(end).write(to: url)
                    #expect(throws: WeightsError.self, "\(name) cut to \(end)") {
                        if name.hasSuffix("gguf") {
                            _ = try GGUFFile(contentsOf: url)
                        } else {
                            _ = try SafetensorsFile(contentsOf: url)
                        }
                    }
                }
            }
        }
    }

    /// Changes bytes of the header in many ways and reads the result each time.
    private func damage(_ name: String, headerSize: Int, read: (URL) throws -> Void) throws {
        let original = try Data(contentsOf: goldens.appendingPathComponent(name))
        let limit = min(headerSize, original.count)
        var random = SplitMix(state: 42)
        try withScratchDirectory { (directory) throws in
            let url = directory.appendingPathComponent(name)
            func check(_ data: Data, _ what: String) throws {
                try data.write(to: url)
                do {
                    try read(url)
                } catch let error as WeightsError {
                    #expect(error.description.contains(url.path), "\(what)")
                }
            }
            for position in 0..<limit {
                var data = original
                data[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                try check(data, "one bit at \(position)")
                data[position] = [0x00, 0xFF, 0x80, 0x7F].randomElement(using: &random) ?? 0
                try check(data, "one byte at \(position)")
            }
            for round in 0..<300 {
                var data = original
                for _ in 0..<Int.random(in: 2...16, using: &random) {
                    data[Int.random(in: 0..<limit, using: &random)] = .random(in: 0...255, using: &random)
                }
                try check(data, "round \(round)")
                let start = Int.random(in: 0..<limit - 8, using: &random)
                data = original
                data.replaceSubrange(start..<start + 8, with: repeatElement(0xFF, count: 8))
                try check(data, "eight bytes at \(start)")
                data = original
                data.removeSubrange(start..<start + Int.random(in: 1...8, using: &random))
                try check(data, "bytes removed at \(start)")
            }
        }
    }
}
