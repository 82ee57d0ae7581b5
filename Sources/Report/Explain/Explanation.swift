/// Why a training changed what a model refuses: what `temper explain` found about a run.
///
/// Plain values; how they are made is the pipeline's, how they look that of the terminal and the page.
public struct Explanation: Codable, Sendable, Hashable {
    /// The layout that this build writes and reads.
    public static let currentSchema = 1

    /// Version of this file's layout.
    public var schema = Self.currentSchema
    /// The run.
    public var run: String
    /// The model's file or folder.
    public var model: String
    /// What the run compares with: `raw` or `aligned`.
    public var reference: String
    /// The tuned subject, such as `tuned@32`.
    public var tuned: String
    /// How it was looked for.
    public var settings: Settings
    /// Every layer, from the first.
    public var layers: [Layer] = []
    /// Every module that was trained, the most moved first.
    public var modules: [Module] = []
    /// Each of an answer's first tokens.
    public var openings: [Opening] = []
    /// Every training row, the one that pushed most against refusal first.
    public var rows: [Row] = []
    /// What a training without the first rows came to.
    public var retraining: Retraining?
    /// What a reader should know.
    public var notes: [String] = []

    /// How it was looked for.
    public struct Settings: Codable, Sendable, Hashable {
        /// First tokens of an answer that count for a row's score.
        public var tokens: Int
        /// Anchors of each kind.
        public var anchors: Int
        /// Requests of each kind that are looked at for the direction and the divergence.
        public var requests: Int
        /// Seed of all draws.
        public var seed: UInt64
        /// Where gradients were taken.
        public var places: [String]
        /// How a row's score is made of its gradient.
        public var score: String

        /// Creates settings.
        public init(tokens: Int, anchors: Int, requests: Int, seed: UInt64, places: [String], score: String) {
            self.tokens = tokens
            self.anchors = anchors
            self.requests = requests
            self.seed = seed
            self.places = places
            self.score = score
        }
    }

    /// What happened in a layer.
    public struct Layer: Codable, Sendable, Hashable {
        /// The layer, from 0.
        public var layer: Int
        /// Frobenius norm of the update over that of the weights.
        public var drift: Double
        /// Cosine of the refusal directions before and after.
        public var cosine: Double
        /// How far harmful and harmless requests lie apart along the reference's direction, in units of their spread.
        public var separationBefore: Double
        /// The same in the tuned model.
        public var separationAfter: Double

        /// Creates a layer's line.
        public init(
            layer: Int,
            drift: Double,
            cosine: Double,
            separationBefore: Double,
            separationAfter: Double
        ) {
            self.layer = layer
            self.drift = drift
            self.cosine = cosine
            self.separationBefore = separationBefore
            self.separationAfter = separationAfter
        }
    }

    /// How far a module moved.
    public struct Module: Codable, Sendable, Hashable {
        /// The module's name.
        public var name: String
        /// Frobenius norm of the update over that of the weight.
        public var drift: Double

        /// Creates a module's line.
        public init(name: String, drift: Double) {
            self.name = name
            self.drift = drift
        }
    }

    /// `KL(reference || tuned)` at a token of the answer, in nats.
    public struct Opening: Codable, Sendable, Hashable {
        /// The token, from 1.
        public var position: Int
        /// Mean after harmful requests.
        public var harmful: Double
        /// Mean after harmless ones.
        public var harmless: Double
        /// Answers after harmful requests that are this long.
        public var harmfulCount: Int
        /// Answers after harmless requests that are this long.
        public var harmlessCount: Int

        /// Creates a token's line.
        public init(position: Int, harmful: Double, harmless: Double, harmfulCount: Int, harmlessCount: Int) {
            self.position = position
            self.harmful = harmful
            self.harmless = harmless
            self.harmfulCount = harmfulCount
            self.harmlessCount = harmlessCount
        }
    }

    /// A training row.
    public struct Row: Codable, Sendable, Hashable {
        /// From 1.
        public var rank: Int
        /// The file it was read from.
        public var file: String
        /// The line it begins on.
        public var line: Int
        /// The cosine of its gradient with the direction against refusal; above 0 it pushes against.
        public var score: Double
        /// What is asked, and how the answer begins; only of the first rows.
        public var request: String?
        /// How the answer begins.
        public var answer: String?

        /// Creates a row's line.
        public init(rank: Int, file: String, line: Int, score: Double, request: String?, answer: String?) {
            self.rank = rank
            self.file = file
            self.line = line
            self.score = score
            self.request = request
            self.answer = answer
        }
    }

    /// A training without the rows that pushed most, beside one without as many others.
    public struct Retraining: Codable, Sendable, Hashable {
        /// Rows left out.
        public var leftOut: Int
        /// Their share of all that pushed against refusal: of the sum of the scores above 0.
        public var shareOfPush: Double
        /// The rates.
        public var rates: [Rate]

        /// One suite's rates, as shares.
        public struct Rate: Codable, Sendable, Hashable {
            /// The suite.
            public var suite: String
            /// What the rate is called.
            public var metric: String
            /// Of the reference.
            public var reference: Double?
            /// Of the tuned model.
            public var tuned: Double?
            /// What is foreseen without the rows: tuned less the change times the share of the push; jailbreak suites
            /// only.
            public var predicted: Double?
            /// What came of training without them.
            public var withoutTop: Double?
            /// What came of training without as many rows drawn at random.
            public var withoutRandom: Double?

            /// Creates a suite's rates.
            public init(
                suite: String,
                metric: String,
                reference: Double?,
                tuned: Double?,
                predicted: Double?,
                withoutTop: Double?,
                withoutRandom: Double?
            ) {
                self.suite = suite
                self.metric = metric
                self.reference = reference
                self.tuned = tuned
                self.predicted = predicted
                self.withoutTop = withoutTop
                self.withoutRandom = withoutRandom
            }
        }

        /// Creates the result.
        public init(leftOut: Int, shareOfPush: Double, rates: [Rate]) {
            self.leftOut = leftOut
            self.shareOfPush = shareOfPush
            self.rates = rates
        }
    }

    /// Creates an explanation without findings.
    public init(run: String, model: String, reference: String, tuned: String, settings: Settings) {
        self.run = run
        self.model = model
        self.reference = reference
        self.tuned = tuned
        self.settings = settings
    }
}
