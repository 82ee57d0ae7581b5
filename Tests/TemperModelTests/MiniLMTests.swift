import Foundation
import TemperText
import TemperTorch
import Testing

@testable import TemperModel

/// Where `temper model pull all-minilm-l6-v2` puts the model.
private enum MiniLM {
    static let folder = Golden.folder.deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appending(path: ".deps/models/all-minilm-l6-v2")
    static let isThere = FileManager.default.fileExists(atPath: folder.appending(path: "config.json").path)
}

/// all-MiniLM-L6-v2 against `transformers`; see Tests/Goldens/encoder/generate.py.
@TorchActor
@Suite(.serialized, .enabled("all-minilm-l6-v2 is there") { MiniLM.isThere })
struct MiniLMTests {
    struct File: Decodable {
        var texts: [String]
        var ids: [[Int]]
        var first: [[Float]]
        var cosines: [[Float]]
    }

    private func golden() throws -> File {
        let file = Golden.folder.deletingLastPathComponent().appending(path: "encoder/minilm.json")
        return try JSONDecoder().decode(File.self, from: Data(contentsOf: file))
    }

    private func largestDifference(_ embeddings: [[Float]], _ golden: File) -> Float {
        let cosines = embeddings.map { one in embeddings.map { zip(one, $0).reduce(0) { $0 + $1.0 * $1.1 } } }
        return Golden.distance(Array(cosines.joined()), Array(golden.cosines.joined()))
    }

    @Test func embeddingsEqualTransformers() async throws {
        let golden = try golden()
        let encoder = try await TextEncoder.load(from: MiniLM.folder, dtype: .float32)
        #expect(encoder.tokenLimit == 256)
        for (text, ids) in zip(golden.texts, golden.ids) { #expect(try encoder.tokens(of: text) == ids, "\(text)") }
        let embeddings = try await encoder.embeddings(of: golden.texts)
        #expect(Golden.distance(Array(embeddings.map { $0.prefix(8) }.joined()), Array(golden.first.joined())) < 1e-5)
        #expect(largestDifference(embeddings, golden) < 1e-5)
    }

    /// The packed kernels, where the processor has them.
    @Test func bfloat16IsCloseEnough() async throws {
        let golden = try golden()
        let encoder = try await TextEncoder.load(from: MiniLM.folder, dtype: .bfloat16)
        #expect(largestDifference(try await encoder.embeddings(of: golden.texts), golden) < 0.02)
    }

    @Test func longTextsAreCutAtTheLimit() async throws {
        let encoder = try await TextEncoder.load(from: MiniLM.folder, dtype: .float32)
        let ids = try encoder.tokens(of: String(repeating: "bread ", count: 1000))
        #expect(ids.count == 256 && ids.last == encoder.tokenizer?.id(ofToken: "[SEP]"))
        #expect(try encoder.tokens(of: "bread and butter", limit: 4).count == 4)
        #expect(try encoder.hiddenStates(of: "bread").map(\.count) == [384, 384, 384])
    }
}
