import Foundation
import TemperTorch
import Testing

/// Every fused layer against the composition it replaces, forward and backward.
@TorchActor
@Suite(.serialized)
struct LayerTests {
    private func compare(_ layer: LayerCase, dtype: DType, device: Device = .cpu, tolerance: Float) throws {
        let values = try layer.values(seed: 7, dtype: dtype)
        let found = try layer.run(values, dtype: dtype, device: device)
        let expected = try layer.runPlain(values)
        #expect(distance(found.output, expected.output) < tolerance)
        #expect(found.gradients.count == expected.gradients.count)
        for (position, pair) in zip(found.gradients, expected.gradients).enumerated() {
            #expect(distance(pair.0, pair.1) < tolerance, "gradient \(position)")
        }
    }

    @Test(arguments: LayerCase.all) func float32(layer: LayerCase) throws {
        try compare(layer, dtype: .float32, tolerance: 1e-5)
    }

    @Test(.enabled(if: Torch.cpuHasBFloat16, "no bfloat16 in this processor"), arguments: LayerCase.all)
    func bfloat16(layer: LayerCase) throws {
        try compare(layer, dtype: .bfloat16, tolerance: 0.03)
    }

    @Test(.enabled(if: Torch.acceleratorCount > 0, "no CUDA device here"), arguments: LayerCase.all)
    func onADevice(layer: LayerCase) throws {
        try compare(layer, dtype: .float32, device: .cuda(0), tolerance: 1e-4)
        try compare(layer, dtype: .bfloat16, device: .cuda(0), tolerance: 0.03)
    }

    /// No kernel of our own takes float64: what is composed of libtorch's operations is what runs on a device.
    @Test(arguments: LayerCase.all) func composed(layer: LayerCase) throws {
        try compare(layer, dtype: .float64, tolerance: 1e-4)
    }

    @Test(arguments: LayerCase.small) func finiteDifferences(layer: LayerCase) throws {
        let values = try layer.values(seed: 21, dtype: .float32)
        let gradients = try layer.run(values).gradients
        for (position, numeric) in try layer.differences(values, step: 4e-3).enumerated() {
            #expect(distance(gradients[position], numeric) < 1e-3, "gradient \(position)")
        }
    }

    @Test(arguments: LayerCase.all) func twoRunsAreEqualBitForBit(layer: LayerCase) throws {
        let first = try layer.run(layer.values(seed: 3, dtype: .float32))
        #expect(try layer.run(layer.values(seed: 3, dtype: .float32)) == first)
        #expect(try layer.run(layer.values(seed: 300, dtype: .float32)) != first)
    }

    @Test(arguments: LayerCase.all) func noHandleIsLeft(layer: LayerCase) throws {
        let before = Torch.liveHandles
        _ = try layer.run(layer.values(seed: 5, dtype: .float32))
        #expect(Torch.liveHandles <= before)
    }

    /// Assessment runs the layers without gradients, and a frozen network has none to record.
    @Test(arguments: LayerCase.small) func outputIsTheSameWithoutGradients(layer: LayerCase) throws {
        let values = try layer.values(seed: 7, dtype: .float32)
        let expected = try layer.run(values).output
        #expect(try withoutGradients { try layer.layer(values).floats() } == expected)
        #expect(try layer.layer(values).floats() == expected)
        #expect(try !layer.layer(values).requiresGradient)
    }

