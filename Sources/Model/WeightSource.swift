import Foundation
import TemperTorch
import TemperWeights

/// Where a model's weights come from, by the names of the Hugging Face files.
///
/// GGUF stores the same matrices under other names, quantised, and with the rows of q and k in another order (each
/// head's pairs interleaved); this file undoes all three, so that the network knows one naming scheme.
enum WeightSource {
    case safetensors(SafetensorsDirectory)
    case gguf(GGUFFile)

    var path: String {
        switch self {
        case .safetensors(let directory): directory.url.path
        case .gguf(let file): file.url.path
        }
    }

    /// Loads one weight of the given shape; a missing or misshapen one is an error that names it.
    func load(
        _ name: String,
        shape: [Int],
        heads: Int? = nil,
        dtype: DType,
        device: Device
    ) throws -> Tensor {
        switch self {
        case .safetensors(let directory):
            guard let entry = directory.entry(name) else {
                throw WeightsError.missingTensor(path: path, name: name)
            }
            guard entry.shape == shape else {
                throw ModelError.shape(path: path, tensor: name, expected: shape, found: entry.shape)
            }
            let stored = try directory.withBytes(of: name) {
                try Tensor(bytes: $0, shape: shape, dtype: try Self.dtype(entry.dtype, tensor: name, path: path))
            }
            return try stored.to(dtype, device: device)
        case .gguf(let file):
            let stored = Self.ggufName(name)
            guard let tensor = file.tensor(named: stored) else {
                throw WeightsError.missingTensor(path: path, name: stored)
            }
            guard tensor.shape == shape else {
                throw ModelError.shape(path: path, tensor: stored, expected: shape, found: tensor.shape)
            }
            var full = try Tensor(try file.dequantize(stored), shape: shape)
            if let heads { full = try Self.unpermuted(full, heads: heads) }
            return try full.to(dtype, device: device)
        }
    }

    private static func dtype(_ type: SafetensorsType, tensor: String, path: String) throws -> DType {
        switch type {
        case .float32: return .float32
        case .float16: return .float16
        case .bfloat16: return .bfloat16
        case .float64: return .float64
        default:
            throw ModelError.unsupported(
                path: path,
                feature: "dtype \(type.rawValue) of \(tensor)",
                remedy: "save the weights as F32, F16 or BF16"
            )
        }
    }

    /// Rows per head are stored as (pair, half) and wanted as (half, pair).
    private static func unpermuted(_ weight: Tensor, heads: Int) throws -> Tensor {
        let rows = weight.shape[0]
        let rest = Array(weight.shape.dropFirst())
        return try weight.reshaped([heads, rows / heads / 2, 2] + rest).transposed(1, 2).reshaped([rows] + rest)
    }

    private static let layerNames = [
        "self_attn.q_proj": "attn_q", "self_attn.k_proj": "attn_k", "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down", "input_layernorm": "attn_norm", "post_attention_layernorm": "ffn_norm",
    ]

    /// `model.layers.3.mlp.up_proj.weight` becomes `blk.3.ffn_up.weight`.
    static func ggufName(_ name: String) -> String {
        switch name {
        case "model.embed_tokens.weight": return "token_embd.weight"
        case "model.norm.weight": return "output_norm.weight"
        case "lm_head.weight": return "output.weight"
        default:
            let parts = name.split(separator: ".")
            guard parts.count >= 5, let stored = layerNames[parts[3..<(parts.count - 1)].joined(separator: ".")]
            else { return name }
            return "blk.\(parts[2]).\(stored).\(parts[parts.count - 1])"
        }
    }
}
