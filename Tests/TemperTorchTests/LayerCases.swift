import Foundation
import TemperTorch

extension LayerCase {
    /// Sizes that exercise what vector loops and chunks can get wrong: one row, odd rows and widths, rows over a chunk.
    static let all: [LayerCase] =
        [lora(1, 7, 5, 3), lora(17, 13, 9, 5), lora(67, 33, 31, 4), lora(16, 24, 16, 8), loraWithBias, loraTransposed]
        + [lora(1, 64, 64, 16), lora(13, 66, 70, 6), lora(47, 2050, 34, 4), lora(6, 34, 128, 48), loraWithResidual]
        + [lora(61, 2082, 112, 4)]
        + [several(1, 32, 64), several(29, 98, 90)]
        + [normalised(1, 3), normalised(1, 13), normalised(17, 33), normalised(67, 64), normalisedTransposed]
        + [gated([1, 1]), gated([3, 7]), gated([67, 61]), gated([2, 3, 1025]), gatedTransposed]
        + [rotated(1, 1, 2), rotated(19, 3, 6), rotated(67, 2, 34), rotatedTransposed]
        + [
            attended([1], 1, 1, 8), attended([5, 1, 11], 6, 2, 10), attended([65, 3], 4, 4, 16),
            attended([7, 9, 2], 3, 1, 5), attended([33, 64, 70], 3, 1, 64),
            attended([9, 3, 1, 40], 6, 2, 10, shared: [0, 9, 9, 9]), attended([5, 1], 1, 1, 34, shared: [0, 5]),
            attended([35, 3, 41, 2, 7], 6, 2, 10, shared: [0, 35, 12, 0, 34]),
        ]
        + [
            ruled([5, 1, 40], 4, 2, 8, Rule(window: 3)),
            ruled([9, 3, 40], 4, 2, 8, shared: [0, 9, 8], Rule(window: 7)),
            ruled([5, 40], 2, 1, 6, Rule(scale: 0.7, softCap: 0.4)),
            ruled([5, 40], 3, 3, 6, Rule(slopes: [0.5, 0.25, 0.1])),
            ruled([5, 1, 37], 4, 4, 8, Rule(isCausal: false)),
            ruled([9, 2, 35], 2, 2, 6, shared: [0, 4, 9], Rule(softCap: 0.5, window: 6, slopes: [0.3, 0.2])),
        ]
        + [entropy(1, 7), entropy(17, 33), entropy(64, 40), entropy(65, 33), entropy(130, 101)]
        + [weighedEntropy(1, 8), weighedEntropy(67, 34), weighedEntropy(129, 4100), entropyTransposed]
        + [logProbability(1, 7), logProbability(67, 34), logProbability(130, 101)]
        + [divergence(1, 7), divergence(17, 33), divergence(65, 40), divergence(130, 33)]
        + [cappedEntropy(5, 8), cappedEntropy(67, 34)]
        + ofTrainedWeights

    /// One small case of each layer.
    static let small: [LayerCase] = [
        lora(3, 5, 4, 2), loraWithBias, normalised(3, 7), gated([3, 7]), rotated(3, 2, 6), attended([2, 3], 2, 1, 4),
        entropy(3, 7), weighedEntropy(3, 8), logProbability(3, 8), divergence(3, 7),
    ]

    // MARK: LoRA

    @TorchActor
    static func plainLinear(_ x: Tensor, _ weight: Tensor) throws -> Tensor {
        try x.matmul(weight.transposed(0, 1))
    }

    /// A layer with a pair; its weight packed, where the processor and the dtype can.
    @TorchActor
    private static func layer(_ inputs: ArraySlice<Tensor>, scale: Double, bias: Tensor? = nil) throws -> LinearLayer {
        let (weight, a, b) = (inputs[inputs.startIndex], inputs[inputs.startIndex + 1], inputs[inputs.startIndex + 2])
        return LinearLayer(
            weight: weight,
            bias: bias,
            pair: LinearLayer.Pair(a: a, b: b, scale: scale),
            packed: try LinearLayer.Packed(weight, forTraining: true)
        )
    }

