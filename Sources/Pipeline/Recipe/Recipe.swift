public import TemperModel
public import TemperReport
public import TemperRisk
public import TemperTune

/// What a run does: the model, the data, the training, the defences and what is assessed, as plain values.
///
/// Every default is filled in, so a recipe tells the whole truth about a run. Knows nothing about YAML or about how the
/// work is done. Key names follow the Hugging Face trainer and PEFT.
public struct Recipe: Sendable, Hashable {
    /// The number type the model computes in.
    public enum DType: String, Sendable, CaseIterable {
        /// bfloat16 where the processor computes in it, else float32.
        case auto
        /// 32 bits everywhere.
        case float32
        /// 16 bits with float32's range.
        case bfloat16
    }

    /// The run's name: its folder under ``outputDir``.
    public var runName: String
    /// The folder that holds all runs.
    public var outputDir: String
    /// The base: a GGUF file or a folder in the Hugging Face layout.
    public var modelNameOrPath: String
    /// The folder that `${data_dir}` stands for in other values.
    public var dataDir: String?
    /// The seed of everything that is drawn.
    public var seed: UInt64
    /// The number type the model computes in.
    public var dtype: DType
    /// Where the model computes: `auto`, `cpu`, `cuda` or `cuda:INDEX`.
    public var device: String
    /// The bits of a weight while the model is trained and assessed: 4 (NF4), or nil for those of ``dtype``.
    public var quantizationBit: Int?
    /// How many processor threads to use; 0 means all.
    public var threads: Int
    /// What is measured.
    public var assess: Assess
    /// Safety alignment before tuning, when there is any.
    public var align: Training?
    /// Tuning for the domain.
    public var tune: Training
    /// The defences to try.
    public var defences: [Defence]
    /// The search for a defence, when there is one.
    public var search: Search?
    /// How the tuning goes on after its end, when it does.
    public var continuation: Continuation?
    /// The policy of a guard that the tuned model is put behind: a file, or `standard`; nil leaves it out.
    public var guardPolicy: String?
    /// The folder of the sentence encoder that the guard's rails ask a second time; nil takes none.
    public var guardEncoder: String?
    /// What people do instead of tuning, where it is measured beside it.
    public var retrieval: Retrieval?
    /// What power and time are reckoned with.
    public var cost = Cost()

    /// Creates a recipe with defaults for all but the names and the tuning.
    public init(runName: String, modelNameOrPath: String, tune: Training) {
        self.runName = runName
        self.outputDir = "runs"
        self.modelNameOrPath = modelNameOrPath
        self.dataDir = nil
        self.seed = 1
        self.dtype = .auto
        self.device = "auto"
        self.quantizationBit = nil
        self.threads = 0
        self.assess = Assess()
        self.align = nil
        self.tune = tune
        self.defences = []
        self.search = nil
        self.continuation = nil
        self.guardPolicy = nil
        self.guardEncoder = nil
        self.retrieval = nil
    }

    /// A suite to run: a built-in one, or a file in a known format.
    public struct Suite: Sendable, Hashable {
        /// The suite's name.
        public var name: String
        /// How many probes to use; nil means all.
        public var limit: Int?
        /// How many at checkpoints before the last; nil means ``Assess/stepLimit``, 0 leaves the suite out there.
        public var stepLimit: Int?
        /// The file the probes come from; nil means a built-in suite, or a set that was fetched.
        public var file: String?
        /// The file's format.
        public var format: String?
        /// Which columns of the file hold what, where it has no format.
        public var columns: Suites.Columns?
        /// What the probes of a file without a format measure.
        public var axis: Axis?

        /// Creates a suite's line.
        public init(
            name: String,
            limit: Int? = nil,
            stepLimit: Int? = nil,
            file: String? = nil,
            format: String? = nil,
            columns: Suites.Columns? = nil,
            axis: Axis? = nil
        ) {
            self.name = name
            self.limit = limit
            self.stepLimit = stepLimit
            self.file = file
            self.format = format
            self.columns = columns
            self.axis = axis
        }
    }

    /// An attack to try on a suite.
    public struct Attack: Sendable, Hashable {
        /// The attack's name; names of rewritings may be joined by `+`.
        public var name: String
        /// The suite under attack; nil means the first one for jailbreaks.
        public var suite: String?
        /// How many probes to attack; nil means as many as ``Assess/attackLimit`` says.
        public var limit: Int?
        /// The attack's knobs; the attack checks their names.
        public var knobs: [String: RecipeValue]

        /// Creates an attack's line.
        public init(name: String, suite: String? = nil, limit: Int? = nil, knobs: [String: RecipeValue] = [:]) {
            self.name = name
            self.suite = suite
            self.limit = limit
            self.knobs = knobs
        }
    }