    /// A head that happens to be trainable stays frozen here, whatever the hidden states are.
    @Test func lossesLeaveTheHeadAlone() throws {
        let hidden = try Tensor.uniform(-1, 1, shape: [3, 4], seed: 1)
        let weight = try Tensor.uniform(-1, 1, shape: [7, 4], seed: 2)
        try weight.setRequiresGradient(true)
        func losses() throws -> [Tensor] {
            [
                try Layers.linearCrossEntropy(
                    hidden: hidden,
                    head: OutputHead(weight: weight),
                    targets: Tensor([0, 1, 2])
                ),
                try Layers.linearDivergence(
                    hidden: hidden,
                    head: OutputHead(weight: weight),
                    referenceHidden: hidden,
                    referenceHead: OutputHead(weight: weight)
                ),
                try Layers.linearLogProbability(
                    hidden: hidden,
                    head: OutputHead(weight: weight),
                    targets: Tensor([0, 1, 2])
                ).sum(),
            ]
        }
        for loss in try losses() { #expect(throws: TorchError.self) { try loss.backward() } }
        try hidden.setRequiresGradient(true)
        for loss in try losses() { try loss.backward() }
        #expect(try weight.gradient() == nil)
        #expect(try hidden.gradient() != nil)
    }

    // MARK: SiLU at the ends

    @Test func siluOfExtremeGates() throws {
        let gates: [Float] = [0, -0.0, 1e-30, -1e-30, 1e-6, -1e-6, 20, -20, 86, -86, 87.5, -87.5, 88.5, -88.5]
        let extreme: [Float] = gates + [89, -89, 104, -104, 1000, -1000, 65504, -65504, 1e20, -1e20]
        let gate = try Tensor(extreme, shape: [extreme.count])
        let up = try Tensor.full(2, shape: [extreme.count])
        try gate.setRequiresGradient(true)
        try up.setRequiresGradient(true)
        let output = try Layers.siluMultiply(gate: gate, up: up)
        try output.sum().backward()
        let gateGradient = try #require(try gate.gradient()).floats()
        let upGradient = try #require(try up.gradient()).floats()
        for (index, value) in extreme.enumerated() {
            let x = Double(value)
            let sigmoid = 1 / (1 + exp(-x))
            let silu = x * sigmoid
            let slope = x < -700 ? 0 : sigmoid * (1 + x * (1 - sigmoid))
            func close(_ found: Float, _ expected: Double) -> Bool {
                abs(Double(found) - expected) <= 1e-6 * abs(expected) + 1e-12
            }
            #expect(close(try output.floats()[index], 2 * silu), "silu(\(value))")
            #expect(close(upGradient[index], silu), "silu(\(value)) as the gradient of up")
            #expect(close(gateGradient[index], 2 * slope), "slope at \(value)")
        }
    }

    @Test func siluKeepsNotANumber() throws {
        let gate = try Tensor([.nan, 1, .infinity], shape: [3])
        let up = try Tensor([1, .nan, 1], shape: [3])
        for dtype in [DType.float32, .bfloat16] {
            let output = try Layers.siluMultiply(gate: gate.to(dtype), up: up.to(dtype)).floats()
            #expect(output[0].isNaN)
            #expect(output[1].isNaN)
            #expect(output[2] == .infinity)
        }
    }

    @Test func normOfZerosIsZero() throws {
        let x = try Tensor.zeros([2, 9])
        try x.setRequiresGradient(true)
        let output = try Layers.rmsNorm(x, weight: .full(1, shape: [9]), epsilon: 1e-5)
        try output.sum().backward()
        #expect(try output.floats() == [Float](repeating: 0, count: 18))
        #expect(try #require(try x.gradient()).floats().allSatisfy { $0.isFinite })
    }

    @Test func logProbabilityIsNegativeEntropyOfEachRow() throws {
        let hidden = try Tensor.uniform(-1, 1, shape: [70, 13], seed: 1)
        let weight = try Tensor.uniform(-1, 1, shape: [29, 13], seed: 2)
        let targets = try Tensor((0..<70).map { $0 % 29 })
        let found = try Layers.linearLogProbability(hidden: hidden, head: OutputHead(weight: weight), targets: targets)
        let expected = try Layers.linear(hidden, weight: weight).logSoftmax(along: 1)
            .gathered(1, targets.unsqueezed(1)).reshaped([70])
        #expect(distance(try found.floats(), try expected.floats()) < 1e-5)
        let entropy = try Layers.linearCrossEntropy(hidden: hidden, head: OutputHead(weight: weight), targets: targets)
            .item()
        #expect(abs(try found.sum().item() + entropy) < 1e-4 * abs(entropy))
    }

    /// The last query of each sequence, over a cache that holds the sequences and something else behind them.
    @Test(arguments: [DType.float32, .bfloat16]) func cachedAttentionIsTheLastRowOfPackedAttention(dtype: DType) throws
    {
        let (lengths, capacity) = ([4, 7, 1], 9)
        let tokens = lengths.reduce(0, +)
        func random(_ heads: Int, _ seed: UInt64) throws -> Tensor {
            try .uniform(-1, 1, shape: [tokens, heads, 10], seed: seed).to(dtype)
        }
        let (q, k, v) = (try random(6, 1), try random(2, 2), try random(2, 3))
        let slots = try Tensor(lengths.enumerated().flatMap { [Int](repeating: $0.offset, count: $0.element) })
        let positions = try Tensor(lengths.flatMap { Array(0..<$0) })
        func cache(_ x: Tensor) throws -> Tensor {
            let cache = try Tensor.full(100, shape: [4, capacity, 2, 10]).to(dtype)
            try cache.put(x, rows: slots, columns: positions)
            return cache
        }
        let lasts = try Tensor(lengths.indices.map { lengths[...$0].reduce(0, +) - 1 })
        let expected = try Layers.packedAttention(q: q, k: k, v: v, lengths: lengths).selected(0, lasts).floats()
        let found = try Layers.cachedAttention(
            q: q.selected(0, lasts),
            keys: cache(k),
            values: cache(v),
            lengths: lengths
        )
        #expect(distance(try found.floats(), expected) < (dtype == .float32 ? 1e-5 : 0.01))
    }

    @Test func argmaxTakesTheFirstOfEquals() throws {
        var values = [Float](repeating: -3, count: 2 * 3000)
        for (index, value) in [(2100, 5), (2999, 5), (4000, -1), (5999, -2)] as [(Int, Float)] { values[index] = value }
        for dtype in [DType.float32, .bfloat16] {
            let x = try Tensor(values, shape: [2, 3000]).to(dtype)
            #expect(try x.argmax(along: -1).integers() == [2100, 1000])
        }
    }
}
