import Foundation
import TemperModel
import TemperTorch
import TemperWeights
import Testing

@testable import TemperAttack

/// What the tests of the layer share.
enum Golden {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "Goldens")

    static func model(_ name: String) async throws -> LanguageModel {
        try await .load(from: root.appending(path: "model/\(name)"), dtype: .float32)
    }

    static func floats(_ name: String) throws -> [Float] {
        try SafetensorsFile(contentsOf: root.appending(path: "attack/gradient.safetensors")).withBytes(of: name) {
            bytes in
            (0..<(bytes.count / 4)).map { bytes.loadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
        }
    }

    static func distance(_ a: [Float], _ b: [Float]) -> Float {
        a.count == b.count ? zip(a, b).reduce(0) { max($0, abs($1.0 - $1.1)) } : .infinity
    }
}

/// Losses and gradients equal those that transformers and autograd give; see Tests/Goldens/attack/generate.py.
@TorchActor
@Suite(.serialized)
struct GradientTests {
    struct File: Decodable {
        var prefix: [Int]
        var suffix: [Int]
        var closing: [Int]
        var target: [Int]
        var loss: Double
        var others: [[Int]]
        var losses: [Double]
        var lowest: [[Int]]
        var soft_loss: Double

        var prompt: SuffixPrompt { SuffixPrompt(prefix: prefix, start: suffix, closing: closing, target: target) }
    }

    private func golden() throws -> File {
        try JSONDecoder().decode(File.self, from: Data(contentsOf: Golden.root.appending(path: "attack/gradient.json")))
    }

    @Test func theGradientByTheOneHotMatrixEqualsAutograd() async throws {
        let golden = try golden()
        let network = try await Golden.model("tiny-llama").network
        let objective = TargetLoss(network, golden.prompt)
        let (loss, gradient) = try objective.gradient(at: objective.vectors(of: golden.suffix))
        #expect(abs(loss - golden.loss) < 1e-5)
        let scores = try objective.oneHotGradient(gradient)
        let expected = try Golden.floats("one_hot")
        let size = expected.reduce(0) { max($0, abs($1)) }
        #expect(Golden.distance(try scores.floats(), expected) < 1e-5 * size)
        let vocabulary = SuffixVocabulary(ids: Array(0..<384))
        try scores.floats().withUnsafeBufferPointer { values in
            for (position, lowest) in golden.lowest.enumerated() {
                let row = UnsafeBufferPointer(rebasing: values[(position * 384)..<((position + 1) * 384)])
                #expect(vocabulary.lowest(8, of: row) == lowest)
            }
        }
    }

    @Test func theGradientByVectorsEqualsAutograd() async throws {
        let golden = try golden()
        let network = try await Golden.model("tiny-llama").network
        let vectors = try Tensor(Golden.floats("vectors"), shape: [golden.suffix.count, 64])
        let (loss, gradient) = try TargetLoss(network, golden.prompt).gradient(at: vectors)
        #expect(abs(loss - golden.soft_loss) < 1e-5)
        let expected = try Golden.floats("by_vectors")
        let size = expected.reduce(0) { max($0, abs($1)) }
        #expect(Golden.distance(try gradient.floats(), expected) < 1e-5 * size)
    }

    /// The suffixes leave what they have in common one after another; each has the loss that it has alone.
    @Test func lossesOfABatchAreThoseOfOneByOne() async throws {
        let golden = try golden()
        let network = try await Golden.model("tiny-llama").network
        let objective = TargetLoss(network, golden.prompt)
        let together = try objective.losses(of: golden.others, near: golden.suffix)
        for (loss, expected) in zip(together, golden.losses) { #expect(abs(loss - expected) < 1e-5) }
        // What is taken for common changes the work, never the result.
        let apart = try golden.others.flatMap { try objective.losses(of: [$0], near: []) }
        for (one, other) in zip(together, apart) { #expect(abs(one - other) < 1e-5) }
        #expect(try abs(objective.losses(of: [golden.suffix], near: golden.suffix)[0] - golden.loss) < 1e-5)
    }

    /// Gemma's embeddings have a factor, which the gradient must contain.
    @Test func theGradientFollowsTheLossWhereEmbeddingsAreScaled() async throws {
        let network = try await LanguageModel.load(
            from: Golden.root.appending(path: "families/gemma2"),
            dtype: .float32
        ).network
        let prompt = SuffixPrompt(prefix: [2, 5, 9, 14], start: [7, 21, 3], closing: [11], target: [4, 30])
        let objective = TargetLoss(network, prompt)
        let vectors = try objective.vectors(of: prompt.start)
        let (_, gradient) = try objective.gradient(at: vectors)
        // Along the gradient itself the loss changes by its squared norm.
        let (norm, step) = (try gradient.norm(), 2e-3)
        let ahead = try objective.gradient(at: vectors.adding(gradient, times: step / norm)).loss
        let behind = try objective.gradient(at: vectors.adding(gradient, times: -step / norm)).loss
        #expect(abs((ahead - behind) / (2 * step) - norm) < 0.01 * norm)
        let loss = try objective.losses(of: [prompt.start], near: [])[0]
        #expect(try abs(objective.gradient(at: vectors).loss - loss) < 1e-5)
    }
}
