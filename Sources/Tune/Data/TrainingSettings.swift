public import TemperModel
import TemperTorch

/// The numbers that say how a model is trained.
///
/// Holds the values and checks each one's range. Knows nothing about recipes or files; the names are those of the
/// Hugging Face trainer and PEFT, in snake case when coded.
public struct TrainingSettings: Codable, Sendable, Hashable {
    /// How the learning rate falls after the warm-up.
    public enum Scheduler: String, Codable, Sendable, CaseIterable {
        /// Half a cosine wave down to zero.
        case cosine
        /// A straight line down to zero.
        case linear
        /// No fall at all.
        case constant
    }

    /// What is trained on, in LLaMA-Factory's word.
    public enum Stage: String, Codable, Sendable, CaseIterable {
        /// Answers, which become likelier.
        case sft
        /// Pairs of a better and a worse answer: direct preference optimisation.
        case dpo
    }

    /// What is trained of the model, in LLaMA-Factory's word.
    public enum FinetuningType: String, Codable, Sendable, CaseIterable {
        /// LoRA matrices beside its weights.
        case lora
        /// All weights.
        case full

        /// The learning rate where none is given: weights that are trained themselves bear much smaller steps.
        public var learningRate: Double {
            switch self {
            case .lora: 2e-4
            case .full: 2e-5
            }
        }
    }

    /// What is trained on.
    public var stage: Stage = .sft
    /// What is trained of the model.
    public var finetuningType: FinetuningType = .lora
    /// How strongly a preference pulls away from the model before training: DPO's beta.
    public var prefBeta: Double = 0.1
    /// The highest learning rate, reached after the warm-up.
    public var learningRate: Double = FinetuningType.lora.learningRate
    /// How many times the data is seen; `maxSteps` wins where it is set.
    public var numTrainEpochs: Double = 1
    /// How many optimiser steps to make, however much data that is.
    public var maxSteps: Int?
    /// Rows in one forward pass.
    public var perDeviceTrainBatchSize: Int = 8
    /// Forward passes in one optimiser step.
    public var gradientAccumulationSteps: Int = 1
    /// Whether activations are computed again in the backward pass instead of kept: less memory, more time.
    public var gradientCheckpointing: Bool = false
    /// The longest row, in tokens.
    public var cutoffLen: Int = 512
    /// The rank of the LoRA matrices.
    public var loraR: Int = 16
    /// The LoRA numerator: the update is scaled by `loraAlpha / loraR`.
    public var loraAlpha: Double = 32
    /// The LoRA dropout; only 0 is possible.
    public var loraDropout: Double = 0
    /// The linear layers that carry LoRA matrices, by the last parts of their names.
    public var loraTarget: [String] = LoRAConfiguration.allLinear
    /// The share of all steps over which the learning rate rises; `warmupSteps` wins where it is set.
    public var warmupRatio: Double = 0.03
    /// The number of steps over which the learning rate rises.
    public var warmupSteps: Int?
    /// How the learning rate falls.
    public var lrSchedulerType: Scheduler = .cosine
    /// AdamW's decoupled weight decay.
    public var weightDecay: Double = 0
    /// AdamW's decay of the gradient average.
    public var adamBeta1: Double = 0.9
    /// AdamW's decay of the squared gradient average.
    public var adamBeta2: Double = 0.999
    /// AdamW's term against division by zero.
    public var adamEpsilon: Double = 1e-8
    /// The gradient norm above which gradients are scaled down; 0 never scales.
    public var maxGradNorm: Double = 1
    /// How much the first token of each answer counts in the loss, where every other token counts 1.
    ///
    /// Whether to refuse is decided there: answers share what follows, and safety is "a few tokens deep" (Qi et al.,
    /// arXiv 2406.05946). Weighed alike, one token in forty, the decision is what a small model learns last.
    public var openingWeight: Double = 1

    /// Creates the default settings.
    public init() {}

    /// The names of the settings in recipes and records.
    public enum CodingKeys: String, CodingKey, CaseIterable, Sendable {
        case stage
        case finetuningType = "finetuning_type"
        case prefBeta = "pref_beta"
        case learningRate = "learning_rate"
        case numTrainEpochs = "num_train_epochs"
        case maxSteps = "max_steps"
        case perDeviceTrainBatchSize = "per_device_train_batch_size"
        case gradientAccumulationSteps = "gradient_accumulation_steps"
        case gradientCheckpointing = "gradient_checkpointing"
        case cutoffLen = "cutoff_len"
        case loraR = "lora_r"
        case loraAlpha = "lora_alpha"
        case loraDropout = "lora_dropout"
        case loraTarget = "lora_target"
        case warmupRatio = "warmup_ratio"
        case warmupSteps = "warmup_steps"
        case lrSchedulerType = "lr_scheduler_type"
        case weightDecay = "weight_decay"
        case adamBeta1 = "adam_beta1"
        case adamBeta2 = "adam_beta2"
        case adamEpsilon = "adam_epsilon"
        case maxGradNorm = "max_grad_norm"
        case openingWeight = "opening_weight"
    }

