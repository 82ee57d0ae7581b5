import Foundation
import TemperTorch
import Testing

/// The two losses against values and gradients of the reference implementation; see Tests/Goldens/model/generate.py.
///
/// With the identity as head weight the hidden states are the logits.
@TorchActor
@Suite(.serialized)
struct LossGoldenTests {
    struct Entry: Decodable {
        var value: Double
        var gradient_of_tuned: [[Float]]
    }

    struct Golden: Decodable {
        var base: [[Float]]
        var tuned: [[Float]]
        var labels: [Int]
        var cross_entropy: Entry
        var cross_entropy_sum: Entry
        var kl_forward: Entry
        var kl_forward_masked: Entry
    }

    private let golden: Golden
    private let width: Int

    init() throws {
        let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Goldens/model/losses_extra.json")
        golden = try JSONDecoder().decode(Golden.self, from: Data(contentsOf: file))
        width = try #require(golden.tuned.first?.count)
    }

    private var identity: Tensor {
        get throws {
            try Tensor((0..<(width * width)).map { $0 / width == $0 % width ? 1 : 0 }, shape: [width, width])
        }
    }

    private var counted: [Int] { golden.labels.indices.filter { golden.labels[$0] != -100 } }

    private func tensor(_ rows: [[Float]]) throws -> Tensor {
        try Tensor(rows.flatMap { $0 }, shape: [rows.count, width])
    }

    /// Compares value and gradient of `loss` of the tuned logits.
    private func expect(_ expected: Entry, _ loss: (Tensor) throws -> Tensor) throws {
        let tuned = try tensor(golden.tuned)
        try tuned.setRequiresGradient(true)
        let value = try loss(tuned)
        try value.backward()
        #expect(abs(try value.item() - expected.value) < 1e-5 * expected.value)
        let gradient = try #require(try tuned.gradient()).floats()
        #expect(distance(gradient, expected.gradient_of_tuned.flatMap { $0 }) < 1e-5)
    }

    @Test func crossEntropyOfChosenRows() throws {
        let targets = try Tensor(counted.map { golden.labels[$0] })
        try expect(golden.cross_entropy_sum) {
            try Layers.linearCrossEntropy(
                hidden: $0.selected(0, Tensor(counted)),
                head: OutputHead(weight: identity),
                targets: targets
            )
        }
        try expect(golden.cross_entropy) {
            try Layers.linearCrossEntropy(
                hidden: $0.selected(0, Tensor(counted)),
                head: OutputHead(weight: identity),
                targets: targets
            )
            .scaled(by: 1 / Double(counted.count))
        }
    }

    @Test func crossEntropyByRowWeights() throws {
        let targets = try Tensor(golden.labels.map { max($0, 0) })
        let ones = try Tensor(golden.labels.map { $0 == -100 ? 0 : 1 }, shape: [golden.labels.count])
        try expect(golden.cross_entropy_sum) {
            try Layers.linearCrossEntropy(
                hidden: $0,
                head: OutputHead(weight: identity),
                targets: targets,
                rowWeights: ones
            )
        }
        let means = try ones.scaled(by: 1 / Double(counted.count))
        try expect(golden.cross_entropy) {
            try Layers.linearCrossEntropy(
                hidden: $0,
                head: OutputHead(weight: identity),
                targets: targets,
                rowWeights: means
            )
        }
    }

    @Test func divergenceFromTheBase() throws {
        let base = try tensor(golden.base)
        try expect(golden.kl_forward) {
            try Layers.linearDivergence(
                hidden: $0,
                head: OutputHead(weight: identity),
                referenceHidden: base,
                referenceHead: OutputHead(weight: identity)
            ).scaled(by: 1 / Double(golden.tuned.count))
        }
        let index = try Tensor(counted)
        try expect(golden.kl_forward_masked) {
            try Layers.linearDivergence(
                hidden: $0.selected(0, index),
                head: OutputHead(weight: identity),
                referenceHidden: base.selected(0, index),
                referenceHead: OutputHead(weight: identity)
            ).scaled(by: 1 / Double(counted.count))
        }
    }

    @Test func divergenceFromItselfIsZero() throws {
        let base = try tensor(golden.base)
        let hidden = try tensor(golden.base)
        try hidden.setRequiresGradient(true)
        let value = try Layers.linearDivergence(
            hidden: hidden,
            head: OutputHead(weight: identity),
            referenceHidden: base,
            referenceHead: OutputHead(weight: identity)
        )
        try value.backward()
        #expect(abs(try value.item()) < 1e-6)
        #expect(try #require(try hidden.gradient()).norm() < 1e-6)
    }
}
