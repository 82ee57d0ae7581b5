public import TemperModel
public import TemperTorch

/// Direct preference optimisation: the better of two answers becomes likelier than the worse one, measured against the
/// model before training.
///
/// Rafailov et al., arXiv 2305.18290, equation 7, as a mean over the pairs of a step:
/// `-log sigmoid(beta * ((pi(chosen) - ref(chosen)) - (pi(rejected) - ref(rejected))))`, where pi and ref are sums of
/// log-probabilities over an answer under the model being trained and the model before. The latter is the
/// model without what is trained, and does not move: its part of each pair is computed once, before the first step.
@TorchActor
public enum DirectPreference {
    /// `ref(chosen) - ref(rejected)` by pair: what the model before training prefers, in nats.
    public typealias Reference = [TokenizedExample: Double]

    /// What the model before training says of every pair, `batchSize` pairs at a time.
    public static func reference(
        for rows: [TokenizedExample],
        model: LanguageModel,
        batchSize: Int
    ) throws -> [Double] {
        try model.network.prepareForTraining()
        let parts = Workers.parts(of: rows.count, on: model.device)
        let share = (rows.count + parts - 1) / parts
        return try Workers.run(parts) { part in
            let own = rows.dropFirst(part * share).prefix(share)
            var margins: [Double] = []
            while margins.count < own.count {
                try Workers.checkCancellation()
                let batch = Array(own.dropFirst(margins.count).prefix(batchSize))
                margins += try withoutGradients { () throws(TorchError) in
                    try model.margins(of: batch, adapted: false).floats().map(Double.init)
                }
            }
            return margins
        }.flatMap { $0 }
    }

    /// The objective; `reference` has every row of the training.
    public static func objective(beta: Double, reference: Reference) -> Objective {
        { step throws(TorchError) in
            let expected = step.rows.map { row -> Float in
                guard let margin = reference[row] else { preconditionFailure("\(row.source) has no reference") }
                return Float(margin)
            }
            let count = expected.count
            step.count.add(step.rows, learned: true)
            let rewards = try step.model.margins(of: step.rows, adapted: true)
                .adding(Tensor(expected, shape: [count, 1], device: step.model.device), times: -1).scaled(by: beta)
            // log sigmoid(z) is what a softmax over z and 0 gives z.
            let zeros = try Tensor.zeros([count, 1], device: step.model.device)
            let logs = try Tensor.concatenated([rewards, zeros], along: 1).logSoftmax(along: 1)
                .narrowed(1, from: 0, length: 1)
            let loss = try logs.sum().scaled(by: -1 / Double(step.rowCount))
            let values = try rewards.detached().floats().map { Double($0) / Double(step.rowCount) }
            return TrainingLoss(
                total: loss,
                logged: loss,
                metrics: [
                    "rewards/accuracies": Double(values.count { $0 > 0 }) / Double(step.rowCount),
                    "rewards/margins": values.reduce(0, +),
                ]
            )
        }
    }
}

extension LanguageModel {
    /// How much likelier the chosen answer of each pair is than the rejected one: the difference of their
    /// log-probabilities, [pairs, 1] float32.
    fileprivate func margins(of rows: [TokenizedExample], adapted: Bool) throws(TorchError) -> Tensor {
        let sequences = rows.flatMap(\.sequences)
        precondition(sequences.count == 2 * rows.count, "every row is a pair")
        let logs = try Layers.linearLogProbability(
            hidden: targetStates(of: sequences, adapted: adapted),
            head: network.outputHead(adapted: adapted),
            targets: targets(of: sequences)
        )
        // Each pair's sum over its tokens, the rejected ones negative, is a row of one product.
        let counts = sequences.map(\.targetCount)
        let total = counts.reduce(0, +)
        var signs = [Float](repeating: 0, count: rows.count * total)
        var start = 0
        for (index, count) in counts.enumerated() {
            for token in start..<(start + count) { signs[index / 2 * total + token] = index % 2 == 0 ? 1 : -1 }
            start += count
        }
        return try Tensor(signs, shape: [rows.count, total], device: device).matmul(logs.unsqueezed(1))
    }
}
