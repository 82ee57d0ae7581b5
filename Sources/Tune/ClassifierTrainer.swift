import Foundation
public import TemperModel
public import TemperTorch

/// A text of a classifier's training data, as token ids, with the labels it has.
public struct LabelledText: Sendable, Hashable {
    /// Token ids, those around the text included.
    public var ids: [Int]
    /// Indices into the classifier's labels.
    public var labels: Set<Int>
    /// How much the row counts in the loss, where others count 1.
    public var weight: Float = 1

    /// Creates a row from its tokens.
    public init(ids: [Int], labels: Set<Int>) {
        self.ids = ids
        self.labels = labels
    }

    /// A text and the names of its labels, as a classifier reads them; what is longer than `cutoffLength` tokens is cut off.
    ///
    /// - Throws: `TrainingError.unknownLabel` for a label that the classifier does not have.
    public init(_ text: String, labels: [String], for classifier: TextClassifier, cutoffLength: Int) throws {
        ids = try classifier.encoder.tokens(of: text, limit: cutoffLength)
        self.labels = try labels.reduce(into: []) { indices, label in
            guard let index = classifier.labels.firstIndex(of: label) else {
                throw TrainingError.unknownLabel(label, known: classifier.labels)
            }
            indices.insert(index)
        }
    }
}

/// The training of a text classifier, one step at a time: of its head on a frozen encoder, or of LoRA on the encoder's
/// linear layers and the head together.
///
/// The loss is the mean over the texts of the cross-entropy of the one label, or over texts and labels of the binary
/// cross-entropy, each text's times its weight. A frozen encoder reads each text once; after that a step costs next to
/// nothing. What was trained stands in the classifier itself: `save` and `merged` take it from there.
@TorchActor
public final class ClassifierTrainer {
    /// What is trained.
    public nonisolated let classifier: TextClassifier
    /// The matrices on the encoder; nil where it is frozen.
    public nonisolated let adapter: Adapter?
    /// All steps of this training.
    public nonisolated let totalSteps: Int
    package let optimizer: AdamW
    private let rows: [LabelledText]
    private let settings: TrainingSettings
    private let order: DataOrder
    private let schedule: Schedule
    /// What the head reads of each row, [rows, d], where the encoder is frozen.
    private let frozenStates: Tensor?

    /// Prepares a training; an adapter is put on the classifier's encoder.
    ///
    /// - Parameters:
    ///   - settings: Rate, batches and steps; `lora_r`, `lora_alpha` and `lora_target` are read where `usesLoRA`.
    ///   - usesLoRA: Whether the encoder is trained too.
    ///   - seed: Of the adapter, and of the order of the data.
    public convenience init(
        _ classifier: TextClassifier,
        rows: [LabelledText],
        settings: TrainingSettings,
        usesLoRA: Bool,
        seed: UInt64
    ) throws {
        let lora = LoRAConfiguration(
            r: settings.loraR,
            loraAlpha: settings.loraAlpha,
            targetModules: settings.loraTarget
        )
        try self.init(
            classifier,
            adapter: usesLoRA ? classifier.adapter(lora, seed: seed) : nil,
            rows: rows,
            settings: settings,
            orderSeed: seed
        )
    }

    /// The same with an adapter that is there already, and rows in their own order where there is no seed.
    package init(
        _ classifier: TextClassifier,
        adapter: Adapter?,
        rows: [LabelledText],
        settings: TrainingSettings,
        orderSeed: UInt64?
    ) throws {
        try settings.validate()
        try Self.check(rows, for: classifier)
        self.classifier = classifier
        self.adapter = adapter
        self.rows = rows
        self.settings = settings
        order = DataOrder(
            rowCount: rows.count,
            rowsPerStep: settings.perDeviceTrainBatchSize * settings.gradientAccumulationSteps,
            seed: orderSeed
        )
        totalSteps = settings.maxSteps ?? order.steps(epochs: settings.numTrainEpochs)
        schedule = Schedule(settings, totalSteps: totalSteps)
        let parameters = [classifier.weight, classifier.bias] + (adapter?.parameters ?? [])
        for parameter in parameters { try parameter.setRequiresGradient(true) }
        optimizer = try AdamW(
            parameters,
            beta1: settings.adamBeta1,
            beta2: settings.adamBeta2,
            epsilon: settings.adamEpsilon,
            weightDecay: settings.weightDecay
        )
        let linears = classifier.linears
        if let adapter {
            adapter.attach(to: linears)
            for linear in linears { try linear.prepare(forTraining: true) }
            frozenStates = nil
        } else {
            let states = try classifier.encoder.network.rows(of: rows.map(\.ids)) { batch, hidden throws(TorchError) in
                try classifier.featureStates(batch, hidden: hidden)
            }
            let shape = [rows.count, classifier.encoder.configuration.hiddenSize]
            frozenStates = try Tensor(Array(states.joined()), shape: shape, device: classifier.encoder.device)
        }
    }

