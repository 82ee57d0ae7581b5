import Foundation
public import TemperModel
public import TemperTorch

/// What one optimiser step did.
public struct StepReport: Codable, Sendable, Hashable {
    /// Steps taken, this one included.
    public var step: Int
    /// What the objective was before the update: of answers, the weighed mean of the cross-entropy per target, in nats;
    /// of preferences, the mean over the pairs.
    public var loss: Double
    /// The rate this step used.
    public var learningRate: Double
    /// 2-norm of all gradients before clipping.
    public var gradientNorm: Double
    /// Tokens that were learned from, targets or not, once for each pass; a defence's own rows are among them.
    public var tokens: Int
    /// Tokens that were only read, such as by the model before the training; nil for none.
    public var readTokens: Int?
    /// Targets among them.
    public var targets: Int
    /// Wall-clock seconds.
    public var seconds: Double
    /// Further numbers of the objective, by name.
    public var metrics: [String: Double]?

    /// Tokens learned from per second.
    public var tokensPerSecond: Double { seconds > 0 ? Double(tokens) / seconds : 0 }

    enum CodingKeys: String, CodingKey {
        case step, loss, tokens, targets, seconds, metrics
        case learningRate = "learning_rate"
        case gradientNorm = "grad_norm"
        case readTokens = "read_tokens"
    }
}

/// The training of an adapter or of all weights, one step at a time.
///
/// The flow of `takeStep()`: take the rows that the data order gives for this step, split them into micro-batches, send
/// each through the model in parts, one a processor, their rows laid end to end without padding; add up the gradients of
/// the objective, each divided by the targets of the *whole* step (so that neither accumulation nor the number of parts
/// changes more than rounding), clip, and let AdamW move what is trained. It knows nothing about safety; what a defence
/// wants, it says through the objective.
@TorchActor
public final class Trainer {
    /// The model that is trained.
    public nonisolated let model: LanguageModel
    /// What is trained of it.
    public nonisolated let trained: any Trainable
    /// How it is trained.
    public nonisolated let settings: TrainingSettings
    /// All steps of this training.
    public nonisolated let totalSteps: Int
    package let optimizer: AdamW
    private let rows: [TokenizedExample]
    private let order: DataOrder
    private let schedule: Schedule
    private let scheme: TrainingScheme
    /// What is trained as it was when the present phase began.
    package internal(set) var anchor: [Tensor]?
    /// Identifies the training: a checkpoint of another one must not be resumed from.
    package nonisolated let fingerprint: String

    /// Prepares a training; what is trained is put on the model.
    ///
    /// - Parameters:
    ///   - trained: An adapter, or all weights of the model.
    ///   - seed: Order of the data; the adapter's own seed is the caller's.
    ///   - fingerprint: Identifies the training in its checkpoints.
    ///   - shuffles: Whether rows are shuffled each epoch, or taken as they lie.
    ///   - scheme: What is minimised, and how.
    public init(
        model: LanguageModel,
        training trained: any Trainable,
        rows: [TokenizedExample],
        settings: TrainingSettings,
        seed: UInt64,
        fingerprint: String = "",
        shuffles: Bool = true,
        scheme: TrainingScheme = .supervised
    ) throws {
        guard !rows.isEmpty else {
            throw TrainingError.nothingToLearn(dataset: "training data", reason: "the data set is empty")
        }
        try settings.validate()
        self.model = model
        self.trained = trained
        self.rows = rows
        self.settings = settings
        self.scheme = scheme
        self.fingerprint = fingerprint
        order = DataOrder(
            rowCount: rows.count,
            rowsPerStep: settings.perDeviceTrainBatchSize * settings.gradientAccumulationSteps,
            seed: shuffles ? seed : nil
        )
        totalSteps = settings.maxSteps ?? order.steps(epochs: settings.numTrainEpochs)
        schedule = Schedule(settings, totalSteps: totalSteps)
        for parameter in trained.parameters { try parameter.setRequiresGradient(true) }
        optimizer = try AdamW(
            trained.parameters,
            beta1: settings.adamBeta1,
            beta2: settings.adamBeta2,
            epsilon: settings.adamEpsilon,
            weightDecay: settings.weightDecay
        )
        try trained.attach(to: model)
        try model.network.prepareForTraining()
        model.network.recomputesLayers = settings.gradientCheckpointing
    }

    /// Steps taken so far.
    public var step: Int { optimizer.step }

    /// Whether every step has been taken.
    public var isFinished: Bool { step >= totalSteps }

    /// The rows that the step `index`, counted from 0, reads.
    package func rows(at index: Int) -> [TokenizedExample] {
        order.rows(at: scheme.phases?.userStep(index) ?? index).map { rows[$0] }
    }

    /// Whether the training goes in phases, each held to where it began.
    var holdsPhases: Bool { scheme.phases?.isHeld == true }

