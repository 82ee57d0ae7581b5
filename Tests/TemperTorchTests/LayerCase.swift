import Foundation
import TemperTorch
import Testing

/// One use of a fused layer beside the same formula composed of primitive operations.
///
/// The composition runs in float64 on the very values the layer sees, so that every difference is the layer's own.
struct LayerCase: Sendable, CustomTestStringConvertible {
    typealias Formula = @TorchActor @Sendable ([Tensor]) throws -> Tensor

    enum Input: Sendable {
        /// In the dtype under test; a gradient is expected.
        case trained([Int])
        /// Float32 whatever the dtype under test; a gradient is expected.
        case trainedWide([Int])
        /// In the dtype under test, no gradient.
        case frozen([Int])
        /// Float32 whatever the dtype under test, no gradient.
        case frozenWide([Int])
        case indices([Int])

        var isTrained: Bool {
            switch self {
            case .trained, .trainedWide: true
            case .frozen, .frozenWide, .indices: false
            }
        }
    }

    /// What a run gives: the output and the gradient of each trained input, row-major.
    struct Outcome: Equatable {
        var output: [Float]
        var gradients: [[Float]]
    }

    var testDescription: String
    var inputs: [Input]
    var layer: Formula
    var plain: Formula

    init(_ name: String, _ inputs: [Input], layer: @escaping Formula, plain: @escaping Formula) {
        testDescription = name
        self.inputs = inputs
        self.layer = layer
        self.plain = plain
    }

    /// The inputs in float32, rounded to what `dtype` can hold where the layer sees that dtype.
    @TorchActor
    func values(seed: UInt64, dtype: DType) throws -> [Tensor] {
        try inputs.enumerated().map { position, input in
            let seed = seed + UInt64(position)
            return switch input {
            case .trained(let shape), .frozen(let shape):
                try Tensor.uniform(-1, 1, shape: shape, seed: seed).to(dtype).to(.float32)
            case .trainedWide(let shape), .frozenWide(let shape):
                try Tensor.uniform(-1, 1, shape: shape, seed: seed)
            case .indices(let values): try Tensor(values)
            }
        }
    }

    /// The layer itself on `values`.
    @TorchActor
    func run(_ values: [Tensor], dtype: DType = .float32, device: Device = .cpu) throws -> Outcome {
        let operands = try zip(inputs, values).map { input, value in
            switch input {
            case .trained, .frozen: try value.to(dtype, device: device)
            case .trainedWide, .frozenWide: try value.to(.float32, device: device)
            case .indices: try value.to(.int64, device: device)
            }
        }
        return try differentiate(operands, layer)
    }

    /// The composition on `values`, in float64.
    @TorchActor
    func runPlain(_ values: [Tensor]) throws -> Outcome {
        let operands = try zip(inputs, values).map { input, value in
            if case .indices = input { value } else { try value.to(.float64) }
        }
        return try differentiate(operands, plain)
    }

    /// Output and gradients of `sum(coefficients * output)`, the coefficients exact in bfloat16.
    @TorchActor
    private func differentiate(_ operands: [Tensor], _ formula: Formula) throws -> Outcome {
        let leaves = try zip(inputs, operands).map { input, operand in
            let leaf = try operand.detached().clone()
            if input.isTrained { try leaf.setRequiresGradient(true) }
            return leaf
        }
        let output = try formula(leaves)
        let wide = try output.to(output.dtype == .bfloat16 ? .float32 : output.dtype)
        let factors = try coefficients(output.shape).to(wide.dtype, device: wide.device)
        try wide.multiplied(by: factors).sum().backward()
        let gradients = try zip(inputs, leaves).filter { $0.0.isTrained }.map { _, leaf in
            try #require(try leaf.gradient()).floats()
        }
        return Outcome(output: try output.floats(), gradients: gradients)
    }

    @TorchActor
    private func coefficients(_ shape: [Int]) throws -> Tensor {
        try Tensor.uniform(-1, 1, shape: shape, seed: 99).to(.bfloat16).to(.float32)
    }

    /// Central differences of the layer, in float32, for each trained input.
    @TorchActor
    func differences(_ values: [Tensor], step: Float) throws -> [[Float]] {
        let weights = try coefficients(layer(values).shape).floats()
        func loss(_ operands: [Tensor]) throws -> Double {
            try withoutGradients {
                try zip(layer(operands).floats(), weights).reduce(0) { $0 + Double($1.0) * Double($1.1) }
            }
        }
        return try inputs.indices.filter { inputs[$0].isTrained }.map { position in
            let start = try values[position].floats()
            return try start.indices.map { element in
                let both = try [step, -step].map { change in
                    var moved = start
                    moved[element] += change
                    var operands = values
                    operands[position] = try Tensor(moved, shape: values[position].shape)
                    return try loss(operands)
                }
                return Float((both[0] - both[1]) / Double(2 * step))
            }
        }
    }
}

/// The largest absolute difference, relative to the largest expected value.
func distance(_ found: [Float], _ expected: [Float]) -> Float {
    guard found.count == expected.count else { return .infinity }
    var difference: Float = 0
    for (a, b) in zip(found, expected) { difference = max(difference, (a - b).isNaN ? .infinity : abs(a - b)) }
    return difference / max(expected.map(abs).max() ?? 0, .leastNormalMagnitude)
}
