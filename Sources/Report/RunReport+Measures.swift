/// The measured parts of a report: the model, subjects with their rates, and the training log.
extension RunReport {
    /// The model a run started from.
    public struct Model: Codable, Sendable, Equatable {
        /// The model's display name.
        public var name: String
        /// Where its file or folder was.
        public var path: String
        /// The hash of its weights.
        public var sha256: String
        /// How many parameters it has.
        public var parameters: Int
        /// The number type it was computed in.
        public var dtype: String

        /// Creates a model's description.
        public init(name: String, path: String, sha256: String, parameters: Int, dtype: String) {
            self.name = name
            self.path = path
            self.sha256 = sha256
            self.parameters = parameters
            self.dtype = dtype
        }
    }

    /// A share of graded answers with its 95 % interval.
    public struct Rate: Codable, Sendable, Equatable {
        /// Hits divided by n, from 0 to 1; nil when nothing was graded.
        public var rate: Double?
        /// How many answers were graded.
        public var n: Int
        /// The interval's lower end.
        public var low: Double
        /// The interval's upper end.
        public var high: Double
        /// How many answers no judge could grade; they are not part of n.
        public var unscored: Int
        /// The interval's lower end had no unscored answer been a hit; nil where it was not computed.
        public var worstLow: Double?
        /// The interval's upper end had every unscored answer been a hit; nil where it was not computed.
        public var worstHigh: Double?
        /// How many independent answers would tell as much as the n; nil where no two probes share a family.
        public var effectiveN: Double?

        /// Creates a rate.
        public init(
            rate: Double?,
            n: Int,
            low: Double,
            high: Double,
            unscored: Int = 0,
            worstLow: Double? = nil,
            worstHigh: Double? = nil,
            effectiveN: Double? = nil
        ) {
            self.rate = rate
            self.n = n
            self.low = low
            self.high = high
            self.unscored = unscored
            self.worstLow = worstLow
            self.worstHigh = worstHigh
            self.effectiveN = effectiveN
        }

        private enum CodingKeys: String, CodingKey {
            case rate, n, low, high, unscored
            case worstLow = "worst_low"
            case worstHigh = "worst_high"
            case effectiveN = "effective_n"
        }

