import Foundation
import TemperModel
import TemperText
import TemperTorch
import TemperTune
import Testing

@testable import TemperAlign

/// The defences' equations, recomputed from plain parts on a tiny random model.
@TorchActor
@Suite(.serialized)
struct EquationTests {
    private static let model = Task {
        try await LanguageModel.load(
            from: URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "Goldens/model/tiny-llama.gguf"),
            dtype: .float32
        )
    }

    /// An adapter with B zero, or with B uniform in ±`size`.
    private func adapter(_ model: LanguageModel, size: Double) throws -> Adapter {
        let adapter = try Adapter(LoRAConfiguration(r: 2, loraAlpha: 4), for: model, seed: 1)
        guard size > 0 else { return adapter }
        for (index, (_, pair)) in adapter.pairs.enumerated() {
            try pair.b.copy(from: .uniform(-size, size, shape: pair.b.shape, seed: UInt64(100 + index)))
        }
        return adapter
    }

    private func logits(_ model: LanguageModel, _ ids: [Int]) throws -> [Float] {
        try withoutGradients {
            try model.network.logits(model.network.hiddenStates(PackedBatch([ids], device: .cpu))).floats()
        }
    }

    private let ids = [3, 70, 81, 92, 40, 5, 60, 61]

    @Test func interpolationScalesTheUpdate() async throws {
        let model = try await Self.model.value
        defer { model.network.detach() }
        let tuned = try adapter(model, size: 0.3)
        let context = WeightContext(reference: model)
        let half = try Interpolation(scale: 0.5).apply(to: tuned, using: context).adapter
        for (own, changed) in zip(tuned.pairs, half.pairs) {
            #expect(own.module == changed.module && own.pair.scale == changed.pair.scale)
            #expect(try own.pair.a.floats() == changed.pair.a.floats())
            #expect(try own.pair.b.floats().map { $0 * 0.5 } == changed.pair.b.floats())
        }
        model.network.detach()
        let reference = try logits(model, ids)
        tuned.attach(to: model)
        let full = try logits(model, ids)
        #expect(reference != full)
        try Interpolation(scale: 0).apply(to: tuned, using: context).adapter.attach(to: model)
        #expect(try logits(model, ids) == reference)
        try Interpolation(scale: 1).apply(to: tuned, using: context).adapter.attach(to: model)
        #expect(try logits(model, ids) == full)
        // What is made from the tuned adapter shares no memory with it.
        let copy = try Interpolation(scale: 1).apply(to: tuned, using: context).adapter
        for parameter in copy.parameters { try parameter.copy(from: .zeros(parameter.shape)) }
        tuned.attach(to: model)
        #expect(try logits(model, ids) == full)
    }

    // MARK: Regularisation to the base

    private func step(
        _ model: LanguageModel,
        share: Double = 1,
        part: Int = 0,
        parts: Int = 1,
        index: Int = 0
    ) -> TrainingStep {
        let marks = [Bool](repeating: false, count: 4) + [Bool](repeating: true, count: 4)
        let row = TokenizedExample(ids: ids, isTarget: marks, source: Example.Source(file: "test", line: 1))
        return TrainingStep(
            model: model,
            rows: [row],
            part: part,
            parts: parts,
            share: share,
            targetWeight: Double(row.targetCount) / share,
            index: index
        )
    }

    /// Mean over the targets of the rows of `sum p (log p - log q)`, from logits, in double precision.
    private func divergence(_ model: LanguageModel, _ adapter: Adapter, _ rows: [TokenizedExample]) throws -> Double {
        func logProbabilities(_ row: TokenizedExample) throws -> [[Double]] {
            let all = try logits(model, row.ids).map(Double.init)
            let width = all.count / row.ids.count
            return row.ids.indices.dropFirst().filter { row.isTarget[$0] }.map { position in
                let values = all[((position - 1) * width)..<(position * width)]
                let largest = values.max() ?? 0
                let total = log(values.reduce(0) { $0 + exp($1 - largest) }) + largest
                return values.map { $0 - total }
            }
        }
        var sum = 0.0
        var count = 0
        for row in rows {
            model.network.detach()
            let reference = try logProbabilities(row)
            adapter.attach(to: model)
            let tuned = try logProbabilities(row)
            for (p, q) in zip(reference, tuned) {
                sum += zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
                count += 1
            }
        }
        return sum / Double(count)
    }

    private func gradients(_ adapter: Adapter, _ loss: Tensor) throws -> [[Float]] {
        for parameter in adapter.parameters { try parameter.clearGradient() }
        try loss.backward()
        return try adapter.parameters.map { try #require(try $0.gradient()).floats() }
    }

    private func distance(_ a: [[Float]], _ b: [[Float]]) -> Float {
        zip(a.joined(), b.joined()).reduce(0) { max($0, abs($1.0 - $1.1)) }
    }

    @Test func regularisationAddsTheWeightedDivergence() async throws {
        let model = try await Self.model.value
        defer { model.network.detach() }
        let tuned = try adapter(model, size: 0.3)
        tuned.attach(to: model)
        for parameter in tuned.parameters { try parameter.setRequiresGradient(true) }
        let anchors = try Dataset(
            name: "anchors",
            examples: AlignmentData.draw(AlignmentData.refusals.load().count * 2, from: [.refusals, .twins], seed: 6)
        ).tokenized(for: model, cutoffLength: 512).rows

        let one = try BaseRegularisation(weight: 1, anchors: 2).scheme(for: model, seed: 6).objective
        let three = try BaseRegularisation(weight: 3, anchors: 2).scheme(for: model, seed: 6).objective
        for index in [0, 5] {
            let expected = try divergence(model, tuned, Array(anchors[(index * 2)..<(index * 2 + 2)]))
            #expect(expected > 1e-3)
            let plain = try step(model, index: index).crossEntropy().item()
            let first = try one(step(model, index: index))
            #expect(abs(try first.logged.item() - plain) < 1e-6)
            #expect(abs(try first.total.item() - plain - expected) < 1e-4 * max(1, expected))
            let third = try three(step(model, index: index))
            #expect(abs(try third.total.item() - plain - 3 * expected) < 3e-4 * max(1, expected))
            // One of two micro-batches with half of the step's targets brings half of the term.
            let half = try one(step(model, share: 0.5, index: index))
            #expect(abs(try half.total.item() - (plain + expected) / 2) < 1e-4 * max(1, expected))
            // Parts share the anchors: together they bring the term once.
            let terms = try (0..<2).map { part in
                let loss = try one(step(model, part: part, parts: 2, index: index))
                return try loss.total.item() - loss.logged.item()
            }
            #expect(abs(terms.reduce(0, +) - expected) < 1e-4 * max(1, expected))
        }

        // The gradient is linear in the weight, too.
        let plain = try gradients(tuned, step(model).crossEntropy())
        let first = try gradients(tuned, one(step(model)).total)
        let third = try gradients(tuned, three(step(model)).total)
        let predicted = zip(plain, first).map { zip($0, $1).map { $0 + 3 * ($1 - $0) } }
        let scale = third.joined().reduce(0) { max($0, abs($1)) }
        #expect(distance(third, predicted) < 1e-4 * max(1, scale))
        #expect(distance(third, plain) > 1e-3 * scale)
    }

    @Test func regularisationIsNothingAtTheReference() async throws {
        let model = try await Self.model.value
        defer { model.network.detach() }
        let fresh = try adapter(model, size: 0)
        fresh.attach(to: model)
        for parameter in fresh.parameters { try parameter.setRequiresGradient(true) }
        let objective = try BaseRegularisation(weight: 100, anchors: 2).scheme(for: model, seed: 6).objective
        let loss = try objective(step(model))
        let plain = try step(model).crossEntropy()
        #expect(abs(try loss.total.item() - plain.item()) < 1e-4)
        let expected = try gradients(fresh, plain)
        #expect(distance(try gradients(fresh, loss.total), expected) < 1e-4)
        #expect(expected.joined().contains { abs($0) > 1e-3 })
    }
}
