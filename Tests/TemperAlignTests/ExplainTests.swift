import Foundation
import TemperModel
import TemperText
import TemperTorch
import TemperTune
import Testing

@testable import TemperAlign

private let goldens = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Goldens/model")

/// The equations of an explanation, on cases small enough to compute by hand, and gradients against differences.
@TorchActor
@Suite(.serialized)
struct ExplainTests {
    private func model() async throws -> LanguageModel {
        try await LanguageModel.load(from: goldens.appending(path: "tiny-llama.gguf"), dtype: .float32)
    }

    private func row(_ ids: [Int], answerFrom start: Int) -> TokenizedExample {
        TokenizedExample(
            ids: ids,
            isTarget: ids.indices.map { $0 >= start },
            source: Example.Source(file: "row", line: 1)
        )
    }

    /// Rows are cut behind the first tokens of their last answer; of two answers both keep theirs.
    @Test func onlyFirstTokensAreTargets() throws {
        let cut = try #require(row([1, 2, 3, 4, 5, 6], answerFrom: 2).cut(behind: 2))
        #expect(cut.ids == [1, 2, 3, 4])
        #expect(cut.isTarget == [false, false, true, true])
        var two = row([1, 2, 3, 4, 5, 6, 7], answerFrom: 7)
        two.isTarget = [false, true, true, false, true, true, true]
        let both = try #require(two.cut(behind: 1))
        #expect(both.ids == [1, 2, 3, 4, 5])
        #expect(both.targets == [1, 4])
        #expect(row([1, 2], answerFrom: 2).cut(behind: 3) == nil)
    }

    /// With anchors along the axes and one module, the score is a cosine in the plane.
    @Test func theScoreIsACosine() {
        // c = 2 e1, r = 3 e2, t = e3, a = 5 e4, common = e1.
        let squares = [4.0, 9, 1, 25, 1]
        var gram = [Double](repeating: 0, count: 25)
        for (index, square) in squares.enumerated() { gram[index * 5 + index] = square }
        (gram[0 * 5 + 4], gram[4 * 5 + 0]) = (2, 2)
        // g = (1, -1, 0, 0)
        let products = RowAttribution.Products(anchors: [2, -3, 0, 0, 1], square: 2)
        // v = (1, -1) / sqrt 2 direction: the same as g.
        #expect(abs(PushScore.plain.score([products], gram: [gram]) - 1) < 1e-12)
        let comply = PushScore(name: "", weights: [.compliance: 1])
        #expect(abs(comply.score([products], gram: [gram]) - 0.5.squareRoot()) < 1e-12)
        // Without e1, what is left of v is -e2, whose cosine with g is 1 / sqrt 2.
        var without = PushScore.plain
        without.removesCommon = true
        #expect(abs(without.score([products], gram: [gram]) - 0.5.squareRoot()) < 1e-12)
        // A second module with a gradient of length 10 at right angles: by module the mean of 1 and 0.
        let other = RowAttribution.Products(anchors: [0, 0, 10, 0, 0], square: 100)
        let both = PushScore.plain.score([products, other], gram: [gram, gram])
        // Together c and r have the lengths sqrt 8 and sqrt 18, v has sqrt 2, g has sqrt 102, and g . v is sqrt 2.
        #expect(abs(both - (2 / 204.0.squareRoot()) / 2.0.squareRoot()) < 1e-12)
        var each = PushScore.plain
        each.perModule = true
        #expect(abs(each.score([products, other], gram: [gram, gram]) - 0.5) < 1e-12)
        #expect(comply.score([RowAttribution.Products(anchors: [0, 0, 0, 0, 0], square: 0)], gram: [gram]) == 0)
    }

