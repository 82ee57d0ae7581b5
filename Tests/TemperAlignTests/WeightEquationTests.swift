import Foundation
import TemperModel
import TemperText
import TemperTorch
import TemperTune
import Testing

@testable import TemperAlign

/// The equations of the defences on weights: on matrices small enough to compute by hand, and on a tiny random model
/// against whole matrices, which the defences themselves never make.
@TorchActor
@Suite(.serialized)
struct WeightEquationTests {
    private static let model = Task {
        try await LanguageModel.load(
            from: URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "Goldens/model/tiny-llama.gguf"),
            dtype: .float32
        )
    }

    /// An adapter in which nothing is zero.
    private func adapter(
        _ model: LanguageModel,
        r: Int = 2,
        targets: [String] = LoRAConfiguration.allLinear,
        seed: UInt64
    ) throws -> Adapter {
        let adapter = try Adapter(
            LoRAConfiguration(r: r, loraAlpha: 6, targetModules: targets),
            for: model,
            seed: seed
        )
        for (index, (_, pair)) in adapter.pairs.enumerated() {
            try pair.b.copy(from: .uniform(-0.3, 0.3, shape: pair.b.shape, seed: seed &+ UInt64(100 + index)))
        }
        return adapter
    }

    private func pair(_ b: [Float], _ a: [Float], r: Int = 1, scale: Double = 1) throws -> LoRAPair {
        LoRAPair(
            a: try Tensor(a, shape: [r, a.count / r]),
            b: try Tensor(b, shape: [b.count / r, r]),
            scale: scale
        )
    }

    /// `scale * B A`, [out, in], in double precision.
    private func dense(_ pair: LoRAPair) throws -> Tensor {
        try pair.b.detached().to(.float64).matmul(pair.a.detached().to(.float64)).scaled(by: pair.scale)
    }

    private func dense(_ adapter: Adapter) throws -> [String: Tensor] {
        try Dictionary(uniqueKeysWithValues: adapter.pairs.map { ($0.module, try dense($0.pair)) })
    }

    private func dot(_ a: Tensor, _ b: Tensor) throws -> Double { try a.multiplied(by: b).sum().item() }

    /// The norm of the difference over the norm of the second.
    private func error(_ a: Tensor?, _ b: Tensor) throws -> Double {
        try (try #require(a)).adding(b, times: -1).norm() / b.norm()
    }

    private func near(_ a: [Double], _ b: [Double], _ tolerance: Double = 1e-9) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < tolerance }
    }

    // MARK: Factors

    /// [[2, 1], [1, 2]] has the values 3 and 1 and the vectors (1, 1) and (1, -1) over the root of 2.
    @Test func eigenvaluesByHand() {
        let found = SymmetricEigen([2, 1, 1, 2], size: 2)
        #expect(near(found.values, [3, 1]))
        let half = 0.5.squareRoot()
        #expect(near(found.vectors.map { abs($0) }, [half, half, half, half]))
        #expect(near(SymmetricEigen([5], size: 1).values, [5]))
        #expect(near(SymmetricEigen([0, 0, 0, 0], size: 2).values, [0, 0]))
    }

    /// M v = value * v, and the vectors are orthonormal.
    @Test func eigenvectorsOfARandomMatrix() {
        var generator = SplitMix64(seed: 3)
        let n = 9
        var m = [Double](repeating: 0, count: n * n)
        for row in 0..<n { for column in 0...row { m[row * n + column] = generator.unit() - 0.5 } }
        for row in 0..<n { for column in 0..<row { m[column * n + row] = m[row * n + column] } }
        let found = SymmetricEigen(m, size: n)
        #expect(found.values == found.values.sorted(by: >))
        for j in 0..<n {
            let v = (0..<n).map { found.vectors[$0 * n + j] }
            let mv = (0..<n).map { row in (0..<n).reduce(0) { $0 + m[row * n + $1] * v[$1] } }
            #expect(near(mv, v.map { $0 * found.values[j] }, 1e-12))
            for k in 0..<n {
                let product = (0..<n).reduce(0) { $0 + found.vectors[$1 * n + j] * found.vectors[$1 * n + k] }
                #expect(abs(product - (j == k ? 1 : 0)) < 1e-12)
            }
        }
    }

    /// B = diag(3, 4) over a row of zeros and A = identity: singular values 4 and 3. At rank 1 the 4 stays, and 3 / 5
    /// of the norm is lost.
    @Test func compressionByHand() throws {
        let update = try LowRank(pair([3, 0, 0, 4, 0, 0], [1, 0, 0, 1], r: 2))
        #expect(abs(try update.norm() - 5) < 1e-12)
        #expect(near(try update.leftSingular().values, [4, 3]))
        let (nearest, residual) = try update.compressed(to: 1)
        #expect(nearest.rank == 1 && abs(residual - 0.6) < 1e-12)
        #expect(near(try nearest.b.matmul(nearest.a).doubles(), [0, 0, 0, 4, 0, 0]))
        let (same, nothing) = try update.compressed(to: 2)
        #expect(same.rank == 2 && nothing == 0)
    }

    /// Three updates in one direction have rank 1, whatever the number of their columns; nothing has rank 0.
    @Test func compressionFindsTheRank() throws {
        let one = try LowRank(pair([1, 2], [3, 4]))
        let (nearest, residual) = try one.adding(one.scaled(by: -4)).adding(one).compressed(to: 2)
        #expect(nearest.rank == 1 && residual == 0)
        #expect(near(try nearest.b.matmul(nearest.a).doubles(), [-6, -8, -12, -16]))
        let (nothing, none) = try one.adding(one.scaled(by: -1)).compressed(to: 1)
        #expect(none == 0)
        #expect(try nothing.b.matmul(nothing.a).doubles().allSatisfy { abs($0) < 1e-9 })
    }

    // MARK: Safe LoRA

    /// V = (3, 4) (1, 0), of a pair with scale 2: ||V|| = 5 and V V^T = [[9, 12], [12, 16]]. So C (1, 0) = (9, 12) /
    /// 5; the projector on (3, 4) / 5 gives (9, 12) / 25. Both lie along (3, 4): the cosine with (1, 0) is 3 / 5. C
    /// twice is 5 times C, so that it is no projector.
    @Test func subspaceByHand() throws {
        let vector = try LowRank(pair([1.5, 2], [1, 0], scale: 2))
        let update = try LowRank(pair([1, 0], [0, 7]))
        let scaled = try #require(try SafetySubspace(of: vector, as: .scaled))
        let orthogonal = try #require(try SafetySubspace(of: vector, as: .orthogonal))
        let once = try scaled.projected(update)
        #expect(near(try once.b.doubles(), [1.8, 2.4]))
        #expect(near(try once.a.doubles(), [0, 7]))
        #expect(near(try scaled.projected(once).b.doubles(), [9, 12]))
        let kept = try orthogonal.projected(update)
        #expect(near(try kept.b.doubles(), [0.36, 0.48]))
        #expect(near(try orthogonal.projected(kept).b.doubles(), [0.36, 0.48]))
        for projected in [once, kept] { #expect(abs(try #require(try projected.cosine(update)) - 0.6) < 1e-12) }
        #expect(try SafetySubspace(of: LowRank(pair([0, 0], [1, 1])), as: .scaled) == nil)
        // V = diag(3, 4): C = diag(9, 16) / 5 turns (1, 1) away, by the cosine 25 / root of 674; the projector does not.
        let whole = try LowRank(pair([3, 0, 0, 4], [1, 0, 0, 1], r: 2))
        let both = try LowRank(pair([1, 1], [2, 0]))
        let turned = try #require(try SafetySubspace(of: whole, as: .scaled)).projected(both)
        #expect(near(try turned.b.doubles(), [1.8, 3.2]))
        #expect(abs(try #require(try turned.cosine(both)) - 25 / 674.0.squareRoot()) < 1e-12)
        let same = try #require(try SafetySubspace(of: whole, as: .orthogonal)).projected(both)
        #expect(near(try same.b.doubles(), [1, 1]))
    }

    @Test func safeLoRAChooses() {
        let cosines = [0.9, 0.2, 0.5, 0.2, 0.35]
        #expect(SafeLoRA.chosen(cosines, threshold: 0.35, layers: 0) == [1, 3, 4])
        #expect(SafeLoRA.chosen(cosines, threshold: 0, layers: 1) == [1])
        #expect(SafeLoRA.chosen(cosines, threshold: 0, layers: 4) == [1, 2, 3, 4])
        #expect(SafeLoRA.chosen(cosines, threshold: 0, layers: 9) == [0, 1, 2, 3, 4])
    }

    /// Against `V V^T / ||V||` made whole. The alignment has other modules, another rank and another scale.
    @Test func safeLoRAOnAModel() async throws {
        let model = try await Self.model.value
        let tuned = try adapter(model, r: 3, targets: ["q_proj", "down_proj", "v_proj"], seed: 1)
        let alignment = try adapter(model, targets: ["q_proj", "down_proj", "o_proj"], seed: 50)
        let context = WeightContext(reference: model, alignment: alignment)
        let (updates, vectors) = (try dense(tuned), try dense(alignment))
        var cosines: [(module: String, cosine: Double)] = []
        var expected: [String: Tensor] = [:]
        for (module, _) in tuned.pairs {
            guard let v = vectors[module], let update = updates[module] else { continue }
            let projected = try v.matmul(v.transposed(0, 1)).scaled(by: 1 / v.norm()).matmul(update)
            cosines.append((module, try dot(projected, update) / (projected.norm() * update.norm())))
            expected[module] = projected
        }
        cosines.sort { $0.cosine < $1.cosine }
        #expect(cosines.count == 4)

        let change = try SafeLoRA(projection: .scaled, threshold: 0, layers: 3).apply(to: tuned, using: context)
        let changed = try dense(change.adapter)
        #expect(change.adapter.configuration == tuned.configuration)
        let projected = Set(cosines.prefix(3).map(\.module))
        for (module, update) in updates {
            let goal = try projected.contains(module) ? #require(expected[module]) : update
            #expect(try error(changed[module], goal) < 1e-6, "\(module)")
        }
        #expect(change.measures["modules_changed"] == 3 && change.measures["modules"] == 6)
        #expect(abs(try #require(change.measures["cosine_least"]) - cosines[0].cosine) < 1e-9)
        // By a threshold between the first two: one.
        let between = (cosines[0].cosine + cosines[1].cosine) / 2
        let one = try SafeLoRA(projection: .scaled, threshold: between, layers: 0).apply(to: tuned, using: context)
        #expect(one.measures["modules_changed"] == 1)
        // The projector leaves an update that lies inside V's columns alone.
        let inside = try SafeLoRA(projection: .orthogonal, threshold: 1, layers: 0).apply(
            to: alignment,
            using: context
        )
        #expect(inside.measures["modules_changed"] == 6)
        let kept = try dense(inside.adapter)
        for (module, vector) in vectors { #expect(try error(kept[module], vector) < 1e-5) }
        // Nothing in common.
        let other = try adapter(model, targets: ["up_proj"], seed: 7)
        let nothing = try SafeLoRA(projection: .scaled, threshold: 1, layers: 0).apply(to: other, using: context)
        #expect(nothing.note?.contains("nothing was changed") == true)
    }

    // MARK: The safety vector

    @Test func safetyVectorAddsUp() async throws {
        let model = try await Self.model.value
        let tuned = try adapter(model, r: 3, targets: ["q_proj", "down_proj"], seed: 1)
        let alignment = try adapter(model, targets: ["q_proj", "up_proj"], seed: 50)
        let context = WeightContext(reference: model, alignment: alignment)
        let change = try SafetyVector(gamma: 0.75, drop: 0).apply(to: tuned, using: context)
        #expect(change.adapter.configuration.r == 5 && change.measures["residual"] == 0)
        let found = try dense(change.adapter)
        let (updates, vectors) = (try dense(tuned), try dense(alignment))
        #expect(Set(found.keys) == Set(updates.keys).union(vectors.keys))
        for (module, sum) in found {
            let vector = try vectors[module]?.scaled(by: 0.75)
            let goal = try updates[module].map { update in try vector.map { try update.adding($0) } ?? update }
            #expect(try error(sum, #require(goal ?? vector)) < 1e-6, "\(module)")
        }
        // A lower rank costs what the note says, over all modules.
        let small = try SafetyVector(gamma: 0.75, drop: 0, maxRank: 4).apply(to: tuned, using: context)
        #expect(small.adapter.configuration.r == 4)
        let near = try dense(small.adapter)
        var (lost, all) = (0.0, 0.0)
        for (module, sum) in found {
            lost += pow(try error(near[module], sum) * sum.norm(), 2)
            all += pow(try sum.norm(), 2)
        }
        let residual = try #require(small.measures["residual"])
        #expect(residual > 0.01 && abs((lost / all).squareRoot() - residual) < 1e-5)
        #expect(small.note?.contains("rank 4") == true)
    }

    /// A fifth stays, five times as large; of many ones the mean stays 1, within four deviations of 2 / root of n.
    @Test func dropAndRescale() throws {
        var generator = SplitMix64(seed: 11)
        let n = 100_000
        let thinned = DropAndRescale.thinned([Double](repeating: 1, count: n), rate: 0.8, by: &generator)
        #expect(Set(thinned.map { ($0 * 1e6).rounded() / 1e6 }) == [0, 5])
        #expect(abs(thinned.reduce(0, +) / Double(n) - 1) < 4 * 2 / Double(n).squareRoot())
        let update = try LowRank(pair([1, 2, 3, 4], [5, 6, 7, 8], r: 2))
        let first = try DropAndRescale.apply(0.5, to: update, seed: 1)
        #expect(zip(try first.b.doubles(), [1, 2, 3, 4]).allSatisfy { $0 == 0 || $0 == 2 * $1 })
        #expect(try DropAndRescale.apply(0.5, to: update, seed: 1).a.doubles() == first.a.doubles())
        #expect(try DropAndRescale.apply(0, to: update, seed: 1).a.doubles() == [5, 6, 7, 8])
    }

    // MARK: SafeMERGE

    @Test(arguments: SafeMerge.Merge.allCases)
    func mergesWhereTheyDiffer(merge: SafeMerge.Merge) async throws {
        let model = try await Self.model.value
        let tuned = try adapter(model, r: 3, targets: ["q_proj", "down_proj"], seed: 1)
        let alignment = try adapter(model, targets: ["q_proj", "down_proj", "up_proj"], seed: 50)
        let context = WeightContext(reference: model, alignment: alignment)
        let readings = try SafetySubspace.readings(of: tuned, against: alignment, as: .scaled)
        let cosines = readings.map(\.cosine).sorted()
        let threshold = (cosines[1] + cosines[2]) / 2
        let change = try SafeMerge(threshold: threshold, weight: 0.2, merge: merge, density: 1)
            .apply(to: tuned, using: context)
        #expect(change.measures["modules_changed"] == 2)
        #expect(change.adapter.configuration.r == (merge == .exact ? 5 : 3))
        let found = try dense(change.adapter)
        #expect(found.count == 4)
        for (module, own) in tuned.pairs {
            let cosine = try #require(readings.first { $0.module == module }).cosine
            var goal = try dense(own)
            if cosine < threshold {
                let safe = try #require(alignment.pairs.first { $0.module == module }).pair
                goal = try goal.scaled(by: 0.8).adding(dense(safe), times: 0.2)
                if merge == .linear {
                    // Both factors carry the root of weight and scale; the first two ranks also meet crosswise.
                    let root = (0.8 * own.scale * 0.2 * safe.scale).squareRoot()
                    let (b, a) = (try own.b.narrowed(1, from: 0, length: 2), try own.a.narrowed(0, from: 0, length: 2))
                    let first = try b.to(.float64).matmul(safe.a.to(.float64))
                    let second = try safe.b.to(.float64).matmul(a.to(.float64))
                    goal = try goal.adding(first, times: root).adding(second, times: root)
                }
            }
            #expect(try error(found[module], goal) < 1e-6, "\(module)")
        }
        let none = try SafeMerge(threshold: 0, weight: 0.2, merge: merge, density: 0.5).apply(to: tuned, using: context)
        let same = try dense(none.adapter)
        for (module, own) in tuned.pairs { #expect(try error(same[module], dense(own)) < 1e-6) }
    }

    // MARK: Safe Delta

    /// The lower triangle of [[4, 2], [2, 5]] is [[2, 0], [1, 2]]; of a larger matrix, its square is the matrix.
    @Test func triangleByHand() throws {
        func matrix(_ values: [Double], _ n: Int) throws -> Tensor { try .from(values, shape: [n, n], device: .cpu) }
        let small = try matrix([4, 2, 2, 5], 2).cholesky()
        #expect(near(try small.contiguous().doubles(), [2, 0, 1, 2]))
        let halved = try small.solvedLower(.from([4, 6], shape: [2, 1], device: .cpu))
        #expect(near(try halved.contiguous().doubles(), [2, 2]))
        let n = 69
        let x = try Tensor.uniform(-1, 1, shape: [n, n], seed: 4).to(.float64)
        let h = try x.matmul(x.transposed(0, 1))
        let c = try h.cholesky()
        #expect(try error(c.matmul(c.transposed(0, 1)), h) < 1e-12)
        let quotient = try c.solvedLower(x)
        #expect(try error(c.matmul(quotient), x) < 1e-9)
    }

    /// H = [[2, 1], [1, 3]] has the inverse [[3, -1], [-1, 2]] / 5: the first column comes first. Of D = (3, 6) it costs
    /// 9 / (2 * 3 / 5) = 7.5, and moves the second by 3 * (-1 / 3) = -1; the whole of D costs
    /// (2 * 9 + 2 * 18 + 3 * 36) / 2 = 81.
    @Test func selectionByHand() throws {
        let h = try Tensor.from([2, 1, 1, 3], shape: [2, 2], device: .cpu)
        let update = try LowRank(pair([1], [3, 6]))
        func selection(_ limit: Double) throws -> SafeDelta.Selection {
            try SafeDelta.Selection(of: update, curvature: h, limit: limit)
        }
        let (none, one, all) = (try selection(7.4), try selection(7.6), try selection(81.001))
        #expect(none.columns == 0 && one.columns == 1 && all.columns == 2)
        #expect(near(try none.a.doubles(), [0, 0]))
        #expect(near(try one.a.doubles(), [3, -1]))
        #expect(near(try all.a.doubles(), [3, 6]))
        #expect(near([none.cost, one.cost, all.cost, none.whole], [0, 7.5, 81, 81]))
        // The second column of diag(4, 1) is the one that is noticed least: 6^2 / 2 = 18, as the first, 4 * 3^2 / 2.
        let plain = try Tensor.from([4, 0, 0, 1], shape: [2, 2], device: .cpu)
        let second = try SafeDelta.Selection(of: update, curvature: plain, limit: 20)
        #expect(near(try second.a.doubles(), [0, 6]) && second.columns == 1)
        #expect(near([second.cost, second.whole], [18, 36]))
    }

    /// Kept columns are as they were, the others make the slope D' H vanish, and the cost is that of the whole matrices.
    @Test func compensationIsTheBest() throws {
        let n = 40
        let x = try Tensor.uniform(-1, 1, shape: [60, n], seed: 8).to(.float64)
        let h = try x.transposed(0, 1).matmul(x)
        let update = LowRank(
            b: try Tensor.uniform(-1, 1, shape: [7, 3], seed: 9).to(.float64),
            a: try Tensor.uniform(-1, 1, shape: [3, n], seed: 10).to(.float64)
        )
        let d = try update.b.matmul(update.a)
        func cost(_ d: Tensor) throws -> Double { try dot(d.matmul(h), d) / 2 }
        let found = try SafeDelta.Selection(of: update, curvature: h, limit: 0.3 * cost(d))
        #expect(found.columns > 3 && found.columns < n - 3)
        let changed = try update.b.matmul(found.a)
        #expect(abs(try cost(changed) / found.cost - 1) < 1e-9 && found.cost <= 0.3 * found.whole)
        #expect(abs(try cost(d) / found.whole - 1) < 1e-9)
        let slope = try changed.matmul(h).transposed(0, 1).contiguous()
        let moved = try changed.adding(d, times: -1).transposed(0, 1).contiguous()
        var kept = 0
        for column in 0..<n {
            let row = try Tensor([column])
            if try moved.selected(0, row).norm() < 1e-9 {
                kept += 1
            } else {
                #expect(try slope.selected(0, row).norm() < 1e-8 * slope.norm())
            }
        }
        #expect(kept == found.columns)
    }

    /// Layers that read the same have one H, which is what each has by itself; groups are cut where memory ends.
    @Test func curvaturesOfAModel() async throws {
        let copy = try await Self.model.value.merged()
        let linears = copy.network.layers[1].linears
        let rows = [[3, 70, 81, 92, 40], [3, 50, 51]]
        let found = try SafeDelta.curvatures(of: linears, over: rows, in: copy)
        func place(_ name: String) -> Int { linears.firstIndex { $0.name.hasSuffix(name) } ?? 0 }
        let (q, v, down) = (place("q_proj"), place("v_proj"), place("down_proj"))
        #expect(found[q] === found[v] && found[q] !== found[down])
        let alone = try SafeDelta.curvatures(of: [linears[v]], over: rows, in: copy)
        #expect(try error(alone[0], #require(found[q])) < 1e-6)
        let width = linears[down].shape[1]
        #expect(try #require(found[down]).shape == [width, width])
        let side = Int(Double(SafeDelta.memory / 8).squareRoot())
        #expect(SafeDelta.groups([side, side, side, 4 * side, 8]) == [0..<2, 2..<3, 3..<4, 4..<5])
        #expect(SafeDelta.groups([]) == [])
    }

    @Test func safeDeltaOnAModel() async throws {
        let model = try await Self.model.value
        let tuned = try adapter(model, r: 3, targets: ["q_proj", "down_proj", "v_proj"], seed: 1)
        let context = WeightContext(reference: model, seed: 2)
        func change(_ budget: Double) throws -> WeightChange {
            try SafeDelta(budget: budget, rows: 8).apply(to: tuned, using: context)
        }
        let all = try change(1000)
        #expect(all.measures["columns"] == all.measures["columns_kept"] && all.measures["modules"] == 6)
        for (own, changed) in zip(tuned.pairs, all.adapter.pairs) {
            #expect(try own.pair.a.floats() == changed.pair.a.floats())
        }
        let before = try #require(all.measures["cost_tuned"])
        #expect(before > 0 && all.measures["cost"] == before)
        let part = try change(before / 4)
        let kept = try #require(part.measures["columns_kept"])
        #expect(try kept > 0 && kept < #require(part.measures["columns"]))
        #expect(try #require(part.measures["cost"]) <= before / 4)
        #expect(part.adapter.configuration == tuned.configuration)
        for (own, changed) in zip(tuned.pairs, part.adapter.pairs) {
            #expect(try own.pair.b.floats() == changed.pair.b.floats())
        }
        let none = try change(0)
        #expect(none.measures["columns_kept"] == 0)
        for (_, pair) in none.adapter.pairs { #expect(try pair.a.norm() == 0) }
    }

    // MARK: Refusal direction

    /// Two conditions on the shortest vector: (1, 0) asks for 2 and (1, 1) for 5, so it is (2, 3); what neither
    /// touches stays 0.
    @Test func keyByHand() {
        func key(_ first: [Double], _ second: [Double], _ harmful: Double, _ harmless: Double) -> [Double] {
            RefusalRestoration.key(first, second, for: .init(harmful: harmful, harmless: harmless))
        }
        #expect(near(key([1, 0], [1, 1], 2, 5), [2, 3]))
        #expect(near(key([1, 0, 0], [0, 2, 0], 3, 8), [3, 4, 0]))
        #expect(near(key([2, 0], [2, 0], 1, 3), [1, 0]))
        #expect(near(key([0, 0], [0, 0], 1, 3), [0, 0]))
    }

    /// A norm behind the matrix, or experts: said before anything is trained.
    @Test(arguments: [("gemma2", false), ("qwen3moe", false), ("qwen3", true)])
    func modelsWhoseMeansWouldNotComeBackAreRefused(family: String, works: Bool) async throws {
        let model = try await LanguageModel.load(
            from: URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
                .appending(path: "Goldens/families/\(family)"),
            dtype: .float32
        )
        let defence = Defence.weights(RefusalRestoration(strength: 1, layers: 1, requests: 8))
        #expect(((try? defence.check(against: model, after: TrainingSettings())) != nil) == works)
        try Defence.weights(Interpolation(scale: 0.5)).check(against: model, after: TrainingSettings())
    }

    /// The means behind the layer are the reference's again, and behind a second one, too.
    @Test(arguments: [["all-linear"], ["q_proj"]])
    func restoresTheMeans(targets: [String]) async throws {
        let model = try await Self.model.value
        defer { model.network.detach() }
        let tuned = try adapter(model, targets: targets, seed: 1)
        let context = WeightContext(reference: model, seed: 5)
        let prompts = try RefusalDirection.Prompts(count: 8, seed: 5)
        let direction = RefusalDirection(try RefusalDirection.Streams(of: prompts, in: try model.merged()))
        #expect(direction.layer == 0)
        func places(_ adapter: Adapter?, _ layer: Int) throws -> RefusalRestoration.Places {
            model.network.detach()
            adapter?.attach(to: model)
            let copy = try model.merged()
            let streams = try RefusalDirection.Streams(of: prompts, in: copy)
            return RefusalRestoration.places(of: streams, along: direction.vector)[layer]
        }
        func gap(_ a: RefusalRestoration.Places, _ b: RefusalRestoration.Places) -> Double {
            max(abs(a.harmful - b.harmful), abs(a.harmless - b.harmless))
        }
        let both = try RefusalRestoration(strength: 1, layers: 2, requests: 8).apply(to: tuned, using: context)
        // One more rank where the edited matrix has an update already.
        #expect(both.adapter.configuration.r == (targets == LoRAConfiguration.allLinear ? 3 : 2))
        for layer in 0..<2 {
            let (wanted, before) = (try places(nil, layer), try places(tuned, layer))
            #expect(gap(wanted, before) > 0.05)
            #expect(gap(wanted, try places(both.adapter, layer)) < 0.02 * gap(wanted, before), "layer \(layer)")
        }
        // Half of the way.
        let half = try RefusalRestoration(strength: 0.5, layers: 1, requests: 8).apply(to: tuned, using: context)
        let (wanted, before, found) = (try places(nil, 0), try places(tuned, 0), try places(half.adapter, 0))
        #expect(abs(found.harmful - (wanted.harmful + before.harmful) / 2) < 0.02 * gap(wanted, before))
        #expect(abs(found.harmless - (wanted.harmless + before.harmless) / 2) < 0.02 * gap(wanted, before))
        #expect(abs(try #require(half.measures["harmful_tuned"]) - before.harmful) < 1e-3)
        let nothing = try RefusalRestoration(strength: 0, layers: 1, requests: 8).apply(to: tuned, using: context)
        #expect(gap(try places(nothing.adapter, 0), before) < 1e-4)
    }

    /// Behind a norm, and with several experts, no matrix writes straight to the stream.
    @Test func restorationNeedsAPlainWriter() async throws {
        let families = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Goldens/families")
        for name in ["gemma2", "olmo2", "mixtral"] {
            let model = try await LanguageModel.load(from: families.appending(path: name), dtype: .float32)
            #expect(model.network.layers[0].writer == nil, "\(name)")
        }
    }

    // MARK: Every method

    /// Those that act on weights give adapters that PEFT's files can hold and that load again with the same effect,
    /// and ask for the alignment where they need it.
    @Test(arguments: Defences.all.filter { $0.card.stage == .weights }.map(\.card.method))
    func everyMethodGivesAnAdapter(method: String) async throws {
        let model = try await Self.model.value
        guard case .weights(let defence) = try Defences.make(method, knobs: [:]) else { return }
        let tuned = try adapter(model, r: 3, targets: ["q_proj", "down_proj"], seed: 1)
        let before = try tuned.parameters.map { try $0.floats() }
        if defence.needsAlignment {
            let error = #expect(throws: DefenceError.self) {
                try defence.apply(to: tuned, using: WeightContext(reference: model))
            }
            #expect(error == .noAlignment(method: method))
            #expect(error?.description.contains("add an `align` section") == true)
        }
        let alignment = try adapter(model, targets: ["q_proj", "o_proj"], seed: 50)
        let context = WeightContext(reference: model, alignment: alignment, seed: 2)
        let made = try defence.apply(to: tuned, using: context).adapter
        #expect(try tuned.parameters.map { try $0.floats() } == before, "the tuned adapter has changed")

        let folder = FileManager.default.temporaryDirectory.appending(path: "temper-weights-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        try made.save(to: folder, baseModel: "tiny-llama")
        let loaded = try Adapter.load(from: folder, for: model)
        let (saved, read) = (try dense(made), try dense(loaded))
        #expect(Set(saved.keys) == Set(read.keys) && saved.count >= tuned.pairs.count)
        for (module, update) in saved {
            let linear = try #require(model.network.linears.first { $0.name == module })
            #expect(update.shape == linear.shape)
            #expect(try update.adding(#require(read[module]), times: -1).norm() < 1e-6)
        }
        // On top of the alignment, as a run saves it for the base.
        #expect(try made.composed(with: alignment).configuration.r == made.configuration.r + 2)
    }
}