    /// Takes one optimiser step.
    public func takeStep() throws -> StepReport {
        let clock = ContinuousClock()
        let start = clock.now
        let index = optimizer.step
        let chosen = rows(at: index)
        let count = TokenCount()
        var loss = 0.0
        var metrics: [String: Double] = [:]
        var (sum, secondSum) = (GradientSum(), GradientSum())
        if holdsPhases, scheme.phases?.begins(at: index) == true {
            anchor = try optimizer.parameters.map { parameter throws(TorchError) in try parameter.detached().clone() }
        }
        try pass(over: chosen, at: index, counting: count) { [self] step throws -> Part in
            let loss = try scheme.objective(step)
            return Part(
                slopes: try loss.total.gradients(of: optimizer.parameters),
                second: try loss.second?.gradients(of: optimizer.parameters),
                loss: try loss.logged.item(),
                metrics: loss.metrics
            )
        } then: { (part: Part) in
            loss += part.loss
            metrics.merge(part.metrics, uniquingKeysWith: +)
            try sum.add(part.slopes)
            if let second = part.second { try secondSum.add(second) }
        }
        if let ahead = scheme.lookAhead, !secondSum.gradients.isEmpty {
            let there = try gradients(behind: ahead, along: secondSum.gradients, of: chosen, at: index, counting: count)
            let change = try zip(secondSum.gradients, there).map { here, there throws(TorchError) in
                try here.adding(there, times: -1)
            }
            secondSum = GradientSum()
            try secondSum.add(change)
        }
        if let combination = scheme.combination, !secondSum.gradients.isEmpty {
            let combined = try combination(sum.gradients, secondSum.gradients)
            sum = GradientSum()
            try sum.add(combined.gradients)
            metrics.merge(combined.metrics) { $1 }
        }
        let norm = try AdamW.clip(sum.gradients, to: settings.maxGradNorm)
        guard loss.isFinite, norm.isFinite else {
            throw TrainingError.diverged(step: index + 1, loss: loss, norm: norm, rows: chosen.prefix(3).map(\.source))
        }
        let rate = schedule.rate(at: index)
        try optimizer.update(with: sum.gradients, learningRate: rate)
        try trained.refresh()
        return StepReport(
            step: optimizer.step,
            loss: loss,
            learningRate: rate,
            gradientNorm: norm,
            tokens: count.learned,
            readTokens: count.read > 0 ? count.read : nil,
            targets: chosen.flatMap(\.sequences).reduce(0) { $0 + $1.targetCount },
            seconds: (clock.now - start).inSeconds,
            metrics: metrics.isEmpty ? nil : metrics
        )
    }

    /// Sends the rows of a step through the model, micro-batch by micro-batch, each in parts.
    ///
    /// - Parameters:
    ///   - body: What is made of a part; runs for all parts of a micro-batch at the same time.
    ///   - take: Is given what was made, in the order of the rows.
    private func pass<Result>(
        over chosen: [TokenizedExample],
        at index: Int,
        counting count: TokenCount,
        _ body: @escaping @TorchActor (TrainingStep) throws -> Result,
        then take: (Result) throws -> Void
    ) throws {
        let total = weight(of: chosen)
        for begin in stride(from: 0, to: chosen.count, by: settings.perDeviceTrainBatchSize) {
            let batch = Array(chosen[begin..<min(begin + settings.perDeviceTrainBatchSize, chosen.count)])
            let share = weight(of: batch) / total
            let groups = Workers.balanced(batch, on: model.device) { $0.tokenCount }
            let results = try Workers.run(groups.count) { [self] part in
                try body(
                    TrainingStep(
                        model: model,
                        rows: groups[part],
                        part: part,
                        parts: groups.count,
                        share: share,
                        targetWeight: total,
                        rowCount: chosen.count,
                        openingWeight: settings.openingWeight,
                        index: index,
                        microBatch: index * settings.gradientAccumulationSteps
                            + begin / settings.perDeviceTrainBatchSize,
                        parameters: optimizer.parameters,
                        anchor: anchor,
                        count: count
                    )
                )
            }
            for result in results { try take(result) }
        }
    }

    /// The gradients of a loss behind a step down the given ones; what is trained is back at its place afterwards, bit
    /// for bit.
    private func gradients(
        behind ahead: TrainingScheme.LookAhead,
        along slopes: [Tensor],
        of chosen: [TokenizedExample],
        at index: Int,
        counting count: TokenCount
    ) throws -> [Tensor] {
        let norm = try AdamW.globalNorm(slopes)
        // Where nothing slopes there is no way down; what is not a number is found by the caller.
        guard norm > 0, norm.isFinite else { return slopes }
        let places = try optimizer.parameters.map { parameter throws(TorchError) in
            try parameter.detached().clone()
        }
        func goBack() throws {
            for (parameter, place) in zip(optimizer.parameters, places) { try parameter.copy(from: place) }
            try trained.refresh()
        }
        var sum = GradientSum()
        do {
            for (parameter, slope) in zip(optimizer.parameters, slopes) {
                try parameter.add(slope, times: -ahead.length / norm)
            }
            try trained.refresh()
            try pass(over: chosen, at: index, counting: count) { [self] step in
                try ahead.loss(step)?.gradients(of: optimizer.parameters)
            } then: { part in
                if let part { try sum.add(part) }
            }
        } catch {
            try? goBack()
            throw error
        }
        try goBack()
        return sum.gradients
    }

    /// What one part of a micro-batch brings.
    private struct Part {
        var slopes: [Tensor]
        var second: [Tensor]?
        var loss: Double
        var metrics: [String: Double]
    }

    private func weight(of rows: [TokenizedExample]) -> Double {
        rows.reduce(0) { $0 + $1.targetWeight(openingWeight: settings.openingWeight) }
    }
}