    /// The inner product of a row's and the anchors' gradient says how the anchors' loss changes along the row's.
    ///
    /// `L(theta - h g) - L(theta + h g) = -2 h g . grad L + O(h^3)`, the loss being computed by the trainer's own path.
    @Test(arguments: [true, false]) func theProductIsTheChangeOfTheLoss(isFresh: Bool) async throws {
        let model = try await model()
        let anchors = try RefusalAnchors(for: model, count: 2, seed: 1)
        let adapter = try Adapter(LoRAConfiguration(r: 2, loraAlpha: 4), for: model, seed: 4)
        if !isFresh {
            for (index, (_, pair)) in adapter.pairs.enumerated() {
                try pair.b.copy(from: .uniform(-0.05, 0.05, shape: pair.b.shape, seed: UInt64(index)))
            }
        }
        let row = row([3, 17, 11, 9, 30, 5, 21], answerFrom: 3)
        let attribution = try RowAttribution(of: model, at: adapter, anchors: anchors, sample: [row], tokens: 3)
        let products = try #require(try attribution.products(of: [row, nil])[0])
        #expect(try attribution.products(of: [nil])[0] == nil)

        let short = try #require(row.cut(behind: 3))
        let step = TrainingStep(model: model, rows: [short], targetWeight: Double(short.targetCount), index: 0)
        let parameters = adapter.parameters
        let gradient = try step.crossEntropy().gradients(of: parameters).map { try $0.detached() }
        func loss(_ shift: Double) throws -> Double {
            try withoutGradients {
                for (parameter, slope) in zip(parameters, gradient) { try parameter.add(slope, times: shift) }
                defer {
                    for (parameter, slope) in zip(parameters, gradient) { try? parameter.add(slope, times: -shift) }
                }
                let losses = try anchors.compliance.compactMap { $0.cut(behind: 3) }.map { row in
                    try TrainingStep(model: model, rows: [row], targetWeight: Double(row.targetCount), index: 0)
                        .crossEntropy().item()
                }
                return losses.reduce(0, +) / Double(losses.count)
            }
        }
        let square = try gradient.reduce(0) { try $0 + $1.multiplied(by: $1).sum().item() }
        #expect(abs(products.reduce(0) { $0 + $1.square } - square) < 1e-4 * square)
        let size = 0.02 / square.squareRoot()
        let slope = (try loss(size) - loss(-size)) / (2 * size)
        let product = products.reduce(0) { $0 + $1.anchors[RowAttribution.Anchor.compliance.rawValue] }
        #expect(abs(slope - product) < 0.02 * abs(product) + 1e-4, "\(slope) \(product)")
        // The sample is the row itself.
        let common = products.reduce(0) { $0 + $1.anchors[RowAttribution.Anchor.common.rawValue] }
        #expect(abs(common - square) < 1e-4 * square)
    }

