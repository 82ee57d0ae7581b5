import Foundation
import TemperTorch
import Testing

@testable import TemperModel

/// One adapter in place of two, one of them merged into the weights.
@TorchActor
@Suite(.serialized)
struct ComposedAdapterTests {
    /// An adapter in which nothing is zero.
    private func trained(_ configuration: LoRAConfiguration, for model: LanguageModel, seed: UInt64) throws -> Adapter {
        let adapter = try Adapter(configuration, for: model, seed: seed)
        for (index, (_, pair)) in adapter.pairs.enumerated() {
            try pair.b.copy(from: .uniform(-0.2, 0.2, shape: pair.b.shape, seed: seed + UInt64(50 + index)))
        }
        return adapter
    }

    private func logits(_ model: LanguageModel) throws -> [Float] {
        let sequences = [[1, 5, 9, 30, 2], [7, 7, 40]]
        return try withoutGradients {
            try model.network.logits(model.network.hiddenStates(PackedBatch(sequences, device: .cpu))).floats()
        }
    }

    /// The two change the same modules, some of the same, or none of the same; one scales in its own way.
    @Test(arguments: [["q_proj", "down_proj"], ["down_proj"], ["q_proj", "v_proj", "o_proj"]])
    func givesTheLogitsOfBoth(targets: [String]) async throws {
        let base = try await LanguageModel.load(from: Golden.folder.appending(path: "tiny-llama"), dtype: .float32)
        let first = LoRAConfiguration(r: 2, loraAlpha: 8, targetModules: ["q_proj", "down_proj"], useRSLoRA: true)
        let earlier = try trained(first, for: base, seed: 1)
        earlier.attach(to: base)
        let aligned = try base.merged()
        base.network.detach()
        let plain = try logits(base)

        let later = try trained(LoRAConfiguration(r: 3, loraAlpha: 5, targetModules: targets), for: aligned, seed: 9)
        later.attach(to: aligned)
        let expected = try logits(aligned)

        let folder = FileManager.default.temporaryDirectory.appending(path: "temper-composed-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        let composed = try later.composed(with: earlier)
        #expect(composed.configuration.r == 5 && composed.configuration.scale == 1)
        try composed.save(to: folder, baseModel: "tiny-llama")
        try Adapter.load(from: folder, for: base).attach(to: base)
        #expect(Golden.distance(try logits(base), expected) < 1e-4)
        #expect(Golden.distance(plain, expected) > 1e-2, "the adapters change nothing")
    }
}
