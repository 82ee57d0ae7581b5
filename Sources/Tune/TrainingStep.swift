public import TemperModel
public import TemperTorch

/// What an objective sees: a part of a micro-batch on its way through the model.
///
/// A micro-batch is cut into parts that go through the model at the same time, each on a processor of its own. An
/// objective is called once for each part, changes nothing, and the sum of what it returns is the micro-batch's loss.
@TorchActor
public struct TrainingStep {
    /// The model, with what is being trained on it.
    public let model: LanguageModel
    /// The rows of this part.
    public let rows: [TokenizedExample]
    /// Which part this is, from 0.
    public let part: Int
    /// Parts of this micro-batch.
    public let parts: Int
    /// The share of the step's target weight that lies in this micro-batch, all its parts together.
    public let share: Double
    /// The weights of all targets in all micro-batches of this optimiser step: every sum over targets is divided by it.
    public let targetWeight: Double
    /// Rows in all micro-batches of this optimiser step.
    public let rowCount: Int
    /// What the first token of an answer weighs; every other one weighs 1.
    public let openingWeight: Double
    /// The optimiser step, from 0.
    public let index: Int

    package init(
        model: LanguageModel,
        rows: [TokenizedExample],
        part: Int = 0,
        parts: Int = 1,
        share: Double = 1,
        targetWeight: Double,
        rowCount: Int? = nil,
        openingWeight: Double = 1,
        index: Int
    ) {
        self.model = model
        self.rows = rows
        self.part = part
        self.parts = parts
        self.share = share
        self.targetWeight = targetWeight
        self.rowCount = rowCount ?? rows.count
        self.openingWeight = openingWeight
        self.index = index
    }

    /// This part's share of rows that belong to the micro-batch as a whole.
    package func own(_ rows: [TokenizedExample]) -> [TokenizedExample] {
        rows.indices.filter { $0 % parts == part }.map { rows[$0] }
    }

    /// Hidden states [n, d] from which the n targets are predicted.
    ///
    /// With `adapted` false they are those of the model as it was before this training.
    package func targetStates(of rows: [TokenizedExample], adapted: Bool = true) throws(TorchError) -> Tensor {
        try model.targetStates(of: rows, adapted: adapted)
    }

    /// Cross-entropy on the targets, weighed, summed and divided by `targetWeight`: the plain objective.
    package func crossEntropy() throws(TorchError) -> Tensor {
        let weights: [Float] = rows.flatMap { row in row.targets.map { row.isOpening($0) ? Float(openingWeight) : 1 } }
        return try Layers.linearCrossEntropy(
            hidden: targetStates(of: rows),
            head: model.network.outputHead(),
            targets: model.targets(of: rows),
            rowWeights: openingWeight == 1 ? nil : Tensor(weights, shape: [weights.count], device: model.device)
        ).scaled(by: 1 / targetWeight)
    }
}

extension LanguageModel {
    /// Hidden states [n, d] from which the n targets of all rows are predicted, as the model is now or was before this training.
    func targetStates(of rows: [TokenizedExample], adapted: Bool) throws(TorchError) -> Tensor {
        let batch = try PackedBatch(rows.map(\.ids), adapted: adapted, device: device)
        let positions = rows.enumerated().flatMap { index, row in
            row.targets.map { batch.row(of: $0 - 1, in: index) }
        }
        return try network.hiddenStates(batch).selected(0, Tensor(positions, device: device))
    }

    /// Ids of the targets, in the order of `targetStates`.
    func targets(of rows: [TokenizedExample]) throws(TorchError) -> Tensor {
        try Tensor(rows.flatMap { row in row.targets.map { row.ids[$0] } }, device: device)
    }
}

/// What training minimises: from a part of a micro-batch to its share of the step's loss.
public typealias Objective = @TorchActor (TrainingStep) throws(TorchError) -> TrainingLoss

/// A part's loss: what is minimised, and what of it is logged.
@TorchActor
public struct TrainingLoss {
    /// The scalar to minimise.
    public let total: Tensor
    /// The user's own objective alone, for the log; equal to `total` when nothing is added.
    public let logged: Tensor
    /// Further numbers for the log, each this part's share of the step's.
    public let metrics: [String: Double]

    /// Creates a loss.
    public init(total: Tensor, logged: Tensor, metrics: [String: Double] = [:]) {
        self.total = total
        self.logged = logged
        self.metrics = metrics
    }

    /// Supervised fine-tuning: cross-entropy on the assistant's tokens.
    public static func supervised(_ step: TrainingStep) throws(TorchError) -> TrainingLoss {
        let loss = try step.crossEntropy()
        return TrainingLoss(total: loss, logged: loss)
    }
}