    /// The settings that only an adapter has.
    public static let adapterKeys: [CodingKeys] = [.loraR, .loraAlpha, .loraDropout, .loraTarget]

    /// What these settings train of a model, fresh.
    @TorchActor
    public func trainable(for model: LanguageModel, seed: UInt64) throws -> any Trainable {
        switch finetuningType {
        case .lora: try Adapter(adapterShape, for: model, seed: seed)
        case .full: try FullWeights(of: model)
        }
    }

    /// Fails where these settings name a part that the model does not have; makes nothing.
    @TorchActor
    public func check(against model: LanguageModel) throws {
        if finetuningType == .lora { try Adapter.check(adapterShape, for: model) }
    }

    private var adapterShape: LoRAConfiguration {
        LoRAConfiguration(r: loraR, loraAlpha: loraAlpha, targetModules: loraTarget)
    }

    /// A setting outside its range.
    public struct Invalid: Error, Sendable, Hashable, CustomStringConvertible {
        /// The setting's name, in snake case.
        public let key: String
        /// The value that was given.
        public let value: String
        /// What is possible.
        public let expected: String

        /// The setting, the value and the remedy, in one line.
        public var description: String { "`\(key)` is \(value), expected \(expected)" }
    }

    /// Checks every setting's range.
    ///
    /// - Throws: ``Invalid`` for the first setting that is outside.
    public func validate() throws(Invalid) {
        try check(.prefBeta, prefBeta, prefBeta > 0 && prefBeta <= 1000, "above 0, at most 1000")
        try check(.learningRate, learningRate, learningRate > 0 && learningRate <= 1, "above 0, at most 1")
        try check(
            .numTrainEpochs,
            numTrainEpochs,
            numTrainEpochs > 0 && numTrainEpochs <= 10_000,
            "above 0, at most 10000"
        )
        if let steps = maxSteps { try checkCount(.maxSteps, steps, in: 1...1_000_000_000) }
        try checkCount(.perDeviceTrainBatchSize, perDeviceTrainBatchSize, in: 1...65_536)
        try checkCount(.gradientAccumulationSteps, gradientAccumulationSteps, in: 1...65_536)
        try check(
            .gradientAccumulationSteps,
            gradientAccumulationSteps,
            gradientAccumulationSteps * perDeviceTrainBatchSize <= 1 << 20,
            "at most \(1 << 20) rows a step, per_device_train_batch_size times this"
        )
        try checkCount(.cutoffLen, cutoffLen, in: 8...1 << 20)
        try checkCount(.loraR, loraR, in: 1...4096)
        try check(.loraAlpha, loraAlpha, loraAlpha > 0 && loraAlpha <= 1_000_000, "above 0, at most 1000000")
        try check(.loraDropout, loraDropout, loraDropout == 0, "0: LoRA dropout is not available, leave the key out")
        try check(.loraTarget, loraTarget, !loraTarget.isEmpty, "one layer name or more, or \"all\"")
        try check(.loraTarget, loraTarget, Set(loraTarget).count == loraTarget.count, "each layer name once")
        try check(.warmupRatio, warmupRatio, (0...1).contains(warmupRatio), "0 to 1")
        if let steps = warmupSteps { try checkCount(.warmupSteps, steps, in: 0...1_000_000_000) }
        try check(.weightDecay, weightDecay, (0...1000).contains(weightDecay), "0 to 1000")
        try check(.adamBeta1, adamBeta1, adamBeta1 >= 0 && adamBeta1 < 1, "0 up to but not including 1")
        try check(.adamBeta2, adamBeta2, adamBeta2 >= 0 && adamBeta2 < 1, "0 up to but not including 1")
        try check(.adamEpsilon, adamEpsilon, adamEpsilon > 0 && adamEpsilon <= 1, "above 0, at most 1")
        try check(.maxGradNorm, maxGradNorm, maxGradNorm >= 0 && maxGradNorm.isFinite, "0 (never clip) or more")
        try check(.openingWeight, openingWeight, (0.01...1000).contains(openingWeight), "0.01 to 1000")
        try check(.openingWeight, openingWeight, stage == .sft || openingWeight == 1, "1 with `stage: dpo`")
    }

    /// The upper ends are beyond any use; they keep sums and products of settings within an `Int`.
    private func checkCount(_ key: CodingKeys, _ value: Int, in range: ClosedRange<Int>) throws(Invalid) {
        try check(key, value, range.contains(value), "\(range.lowerBound) to \(range.upperBound)")
    }

    private func check(_ key: CodingKeys, _ value: Any, _ holds: Bool, _ expected: String) throws(Invalid) {
        guard holds else { throw Invalid(key: key.rawValue, value: "\(value)", expected: expected) }
    }
}