    @TorchActor
    private static func plainLayer(_ x: Tensor, _ inputs: ArraySlice<Tensor>, scale: Double) throws -> Tensor {
        let (weight, a, b) = (inputs[inputs.startIndex], inputs[inputs.startIndex + 1], inputs[inputs.startIndex + 2])
        return try plainLinear(x, weight).adding(plainLinear(plainLinear(x, a), b), times: scale)
    }

    private static func lora(_ rows: Int, _ input: Int, _ output: Int, _ rank: Int) -> LayerCase {
        LayerCase(
            "linears \(rows)x\(input) to \(output), rank \(rank)",
            [
                .trained([rows, input]), .frozen([output, input]), .trainedWide([rank, input]),
                .trainedWide([output, rank]),
            ]
        ) {
            try Layers.linears($0[0], [layer($0[1...], scale: 1.75)])[0]
        } plain: {
            try plainLayer($0[0], $0[1...], scale: 1.75)
        }
    }

    private static let loraWithBias = LayerCase(
        "linears with bias",
        [.trained([5, 12]), .frozen([6, 12]), .trainedWide([4, 12]), .trainedWide([6, 4]), .frozen([6])]
    ) {
        try Layers.linears($0[0], [layer($0[1...3], scale: 0.5, bias: $0[4])])[0]
    } plain: {
        try plainLayer($0[0], $0[1...3], scale: 0.5).adding($0[4])
    }

    private static let loraTransposed = LayerCase(
        "linears of a transposed view",
        [.trained([11, 5]), .frozen([6, 11]), .trainedWide([3, 11]), .trainedWide([6, 3])]
    ) {
        try Layers.linears($0[0].transposed(0, 1), [layer($0[1...], scale: 2)])[0]
    } plain: {
        try plainLayer($0[0].transposed(0, 1), $0[1...], scale: 2)
    }

    private static let loraWithResidual = LayerCase(
        "linears with a residual",
        [.trained([9, 40]), .frozen([72, 40]), .trainedWide([8, 40]), .trainedWide([72, 8]), .trained([9, 72])]
    ) {
        try Layers.linears($0[0], [layer($0[1...3], scale: 0.5)], residual: $0[4])[0]
    } plain: {
        try plainLayer($0[0], $0[1...3], scale: 0.5).adding($0[4])
    }

    /// Layers of several sizes on one input, the middle one without a pair; their sum is what is compared.
    private static func several(_ rows: Int, _ input: Int, _ output: Int) -> LayerCase {
        LayerCase(
            "three linears \(rows)x\(input) to \(output)",
            [
                .trained([rows, input]), .frozen([output, input]), .trainedWide([16, input]),
                .trainedWide([output, 16]), .frozen([output, input]), .frozen([output, input]),
                .trainedWide([2, input]), .trainedWide([output, 2]),
            ]
        ) {
            let middle = LinearLayer(weight: $0[4], packed: try LinearLayer.Packed($0[4], forTraining: true))
            let outputs = try Layers.linears(
                $0[0],
                [layer($0[1...3], scale: 2), middle, layer($0[5...7], scale: 0.5)]
            )
            return try outputs[0].adding(outputs[1]).adding(outputs[2], times: 3)
        } plain: {
            try plainLayer($0[0], $0[1...3], scale: 2).adding(plainLinear($0[0], $0[4]))
                .adding(plainLayer($0[0], $0[5...7], scale: 0.5), times: 3)
        }
    }

    // MARK: RMSNorm

    /// The reciprocal root is one Newton step from a constant: exact in value and in first derivative.
    @TorchActor
    static func plainNorm(_ x: Tensor, _ weight: Tensor) throws -> Tensor {
        let last = x.shape.count - 1
        let mean = try x.multiplied(by: x).sum(along: last, keepingDimension: true)
            .scaled(by: 1 / Double(x.shape[last])).adding(1e-5)
        let start = try Tensor(mean.detached().floats().map { 1 / $0.squareRoot() }, shape: mean.shape).to(.float64)
        let step = try mean.multiplied(by: start).multiplied(by: start).scaled(by: -0.5).adding(1.5)
        return try x.multiplied(by: start.multiplied(by: step)).multiplied(by: weight)
    }

