import Foundation
import TemperTorch
import TemperWeights
import Testing

@testable import TemperModel

/// Weights in four bits: the levels against their definition, and layers and models against those with whole weights.
@TorchActor
@Suite(.serialized)
struct QuantizedModelTests {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Goldens/model")

    @Test(arguments: ["even", "odd"]) func levelsAndScalesAreBitsAndBytes(_ name: String) throws {
        let file = try SafetensorsFile(contentsOf: Self.folder.appending(path: "nf4.safetensors"))
        func tensor(_ part: String) throws -> Tensor {
            let entry = try #require(file.entries["\(name).\(part)"])
            return try file.withBytes(of: "\(name).\(part)") {
                try Tensor(bytes: $0, shape: entry.shape, dtype: .float32)
            }
        }
        let found = try NormalFloat(tensor("weight"))
        #expect(try found.shape == tensor("weight").shape)
        #expect(try found.weight.floats() == tensor("nf4").floats())
        // No kernel of our own takes float64: what is composed is what runs on a device.
        #expect(try NormalFloat(tensor("weight").to(.float64)).weight.floats() == tensor("nf4").floats())
    }

    @Test func rowsOfAnOddLengthAreRefused() throws {
        #expect(throws: TorchError.self) { try NormalFloat(Tensor.zeros([4, 5])) }
    }

    /// Output and gradients of a layer, with a pair on top and one beneath, and of the same with whole weights.
    @Test(arguments: [DType.float32, .bfloat16], [(5, 64, 96), (70, 66, 34)])
    func layersEqualThoseWithTheWholeWeight(dtype: DType, sizes: (rows: Int, input: Int, output: Int)) throws {
        let (rows, input, output) = sizes
        let rank = 4
        func random(_ shape: [Int], _ seed: UInt64) throws -> Tensor { try .uniform(-1, 1, shape: shape, seed: seed) }
        let x = try random([rows, input], 1).to(dtype)
        let a = try random([rank, input], 2)
        let b = try random([output, rank], 3)
        let coarse = Linear(name: "layer", weight: try random([output, input], 4).to(dtype))
        try coarse.quantize()
        let whole = Linear(name: "layer", weight: try coarse.weight)
        try whole.prepare(forTraining: true)
        #expect(coarse.isQuantized && coarse.shape == [output, input])
        func run(_ linear: Linear) throws -> [[Float]] {
            let leaves = try [x, a, b].map { leaf in
                let copy = try leaf.detached().clone()
                try copy.setRequiresGradient(true)
                return copy
            }
            linear.lora = LoRAPair(a: leaves[1], b: leaves[2], scale: 0.5)
            let y = try linear(leaves[0])
            let gradients = try y.to(.float32).sum().gradients(of: leaves)
            return try ([y] + gradients).map { try $0.floats() }
        }
        #expect(try run(coarse) == run(whole))

        // A pair that has become part of the weight does what it did, and so does one on top of it.
        coarse.lora = LoRAPair(a: try random([2, input], 5), b: try random([output, 2], 6), scale: 0.25)
        try coarse.settle()
        #expect(coarse.lora == nil)
        let merged = Linear(name: "layer", weight: try coarse.weight)
        let tolerance: Float = dtype == .float32 ? 1e-4 : 0.5
        for (found, expected) in try zip(run(coarse), run(merged)) {
            let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? .infinity
            #expect(found.count == expected.count && difference < tolerance)
        }
        #expect(try merged.weight.floats() != whole.weight.floats())
    }

    @Test func mergedModelIsTheCoarseOneMadeWhole() async throws {
        let model = try await LanguageModel.load(from: Self.folder.appending(path: "tiny-llama"), dtype: .float32)
        let batch = try PackedBatch([[1, 5, 9, 200, 17]], device: .cpu)
        func logits(_ model: LanguageModel) throws -> [Float] {
            try withoutGradients { try model.network.logits(model.network.hiddenStates(batch)).floats() }
        }
        let before = try logits(model)
        try model.quantize()
        let coarse = try logits(model)
        let distance = zip(before, coarse).map { abs($0 - $1) }.max() ?? 0
        #expect(distance > 1e-3, "rounding must show")
        let merged = try model.merged()
        #expect(!merged.network.linears.contains { $0.isQuantized })
        #expect(zip(try logits(merged), coarse).allSatisfy { abs($0 - $1) < 1e-4 })
        // With an adapter, what is trained further is this very model, and does what the merged one does.
        try Adapter.load(from: Self.folder.appending(path: "lora"), for: model).attach(to: model)
        let tuned = try logits(try model.merged())
        let settled = try model.settled()
        #expect(settled === model)
        #expect(!model.network.linears.contains { $0.lora != nil })
        #expect(zip(try logits(settled), tuned).allSatisfy { abs($0 - $1) < 1e-3 })
        let whole = try await LanguageModel.load(from: Self.folder.appending(path: "tiny-llama"), dtype: .float32)
        #expect(try whole.settled() !== whole)
    }
}
