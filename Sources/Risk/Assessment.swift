public import TemperText

/// What one subject answered and how it was graded.
///
/// Knows nothing about how the subject was made or how the record is stored.

/// What a judge said of an answer besides the suite's own judge, whose verdict counts.
public struct Opinion: Codable, Sendable, Hashable {
    /// The judge's name and version.
    public var judge: String
    /// Its grade.
    public var verdict: Verdict

    /// Creates an opinion.
    public init(judge: String, verdict: Verdict) {
        self.judge = judge
        self.verdict = verdict
    }
}

/// A number of a suite that is no share of verdicts, with its 95 % interval.
public struct Measure: Codable, Sendable, Hashable {
    /// What it is called.
    public var name: String
    /// Its value; nil where nothing was measured.
    public var value: Double?
    /// Lower end of the interval.
    public var low: Double
    /// Upper end of the interval.
    public var high: Double
    /// The probes it is made from.
    public var n: Int

    /// Creates a measure.
    public init(name: String, value: Double?, low: Double, high: Double, n: Int) {
        self.name = name
        self.value = value
        self.low = low
        self.high = high
        self.n = n
    }
}

/// One probe's answer and its grade.
public struct Attempt: Codable, Sendable {
    /// The suite's name.
    public var suite: String
    /// The probe's id.
    public var probeID: String
    /// The probe's category.
    public var category: String
    /// The probe's family, where it has one.
    public var family: String?
    /// The last user turn.
    public var prompt: String
    /// The SHA-256 of the whole conversation.
    public var promptSHA256: String
    /// What the subject answered.
    public var answer: String
    /// Tokens generated.
    public var tokenCount: Int
    /// Why generation ended.
    public var finishReason: Completion.FinishReason
    /// The grade of the suite's own judge.
    public var verdict: Verdict
    /// What the suite's other judges said.
    public var opinions: [Opinion]
    /// The log-likelihoods of the probe's candidates, in nats; empty where the subject wrote its answer.
    public var logLikelihoods: [Double]
    /// What the attack did, where the probe was attacked; `answer` and `verdict` are then those of the trial that decided,
    /// and `prompt` is still the probe's own.
    public var attack: AttackTrace?

    /// Creates an attempt.
    public init(
        suite: String,
        probeID: String,
        category: String,
        family: String? = nil,
        prompt: String,
        promptSHA256: String,
        answer: String,
        tokenCount: Int,
        finishReason: Completion.FinishReason,
        verdict: Verdict,
        opinions: [Opinion] = [],
        logLikelihoods: [Double] = [],
        attack: AttackTrace? = nil
    ) {
        self.suite = suite
        self.probeID = probeID
        self.category = category
        self.family = family
        self.prompt = prompt
        self.promptSHA256 = promptSHA256
        self.answer = answer
        self.tokenCount = tokenCount
        self.finishReason = finishReason
        self.verdict = verdict
        self.opinions = opinions
        self.logLikelihoods = logLikelihoods
        self.attack = attack
    }
}

/// One suite's attempts and the rate of its metric.
public struct SuiteResult: Codable, Sendable {
    /// The suite's name.
    public var suite: String
    /// The SHA-256 of all the suite's probes, drawn or not.
    public var sha256: String
    /// What the suite measures.
    public var axis: Axis
    /// What the rate is called.
    public var metric: String
    /// The rate that `metric` names: of `unsafe` verdicts, or for utility of `safe` ones, which are right answers.
    public var rate: Rate
    /// What else the suite measures.
    public var measures: [Measure]
    /// Every attempt, in the suite's order.
    public var attempts: [Attempt]

    /// Creates a result; the rate is counted from the attempts.
    public init(
        suite: String,
        sha256: String,
        axis: Axis,
        metric: String,
        attempts: [Attempt],
        measures: [Measure] = []
    ) {
        self.suite = suite
        self.sha256 = sha256
        self.axis = axis
        self.metric = metric
        self.attempts = attempts
        self.measures = measures
        rate = Rate(of: axis.counted, in: attempts.lazy.map { ($0.verdict, $0.family) })
    }
}

/// What one of a suite's other judges says of all answers.
public struct SecondOpinion: Sendable, Hashable {
    /// The judge's name and version.
    public var judge: String
    /// The rate of `unsafe` verdicts by this judge, or for utility of `safe` ones.
    public var rate: Rate
    /// Of the answers that both judges graded, those they grade alike.
    public var agreeing: Int
    /// The answers that both judges graded.
    public var compared: Int
}

extension SuiteResult {
    /// What the suite's other judges say, in the order of their first opinion.
    public var secondOpinions: [SecondOpinion] {
        var judges: [String] = []
        var pairs: [String: [(own: Verdict, other: Verdict, family: String?)]] = [:]
        for attempt in attempts {
            for opinion in attempt.opinions {
                if pairs[opinion.judge] == nil { judges.append(opinion.judge) }
                pairs[opinion.judge, default: []].append((attempt.verdict, opinion.verdict, attempt.family))
            }
        }
        return judges.map { judge in
            let verdicts = pairs[judge] ?? []
            let both = verdicts.filter { $0.own.isScored && $0.other.isScored }
            return SecondOpinion(
                judge: judge,
                rate: Rate(of: axis.counted, in: verdicts.lazy.map { ($0.other, $0.family) }),
                agreeing: both.count { $0.own == $0.other },
                compared: both.count
            )
        }
    }
}

/// All results of one subject.
public struct Assessment: Codable, Sendable {
    /// The version of this form.
    public var schema = 1
    /// What was assessed.
    public var subject: String
    /// How answers were decoded.
    public var options: SamplingOptions
    /// The seed that drew the probes.
    public var seed: UInt64
    /// One result for each suite, in the plan's order.
    public var results: [SuiteResult]
    /// How well the subject tells harmful requests from their harmless twins; nil where no twins were asked.
    public var separation: Separation?

    /// Creates an assessment.
    public init(
        subject: String,
        options: SamplingOptions,
        seed: UInt64,
        results: [SuiteResult],
        separation: Separation? = nil
    ) {
        self.subject = subject
        self.options = options
        self.seed = seed
        self.results = results
        self.separation = separation
    }

    /// The results of all suites of an axis.
    public subscript(axis: Axis) -> [SuiteResult] { results.filter { $0.axis == axis } }

    /// The result of the suite of that name.
    public subscript(suite name: String) -> SuiteResult? { results.first { $0.suite == name } }
}
