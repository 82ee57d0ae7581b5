import TemperTorch

/// Layers whose weights are trained themselves: what is read is made from the float32 copy that takes the gradient.
extension LayerCase {
    static let ofTrainedWeights: [LayerCase] =
        [trainedLinear(1, 7, 5), trainedLinear(17, 64, 70), trainedLinear(67, 96, 34)]
        + [trainedNorm(1, 3), trainedNorm(67, 64), trainedLayerNorm(9, 12)]
        + [trainedHead(3, 8), trainedHead(67, 34), trainedLogProbability(3, 8), trainedLogProbability(130, 34)]
        + [trainedDivergence(67, 34)]

    /// What the layer reads of a trained weight.
    @TorchActor
    private static func read(_ weight: Tensor, like x: Tensor) throws -> Tensor {
        try weight.detached().to(x.dtype)
    }

    /// Two layers on one input, the second frozen.
    private static func trainedLinear(_ rows: Int, _ input: Int, _ output: Int) -> LayerCase {
        LayerCase(
            "trained linear \(rows)x\(input) to \(output)",
            [
                .trained([rows, input]), .trainedWide([output, input]), .trainedWide([output]),
                .frozen([output, input]),
            ]
        ) {
            let weight = try read($0[1], like: $0[0])
            let layer = LinearLayer(
                weight: weight,
                bias: try read($0[2], like: $0[0]),
                trained: ($0[1], $0[2]),
                packed: try LinearLayer.Packed(weight, forTraining: true)
            )
            let frozen = LinearLayer(weight: $0[3], packed: try LinearLayer.Packed($0[3], forTraining: true))
            let outputs = try Layers.linears($0[0], [layer, frozen])
            return try outputs[0].adding(outputs[1])
        } plain: {
            try plainLinear($0[0], $0[1]).adding($0[2]).adding(plainLinear($0[0], $0[3]))
        }
    }

    private static func trainedNorm(_ rows: Int, _ width: Int) -> LayerCase {
        LayerCase("trained rmsNorm \(rows)x\(width)", [.trained([rows, width]), .trainedWide([width])]) {
            try Layers.rmsNorm($0[0], weight: $0[1], epsilon: 1e-5)
        } plain: {
            try plainNorm($0[0], $0[1])
        }
    }

    /// The mean is taken off first; what is left is normalised to a root mean square of 1.
    private static func trainedLayerNorm(_ rows: Int, _ width: Int) -> LayerCase {
        LayerCase("trained layerNorm \(rows)x\(width)", [.trained([rows, width]), .trainedWide([width])]) {
            try Layers.layerNorm($0[0], weight: $0[1], epsilon: 1e-5)
        } plain: {
            let mean = try $0[0].sum(along: 1, keepingDimension: true).scaled(by: 1 / Double(width))
            return try plainNorm($0[0].adding(mean, times: -1), $0[1])
        }
    }

    @TorchActor
    private static func head(_ weight: Tensor, like x: Tensor) throws -> OutputHead {
        let read = try read(weight, like: x)
        let packed = try LinearLayer.Packed(read, forTraining: true)
        return OutputHead(weight: read, trained: weight, packed: packed)
    }

    private static func trainedHead(_ rows: Int, _ vocabulary: Int) -> LayerCase {
        LayerCase(
            "trained head, \(rows) rows, vocabulary \(vocabulary)",
            [.trained([rows, 14]), .trainedWide([vocabulary, 14]), targets(rows, vocabulary), .frozenWide([rows])]
        ) {
            try Layers.linearCrossEntropy(
                hidden: $0[0],
                head: head($0[1], like: $0[0]),
                targets: $0[2],
                rowWeights: $0[3]
            )
        } plain: {
            try plainEntropy($0[0], $0[1], $0[2]).multiplied(by: $0[3]).sum()
        }
    }

    private static func trainedLogProbability(_ rows: Int, _ vocabulary: Int) -> LayerCase {
        LayerCase(
            "log-probability of a trained head, \(rows) rows, vocabulary \(vocabulary)",
            [.trained([rows, 14]), .trainedWide([vocabulary, 14]), targets(rows, vocabulary)]
        ) {
            try Layers.linearLogProbability(hidden: $0[0], head: head($0[1], like: $0[0]), targets: $0[2])
        } plain: {
            try plainEntropy($0[0], $0[1], $0[2]).scaled(by: -1)
        }
    }

    private static func trainedDivergence(_ rows: Int, _ vocabulary: Int) -> LayerCase {
        LayerCase(
            "divergence of a trained head, \(rows) rows, vocabulary \(vocabulary)",
            [
                .trained([rows, 14]), .trainedWide([vocabulary, 14]), .frozen([rows, 6]), .frozen([vocabulary, 6]),
            ]
        ) {
            try Layers.linearDivergence(
                hidden: $0[0],
                head: head($0[1], like: $0[0]),
                referenceHidden: $0[2],
                referenceHead: OutputHead(weight: $0[3])
            )
        } plain: {
            let logs = try plainLinear($0[0], $0[1]).logSoftmax(along: 1)
            let reference = try plainLinear($0[2], $0[3]).logSoftmax(along: 1)
            return try reference.exponential().multiplied(by: reference.adding(logs, times: -1)).sum()
        }
    }
}