    /// What is measured, and how answers are drawn.
    public struct Assess: Sendable, Hashable {
        /// The suites that measure risk.
        public var suites: [Suite] = ["jailbreak", "over-refusal", "ordinary"].map { Suite(name: $0) }
        /// The suite that measures usefulness, when there is one.
        public var utility: Suite?
        /// The longest answer, in tokens.
        public var maxNewTokens: Int = 32
        /// Whether answers are written to their end, also where the verdict is settled before.
        public var wholeAnswers = false
        /// Prompts answered at once.
        public var batchSize: Int = 64
        /// The sampling temperature; 0 always takes the likeliest token.
        public var temperature: Double = 0
        /// Probes per suite at intermediate checkpoints; nil means all.
        public var stepLimit: Int?
        /// The formats in which the reference, the tuned model and every listed defence are assessed once more.
        public var quantizations: [LanguageModel.Quantization] = []
        /// Whether subjects whose result is known are assessed, too.
        public var controls = true
        /// The attacks to try on every subject but intermediate checkpoints.
        public var attacks: [Attack] = []
        /// Probes of each attack; nil means as many as of the suite.
        public var attackLimit: Int?
        /// The model that writes the prompts of searches.
        public var attacker: String?
        /// The model that scores answers during searches; nil means the attacker.
        public var evaluator: String?
        /// The model that grades answers to harmful requests beside the suites' own judges; nil asks none.
        public var judge: String?
        /// What it is asked by.
        public var judgeRubric = JudgeRubric.yesNo
        /// The sentence encoder by which a further judge reads whether answers to harmful requests refuse; nil for none.
        public var judgeEncoder: String?

        /// Creates the default section.
        public init() {}
    }

    /// One source of training data.
    public struct DataSource: Sendable, Hashable {
        /// A file, a folder, or `embedded:NAME`.
        public var data: String
        /// How many examples to use; nil means all.
        public var limit: Int?
        /// How often each row is seen: 2 repeats every row in an epoch, 0.5 leaves out half of them.
        public var weight: Double
        /// The format of the rows; nil finds it.
        public var format: Dataset.Format?

        /// Creates a source.
        public init(data: String, limit: Int? = nil, weight: Double = 1, format: Dataset.Format? = nil) {
            self.data = data
            self.limit = limit
            self.weight = weight
            self.format = format
        }
    }

    /// A training: its data and its settings.
    public struct Training: Sendable, Hashable {
        /// Where the examples come from.
        public var trainData: [DataSource]
        /// The folder of an adapter that is taken instead of training one; only an alignment can have it.
        public var adapterNameOrPath: String?
        /// The steps to save and assess at; nil means powers of two.
        public var checkpointSteps: [Int]?
        /// The numbers of the training.
        public var settings: TrainingSettings
        /// How much risk the tuning may add; nil allows any.
        public var riskBudget: RiskBudget?

        /// Creates a training.
        public init(
            trainData: [DataSource],
            checkpointSteps: [Int]? = nil,
            settings: TrainingSettings = TrainingSettings()
        ) {
            self.trainData = trainData
            self.checkpointSteps = checkpointSteps
            self.settings = settings
        }

        /// The steps to save and assess at in a training of `total` steps: those of the recipe, else powers of two, and
        /// always the last one.
        public func checkpointSteps(total: Int) -> [Int] {
            guard total > 0 else { return [] }
            let steps = checkpointSteps ?? Array(sequence(first: 1) { $0 < total ? $0 * 2 : nil })
            return Set(steps.filter { $0 <= total } + [total]).sorted()
        }
    }

    /// A defence to try: its method and the method's own knobs.
    public struct Defence: Sendable, Hashable {
        /// The name of its results, by default the method and its knobs.
        public var name: String
        /// The method.
        public var method: String
        /// The method's knobs; the method checks their names.
        public var knobs: [String: RecipeValue]

        /// Creates a defence.
        public init(name: String? = nil, method: String, knobs: [String: RecipeValue] = [:]) {
            self.name = name ?? Self.defaultName(method: method, knobs: knobs)
            self.method = method
            self.knobs = knobs
        }

        /// The method and its knobs in the order of their names, fit for a folder.
        static func defaultName(method: String, knobs: [String: RecipeValue]) -> String {
            let parts = knobs.sorted { $0.key < $1.key }.map { "\($0.key)-\($0.value)" }
            let name = ([method] + parts).joined(separator: "-")
            return String(name.map { RecipeNames.isFileNameCharacter($0) ? $0 : "-" })
        }
    }
}

/// The value of a defence's knob.
public enum RecipeValue: Sendable, Hashable, CustomStringConvertible {
    /// A text.
    case string(String)
    /// A number.
    case number(Double)
    /// A switch.
    case bool(Bool)

    /// The number, if it is one.
    public var number: Double? { if case .number(let value) = self { value } else { nil } }

    /// The value as it is written in a recipe, without quotes; whole numbers have no fraction.
    public var description: String {
        switch self {
        case .string(let value): value
        case .number(let value): Int(exactly: value).map(String.init) ?? "\(value)"
        case .bool(let value): "\(value)"
        }
    }
}
