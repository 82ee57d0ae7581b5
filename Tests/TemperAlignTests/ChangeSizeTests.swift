import Foundation
import TemperModel
import TemperText
import TemperTorch
import TemperTune
import Testing

@testable import TemperAlign

/// How large a change is, on factors small enough to multiply by hand, and safety rows that come in by a dial.
@TorchActor
@Suite(.serialized)
struct ChangeSizeTests {
    private func model() async throws -> LanguageModel {
        try await LanguageModel.load(
            from: URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "Goldens/model/tiny-llama.gguf"),
            dtype: .float32
        )
    }

    private func adapter(_ pairs: [String: (b: [Float], a: [Float], scale: Double)]) throws -> Adapter {
        Adapter(
            LoRAConfiguration(r: 1, loraAlpha: 1, targetModules: pairs.keys.sorted()),
            pairs: try pairs.sorted { $0.key < $1.key }.map { name, factors in
                let a = try Tensor(factors.a, shape: [1, factors.a.count])
                let b = try Tensor(factors.b, shape: [factors.b.count, 1])
                return (name, LoRAPair(a: a, b: b, scale: factors.scale))
            }
        )
    }

    @Test func sizeOfAChange() throws {
        // Tuned: in q 2 (1, 0)^T (3, 4) of norm 10, in v (0, 1)^T (0, 5) of norm 5; together the root of 125.
        let tuned = try adapter(["q": ([1, 0], [3, 4], 2), "v": ([0, 1], [0, 5], 1)])
        #expect(try tuned.change(from: tuned) == 0)
        // Half of q, the whole of v: 5 over the root of 125.
        let half = try adapter(["q": ([1, 0], [3, 4], 1), "v": ([0, 1], [0, 5], 1)])
        #expect(abs(try #require(try half.change(from: tuned)) - 5 / 125.0.squareRoot()) < 1e-12)
        // v gone, and something of norm 10 in k, which was not tuned: the root of 25 + 100 over that of 125.
        let other = try adapter(["q": ([1, 0], [3, 4], 2), "k": ([2, 0], [3, 4], 1)])
        #expect(abs(try #require(try other.change(from: tuned)) - 1) < 1e-12)
        #expect(try tuned.change(from: adapter(["q": ([0, 0], [3, 4], 1)])) == nil)
    }

    /// At 0 the dial changes nothing; at 2 the loss is the user's and twice that of the safety rows.
    @Test func aDialBringsSafetyRowsIn() async throws {
        let model = try await model()
        let rows = try Dataset(
            name: "rows",
            examples: [
                Example(
                    chat: Chat([Message(.user, "question"), Message(.assistant, "answer")]),
                    source: Example.Source(file: "rows", line: 1)
                )
            ]
        ).tokenized(for: model, cutoffLength: 256).rows
        let dial = SafetyDial(rows: 2)
        let scheme = try dial.scheme(for: model, seed: 5)
        let step = TrainingStep(model: model, rows: rows, targetWeight: Double(rows[0].targetCount), index: 3)
        let own = try step.crossEntropy().item()
        #expect(try scheme.objective(step).total.item() == own)
        dial.weight = 2
        let safety = try AlignmentData.mixed(for: model, seed: 5)
        let mixed = try #require(try step.crossEntropy(ofShared: [safety[6 % safety.count], safety[7 % safety.count]]))
        let loss = try scheme.objective(step)
        #expect(abs(try loss.total.item() - own - 2 * mixed.item()) < 1e-4)
        #expect(try loss.logged.item() == own)
    }
}
