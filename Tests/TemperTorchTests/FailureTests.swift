import Foundation
import TemperTorch
import Testing

/// What libtorch refuses comes back as an error that names operation and shapes, and leaves everything usable.
@TorchActor
@Suite(.serialized)
struct FailureTests {
    private func failure(_ body: () throws -> Any) -> TorchError? {
        do {
            _ = try body()
            return nil
        } catch {
            return error as? TorchError
        }
    }

    private func expect(
        _ operation: String,
        _ kind: TorchError.Kind = .invalid,
        shapes: [[Int]],
        at location: SourceLocation = #_sourceLocation,
        _ body: () throws -> Any
    ) throws {
        let before = Torch.liveHandles
        let thrown = failure(body)
        let error = try #require(thrown, sourceLocation: location)
        #expect(error.kind == kind, "\(error)", sourceLocation: location)
        #expect(error.operation == operation, sourceLocation: location)
        #expect(error.shapes == shapes, sourceLocation: location)
        #expect(!error.message.isEmpty, sourceLocation: location)
        for part in [operation] + shapes.map({ "\($0)" }) {
            #expect("\(error)".contains(part), sourceLocation: location)
        }
        #expect(Torch.liveHandles <= before, sourceLocation: location)
        // What follows works.
        let ones = try Tensor.full(1, shape: [2, 3])
        #expect(try ones.matmul(ones.transposed(0, 1)).floats() == [3, 3, 3, 3], sourceLocation: location)
    }

    @Test func mainMemoryHasNoPeakOfItsOwn() throws {
        try expect("device_peak", .unsupported, shapes: []) { try Torch.peakMemory(of: .cpu) }
    }

    @Test func shapesThatDoNotFit() throws {
        let a = try Tensor.zeros([2, 3])
        let b = try Tensor.zeros([4, 5])
        try expect("matmul", shapes: [[2, 3], [4, 5]]) { try a.matmul(b) }
        try expect("add", shapes: [[2, 3], [4, 5]]) { try a.adding(b) }
        try expect("mul", shapes: [[2, 3], [4, 5]]) { try a.multiplied(by: b) }
        try expect("div", shapes: [[2, 3], [4, 5]]) { try a.divided(by: b) }
        try expect("add_", shapes: [[2, 3], [4, 5]]) { try a.add(b) }
        try expect("copy", shapes: [[2, 3], [4, 5]]) { try a.copy(from: b) }
        try expect("cat", shapes: [[2, 3], [4, 5]]) { try Tensor.concatenated([a, b], along: 0) }
        try expect("cat", shapes: []) { try Tensor.concatenated([], along: 0) }
        try expect("reshape", shapes: [[2, 3]]) { try a.reshaped([4, 2]) }
        try expect("transpose", shapes: [[2, 3]]) { try a.transposed(0, 2) }
        try expect("narrow", shapes: [[2, 3]]) { try a.narrowed(1, from: 2, length: 2) }
        try expect("item", shapes: [[2, 3]]) { try a.item() }
        try expect("full", shapes: []) { try Tensor.zeros([-1]) }
    }

    @Test func layersCheckTheirOperands() throws {
        let x = try Tensor.zeros([2, 3])
        let weight = try Tensor.zeros([4, 5])
        let narrow = try Tensor.zeros([2])
        try expect("linears", shapes: [[2, 3], [4, 5]]) { try Layers.linear(x, weight: weight) }
        try expect("linears", shapes: [[2, 3], [4, 3]]) {
            let pair = LinearLayer.Pair(a: try .zeros([2, 3]), b: try .zeros([5, 2]), scale: 1)
            return try Layers.linears(x, [LinearLayer(weight: .zeros([4, 3]), pair: pair)])
        }
        try expect("linears", shapes: [[2, 3], [4, 3], [4, 3]]) {
            let layer = LinearLayer(weight: try .zeros([4, 3]))
            return try Layers.linears(x, [layer, layer], residual: .zeros([2, 4]))
        }
        try expect("rms_norm", shapes: [[2, 3], [2]]) { try Layers.rmsNorm(x, weight: narrow, epsilon: 1e-5) }
        try expect("rms_norm", shapes: [[2, 0], [0]]) {
            try Layers.rmsNorm(.zeros([2, 0]), weight: .zeros([0]), epsilon: 1e-5)
        }
        try expect("silu_mul", shapes: [[2, 3], [2]]) { try Layers.siluMultiply(gate: x, up: narrow) }
        try expect("silu_mul", shapes: [[2, 3], [2, 3]]) {
            try Layers.siluMultiply(gate: x, up: x.to(.bfloat16))
        }
    }

    @Test func ropeChecksItsAngles() throws {
        let x = try Tensor.zeros([4, 2, 6])
        let angles = try Tensor.zeros([4, 3])
        let few = try Tensor.zeros([1, 3])
        try expect("rope", shapes: [[4, 2, 6], [1, 3], [4, 3]]) { try Layers.rope(x, cosine: few, sine: angles) }
        try expect("rope", shapes: [[4, 2, 6], [4, 3], [1, 3]]) { try Layers.rope(x, cosine: angles, sine: few) }
        try expect("rope", shapes: [[4, 2, 7], [4, 3], [4, 3]]) {
            try Layers.rope(.zeros([4, 2, 7]), cosine: angles, sine: angles)
        }
        try expect("rope", shapes: [[4, 6], [4, 3], [4, 3]]) {
            try Layers.rope(.zeros([4, 6]), cosine: angles, sine: angles)
        }
    }

