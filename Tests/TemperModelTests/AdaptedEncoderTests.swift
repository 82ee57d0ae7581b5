import Foundation
import TemperTorch
import Testing

@testable import TemperModel

/// An encoder with an adapter from files: what was trained is what is read, in full and in half precision.
@TorchActor
@Suite struct AdaptedEncoderTests {
    nonisolated private static let folder = Golden.folder.deletingLastPathComponent().appending(path: "encoder")

    private func scratch() -> URL {
        FileManager.default.temporaryDirectory.appending(path: "temper-adapted-\(UUID().uuidString)")
    }

    /// An adapter whose B is not zero.
    private func adapter(for encoder: TextEncoder, seed: UInt64 = 4) throws -> Adapter {
        let shape = LoRAConfiguration(r: 2, loraAlpha: 4)
        let fresh = try Adapter(
            shape,
            for: encoder.network.linears,
            of: encoder.url,
            device: encoder.device,
            seed: seed
        )
        return try fresh.mapped { pair throws(TorchError) in
            let b = try Tensor.uniform(-0.2, 0.2, shape: pair.b.shape, seed: seed, device: .cpu)
            return LoRAPair(a: pair.a, b: b, scale: pair.scale)
        }
    }

    @Test(arguments: [false, true]) func filesGiveWhatWasAttached(inHalves: Bool) async throws {
        let encoder = try await TextEncoder.load(from: Self.folder, dtype: .float32)
        let texts = [[1, 5, 7, 2], [1, 9, 2]]
        let before = try encoder.embeddings(ofTokens: texts)
        let adapter = try adapter(for: encoder)
        adapter.attach(to: encoder.network.linears)
        let wanted = try encoder.merged().embeddings(ofTokens: texts)
        for linear in encoder.network.linears { linear.lora = nil }
        let folder = scratch()
        defer { try? FileManager.default.removeItem(at: folder) }
        try adapter.save(to: folder, baseModel: "bert", taskType: "FEATURE_EXTRACTION", inHalves: inHalves)
        let adapted = try encoder.adapted(by: folder)
        let found = try adapted.embeddings(ofTokens: texts)
        #expect(Golden.distance(Array(found.joined()), Array(wanted.joined())) < (inHalves ? 2e-3 : 1e-6))
        #expect(Golden.distance(Array(found.joined()), Array(before.joined())) > 1e-2)
        #expect(try encoder.embeddings(ofTokens: texts) == before)
        let file = folder.appending(path: "adapter_model.safetensors")
        let size = try #require(try FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int)
        let numbers = adapter.parameterCount
        #expect((numbers * (inHalves ? 2 : 4)..<numbers * (inHalves ? 2 : 4) + 16_384).contains(size))
    }

    @Test func anotherModelsAdapterIsRefused() async throws {
        let encoder = try await TextEncoder.load(from: Self.folder, dtype: .float32)
        let folder = scratch()
        defer { try? FileManager.default.removeItem(at: folder) }
        #expect(throws: ModelError.self) { try encoder.adapted(by: folder) }
        let own = try adapter(for: encoder)
        let cut = Adapter(own.configuration, pairs: Array(own.pairs.dropLast()))
        try cut.save(to: folder, baseModel: "bert")
        let error = #expect(throws: ModelError.self) { try encoder.adapted(by: folder) }
        #expect(error.map { "\($0)" }?.contains("missing") == true)
        #expect(encoder.network.linears.allSatisfy { $0.lora == nil })
    }
}
