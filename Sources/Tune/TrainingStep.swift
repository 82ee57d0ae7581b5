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
    /// The micro-batch, counted from the first of the training.
    public let microBatch: Int
    /// What is trained, in the optimiser's order.
    package let parameters: [Tensor]
    /// `parameters` as they were when the present phase began; nil where the training has no phases.
    package let anchor: [Tensor]?
    /// What goes through the model in this step.
    package let count: TokenCount

    package init(
        model: LanguageModel,
        rows: [TokenizedExample],
        part: Int = 0,
        parts: Int = 1,
        share: Double = 1,
        targetWeight: Double,
        rowCount: Int? = nil,
        openingWeight: Double = 1,
        index: Int,
        microBatch: Int? = nil,
        parameters: [Tensor] = [],
        anchor: [Tensor]? = nil,
        count: TokenCount = TokenCount()
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
        self.microBatch = microBatch ?? index
        self.parameters = parameters
        self.anchor = anchor
        self.count = count
    }

    /// This part's share of rows that belong to the micro-batch as a whole.
    package func own(_ rows: [TokenizedExample]) -> [TokenizedExample] {
        rows.indices.filter { $0 % parts == part }.map { rows[$0] }
    }

    /// Hidden states [n, d] from which the n targets are predicted.
    ///
    /// With `adapted` false they are those of the model as it was before this training.
    package func targetStates(of rows: [TokenizedExample], adapted: Bool = true) throws(TorchError) -> Tensor {
        count.add(rows, learned: adapted)
        return try model.targetStates(of: rows, adapted: adapted)
    }

    /// What each target of this part's rows weighs in the loss.
    package var targetWeights: [Float] {
        rows.flatMap { row in row.targets.map { row.isOpening($0) ? Float(openingWeight) : 1 } }
    }

    /// Cross-entropy on the targets, weighed, summed and divided by `targetWeight`: the plain objective.
    package func crossEntropy() throws(TorchError) -> Tensor {
        let weights = targetWeights
        return try Layers.linearCrossEntropy(
            hidden: targetStates(of: rows),
            head: model.network.outputHead(),
            targets: model.targets(of: rows),
            rowWeights: openingWeight == 1 ? nil : Tensor(weights, shape: [weights.count], device: model.device)
        ).scaled(by: 1 / targetWeight)
    }

    /// The same from log-probabilities [n] that are there already, and with weights of one's own.
    package func crossEntropy(from logs: Tensor, weights: [Float]) throws(TorchError) -> Tensor {
        try logs.multiplied(by: Tensor(weights, shape: [weights.count], device: model.device)).sum()
            .scaled(by: -1 / targetWeight)
    }

    /// The mean cross-entropy on the targets of rows that belong to the micro-batch as a whole, as this part's share of
    /// it; times the micro-batch's share of the step, so that the step as a whole has the mean once. nil where no row
    /// falls to this part.
    package func crossEntropy(ofShared shared: [TokenizedExample]) throws(TorchError) -> Tensor? {
        let batch = own(shared)
        guard !batch.isEmpty else { return nil }
        let targets = shared.reduce(0) { $0 + $1.targetCount }
        return try Layers.linearCrossEntropy(
            hidden: targetStates(of: batch),
            head: model.network.outputHead(),
            targets: model.targets(of: batch)
        ).scaled(by: share / Double(targets))
    }

    /// Log-probability of each target of this part's rows, [n] float32; with `adapted` false, under the model before.
    package func targetLogProbabilities(adapted: Bool = true) throws(TorchError) -> Tensor {
        try Layers.linearLogProbability(
            hidden: targetStates(of: rows, adapted: adapted),
            head: model.network.outputHead(adapted: adapted),
            targets: model.targets(of: rows)
        )
    }

    /// Of a term that the whole step has once: what this part brings.
    package var shareOfStep: Double { part == 0 ? share : 0 }
}

extension LanguageModel {
    /// Hidden states [n, d] from which the n targets of all rows are predicted, as the model is now or was before this training.
    package func targetStates(of rows: [TokenizedExample], adapted: Bool) throws(TorchError) -> Tensor {
        let batch = try PackedBatch(rows.map(\.ids), adapted: adapted, device: device)
        let positions = rows.enumerated().flatMap { index, row in
            row.targets.map { batch.row(of: $0 - 1, in: index) }
        }
        return try network.hiddenStates(batch).selected(0, Tensor(positions, device: device))
    }

    /// Ids of the targets, in the order of `targetStates`.
    package func targets(of rows: [TokenizedExample]) throws(TorchError) -> Tensor {
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
    /// A second loss whose gradient is kept apart until `TrainingScheme.combination` joins the two.
    public let second: Tensor?

    /// Creates a loss.
    public init(total: Tensor, logged: Tensor, metrics: [String: Double] = [:], second: Tensor? = nil) {
        self.total = total
        self.logged = logged
        self.metrics = metrics
        self.second = second
    }

    /// Supervised fine-tuning: cross-entropy on the assistant's tokens.
    public static func supervised(_ step: TrainingStep) throws(TorchError) -> TrainingLoss {
        let loss = try step.crossEntropy()
        return TrainingLoss(total: loss, logged: loss)
    }
}