    @Test(arguments: [[2], [2, 4], [5, -1], []]) func attentionChecksItsLengths(lengths: [Int]) throws {
        let q = try Tensor.zeros([4, 2, 6])
        try expect("packed_attention", shapes: [[4, 2, 6], [4, 2, 6], [4, 2, 6]]) {
            try Layers.packedAttention(q: q, k: q, v: q, lengths: lengths)
        }
    }

    @Test func lossesCheckTheirTargets() throws {
        let hidden = try Tensor.zeros([3, 4])
        let weight = try Tensor.zeros([7, 4])
        try expect("linear_cross_entropy", shapes: [[3, 4], [7, 4], [2]]) {
            try Layers.linearCrossEntropy(hidden: hidden, head: OutputHead(weight: weight), targets: Tensor([1, 2]))
        }
        for target in [7, -1, -100] {
            try expect("linear_cross_entropy", shapes: [[3, 4], [7, 4], [3]]) {
                try Layers.linearCrossEntropy(
                    hidden: hidden,
                    head: OutputHead(weight: weight),
                    targets: Tensor([0, target, 1])
                )
            }
        }
        for shape in [[2], [4], [3, 1]] {
            try expect("linear_cross_entropy", shapes: [[3, 4], [7, 4], [3]]) {
                try Layers.linearCrossEntropy(
                    hidden: hidden,
                    head: OutputHead(weight: weight),
                    targets: Tensor([0, 1, 2]),
                    rowWeights: .zeros(shape)
                )
            }
        }
        try expect("linear_divergence", shapes: [[3, 4], [7, 4], [2, 4]]) {
            try Layers.linearDivergence(
                hidden: hidden,
                head: OutputHead(weight: weight),
                referenceHidden: .zeros([2, 4]),
                referenceHead: OutputHead(weight: weight)
            )
        }
        try expect("linear_divergence", shapes: [[3, 4], [7, 4], [3, 4]]) {
            try Layers.linearDivergence(
                hidden: hidden,
                head: OutputHead(weight: weight),
                referenceHidden: hidden,
                referenceHead: OutputHead(weight: .zeros([1, 4]))
            )
        }
    }

    @Test(arguments: [-1, 3, .max]) func indicesOutOfRange(index: Int) throws {
        let table = try Tensor.zeros([3, 2])
        try expect("index_select", shapes: [[3, 2], [1]]) { try table.selected(0, Tensor([index])) }
        try expect("embedding", shapes: [[3, 2], [1]]) { try Layers.embedding(Tensor([index]), weight: table) }
        try expect("gather", shapes: [[3, 2], [1, 1]]) { try table.gathered(0, Tensor([index], shape: [1, 1])) }
    }

    @Test func putOutsideTheCache() throws {
        let cache = try Tensor.zeros([2, 3])
        try expect("put", shapes: [[2, 3], [1]]) {
            try cache.put(.zeros([1]), rows: Tensor([2]), columns: Tensor([0]))
        }
    }

    @Test func backwardNeedsAScalarWithAGraph() throws {
        let x = try Tensor.zeros([2])
        try expect("backward", shapes: [[2]]) { try x.backward() }
        try x.setRequiresGradient(true)
        try expect("backward", shapes: [[2]]) { try x.scaled(by: 2).backward() }
        try expect("requires_grad", shapes: [[1]]) { try Tensor([1]).setRequiresGradient(true) }
    }

    @Test(arguments: [[1 << 38], [1 << 60], [1 << 20, 1 << 40]]) func absurdAllocations(shape: [Int]) throws {
        try expect("full", .outOfMemory, shapes: []) { try Tensor.zeros(shape) }
        try expect("uniform", .outOfMemory, shapes: []) { try Tensor.uniform(0, 1, shape: shape, seed: 1) }
        let error = try #require(failure { try Tensor.zeros(shape) })
        #expect("\(error)".contains("per_device_train_batch_size"))
    }

    @Test func sizesBeyondTheMachineWord() throws {
        for shape in [[1 << 62], [1 << 32, 1 << 32], [Int.max, Int.max]] {
            let error = try #require(failure { try Tensor.zeros(shape) })
            #expect([.invalid, .outOfMemory].contains(error.kind), "\(error)")
        }
    }

    /// A result that does not fit is refused while its operands stay usable.
    @Test func absurdResults() throws {
        let tall = try Tensor.full(1, shape: [1 << 20, 1])
        let wide = try Tensor.full(1, shape: [1, 1 << 20])
        try expect("matmul", .outOfMemory, shapes: [[1 << 20, 1], [1, 1 << 20]]) { try tall.matmul(wide) }
        #expect(try tall.sum().item() == 0x1p20)
    }
}
