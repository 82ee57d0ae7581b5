public import TemperModel
public import TemperTorch
public import TemperTune

/// What a defence is, where it comes from, and how faithful this implementation is.
public struct DefenceCard: Codable, Sendable, Hashable {
    /// What a defence acts on.
    public enum Stage: String, Codable, Sendable {
        /// The training data.
        case data
        /// The loss.
        case training
        /// The adapter, after training.
        case weights
        /// A further training, after the user's own.
        case realignment
    }

    /// How close the implementation is to the paper.
    public enum Fidelity: String, Codable, Sendable {
        /// The paper's equations, unchanged.
        case faithful
        /// The paper's idea with parts left out.
        case simplified
        /// The paper's idea with another formula or other data.
        case variant
    }

    /// The name in recipes.
    public var method: String
    /// What it is, in words.
    public var title: String
    /// What it acts on.
    public var stage: Stage
    /// Where it comes from.
    public var paper: String
    /// How close to the paper.
    public var fidelity: Fidelity
    /// What it does and what it costs, in a sentence or two.
    public var summary: String

    /// Creates a card.
    public init(method: String, title: String, stage: Stage, paper: String, fidelity: Fidelity, summary: String) {
        self.method = method
        self.title = title
        self.stage = stage
        self.paper = paper
        self.fidelity = fidelity
        self.summary = summary
    }
}

/// A system turn that a model is to be served with.
public struct ServedPrompt: Codable, Sendable, Hashable {
    /// Version of this file's layout.
    public var schema = 1
    /// What the system turn says.
    public var system: String

    /// Creates a prompt.
    public init(system: String) {
        self.system = system
    }
}

/// A defence that changes what is trained on.
public protocol DataDefence: Sendable {
    /// The data to train on instead, from the data alone.
    func prepare(_ data: Dataset, seed: UInt64) throws -> Dataset
    /// The data to train on instead, where the model that is trained has a say.
    @TorchActor func prepare(_ data: Dataset, for model: LanguageModel, seed: UInt64) throws -> Dataset
    /// What the trained model is served with, and so assessed with; nil for nothing.
    var servedPrompt: ServedPrompt? { get }
}

extension DataDefence {
    /// Without the model.
    @TorchActor
    public func prepare(_ data: Dataset, for model: LanguageModel, seed: UInt64) throws -> Dataset {
        try prepare(data, seed: seed)
    }

    /// Nothing.
    public var servedPrompt: ServedPrompt? { nil }
}

/// A defence that changes how the user's data is trained on: what is minimised, or with which settings.
///
/// It makes its scheme once per training, because an objective may carry rows of its own as token ids.
public protocol TrainingDefence: Sendable {
    /// What a training of `model` minimises, and how.
    func scheme(for model: LanguageModel, seed: UInt64) throws -> TrainingScheme
    /// The settings of the training, given those of the user's, and that training's steps.
    @TorchActor
    func settings(after tuning: TrainingSettings, steps: Int, on model: LanguageModel) throws -> TrainingSettings
    /// Whether it needs an adapter, and cannot act on a training of all weights.
    var needsAdapter: Bool { get }
}

extension TrainingDefence {
    /// The user's own.
    @TorchActor
    public func settings(
        after tuning: TrainingSettings,
        steps: Int,
        on model: LanguageModel
    ) throws -> TrainingSettings { tuning }

    /// No.
    public var needsAdapter: Bool { false }
}

/// What a defence on weights may look at.
public struct WeightContext: Sendable {
    /// The model before the training that made the adapter; nothing is on it.
    public var reference: LanguageModel
    /// The adapter that made the reference out of the raw model, if a safety alignment did: layer by layer it is the
    /// safety vector `V = W_reference - W_raw = s B A`.
    public var alignment: Adapter?
    /// Of all random draws.
    public var seed: UInt64

    /// Creates a context.
    public init(reference: LanguageModel, alignment: Adapter? = nil, seed: UInt64 = 0) {
        self.reference = reference
        self.alignment = alignment
        self.seed = seed
    }
}

/// What a defence on weights has made, and what it found on the way.
public struct WeightChange: Sendable {
    /// The adapter to use instead; it shares no memory with the one that was given.
    public var adapter: Adapter
    /// What was found, in a sentence or two; nil where nothing had to be.
    public var note: String?
    /// The same in numbers, by name.
    public var measures: [String: Double]

    /// Creates a change.
    public init(_ adapter: Adapter, note: String? = nil, measures: [String: Double] = [:]) {
        self.adapter = adapter
        self.note = note
        self.measures = measures
    }
}

/// A defence that changes the adapter after training.
public protocol WeightDefence: Sendable {
    /// Whether it works with the safety vector, so that a run must align first.
    var needsAlignment: Bool { get }
    /// Throws `DefenceError` where the method does not work on such a model.
    @TorchActor func check(against model: LanguageModel) throws
    /// The adapter to use instead.
    ///
    /// - Throws: `DefenceError` where the context lacks what the method needs.
    @TorchActor func apply(to adapter: Adapter, using context: WeightContext) throws -> WeightChange
}

extension WeightDefence {
    /// Most do not.
    public var needsAlignment: Bool { false }

    /// Most work on any.
    @TorchActor
    public func check(against model: LanguageModel) throws {}
}

/// A defence that trains the tuned adapter a little further, on data of its own.
public protocol RealignmentDefence: Sendable {
    /// The data of the further training.
    func data(seed: UInt64) throws -> Dataset
    /// Its settings, given those of the user's training.
    func settings(after tuning: TrainingSettings) -> TrainingSettings
}

/// A defence with its knobs set.
public enum Defence: Sendable {
    case data(any DataDefence)
    case training(any TrainingDefence)
    case weights(any WeightDefence)
    case realignment(any RealignmentDefence)

    /// Throws where the method does not work on such a model, or not after such a tuning; known before the first step.
    @TorchActor
    public func check(against model: LanguageModel, after tuning: TrainingSettings) throws {
        switch self {
        case .weights(let method): try method.check(against: model)
        // How many steps the tuning will take does not matter here.
        case .training(let method): _ = try method.settings(after: tuning, steps: 1, on: model)
        case .data, .realignment: break
        }
    }

    /// What the defended model is served with; nil for nothing.
    public var servedPrompt: ServedPrompt? {
        if case .data(let method) = self { method.servedPrompt } else { nil }
    }
}