        /// Writes every key, empty ones as `null`.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(rate, forKey: .rate)
            try values.encode(n, forKey: .n)
            try values.encode(low, forKey: .low)
            try values.encode(high, forKey: .high)
            try values.encode(unscored, forKey: .unscored)
            try values.encode(worstLow, forKey: .worstLow)
            try values.encode(worstHigh, forKey: .worstHigh)
            try values.encode(effectiveN, forKey: .effectiveN)
        }
    }

    /// How useful a subject is, with its 95 % interval; higher is better.
    public struct Utility: Codable, Sendable, Equatable {
        /// The metric's name, such as accuracy.
        public var metric: String
        /// The metric's value; nil when nothing was graded.
        public var value: Double?
        /// How many items it was measured on.
        public var n: Int
        /// The interval's lower end.
        public var low: Double
        /// The interval's upper end.
        public var high: Double
        /// How many answers no judge could grade; they are not part of n.
        public var unscored: Int

        /// Creates a utility measurement.
        public init(metric: String, value: Double?, n: Int, low: Double, high: Double, unscored: Int = 0) {
            self.metric = metric
            self.value = value
            self.n = n
            self.low = low
            self.high = high
            self.unscored = unscored
        }

        private enum CodingKeys: String, CodingKey { case metric, value, n, low, high, unscored }

        /// Writes every key, empty ones as `null`.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(metric, forKey: .metric)
            try values.encode(value, forKey: .value)
            try values.encode(n, forKey: .n)
            try values.encode(low, forKey: .low)
            try values.encode(high, forKey: .high)
            try values.encode(unscored, forKey: .unscored)
        }
    }

    /// A number of a suite that is no share of verdicts, with its 95 % interval.
    public struct Measure: Codable, Sendable, Equatable {
        /// The axis, a key of the subjects' axes.
        public var axis: String
        /// What it is called.
        public var name: String
        /// Its value; nil when nothing was measured.
        public var value: Double?
        /// The interval's lower end.
        public var low: Double
        /// The interval's upper end.
        public var high: Double
        /// How many probes it is made from.
        public var n: Int

        /// Creates a measure.
        public init(axis: String, name: String, value: Double?, low: Double, high: Double, n: Int) {
            self.axis = axis
            self.name = name
            self.value = value
            self.low = low
            self.high = high
            self.n = n
        }

        private enum CodingKeys: String, CodingKey { case axis, name, value, low, high, n }

        /// Writes every key, empty ones as `null`.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(axis, forKey: .axis)
            try values.encode(name, forKey: .name)
            try values.encode(value, forKey: .value)
            try values.encode(low, forKey: .low)
            try values.encode(high, forKey: .high)
            try values.encode(n, forKey: .n)
        }
    }

    /// What a judge that does not decide says of the same answers.
    public struct SecondOpinion: Codable, Sendable, Equatable {
        /// The axis, a key of the subjects' axes.
        public var axis: String
        /// The judge's name and version.
        public var judge: String
        /// The rate by this judge.
        public var rate: Rate
        /// Of the answers that both judges graded, those they grade alike.
        public var agreeing: Int
        /// The answers that both judges graded.
        public var compared: Int

        /// Creates a second opinion.
        public init(axis: String, judge: String, rate: Rate, agreeing: Int, compared: Int) {
            self.axis = axis
            self.judge = judge
            self.rate = rate
            self.agreeing = agreeing
            self.compared = compared
        }
    }

    /// How a copy of a subject was rounded.
    public struct Quantization: Codable, Sendable, Equatable {
        /// The subject that was rounded.
        public var of: String
        /// The storage format, such as `q4_0`.
        public var format: String
        /// What one weight of a layer takes in it.
        public var bitsPerWeight: Double

        /// Creates the description of a copy.
        public init(of: String, format: String, bitsPerWeight: Double) {
            self.of = of
            self.format = format
            self.bitsPerWeight = bitsPerWeight
        }

        private enum CodingKeys: String, CodingKey {
            case of, format
            case bitsPerWeight = "bits_per_weight"
        }
    }

    /// One thing that was assessed.
    public struct Subject: Codable, Sendable, Equatable {
        /// The part a subject plays in the run.
        public enum Kind: String, Codable, Sendable {
            /// The model as it came.
            case base
            /// What every later subject is compared with.
            case reference
            /// The model after some steps of tuning.
            case checkpoint
            /// The model with a defence.
            case defence
            /// One of the others with its weights rounded to a storage format.
            case quantized
            /// The tuned model behind a guard.
            case guarded
            /// The reference with rows of the tuning's data before every question.
            case retrieval
            /// What was tuned, or defended, after further rounds of tuning.
            case continued
        }

        /// The subject's name: `raw`, `aligned`, `tuned@STEP`, `guarded`, `retrieval` or a defence's name; of a
        /// quantised copy with `.FORMAT` after it; of a continued tuning `continued@STEP` or `DEFENCE-continued@STEP`.
        public var name: String
        /// The part it plays.
        public var kind: Kind
        /// The step of tuning, for checkpoints and rounds.
        public var step: Int?
        /// What was rounded and how, for quantised copies.
        public var quantization: Quantization?
        /// The rate per axis, under the keys that the report's suites name, such as `jailbreak` and `over-refusal`.
        public var axes: [String: Rate]
        /// The utility, when measured.
        public var utility: Utility?
        /// What else the suites measure.
        public var measures: [Measure]
        /// What the judges that do not decide say.
        public var secondOpinions: [SecondOpinion]
        /// How well harmful requests are told from their harmless twins, when both were asked.
        public var separation: Separation?
        /// Seconds the assessment took.
        public var seconds: Double

        /// Creates a subject.
        public init(
            name: String,
            kind: Kind,
            step: Int? = nil,
            quantization: Quantization? = nil,
            axes: [String: Rate],
            utility: Utility? = nil,
            measures: [Measure] = [],
            secondOpinions: [SecondOpinion] = [],
            separation: Separation? = nil,
            seconds: Double = 0
        ) {
            self.name = name
            self.kind = kind
            self.step = step
            self.quantization = quantization
            self.axes = axes
            self.utility = utility
            self.measures = measures
            self.secondOpinions = secondOpinions
            self.separation = separation
            self.seconds = seconds
        }

        private enum CodingKeys: String, CodingKey {
            case name, kind, step, quantization, axes, utility, measures, separation, seconds
            case secondOpinions = "second_opinions"
        }

        /// Writes every key, empty ones as `null`.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(name, forKey: .name)
            try values.encode(kind, forKey: .kind)
            try values.encode(step, forKey: .step)
            try values.encode(quantization, forKey: .quantization)
            try values.encode(axes, forKey: .axes)
            try values.encode(utility, forKey: .utility)
            try values.encode(measures, forKey: .measures)
            try values.encode(secondOpinions, forKey: .secondOpinions)
            try values.encode(separation, forKey: .separation)
            try values.encode(seconds, forKey: .seconds)
        }
    }

    /// One line of the optimiser's log.
    public struct TrainingPoint: Codable, Sendable, Equatable {
        /// `align`, `tune`, `continued` or a defence's name.
        public var phase: String
        /// The optimiser step.
        public var step: Int
        /// The mean loss per token, in nats.
        public var loss: Double
        /// The learning rate of the step.
        public var learningRate: Double
        /// The gradient's norm before clipping.
        public var gradientNorm: Double
        /// Training speed.
        public var tokensPerSecond: Double

        /// Creates a line of the log.
        public init(
            phase: String,
            step: Int,
            loss: Double,
            learningRate: Double,
            gradientNorm: Double,
            tokensPerSecond: Double
        ) {
            self.phase = phase
            self.step = step
            self.loss = loss
            self.learningRate = learningRate
            self.gradientNorm = gradientNorm
            self.tokensPerSecond = tokensPerSecond
        }

        private enum CodingKeys: String, CodingKey {
            case phase, step, loss
            case learningRate = "learning_rate"
            case gradientNorm = "grad_norm"
            case tokensPerSecond = "tokens_per_second"
        }
    }
}
