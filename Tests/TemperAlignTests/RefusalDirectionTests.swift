import Foundation
import TemperModel
import TemperText
import TemperTorch
import Testing

@testable import TemperAlign

private let goldens = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Goldens/model")

@TorchActor
@Suite(.serialized)
struct RefusalDirectionTests {
    /// Harmful states lie at +3 along a known direction, harmless ones at -1, with noise across it.
    @Test func theDifferenceOfMeansIsFound() {
        var generator = SplitMix64(seed: 5)
        let axis: [Float] = [0.6, 0, -0.8, 0]
        func states(_ place: Float) -> [[Float]] {
            (0..<40).map { _ in axis.map { $0 * place + Float(generator.unit() - 0.5) } }
        }
        let found = RefusalDirection.direction(states(3), states(-1))
        #expect(zip(found.vector, axis).reduce(0) { $0 + $1.0 * $1.1 } > 0.99)
        // The noise is uniform with deviation 0.29 in any direction, so that the two lie 4 / 0.29 apart.
        #expect((10...18).contains(found.separation))
        #expect(RefusalDirection.direction([[1, 2]], [[1, 2]]).separation == 0)
    }

    /// Of the layers from a quarter of the depth to four fifths, and with one seed always the same.
    @Test func theMostEffectiveCanBeFoundAgain() async throws {
        let model = try await LanguageModel.load(from: goldens.appending(path: "tiny-llama.gguf"), dtype: .float32)
        let found = try await RefusalDirection.mostEffective(in: model, count: 8, seed: 3)
        let depth = model.configuration.layerCount
        #expect((depth / 4..<max(depth / 4 + 1, depth * 4 / 5)).contains(found.layer))
        #expect(found.vector.count == model.configuration.hiddenSize)
        #expect(abs(found.vector.reduce(0) { $0 + $1 * $1 } - 1) < 1e-4)
        let again = try await RefusalDirection.mostEffective(in: model, count: 8, seed: 3)
        #expect(again.layer == found.layer && again.vector == found.vector)
    }

    /// Whatever the family writes the stream with, nothing is left along the direction, and the model itself is
    /// untouched.
    @Test(arguments: ["tiny-llama", "gemma2", "gemma3", "olmo2", "mixtral", "mpt", "phi3", "qwen3"])
    func nothingIsWrittenAlongIt(name: String) async throws {
        let found = [goldens, goldens.deletingLastPathComponent().appending(path: "families")]
            .map { $0.appending(path: name) }.first { FileManager.default.fileExists(atPath: $0.path) }
        let url = try #require(found)
        let model = try await LanguageModel.load(from: url, dtype: .float32)
        let width = model.configuration.hiddenSize
        var generator = SplitMix64(seed: 9)
        let drawn = (0..<width).map { _ in generator.unit() - 0.5 }
        let length = drawn.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let direction = drawn.map { Float($0 / length) }
        let ids = [3, 17, 11, 9, 30, 5]
        func largest(_ model: LanguageModel) throws -> Float {
            try withoutGradients {
                let batch = try PackedBatch([ids], device: .cpu)
                let streams = try model.network.residuals(batch, rows: Array(ids.indices))
                #expect(streams.count == model.configuration.layerCount)
                return try streams.map { stream in
                    let values = try stream.floats()
                    let size = values.map { abs($0) }.max() ?? 1
                    return ids.indices.map { row in
                        abs((0..<width).reduce(Float(0)) { $0 + values[row * width + $1] * direction[$1] }) / size
                    }.max() ?? 0
                }.max() ?? 0
            }
        }
        let before = try largest(model)
        let copy = try model.merged(without: direction)
        #expect(before > 1e-3, "\(name)")
        #expect(try largest(copy) < 1e-5, "\(name)")
        #expect(try largest(model) == before)
    }
}
