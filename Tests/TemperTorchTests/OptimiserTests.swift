import Foundation
import TemperTorch
import Testing

/// AdamW against its equations written out, and clipping by global norm.
@TorchActor
@Suite(.serialized)
struct OptimiserTests {
    /// Algorithm 2 of arXiv 1711.05101 on one number.
    private struct Reference {
        var value: Double
        var first = 0.0
        var second = 0.0

        mutating func update(_ gradient: Double, step: Int, rate: Double, decay: Double) {
            value -= rate * decay * value
            first = 0.9 * first + 0.1 * gradient
            second = 0.95 * second + 0.05 * gradient * gradient
            let corrected = first / (1 - pow(0.9, Double(step)))
            let root = (second / (1 - pow(0.95, Double(step)))).squareRoot()
            value -= rate * corrected / (root + 1e-8)
        }
    }

    @Test(arguments: [0, 0.1]) func stepsEqualTheEquations(decay: Double) throws {
        let shapes = [[3, 5], [17], [1]]
        let parameters = try shapes.enumerated().map { try Tensor.uniform(-1, 1, shape: $1, seed: UInt64($0)) }
        for parameter in parameters { try parameter.setRequiresGradient(true) }
        var references = try parameters.map { try $0.floats().map { Reference(value: Double($0)) } }
        let optimiser = try AdamW(parameters, beta1: 0.9, beta2: 0.95, weightDecay: decay)
        for step in 1...4 {
            let gradients = try shapes.enumerated().map {
                try Tensor.uniform(-2, 2, shape: $1, seed: UInt64(100 * step + $0))
            }
            let rate = 0.01 * Double(step)
            try optimiser.update(with: gradients, learningRate: rate)
            #expect(optimiser.step == step)
            for (index, gradient) in gradients.enumerated() {
                for (element, value) in try gradient.floats().enumerated() {
                    references[index][element].update(Double(value), step: step, rate: rate, decay: decay)
                }
                let expected = references[index].map { Float($0.value) }
                #expect(distance(try parameters[index].floats(), expected) < 1e-6)
            }
        }
        #expect(parameters.allSatisfy { $0.requiresGradient })
        for (index, moments) in optimiser.moments.enumerated() {
            #expect(distance(try moments.first.floats(), references[index].map { Float($0.first) }) < 1e-5)
            #expect(distance(try moments.second.floats(), references[index].map { Float($0.second) }) < 1e-5)
        }
    }

    @Test func gradientsNeedNotBeContiguous() throws {
        let gradient = try Tensor([1, -2, 3, -4, 5, -6], shape: [3, 2])
        func step(_ gradient: Tensor) throws -> [Float] {
            let parameter = try Tensor.zeros([2, 3])
            let optimiser = try AdamW([parameter])
            try optimiser.update(with: [gradient], learningRate: 0.1)
            return try optimiser.moments[0].first.floats()
        }
        let turned = try gradient.transposed(0, 1)
        #expect(try step(turned) == step(turned.contiguous()))
        #expect(distance(try step(turned), [0.1, 0.3, 0.5, -0.2, -0.4, -0.6]) < 1e-6)
    }

    @Test func gradientOfAnotherShapeIsAnError() throws {
        let optimiser = try AdamW([Tensor.zeros([4, 4])])
        #expect(throws: TorchError.self) { try optimiser.update(with: [Tensor.zeros([2])], learningRate: 0.1) }
        #expect(throws: TorchError.self) {
            try optimiser.update(with: [Tensor.zeros([4, 4], dtype: .bfloat16)], learningRate: 0.1)
        }
        #expect(try optimiser.parameters[0].floats().allSatisfy { $0 == 0 })
    }

    @Test func nothingToUpdateIsNoError() throws {
        let optimiser = try AdamW([])
        try optimiser.update(with: [], learningRate: 0.1)
        #expect(try AdamW.globalNorm([]) == 0)
    }

    @Test func clippingScalesAboveTheLimitOnly() throws {
        func gradients() throws -> [Tensor] {
            [try Tensor([3, 0], shape: [2]), try Tensor([4], shape: [1, 1])]
        }
        let untouched = try gradients()
        #expect(try AdamW.clip(untouched, to: 5.1) == 5)
        #expect(try untouched[0].floats() == [3, 0])
        #expect(try untouched[1].floats() == [4])

        let clipped = try gradients()
        #expect(try AdamW.clip(clipped, to: 1) == 5)
        #expect(distance(try clipped[0].floats(), [0.6, 0]) < 1e-6)
        #expect(distance(try clipped[1].floats(), [0.8]) < 1e-6)
        #expect(try AdamW.globalNorm(clipped) <= 1)

        // No limit at all.
        let free = try gradients()
        #expect(try AdamW.clip(free, to: 0) == 5)
        #expect(try free[1].floats() == [4])
    }
}
