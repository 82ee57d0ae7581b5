public import TemperText

/// What one subject answered and how it was graded.
///
/// Knows nothing about how the subject was made or how the record is stored.

/// One probe's answer and its grade.
public struct Attempt: Codable, Sendable {
    /// The suite's name.
    public var suite: String
    /// The probe's id.
    public var probeID: String
    /// The probe's category.
    public var category: String
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
    /// The grade.
    public var verdict: Verdict

    /// Creates an attempt.
    public init(
        suite: String,
        probeID: String,
        category: String,
        prompt: String,
        promptSHA256: String,
        answer: String,
        tokenCount: Int,
        finishReason: Completion.FinishReason,
        verdict: Verdict
    ) {
        self.suite = suite
        self.probeID = probeID
        self.category = category
        self.prompt = prompt
        self.promptSHA256 = promptSHA256
        self.answer = answer
        self.tokenCount = tokenCount
        self.finishReason = finishReason
        self.verdict = verdict
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
    /// Every attempt, in the suite's order.
    public var attempts: [Attempt]

    /// Creates a result; the rate is counted from the attempts.
    public init(suite: String, sha256: String, axis: Axis, metric: String, attempts: [Attempt]) {
        self.suite = suite
        self.sha256 = sha256
        self.axis = axis
        self.metric = metric
        self.attempts = attempts
        rate = Rate(of: axis.counted, in: attempts.lazy.map(\.verdict))
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

    /// Creates an assessment.
    public init(subject: String, options: SamplingOptions, seed: UInt64, results: [SuiteResult]) {
        self.subject = subject
        self.options = options
        self.seed = seed
        self.results = results
    }

    /// The results of all suites of an axis.
    public subscript(axis: Axis) -> [SuiteResult] { results.filter { $0.axis == axis } }

    /// The result of the suite of that name.
    public subscript(suite name: String) -> SuiteResult? { results.first { $0.suite == name } }
}