    private static func normalised(_ rows: Int, _ width: Int) -> LayerCase {
        LayerCase("rmsNorm \(rows)x\(width)", [.trained([rows, width]), .frozen([width])]) {
            try Layers.rmsNorm($0[0], weight: $0[1], epsilon: 1e-5)
        } plain: {
            try plainNorm($0[0], $0[1])
        }
    }

    private static let normalisedTransposed = LayerCase(
        "rmsNorm of a transposed view",
        [.trained([9, 3, 5]), .frozen([9])]
    ) {
        try Layers.rmsNorm($0[0].transposed(0, 2), weight: $0[1], epsilon: 1e-5)
    } plain: {
        try plainNorm($0[0].transposed(0, 2), $0[1])
    }

    // MARK: SwiGLU

    private static func gated(_ shape: [Int]) -> LayerCase {
        // Gates of -8 to 8 reach the flat and the steep parts; a power of two is exact in every dtype.
        LayerCase("siluMultiply \(shape)", [.trained(shape), .trained(shape)]) {
            try Layers.siluMultiply(gate: $0[0].scaled(by: 8), up: $0[1])
        } plain: {
            try $0[0].scaled(by: 8).silu().multiplied(by: $0[1])
        }
    }

    private static let gatedTransposed = LayerCase(
        "siluMultiply of transposed views",
        [.trained([5, 7]), .trained([7, 5])]
    ) {
        try Layers.siluMultiply(gate: $0[0].transposed(0, 1), up: $0[1])
    } plain: {
        try $0[0].transposed(0, 1).silu().multiplied(by: $0[1])
    }

    // MARK: RoPE

    @TorchActor
    private static func plainRotation(_ x: Tensor, _ cosine: Tensor, _ sine: Tensor) throws -> Tensor {
        let half = x.shape[2] / 2
        let first = try x.narrowed(2, from: 0, length: half)
        let second = try x.narrowed(2, from: half, length: half)
        let c = try cosine.unsqueezed(1)
        let s = try sine.unsqueezed(1)
        return try .concatenated(
            [
                first.multiplied(by: c).adding(second.multiplied(by: s), times: -1),
                second.multiplied(by: c).adding(first.multiplied(by: s)),
            ],
            along: 2
        )
    }

    private static func rotated(_ tokens: Int, _ heads: Int, _ width: Int) -> LayerCase {
        LayerCase(
            "rope \(tokens)x\(heads)x\(width)",
            [.trained([tokens, heads, width]), .frozenWide([tokens, width / 2]), .frozenWide([tokens, width / 2])]
        ) {
            try Layers.rope($0[0], cosine: $0[1], sine: $0[2])
        } plain: {
            try plainRotation($0[0], $0[1], $0[2])
        }
    }

    private static let rotatedTransposed = LayerCase(
        "rope of transposed views",
        [.trained([3, 5, 6]), .frozenWide([3, 5]), .frozenWide([3, 5])]
    ) {
        try Layers.rope($0[0].transposed(0, 1), cosine: $0[1].transposed(0, 1), sine: $0[2].transposed(0, 1))
    } plain: {
        try plainRotation($0[0].transposed(0, 1), $0[1].transposed(0, 1), $0[2].transposed(0, 1))
    }

    // MARK: Attention