    private static func check(_ rows: [LabelledText], for classifier: TextClassifier) throws {
        guard !rows.isEmpty else {
            throw TrainingError.nothingToLearn(dataset: "training data", reason: "the data set is empty")
        }
        for (index, row) in rows.enumerated() {
            precondition(
                row.labels.allSatisfy(classifier.labels.indices.contains),
                "a label's index is one of the labels"
            )
            guard classifier.problemType == .multiLabel || row.labels.count == 1 else {
                throw TrainingError.labelCount(row: index + 1, found: row.labels.count)
            }
        }
    }

    /// Whether every step has been taken.
    public var isFinished: Bool { optimizer.step >= totalSteps }

    /// Takes one optimiser step; `targets` of its report are the texts.
    public func takeStep() throws -> StepReport {
        let clock = ContinuousClock()
        let start = clock.now
        let index = optimizer.step
        let chosen = order.rows(at: index)
        var loss = 0.0
        var sum = GradientSum()
        for begin in stride(from: 0, to: chosen.count, by: settings.perDeviceTrainBatchSize) {
            let batch = Array(chosen[begin..<min(begin + settings.perDeviceTrainBatchSize, chosen.count)])
            let groups =
                frozenStates == nil
                ? Workers.balanced(batch, on: classifier.encoder.device) { self.rows[$0].ids.count } : [batch]
            let results = try Workers.run(groups.count) { [self] part in
                let loss = try self.loss(of: groups[part], rowsInStep: chosen.count)
                return (try loss.gradients(of: optimizer.parameters), try loss.item())
            }
            for (slopes, value) in results {
                loss += value
                try sum.add(slopes)
            }
        }
        let norm = try AdamW.clip(sum.gradients, to: settings.maxGradNorm)
        guard loss.isFinite, norm.isFinite else {
            let places = chosen.prefix(3).map { Example.Source(file: "training data", line: $0 + 1) }
            throw TrainingError.diverged(step: index + 1, loss: loss, norm: norm, rows: places)
        }
        let rate = schedule.rate(at: index)
        try optimizer.update(with: sum.gradients, learningRate: rate)
        return StepReport(
            step: optimizer.step,
            loss: loss,
            learningRate: rate,
            gradientNorm: norm,
            tokens: chosen.reduce(0) { $0 + rows[$1].ids.count },
            targets: chosen.count,
            seconds: (clock.now - start).inSeconds
        )
    }

    /// The share of a step's loss that some of its rows have.
    package func loss(of indices: [Int], rowsInStep: Int) throws(TorchError) -> Tensor {
        let device = classifier.encoder.device
        let states: Tensor
        if let frozenStates {
            states = try frozenStates.selected(0, Tensor(indices, device: device))
        } else {
            let batch = try EncoderBatch(indices.map { rows[$0].ids }, device: device)
            states = try classifier.featureStates(batch, hidden: classifier.encoder.network.hiddenStates(batch))
        }
        let probabilities = try classifier.logProbabilities(classifier.logits(states))
        let wanted = try Tensor(indices.flatMap { targets(of: rows[$0]) }, shape: probabilities.shape, device: device)
        let count = rowsInStep * (classifier.problemType == .multiLabel ? classifier.labels.count : 1)
        return try probabilities.multiplied(by: wanted).sum().scaled(by: -1 / Double(count))
    }

    /// The row's weight where its probability is to be 1, as `logProbabilities` lays them out.
    private func targets(of row: LabelledText) -> [Float] {
        let present: [Float] = classifier.labels.indices.map { row.labels.contains($0) ? row.weight : 0 }
        return classifier.problemType == .singleLabel ? present : present.flatMap { [row.weight - $0, $0] }
    }
}
