import Foundation
import TemperTorch
import TemperWeights

/// Where a model's weights come from, by the names of the Hugging Face files.
///
/// GGUF stores the same matrices under other names, quantised, and for some families with the rows of q and k in another
/// order (each head's pairs interleaved); this file undoes all three, so that the network knows one naming scheme.
enum WeightSource {
    case safetensors(SafetensorsDirectory)
    case gguf(GGUFFile, Family.Stored)
    /// Random ones, for measurements of a shape: only what `config.json` says is there.
    case drawn(configFile: URL)

    var path: String {
        switch self {
        case .drawn(let file): file.path
        case .safetensors(let directory): directory.url.path
        case .gguf(let file, _): file.url.path
        }
    }
}

/// Loads the weights of one network.
@TorchActor
struct WeightLoader {
    let configuration: DecoderConfiguration
    let source: WeightSource
    let dtype: DType
    let device: Device

    /// A linear layer; with `heads`, one whose output is that many heads that a rotary turns.
    func linear(_ name: String, output: Int, input: Int, bias: Bool, heads: Int? = nil) throws -> Linear {
        Linear(
            name: name,
            weight: try tensor("\(name).weight", shape: [output, input], heads: heads),
            bias: bias ? try tensor("\(name).bias", shape: [output], heads: heads) : nil
        )
    }

    /// A norm over `size` values.
    func norm(_ name: String, size: Int) throws -> Norm {
        // What is added to 1 is small beside it, and would be lost in a narrow type.
        let isAroundOne = configuration.norm == .rmsAroundOne
        var tensor = try tensor("\(name).weight", shape: [size], dtype: isAroundOne ? .float32 : nil)
        if isAroundOne, case .safetensors = source { tensor = try tensor.adding(1) }
        let weight = Weight("\(name).weight", tensor, shift: isAroundOne ? 1 : 0)
        let isLayerNorm = configuration.norm == .layer
        return Norm(weight: weight, subtractsMean: isLayerNorm, epsilon: configuration.normEpsilon)
    }

    /// One weight of the given shape, in the network's type where no other is named; a missing or misshapen one is an error that names it.
    func tensor(_ name: String, shape: [Int], heads: Int? = nil, dtype: DType? = nil) throws -> Tensor {
        let dtype = dtype ?? self.dtype
        switch source {
        case .safetensors(let directory):
            return try directory.tensor(name, shape: shape, dtype: dtype, device: device)
        case .gguf(let file, let names):
            let stored = names.name(name, configuration.names)
            guard let tensor = file.tensor(named: stored) else {
                throw WeightsError.missingTensor(path: source.path, name: stored)
            }
            guard tensor.shape == shape else {
                throw ModelError.shape(path: source.path, tensor: stored, expected: shape, found: tensor.shape)
            }
            var full = try Tensor(try file.dequantize(stored), shape: shape)
            if names.interleavesQueriesAndKeys, let heads { full = try Self.inHalves(full, heads: heads) }
            return try full.to(dtype, device: device)
        case .drawn:
            // As the reference begins a training from nothing; vectors are the norms' weights.
            return shape.count == 1
                ? try .full(1, shape: shape, dtype: dtype, device: device)
                : try .normal(deviation: 0.02, shape: shape, dtype: dtype, device: device)
        }
    }

    /// Rows per head are stored as (pair, half) and wanted as (half, pair).
    private static func inHalves(_ weight: Tensor, heads: Int) throws -> Tensor {
        let rows = weight.shape[0]
        let rest = Array(weight.shape.dropFirst())
        return try weight.reshaped([heads, rows / heads / 2, 2] + rest).transposed(1, 2).reshaped([rows] + rest)
    }
}

extension SafetensorsDirectory {
    /// One weight of the given shape; a missing, misshapen or unusable one is an error that names it.
    func tensor(_ name: String, shape: [Int], dtype: DType, device: Device) throws -> Tensor {
        guard let entry = entry(name) else { throw WeightsError.missingTensor(path: url.path, name: name) }
        guard entry.shape == shape else {
            throw ModelError.shape(path: url.path, tensor: name, expected: shape, found: entry.shape)
        }
        let stored: DType
        switch entry.dtype {
        case .float32: stored = .float32
        case .float16: stored = .float16
        case .bfloat16: stored = .bfloat16
        case .float64: stored = .float64
        default:
            throw ModelError.unsupported(
                path: url.path,
                feature: "dtype \(entry.dtype.rawValue) of \(name)",
                remedy: "save the weights as F32, F16 or BF16"
            )
        }
        return try withBytes(of: name) { try Tensor(bytes: $0, shape: shape, dtype: stored) }.to(dtype, device: device)
    }
}