    /// One sequence and one head at a time, with the softmax written out.
    @TorchActor
    private static func plainAttention(
        _ q: Tensor,
        _ k: Tensor,
        _ v: Tensor,
        _ lengths: [Int],
        _ shared: [Int],
        _ rule: Rule = Rule()
    ) throws -> Tensor {
        let heads = q.shape[1]
        let group = heads / k.shape[1]
        let width = q.shape[2]
        var parts: [Tensor] = []
        var start = 0
        for (sequence, length) in lengths.enumerated() {
            var outputs: [Tensor] = []
            let before = shared.isEmpty ? 0 : shared[sequence]
            for head in 0..<heads {
                let added = (0..<length).flatMap { row in
                    (0..<(before + length)).map { column -> Float in
                        let distance = column - before - row
                        let isSeen = (!rule.isCausal || distance <= 0) && distance > -(rule.window ?? .max)
                        return isSeen ? (rule.slopes?[head] ?? 0) * Float(distance) : -.infinity
                    }
                }
                let mask = try Tensor(added, shape: [length, before + length]).to(q.dtype)
                func slice(_ x: Tensor, _ head: Int, _ start: Int, _ length: Int) throws -> Tensor {
                    try x.narrowed(0, from: start, length: length).narrowed(1, from: head, length: 1)
                        .reshaped([length, width])
                }
                func seen(_ x: Tensor) throws -> Tensor {
                    let own = try slice(x, head / group, start, length)
                    return before == 0 ? own : try .concatenated([slice(x, head / group, 0, before), own], along: 0)
                }
                var scores = try slice(q, head, start, length).matmul(seen(k).transposed(0, 1))
                    .scaled(by: rule.scale ?? 1 / Double(width).squareRoot())
                if let cap = rule.softCap { scores = try scores.scaled(by: 1 / cap).tanh().scaled(by: cap) }
                let output = try scores.adding(mask).logSoftmax(along: 1).exponential().matmul(seen(v))
                outputs.append(try output.unsqueezed(1))
            }
            parts.append(try .concatenated(outputs, along: 1))
            start += length
        }
        return try .concatenated(parts, along: 0)
    }

    /// What `AttentionRule` says, without tensors.
    struct Rule: Sendable {
        var scale: Double?
        var softCap: Double?
        var window: Int?
        var isCausal = true
        var slopes: [Float]?
    }

    private static func ruled(
        _ lengths: [Int],
        _ heads: Int,
        _ keyHeads: Int,
        _ width: Int,
        shared: [Int] = [],
        _ rule: Rule
    ) -> LayerCase {
        let tokens = lengths.reduce(0, +)
        return LayerCase(
            "packedAttention \(lengths), heads \(heads) on \(keyHeads), width \(width), \(rule)",
            [
                .trained([tokens, heads, width]), .trained([tokens, keyHeads, width]),
                .trained([tokens, keyHeads, width]),
            ]
        ) {
            let own = AttentionRule(
                scale: rule.scale,
                softCap: rule.softCap,
                window: rule.window,
                isCausal: rule.isCausal,
                slopes: try rule.slopes.map { try Tensor($0, shape: [$0.count]) }
            )
            return try Layers.packedAttention(
                q: $0[0],
                k: $0[1],
                v: $0[2],
                lengths: lengths,
                shared: shared,
                rule: own
            )
        } plain: {
            try plainAttention($0[0], $0[1], $0[2], lengths, shared, rule)
        }
    }

    private static func attended(
        _ lengths: [Int],
        _ heads: Int,
        _ keyHeads: Int,
        _ width: Int,
        shared: [Int] = []
    ) -> LayerCase {
        let tokens = lengths.reduce(0, +)
        return LayerCase(
            "packedAttention \(lengths) sharing \(shared), heads \(heads) on \(keyHeads), width \(width)",
            [
                .trained([tokens, heads, width]), .trained([tokens, keyHeads, width]),
                .trained([tokens, keyHeads, width]),
            ]
        ) {
            try Layers.packedAttention(q: $0[0], k: $0[1], v: $0[2], lengths: lengths, shared: shared)
        } plain: {
            try plainAttention($0[0], $0[1], $0[2], lengths, shared)
        }
    }

    // MARK: Losses

    static func targets(_ rows: Int, _ vocabulary: Int) -> Input {
        .indices((0..<rows).map { ($0 * 13 + 5) % vocabulary })
    }

    @TorchActor
    static func plainEntropy(_ hidden: Tensor, _ weight: Tensor, _ targets: Tensor) throws -> Tensor {
        try plainLinear(hidden, weight).logSoftmax(along: 1).gathered(1, targets.unsqueezed(1))
            .reshaped([targets.count]).scaled(by: -1)
    }