    /// With one anchor of each kind, c and r are the rows' own gradients: `c . (c/|c| - r/|r|) = |c| (1 - cos) > 0`,
    /// and the refusal's is `-|r| (1 - cos) < 0`.
    @Test func rowsLikeTheAnchorsLieAtTheEnds() async throws {
        let model = try await model()
        let anchors = try RefusalAnchors(for: model, count: 1, seed: 1)
        let adapter = try Adapter(LoRAConfiguration(r: 2, loraAlpha: 4), for: model, seed: 4)
        let rows = anchors.compliance + anchors.refusal
        let attribution = try RowAttribution(of: model, at: adapter, anchors: anchors, sample: rows, tokens: 3)
        let scores = try attribution.products(of: rows).map {
            PushScore.plain.score(try #require($0), gram: attribution.gram)
        }
        // Of two vectors of length 1 the cosine of one with their difference is sqrt((1 - cos) / 2).
        #expect(scores[0] > 0 && abs(scores[0] + scores[1]) < 1e-4, "\(scores)")
    }

    /// Requests that are looked for are not among the anchors, and the two kinds of answers have the same requests.
    @Test func anchorsLeaveOutWhatIsLookedFor() async throws {
        let model = try await model()
        let all = try AlignmentData.refusals.load().examples.map(\.chat.lastUserText)
        let kept = Set(all.suffix(3))
        let anchors = try RefusalAnchors(for: model, count: 8, seed: 1, excluding: Set(all).subtracting(kept))
        #expect(anchors.refusal.count == kept.count && anchors.compliance.count == kept.count)
        #expect(anchors.compliance.map(\.source) == anchors.refusal.map(\.source))
        #expect(anchors.agreement.map(\.source) == anchors.answer.map(\.source))
    }

    /// An update of known length on a weight of known length.
    @Test func driftIsTheShareOfTheNorm() async throws {
        let model = try await model()
        let adapter = try Adapter(LoRAConfiguration(r: 2, loraAlpha: 4), for: model, seed: 4)
        #expect(try UpdateDrift.of(adapter, on: model).allSatisfy { $0.relative == 0 })
        let pair = adapter.pairs[0].pair
        try pair.a.copy(from: .full(1, shape: pair.a.shape))
        try pair.b.copy(from: .full(0.5, shape: pair.b.shape))
        // Each value of s B A is 2 * (0.5 + 0.5), as many as the weight has.
        let shape = model.network.linears[0].shape
        let norm = 2 * Double(shape[0] * shape[1]).squareRoot()
        let weight = try model.network.linears[0].weight.norm()
        let found = try UpdateDrift.of(adapter, on: model)[0]
        #expect(abs(found.norm - norm) < 1e-5 * norm)
        #expect(abs(found.relative - norm / weight) < 1e-5 * norm / weight)
        #expect(found.layer == 0)
        let both = UpdateDrift.byLayer([
            UpdateDrift(module: "layers.1.q", relative: 0.5, norm: 3, length: 6),
            UpdateDrift(module: "head", relative: 1, norm: 9, length: 9),
            UpdateDrift(module: "layers.1.k", relative: 0.5, norm: 4, length: 8),
        ])
        // Updates 3 and 4, weights 6 and 8: 5 over 10.
        #expect(both.count == 1 && both[0].layer == 1 && abs(both[0].relative - 0.5) < 1e-12)
    }

    /// Turned by a right angle, the direction is lost and nothing is told apart along the old one.
    @Test func aTurnedDirectionIsSeen() {
        var generator = SplitMix64(seed: 3)
        func states(_ x: Float, _ y: Float) -> [[Float]] {
            (0..<40).map { _ in [x + Float(generator.unit() - 0.5), y + Float(generator.unit() - 0.5)] }
        }
        let before = (harmful: states(3, 0), harmless: states(-3, 0))
        let after = (harmful: states(0, 3), harmless: states(0, -3))
        let same = RefusalDrift.of(layer: 1, before: before, after: before)
        #expect(same.cosine > 0.999 && same.separationBefore == same.separationAfter && same.separationBefore > 10)
        let turned = RefusalDrift.of(layer: 1, before: before, after: after)
        #expect(abs(turned.cosine) < 0.1 && abs(turned.separationAfter) < 2)
    }

    /// `KL` of (1/2, 1/2) and (1/4, 3/4) is `ln 2 - ln 3 / 2`.
    @Test func divergenceOfTwoCoins() throws {
        let p = try Tensor([0.5, 0.5, 0.25, 0.75].map { Float(log($0)) }, shape: [2, 2])
        let q = try Tensor([0.25, 0.75, 0.25, 0.75].map { Float(log($0)) }, shape: [2, 2])
        let found = try OpeningDivergence.divergence(of: q, from: p)
        #expect(abs(found[0] - (log(2) - log(3) / 2)) < 1e-6)
        #expect(abs(found[1]) < 1e-6)
    }

    /// Nothing lies between a model and itself.
    @Test func aModelIsNotApartFromItself() async throws {
        let model = try await model().merged()
        let found = try OpeningDivergence.between(model, model, tokens: 3, count: 2, seed: 1)
        #expect(found.map(\.position) == [1, 2, 3])
        #expect(found.allSatisfy { abs($0.harmful) < 1e-6 && abs($0.harmless) < 1e-6 })
        #expect(found[0].harmfulCount == 2 && found[0].harmlessCount == 2)
        let layers = try RefusalDrift.between(model, model, count: 4, seed: 1)
        #expect(layers.count == model.configuration.layerCount)
        #expect(layers.allSatisfy { $0.cosine > 0.9999 && $0.separationBefore == $0.separationAfter })
    }
}
