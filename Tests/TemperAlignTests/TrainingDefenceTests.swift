import Foundation
import TemperModel
import TemperText
import TemperTorch
import TemperTune
import Testing

@testable import TemperAlign

/// The equations of the defences that change the training, by hand on small cases, and against the paper's own objective.
@TorchActor
@Suite(.serialized)
struct TrainingDefenceTests {
    private static let model = Task {
        try await LanguageModel.load(
            from: URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "Goldens/model/tiny-llama.gguf"),
            dtype: .float32
        )
    }

    private func tensor(_ values: [Float], _ shape: [Int]) throws -> Tensor { try Tensor(values, shape: shape) }

    /// An adapter with B uniform in ±`size`, ready to be trained.
    private func adapter(_ model: LanguageModel, size: Double = 0.3) throws -> Adapter {
        let adapter = try Adapter(LoRAConfiguration(r: 2, loraAlpha: 4), for: model, seed: 1)
        for (index, (_, pair)) in adapter.pairs.enumerated() {
            try pair.b.copy(from: .uniform(-size, size, shape: pair.b.shape, seed: UInt64(100 + index)))
        }
        adapter.attach(to: model)
        for parameter in adapter.parameters { try parameter.setRequiresGradient(true) }
        return adapter
    }

    /// Two answers of nine and of one token.
    private let rows = [
        TokenizedExample(
            ids: [3, 70, 81, 92, 40, 5, 60, 61, 33, 34, 35, 36],
            isTarget: [Bool](repeating: false, count: 3) + [Bool](repeating: true, count: 9),
            source: Example.Source(file: "test", line: 1)
        ),
        TokenizedExample(
            ids: [3, 50, 51],
            isTarget: [false, false, true],
            source: Example.Source(file: "test", line: 2)
        ),
    ]

    private func step(
        _ model: LanguageModel,
        share: Double = 1,
        part: Int = 0,
        parts: Int = 1,
        index: Int = 0,
        parameters: [Tensor] = [],
        anchor: [Tensor]? = nil
    ) -> TrainingStep {
        TrainingStep(
            model: model,
            rows: rows,
            part: part,
            parts: parts,
            share: share,
            targetWeight: 10,
            index: index,
            parameters: parameters,
            anchor: anchor
        )
    }

    // MARK: What a step costs

    /// Every pass of every row is counted: the user's, a defence's own, and those that only go forward.
    @Test func tokensAreCountedWhereverTheyGo() async throws {
        let model = try await Self.model.value
        defer { model.network.detach() }
        func step(_ defence: (any TrainingDefence)?) throws -> StepReport {
            var settings = TrainingSettings()
            settings.maxSteps = 2
            settings.perDeviceTrainBatchSize = rows.count
            return try Trainer(
                model: model,
                training: adapter(model),
                rows: rows,
                settings: settings,
                seed: 5,
                scheme: defence?.scheme(for: model, seed: 5) ?? TrainingScheme(TrainingLoss.supervised)
            ).takeStep()
        }
        func tokens(_ rows: some Sequence<TokenizedExample>) -> Int { rows.reduce(0) { $0 + $1.ids.count } }
        let own = tokens(rows)
        let plain = try step(nil)
        #expect(plain.tokens == own && plain.readTokens == nil)
        let anchors = tokens(try AlignmentData.contrast(for: model, seed: 5).prefix(3))
        let held = try step(BaseRegularisation(weight: 1, anchors: 3))
        #expect(held.tokens == own + anchors && held.readTokens == anchors)
        let constrained = try step(ConstrainedTuning())
        #expect(constrained.tokens == own && constrained.readTokens == own)
        let safety = tokens(try AlignmentData.mixed(for: model, seed: 5).prefix(2))
        let shifted = try step(Vaccine(alignmentSteps: 1, rho: 1, rows: 2))
        #expect(shifted.tokens == 2 * safety && shifted.readTokens == nil)
        let agreeing = tokens(try Booster.harmful(for: model, seed: 5).prefix(2))
        let attenuated = try step(Booster(alignmentSteps: 1, lambda: 5, alpha: 0.1, rows: 2))
        #expect(attenuated.tokens == safety + 2 * agreeing)
    }

    // MARK: Constrained tuning

    /// 2 (1 - sigmoid(x)) = 2 / (1 + e^x) at x = 0, 1, 2, -0.3 and 20.
    @Test func constrainedWeightsByHand() {
        let defence = ConstrainedTuning()
        for (position, now, before, expected) in [
            (1, -3.0, -3.0, 1.0), (1, -1, -3, 0.5378828427), (2, -2, -3, 0.2384058440), (5, -2, -3, 0.2384058440),
            (6, -6, -3, 1.1488850346), (3, 0, -10, 1e-3),
        ] {
            #expect(abs(defence.weight(at: position, now: now, before: before) - expected) < 1e-9)
        }
    }

    @Test func placesAreCountedFromEachAnswersFirstToken() {
        let row = TokenizedExample(
            ids: Array(0..<8),
            isTarget: [false, true, true, false, true, true, true, false],
            source: Example.Source(file: "test", line: 1)
        )
        #expect(ConstrainedTuning.positions(in: row) == [1, 2, 1, 2, 3])
    }

    /// The gradient is that of the paper's objective, whose slope along it is taken by differences.
    @Test func constrainedGradientIsThatOfTheObjective() async throws {
        let model = try await Self.model.value
        defer { model.network.detach() }
        let tuned = try adapter(model)
        let defence = ConstrainedTuning(first: 0.5, opening: 2, beta: 0.1, openingTokens: 5)
        let scheme = try defence.scheme(for: model, seed: 1)
        let places = rows.flatMap(ConstrainedTuning.positions)
        let before = try withoutGradients { try step(model).targetLogProbabilities(adapted: false).floats() }
        /// `sum of -2 / beta_t log sigmoid(beta_t d_t)` over ten targets.
        func objective() throws -> Double {
            let now = try withoutGradients { try step(model).targetLogProbabilities().floats() }
            return places.indices.reduce(0) { sum, index in
                let beta = defence.beta(at: places[index])
                return sum + 2 / beta * log(1 + exp(-beta * Double(now[index] - before[index]))) / 10
            }
        }
        let loss = try scheme.objective(step(model))
        #expect(abs(try loss.logged.item() - step(model).crossEntropy().item()) < 1e-5)
        let slopes = try loss.total.gradients(of: tuned.parameters)
        let square = try AdamW.globalNorm(slopes) * AdamW.globalNorm(slopes)
        let size = 0.01 / square.squareRoot()
        func moved(by factor: Double) throws -> Double {
            for (parameter, slope) in zip(tuned.parameters, slopes) { try parameter.add(slope, times: factor) }
            defer { for (p, slope) in zip(tuned.parameters, slopes) { try? p.add(slope, times: -factor) } }
            return try objective()
        }
        let slope = try withoutGradients { try (moved(by: size) - moved(by: -size)) / (2 * size) }
        #expect(square > 1e-4)
        #expect(abs(slope - square) < 0.02 * square, "\(slope) against \(square)")
        // And it is not that of the plain cross-entropy.
        let plain = try step(model).crossEntropy().gradients(of: tuned.parameters)
        #expect(abs(try AdamW.globalNorm(plain) - square.squareRoot()) > 0.02 * square.squareRoot())
    }

    // MARK: Proximal update

    /// B = [1; 2], A = [3 4], s = 0.5: BA = [3 4; 6 8], its square 125, a quarter of it 31.25; the gradients are
    /// 2 s^2 B (A A^T) = [12.5; 25] and 2 s^2 (B^T B) A = [7.5 10].
    @Test func updateNormByHand() throws {
        let pair = LoRAPair(a: try tensor([3, 4], [1, 2]), b: try tensor([1, 2], [2, 1]), scale: 0.5)
        for matrix in [pair.a, pair.b] { try matrix.setRequiresGradient(true) }
        let norm = try ProximalUpdate.squaredNorm(of: pair)
        #expect(try norm.item() == 31.25)
        let slopes = try norm.gradients(of: [pair.a, pair.b])
        #expect(try slopes[0].floats() == [7.5, 10])
        #expect(try slopes[1].floats() == [12.5, 25])
    }

    @Test func updateNormIsAddedOnce() async throws {
        let model = try await Self.model.value
        defer { model.network.detach() }
        let tuned = try adapter(model)
        var expected = 0.0
        for (_, pair) in tuned.pairs {
            let update = try withoutGradients { try pair.b.matmul(pair.a).scaled(by: pair.scale) }
            expected += try update.floats().reduce(0) { $0 + Double($1) * Double($1) }
        }
        let scheme = try ProximalUpdate(lambda: 0.5).scheme(for: model, seed: 1)
        func term(share: Double, part: Int) throws -> Double {
            let loss = try scheme.objective(step(model, share: share, part: part, parts: 2))
            return try loss.total.item() - loss.logged.item()
        }
        #expect(abs(try term(share: 1, part: 0) - 0.5 * expected) < 1e-4 * expected)
        #expect(abs(try term(share: 0.5, part: 0) - 0.25 * expected) < 1e-4 * expected)
        #expect(try term(share: 1, part: 1) == 0)
    }

    // MARK: Settings

    @Test func lowerRateByHand() async throws {
        let model = try await Self.model.value
        var tuning = TrainingSettings()
        tuning.learningRate = 4e-4
        tuning.gradientAccumulationSteps = 2
        tuning.warmupSteps = 9
        let settings = try LowerRate(rate: 0.25, batch: 4).settings(after: tuning, steps: 10, on: model)
        #expect(settings.learningRate == 1e-4 && settings.gradientAccumulationSteps == 8)
        // Ten steps are two and a half of four times the rows.
        #expect(settings.maxSteps == 3 && settings.warmupSteps == 2)
    }

    @Test func frozenRangeByHand() async throws {
        let standard = FrozenLayers(from: 0.2, to: 0.45)
        // 6 / 30 = 0.2 is in, 13 / 30 = 0.433 is the last, 14 / 30 = 0.467 is out.
        #expect((0..<30).filter { standard.isFrozen($0, of: 30) } == Array(6...13))
        #expect((0..<10).filter { FrozenLayers(from: 0.2, to: 0.5).isFrozen($0, of: 10) } == [2, 3, 4])

        let model = try await Self.model.value
        let count = model.network.layers.count
        let settings = try FrozenLayers(from: 0, to: 1 / Double(count)).settings(after: .init(), steps: 4, on: model)
        let adapter = try #require(try settings.trainable(for: model, seed: 1) as? Adapter)
        let expected = model.network.layers.dropFirst().flatMap(\.linears).map(\.name)
        #expect(!expected.isEmpty && adapter.pairs.map(\.module) == expected)
        var chosen = TrainingSettings()
        chosen.loraTarget = ["q_proj"]
        let few = try FrozenLayers(from: 0, to: 1 / Double(count)).settings(after: chosen, steps: 4, on: model)
        #expect(few.loraTarget.count == count - 1 && few.loraTarget.allSatisfy { $0.hasSuffix(".q_proj") })
        #expect(throws: DefenceError.self) {
            try FrozenLayers(from: 0, to: 1).settings(after: .init(), steps: 4, on: model)
        }
        #expect(throws: DefenceError.self) { try Defences.make("frozen-layers", knobs: ["from": "0.5", "to": "0.5"]) }
    }

    // MARK: Phases

    @Test func phasesByHand() {
        let phases = TrainingScheme.Phases(own: 2, user: 3)
        #expect((0..<10).map(phases.isOwn) == [true, true, false, false, false, true, true, false, false, false])
        #expect((0..<10).filter(phases.begins) == [0, 2, 5, 7])
        #expect([2, 3, 4, 7, 8, 9].map(phases.userStep) == [0, 1, 2, 3, 4, 5])
        for steps in 1...12 {
            let total = phases.total(user: steps)
            #expect((0..<total).count { !phases.isOwn($0) } == steps && !phases.isOwn(total - 1))
        }
    }

    /// 2 / 2 * (1^2 + 2^2 + (3 - 1)^2) = 9.
    @Test func proximalTermByHand() throws {
        let parameters = [try tensor([1, 2], [2]), try tensor([3], [1])]
        let anchor = [try tensor([0, 0], [2]), try tensor([1], [1])]
        #expect(try AlternatingTuning.proximal(parameters, anchor, rho: 2)?.item() == 9)
        #expect(try AlternatingTuning.proximal(parameters, anchor, rho: 0) == nil)
    }

    @Test func eachPhaseHasItsOwnRows() async throws {
        let model = try await Self.model.value
        defer { model.network.detach() }
        let tuned = try adapter(model)
        let defence = AlternatingTuning(alignmentSteps: 1, userSteps: 2, rho: 1, rows: 2)
        let scheme = try defence.scheme(for: model, seed: 5)
        let safety = try AlignmentData.mixed(for: model, seed: 5)
        let plain = try step(model).crossEntropy().item()
        func loss(_ index: Int, part: Int = 0, parts: Int = 1) throws -> Double {
            try scheme.objective(
                step(model, part: part, parts: parts, index: index, parameters: tuned.parameters)
            ).total.item()
        }
        for index in [1, 2, 4] { #expect(abs(try loss(index) - plain) < 1e-5) }
        for index in [0, 3] {
            let shared = (0..<2).map { safety[index * 2 + $0] }
            let targets = Double(shared.reduce(0) { $0 + $1.targetCount })
            let expected = try TrainingStep(model: model, rows: shared, targetWeight: targets, index: 0).crossEntropy()
            #expect(abs(try loss(index) - expected.item()) < 1e-4)
            // Two parts have a row each, a third has none and learns nothing.
            let parts = try (0..<3).map { try loss(index, part: $0, parts: 3) }
            #expect(try abs(parts.reduce(0, +) - loss(index)) < 1e-4 && parts[2] == 0)
        }
    }

    // MARK: Steps of its own first

    @Test func leadingPhaseByHand() {
        let phases = TrainingScheme.Phases.leading(3)
        #expect((0..<6).map(phases.isOwn) == [true, true, true, false, false, false])
        #expect((0..<6).filter(phases.begins) == [0, 3])
        #expect((0..<6).map(phases.userStep) == [0, 0, 0, 0, 1, 2])
        #expect(phases.total(user: 1) == 4 && phases.total(user: 1000) == 1003)
    }

    // MARK: Vaccine

    /// Two rows of two tokens and of one, two layers of width 2. The first row's slopes are (3, 0), (0, 0) and (0, 0),
    /// (0, 4): length 5, so that with rho = 10 they double. The second's is (0.5, 0) and (0, 0): times 20. Where nothing
    /// slopes, nothing is shifted.
    @Test func shiftsByHand() throws {
        let slopes = [try tensor([3, 0, 0, 0, 0.5, 0], [3, 2]), try tensor([0, 0, 0, 4, 0, 0], [3, 2])]
        let shifts = try Vaccine.shifts(along: slopes, lengths: [2, 1], rho: 10)
        #expect(try shifts.map { try $0.floats() } == [[6, 0, 0, 0, 10, 0], [0, 0, 0, 8, 0, 0]])
        let flat = try Vaccine.shifts(along: [tensor([0, 0], [1, 2])], lengths: [1], rho: 10)
        #expect(try flat[0].floats() == [0, 0])
    }

    /// A small shift raises the loss by rho times the length of each row's slope: twice as far, twice as high; a row's
    /// own rise does not depend on the other rows, nor on whether layers are computed again.
    @Test func shiftsRaiseTheLoss() async throws {
        let model = try await Self.model.value
        defer { model.network.detach() }
        let tuned = try adapter(model)
        let plain = try step(model).crossEntropy().item() * 10
        func rise(_ rows: [TokenizedExample], _ rho: Double) throws -> Double {
            let losses = try Vaccine.losses(of: rows, in: model, rho: rho)
            return try losses.shifted.item() - losses.plain.item()
        }
        #expect(abs(try Vaccine.losses(of: rows, in: model, rho: 1).plain.item() - plain) < 1e-4)
        #expect(abs(try rise(rows, 0)) < 1e-5)
        let (near, far) = (try rise(rows, 0.01), try rise(rows, 0.02))
        #expect(near > 1e-3 && abs(far / near - 2) < 0.1, "\(near), \(far)")
        let alone = try rows.map { try rise([$0], 0.5) }
        #expect(abs(try rise(rows, 0.5) - alone.reduce(0, +)) < 1e-3)

        let loss = try Vaccine.losses(of: rows, in: model, rho: 0.5).shifted
        let slopes = try loss.gradients(of: tuned.parameters)
        #expect(try AdamW.globalNorm(slopes) > 0)
        model.network.recomputesLayers = true
        defer { model.network.recomputesLayers = false }
        let again = try Vaccine.losses(of: rows, in: model, rho: 0.5).shifted
        #expect(abs(try again.item() - loss.item()) < 1e-5)
        for (one, other) in zip(slopes, try again.gradients(of: tuned.parameters)) {
            #expect(try one.adding(other, times: -1).norm() < 1e-4)
        }
    }

    @Test func safetyStepsOfVaccineAddUp() async throws {
        let model = try await Self.model.value
        defer { model.network.detach() }
        let tuned = try adapter(model)
        let scheme = try Vaccine(alignmentSteps: 2, rho: 1, rows: 2).scheme(for: model, seed: 5)
        func loss(_ index: Int, part: Int = 0, parts: Int = 1) throws -> TrainingLoss {
            try scheme.objective(step(model, part: part, parts: parts, index: index, parameters: tuned.parameters))
        }
        #expect(abs(try loss(2).total.item() - step(model).crossEntropy().item()) < 1e-5)
        let shared = try AlignmentData.mixed(for: model, seed: 5)[2..<4]
        let targets = Double(shared.reduce(0) { $0 + $1.targetCount })
        let expected = try TrainingStep(model: model, rows: Array(shared), targetWeight: targets, index: 0)
            .crossEntropy().item()
        let whole = try loss(1)
        #expect(abs(try whole.logged.item() - expected) < 1e-4)
        #expect(try whole.total.item() > whole.logged.item())
        // Two parts have a row each, a third has none and learns nothing.
        let parts = try (0..<3).map { try loss(1, part: $0, parts: 3).total.item() }
        #expect(try abs(parts.reduce(0, +) - whole.total.item()) < 1e-3 && parts[2] == 0)
    }

    // MARK: Booster

    /// (1, 0) + 5 (0.3, -0.4) = (2.5, -2), and the change is 0.5 long.
    @Test func attenuationByHand() throws {
        let found = try Booster.combined([tensor([1, 0], [2])], [tensor([0.3, -0.4], [2])], lambda: 5)
        #expect(zip(try found.gradients[0].floats(), [2.5, -2]).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(abs(try #require(found.metrics["harm/gradient_change"]) - 0.5) < 1e-6)
    }

    /// Of `h = ||w||^2` the gradient is 2 w, and behind a step of length a along it 2 (w - a w / ||w||): the change is 2 a
    /// w / ||w||, 2 a long, wherever w is. With `f = 0` the optimiser follows lambda times that, and w is back at its
    /// place, from which the first step of AdamW goes by the rate.
    @Test func lookAheadByHand() async throws {
        let model = try await Self.model.value
        defer { model.network.detach() }
        let tuned = try adapter(model)
        let start = try tuned.parameters.map { try $0.floats() }
        let square: @TorchActor (TrainingStep) throws(TorchError) -> Tensor? = { step throws(TorchError) in
            var sum = try step.parameters[0].sum().scaled(by: 0)
            for parameter in step.parameters { sum = try sum.adding(parameter.multiplied(by: parameter).sum()) }
            return try sum.scaled(by: step.shareOfStep)
        }
        let scheme = TrainingScheme(
            { step throws(TorchError) in
                let nothing = try step.parameters[0].sum().scaled(by: 0)
                return TrainingLoss(total: nothing, logged: nothing, second: try square(step))
            },
            combination: { own, change throws(TorchError) in try Booster.combined(own, change, lambda: 3) },
            lookAhead: TrainingScheme.LookAhead(length: 0.25, loss: square)
        )
        var settings = TrainingSettings()
        settings.maxSteps = 1
        settings.learningRate = 0.01
        settings.warmupSteps = 0
        settings.weightDecay = 0
        settings.maxGradNorm = 0
        settings.perDeviceTrainBatchSize = 1
        settings.gradientAccumulationSteps = 2
        let trainer = try Trainer(
            model: model,
            training: tuned,
            rows: rows,
            settings: settings,
            seed: 1,
            scheme: scheme
        )
        let report = try trainer.takeStep()
        #expect(abs(report.gradientNorm - 3 * 2 * 0.25) < 1e-3)
        #expect(abs(try #require(report.metrics?["harm/gradient_change"]) - 0.5) < 1e-3)
        for (before, parameter) in zip(start, tuned.parameters) {
            for (old, new) in zip(before, try parameter.floats()) where abs(old) > 1e-3 {
                #expect(abs(old - new - (old > 0 ? 0.01 : -0.01)) < 1e-4)
            }
        }
    }

    /// Harm is no more than the first tokens of agreeing words, and no row of the embedded data.
    @Test func harmIsAgreeingWordsOnly() async throws {
        let model = try await Self.model.value
        let tokenizer = try model.requireTokenizer()
        let rows = try Booster.harmful(for: model, seed: 3)
        #expect(try rows.count == AlignmentData.refusals.load().count)
        for row in rows {
            #expect(row.targetCount == Booster.tokens)
            let words = tokenizer.decode(row.targets.map { row.ids[$0] })
            #expect(DeepRefusals.openings.contains { $0.hasPrefix(words) }, "\(words)")
        }
    }

    // MARK: Gradient projection

    /// g = (1, 0), s = (-1, 1): g . s = -1 and s . s = 2, so g' = (1, 0) + s / 2 = (0.5, 0.5), which s does not oppose.
    @Test func projectionByHand() throws {
        func pair(_ x: Float, _ y: Float) throws -> [Tensor] { [try tensor([x], [1]), try tensor([y], [1])] }
        func combined(_ g: [Tensor], _ s: [Tensor], weight: Double) throws -> (values: [Float], cosine: Double?) {
            let result = try GradientProjection.combined(g, s, weight: weight)
            return (try result.gradients.flatMap { try $0.floats() }, result.metrics["safety/cosine"])
        }
        let bare = try combined(pair(1, 0), pair(-1, 1), weight: 0)
        #expect(bare.values == [0.5, 0.5])
        #expect(abs(try #require(bare.cosine) + 0.5.squareRoot()) < 1e-9)
        #expect(try combined(pair(1, 0), pair(-1, 1), weight: 0.5).values == [0, 1])
        // Where they agree nothing is taken out.
        #expect(try combined(pair(1, 0), pair(1, 1), weight: 0.5).values == [1.5, 0.5])
        #expect(try combined(pair(1, 0), pair(0, 0), weight: 1).values == [1, 0])
    }

    @Test func projectionKeepsTheTwoLossesApart() async throws {
        let model = try await Self.model.value
        defer { model.network.detach() }
        _ = try adapter(model)
        let scheme = try GradientProjection(weight: 1, rows: 3).scheme(for: model, seed: 5)
        let safety = try AlignmentData.contrast(for: model, seed: 5).prefix(3)
        let targets = Double(safety.reduce(0) { $0 + $1.targetCount })
        let own = TrainingStep(model: model, rows: Array(safety), targetWeight: targets, index: 0)
        let expected = try own.crossEntropy().item()
        let loss = try scheme.objective(step(model))
        #expect(abs(try loss.total.item() - step(model).crossEntropy().item()) < 1e-6)
        #expect(abs(try #require(loss.second).item() - expected) < 1e-4)
        let parts = try (0..<2).map { try scheme.objective(step(model, part: $0, parts: 2)).second?.item() ?? 0 }
        #expect(abs(parts.reduce(0, +) - expected) < 1e-4)
    }
}