    private static func entropy(_ rows: Int, _ vocabulary: Int) -> LayerCase {
        LayerCase(
            "linearCrossEntropy \(rows) rows, vocabulary \(vocabulary)",
            [.trained([rows, 13]), .frozen([vocabulary, 13]), targets(rows, vocabulary)]
        ) {
            try Layers.linearCrossEntropy(hidden: $0[0], head: OutputHead(weight: $0[1]), targets: $0[2])
        } plain: {
            try plainEntropy($0[0], $0[1], $0[2]).sum()
        }
    }

    private static func weighedEntropy(_ rows: Int, _ vocabulary: Int) -> LayerCase {
        LayerCase(
            "linearCrossEntropy with row weights, \(rows) rows, vocabulary \(vocabulary)",
            [.trained([rows, 14]), .frozen([vocabulary, 14]), targets(rows, vocabulary), .frozenWide([rows])]
        ) {
            let packed = try LinearLayer.Packed($0[1], forTraining: true)
            return try Layers.linearCrossEntropy(
                hidden: $0[0],
                head: OutputHead(weight: $0[1], packed: packed),
                targets: $0[2],
                rowWeights: $0[3]
            )
        } plain: {
            try plainEntropy($0[0], $0[1], $0[2]).multiplied(by: $0[3]).sum()
        }
    }

    private static func cappedEntropy(_ rows: Int, _ vocabulary: Int) -> LayerCase {
        LayerCase(
            "linearCrossEntropy with a soft cap, \(rows) rows, vocabulary \(vocabulary)",
            [.trained([rows, 14]), .frozen([vocabulary, 14]), targets(rows, vocabulary)]
        ) {
            let packed = try LinearLayer.Packed($0[1], forTraining: true)
            let head = OutputHead(weight: $0[1], packed: packed, softCap: 1.5)
            return try Layers.linearCrossEntropy(hidden: $0[0], head: head, targets: $0[2])
        } plain: {
            try plainLinear($0[0], $0[1]).scaled(by: 1 / 1.5).tanh().scaled(by: 1.5).logSoftmax(along: 1)
                .gathered(1, $0[2].unsqueezed(1)).sum().scaled(by: -1)
        }
    }

    private static let entropyTransposed = LayerCase(
        "linearCrossEntropy of a transposed view",
        [.trained([13, 9]), .frozen([11, 13]), targets(9, 11)]
    ) {
        try Layers.linearCrossEntropy(hidden: $0[0].transposed(0, 1), head: OutputHead(weight: $0[1]), targets: $0[2])
            .scaled(by: 0.25)
    } plain: {
        try plainEntropy($0[0].transposed(0, 1), $0[1], $0[2]).sum().scaled(by: 0.25)
    }

    /// Each row's gradient comes back with a factor of its own.
    private static func logProbability(_ rows: Int, _ vocabulary: Int) -> LayerCase {
        LayerCase(
            "linearLogProbability \(rows) rows, vocabulary \(vocabulary)",
            [.trained([rows, 14]), .frozen([vocabulary, 14]), targets(rows, vocabulary)]
        ) {
            let packed = try LinearLayer.Packed($0[1], forTraining: true)
            let head = OutputHead(weight: $0[1], packed: packed)
            return try Layers.linearLogProbability(hidden: $0[0], head: head, targets: $0[2])
        } plain: {
            try plainEntropy($0[0], $0[1], $0[2]).scaled(by: -1)
        }
    }

    private static func divergence(_ rows: Int, _ vocabulary: Int) -> LayerCase {
        // The reference may be of another width.
        LayerCase(
            "linearDivergence \(rows) rows, vocabulary \(vocabulary)",
            [.trained([rows, 13]), .frozen([vocabulary, 13]), .frozen([rows, 5]), .frozen([vocabulary, 5])]
        ) {
            try Layers.linearDivergence(
                hidden: $0[0],
                head: OutputHead(weight: $0[1]),
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
