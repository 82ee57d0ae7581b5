import Foundation
import TemperTorch
import Testing

/// Creation, movement, arithmetic and random numbers.
@TorchActor
@Suite(.serialized)
struct TensorTests {
    /// Whole numbers from 0 on, in `shape`.
    private func counting(_ shape: [Int]) throws -> Tensor {
        try Tensor((0..<shape.reduce(1, *)).map(Float.init), shape: shape)
    }

    // MARK: Values in and out

    @Test(arguments: DType.allCases) func dtypesKeepSmallIntegers(dtype: DType) throws {
        let tensor = try Tensor([0, 1, 1, 0], shape: [2, 2]).to(dtype)
        #expect(tensor.dtype == dtype)
        #expect(tensor.device == .cpu)
        #expect(tensor.shape == [2, 2])
        #expect(try tensor.floats() == [0, 1, 1, 0])
        #expect(try tensor.integers() == [0, 1, 1, 0])
        var bytes = [UInt8](repeating: 0, count: 4 * dtype.byteCount)
        try bytes.withUnsafeMutableBytes { try tensor.copyBytes(into: $0) }
        let again = try bytes.withUnsafeBytes { try Tensor(bytes: $0, shape: [2, 2], dtype: dtype) }
        #expect(try again.floats() == [0, 1, 1, 0])
    }

    @Test func bfloat16RoundsToNearestEven() throws {
        // Halfway between two bfloat16 values the even mantissa wins.
        let values: [Float] = [1 + 0x1p-8, 1 + 0x3p-8, 1 + 0x1p-8 + 0x1p-20, 3.0e38, .infinity, -.infinity]
        let expected: [Float] = [1, 1 + 0x1p-6, 1 + 0x1p-7, 3.00406e38, .infinity, -.infinity]
        let found = try Tensor(values, shape: [6]).to(.bfloat16).floats()
        #expect(zip(found, expected).allSatisfy { $0 == $1 || abs($0 / $1 - 1) < 1e-5 })
    }

    @Test func emptyTensorsWork() throws {
        let empty = try Tensor([Float](), shape: [0, 3])
        #expect(empty.count == 0)
        #expect(try empty.floats().isEmpty)
        let joined = try Tensor.concatenated([empty, counting([2, 3])], along: 0)
        #expect(joined.shape == [2, 3])
        #expect(try Layers.linear(empty, weight: counting([4, 3])).shape == [0, 4])
    }

    @Test func clonesAreIndependentAndDetachedShareMemory() throws {
        let tensor = try counting([3])
        let clone = try tensor.clone()
        let detached = try tensor.detached()
        try tensor.copy(from: Tensor.full(9, shape: [1]))
        #expect(try clone.floats() == [0, 1, 2])
        #expect(try detached.floats() == [9, 9, 9])
    }

    // MARK: Movement

    @Test func reshapeTransposeUnsqueeze() throws {
        let tensor = try counting([2, 3])
        let turned = try tensor.transposed(0, 1)
        #expect(turned.shape == [3, 2])
        #expect(try turned.floats() == [0, 3, 1, 4, 2, 5])
        #expect(try turned.contiguous().floats() == [0, 3, 1, 4, 2, 5])
        #expect(try tensor.reshaped([3, -1]).floats() == [0, 1, 2, 3, 4, 5])
        #expect(try tensor.unsqueezed(1).shape == [2, 1, 3])
    }

    @Test func narrowSharesMemory() throws {
        let tensor = try counting([3, 4])
        let middle = try tensor.narrowed(1, from: 1, length: 2)
        #expect(try middle.floats() == [1, 2, 5, 6, 9, 10])
        try middle.copy(from: Tensor.full(-1, shape: [3, 2]))
        #expect(try tensor.floats() == [0, -1, -1, 3, 4, -1, -1, 7, 8, -1, -1, 11])
    }

    @Test func selectAndGather() throws {
        let tensor = try counting([3, 4])
        #expect(try tensor.selected(0, Tensor([2, 0, 2])).floats() == [8, 9, 10, 11, 0, 1, 2, 3, 8, 9, 10, 11])
        #expect(try tensor.selected(1, Tensor([3])).floats() == [3, 7, 11])
        #expect(try tensor.gathered(1, Tensor([3, 0, 2] as [Int], shape: [3, 1])).floats() == [3, 4, 10])
        #expect(try Layers.embedding(Tensor([1, 1]), weight: tensor).floats() == [4, 5, 6, 7, 4, 5, 6, 7])
    }

    @Test func putWritesPairsOfRowsAndColumns() throws {
        let cache = try Tensor.zeros([2, 3, 2])
        let source = try Tensor([1, 2, 3, 4], shape: [2, 2])
        try cache.put(source, rows: Tensor([1, 0]), columns: Tensor([2, 0]))
        #expect(try cache.floats() == [3, 4, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2])
    }

    // MARK: Arithmetic

    @Test func arithmetic() throws {
        let a = try Tensor([1, -2, 3, -4], shape: [2, 2])
        let b = try Tensor([2, 4], shape: [2])
        #expect(try a.adding(b, times: 0.5).floats() == [2, 0, 4, -2])
        #expect(try a.adding(1).floats() == [2, -1, 4, -3])
        #expect(try a.multiplied(by: b).floats() == [2, -8, 6, -16])
        #expect(try a.divided(by: b).floats() == [0.5, -0.5, 1.5, -1])
        #expect(try a.scaled(by: -2).floats() == [-2, 4, -6, 8])
        #expect(try a.sum().item() == -2)
        #expect(try a.sum(along: 0).floats() == [4, -6])
        #expect(try a.sum(along: -1, keepingDimension: true).shape == [2, 1])
        #expect(try a.argmax(along: 1).integers() == [0, 0])
        #expect(abs(try a.norm() - 30.0.squareRoot()) < 1e-6)
        #expect(try a.matmul(a).floats() == [-5, 6, -9, 10])
        #expect(distance(try Tensor([0, 1], shape: [2]).exponential().floats(), [1, Float(M_E)]) < 1e-6)
        let logs = try Tensor([0, 0, 1000, 0], shape: [2, 2]).logSoftmax(along: 1).floats()
        #expect(distance(logs, [-Float(M_LN2), -Float(M_LN2), 0, -1000]) < 1e-6)
        try a.add(b, times: 2)
        try a.scale(by: 10)
        #expect(try a.floats() == [50, 60, 70, 40])
    }

    @Test func gradientsAccumulateUntilCleared() throws {
        let x = try Tensor([3], shape: [1])
        #expect(try x.gradient() == nil)
        try x.setRequiresGradient(true)
        try x.multiplied(by: x).sum().backward()
        try x.multiplied(by: x).sum().backward()
        #expect(try x.gradient()?.floats() == [12])
        try x.clearGradient()
        #expect(try x.gradient() == nil)
    }

    // MARK: Random numbers

    @Test func seedDecidesEveryBit() throws {
        let first = try Tensor.uniform(-1, 1, shape: [1000], seed: 11).floats()
        // The global generator has no say.
        try Torch.seed(4)
        #expect(try Tensor.uniform(-1, 1, shape: [1000], seed: 11).floats() == first)
        #expect(try Tensor.uniform(-1, 1, shape: [1000], seed: 12).floats() != first)
        #expect(try Tensor.uniform(-1, 1, shape: [1000], seed: .max).floats() != first)
        #expect(first.allSatisfy { $0 >= -1 && $0 < 1 })
        #expect(Set(first).count > 990)
        #expect(abs(first.reduce(0, +) / 1000) < 0.06)
    }
}
