public import TemperModel
public import TemperTorch

/// One micro-batch on its way through the model: what an objective sees.
@TorchActor
public struct TrainingStep {
    /// The model, with the adapter that is being trained on it.
    public let model: LanguageModel
    /// The adapter that is being trained.
    public let adapter: Adapter
    /// The rows of this micro-batch.
    public let rows: [TokenizedExample]
    /// Targets in all micro-batches of this optimiser step: every sum over targets is divided by it.
    public let targetCount: Int
    /// The optimiser step, from 0.
    public let index: Int

    package init(model: LanguageModel, adapter: Adapter, rows: [TokenizedExample], targetCount: Int, index: Int) {
        self.model = model
        self.adapter = adapter
        self.rows = rows
        self.targetCount = targetCount
        self.index = index
    }

    /// Hidden states [n, d] from which the n targets are predicted.
    package func targetStates(of rows: [TokenizedExample]) throws(TorchError) -> Tensor {
        var positions: [Int] = []
        var offset = 0
        for row in rows {
            for position in row.ids.indices.dropFirst() where row.isTarget[position] {
                positions.append(offset + position - 1)
            }
            offset += row.ids.count
        }
        let states = try model.network.hiddenStates(rows.map(\.ids))
        return try states.selected(0, Tensor(positions, device: model.device))
    }

    /// Ids of the targets, in the order of `targetStates`.
    package func targets(of rows: [TokenizedExample]) throws(TorchError) -> Tensor {
        let ids = rows.flatMap { row in row.ids.indices.dropFirst().filter { row.isTarget[$0] }.map { row.ids[$0] } }
        return try Tensor(ids, device: model.device)
    }

    /// Cross-entropy on the targets, summed and divided by `targetCount`: the plain objective.
    package func crossEntropy() throws(TorchError) -> Tensor {
        try Layers.linearCrossEntropy(
            hidden: targetStates(of: rows),
            weight: model.network.head.weight,
            targets: targets(of: rows)
        ).scaled(by: 1 / Double(targetCount))
    }

    /// Runs `body` with the adapter off, without gradients: the model as it was before this training.
    package func withReference<Result>(_ body: () throws(TorchError) -> Result) throws(TorchError) -> Result {
        Adapter.detach(from: model)
        defer { adapter.attach(to: model) }
        return try withoutGradients(body)
    }
}

/// What training minimises: from a micro-batch to its share of the step's loss.
public typealias Objective = @TorchActor (TrainingStep) throws(TorchError) -> TrainingLoss

/// A micro-batch's loss: what is minimised, and how much of it is the plain cross-entropy.
@TorchActor
public struct TrainingLoss {
    /// The scalar to minimise.
    public let total: Tensor
    /// The cross-entropy alone, for the log; equal to `total` when nothing is added.
    public let crossEntropy: Tensor

    /// Creates a loss.
    public init(total: Tensor, crossEntropy: Tensor) {
        self.total = total
        self.crossEntropy = crossEntropy
    }

    /// Supervised fine-tuning: cross-entropy on the assistant's tokens.
    public static func supervised(_ step: TrainingStep) throws(TorchError) -> TrainingLoss {
        let loss = try step.crossEntropy()
        return TrainingLoss(total: loss, crossEntropy: loss)
    }
}
