import TemperTorch
import TemperWeights

/// One block of BERT: attention and a network, each added to what it read, and the sum normalised.
@TorchActor
final class EncoderLayer {
    private let configuration: EncoderConfiguration
    private let queryKeyValue: [Linear]
    private let attentionOutput: Linear
    private let attentionNorm: NamedNorm
    private let intermediate: Linear
    private let output: Linear
    private let outputNorm: NamedNorm

    var linears: [Linear] { queryKeyValue + [attentionOutput, intermediate, output] }
    var norms: [NamedNorm] { [attentionNorm, outputNorm] }

    init(index: Int, _ loader: EncoderLoader) throws {
        configuration = loader.configuration
        let (d, inner) = (configuration.hiddenSize, configuration.intermediateSize)
        let prefix = "bert.encoder.layer.\(index)"
        queryKeyValue = try ["query", "key", "value"].map {
            try loader.linear("\(prefix).attention.self.\($0)", output: d, input: d)
        }
        attentionOutput = try loader.linear("\(prefix).attention.output.dense", output: d, input: d)
        attentionNorm = try loader.norm("\(prefix).attention.output.LayerNorm")
        intermediate = try loader.linear("\(prefix).intermediate.dense", output: inner, input: d)
        output = try loader.linear("\(prefix).output.dense", output: d, input: inner)
        outputNorm = try loader.norm("\(prefix).output.LayerNorm")
    }

    init(merging other: EncoderLayer) throws(TorchError) {
        configuration = other.configuration
        var merged: [Linear] = []
        for linear in other.queryKeyValue { merged.append(try linear.merged()) }
        queryKeyValue = merged
        attentionOutput = try other.attentionOutput.merged()
        attentionNorm = other.attentionNorm
        intermediate = try other.intermediate.merged()
        output = try other.output.merged()
        outputNorm = other.outputNorm
    }

    /// x [t, d], texts of these lengths, to [t, d].
    func callAsFunction(_ x: Tensor, lengths: [Int]) throws(TorchError) -> Tensor {
        let heads = [-1, configuration.headCount, configuration.hiddenSize / configuration.headCount]
        let projected = try Linear.apply(queryKeyValue, to: x, adapted: true)
        let mixed = try Layers.packedAttention(
            q: projected[0].reshaped(heads),
            k: projected[1].reshaped(heads),
            v: projected[2].reshaped(heads),
            lengths: lengths,
            rule: AttentionRule(isCausal: false)
        ).reshaped([-1, configuration.hiddenSize])
        let attended = try attentionNorm.norm(
            Linear.apply([attentionOutput], to: mixed, adapted: true, residual: x)[0]
        )
        let inner = try intermediate(attended).gelu(approximated: configuration.approximatesGELU)
        return try outputNorm.norm(Linear.apply([output], to: inner, adapted: true, residual: attended)[0])
    }
}

/// A norm that knows its name, for the files.
@TorchActor
struct NamedNorm {
    let name: String
    let norm: Norm

    /// Weight and bias by their names.
    var weights: [(name: String, tensor: Tensor)] {
        [("\(name).weight", norm.weight.tensor())] + (norm.bias.map { [("\(name).bias", $0)] } ?? [])
    }
}

/// Loads the weights of one encoder.
@TorchActor
struct EncoderLoader {
    let configuration: EncoderConfiguration
    let files: SafetensorsDirectory
    let dtype: DType
    let device: Device

    /// A weight's name in the files, which leave `bert.` out where they hold the encoder alone, and call the parameters of
    /// norms `gamma` and `beta` where they were converted from the first BERT's.
    private func stored(_ name: String) -> String {
        let bare = String(name.dropFirst("bert.".count))
        let old = [name, bare].map {
            $0.replacing("LayerNorm.weight", with: "LayerNorm.gamma").replacing(
                "LayerNorm.bias",
                with: "LayerNorm.beta"
            )
        }
        return [name, bare, old[0], old[1]].first { files.entry($0) != nil } ?? name
    }

    func holds(_ name: String) -> Bool { files.entry(stored(name)) != nil }

    func tensor(_ name: String, shape: [Int]) throws -> Tensor {
        try files.tensor(stored(name), shape: shape, dtype: dtype, device: device)
    }

    func linear(_ name: String, output: Int, input: Int) throws -> Linear {
        let weight = try tensor("\(name).weight", shape: [output, input])
        let linear = Linear(name: name, weight: weight, bias: try tensor("\(name).bias", shape: [output]))
        try linear.prepare(forTraining: false)
        return linear
    }

    func norm(_ name: String) throws -> NamedNorm {
        let d = [configuration.hiddenSize]
        let (weight, bias) = (try tensor("\(name).weight", shape: d), try tensor("\(name).bias", shape: d))
        let norm = Norm(
            weight: Weight("\(name).weight", weight),
            bias: bias,
            subtractsMean: true,
            epsilon: configuration.normEpsilon
        )
        return NamedNorm(name: name, norm: norm)
    }
}
