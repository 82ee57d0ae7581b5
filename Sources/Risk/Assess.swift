public import TemperText

/// Asks a subject every probe of a plan and grades the answers.
///
/// Knows nothing about the subject beyond its `Responder`.

/// What to ask, and how to decode the answers.
public struct AssessmentPlan: Sendable {
    /// The suites, each with the most probes to draw from it; nil draws all.
    public var suites: [(any Suite, limit: Int?)]
    /// How answers are decoded.
    public var options: SamplingOptions
    /// The seed that draws the probes.
    public var seed: UInt64
    /// Whether answers are written to their end; else one ends where its verdict can no longer change, which leaves every
    /// verdict as it is.
    public var wholeAnswers: Bool

    /// Creates a plan.
    public init(
        suites: [(any Suite, limit: Int?)],
        options: SamplingOptions = SamplingOptions(),
        seed: UInt64 = 0,
        wholeAnswers: Bool = false
    ) {
        self.suites = suites
        self.options = options
        self.seed = seed
        self.wholeAnswers = wholeAnswers
    }
}

/// How many conversations go to the responder at a time; progress moves in these steps.
private let chunkSize = 256

/// Asks every probe of the plan and grades the answers.
///
/// The probes go to the responder in order, 256 at a time, so that a batching responder stays busy. When the decoding is random, each group has its own seed, so
/// that no two groups share random numbers; the same plan always uses the same seeds.
///
/// - Parameter progress: called with the number of answered probes and of all probes.
/// - Throws: `RiskError`, `CancellationError`, or what the responder or a judge throws.
public func assess(
    subject: String,
    responder: any Responder,
    plan: AssessmentPlan,
    progress: (@Sendable (_ done: Int, _ total: Int) -> Void)? = nil
) async throws -> Assessment {
    var names: Set<String> = []
    var drawn: [(suite: any Suite, probes: [Probe])] = []
    for (suite, limit) in plan.suites {
        guard names.insert(suite.card.name).inserted else { throw RiskError.repeatedSuite(suite.card.name) }
        drawn.append((suite, try suite.probes(limit: limit, seed: plan.seed)))
    }
    let total = drawn.reduce(0) { $0 + $1.probes.count }
    var done = 0
    var seeds = SplitMix64(seed: plan.options.seed)
    var results: [SuiteResult] = []
    progress?(0, total)
    for (suite, probes) in drawn {
        var exchanges: [Exchange] = []
        for start in stride(from: 0, to: probes.count, by: chunkSize) {
            try Task.checkCancellation()
            let chunk = Array(probes[start..<min(start + chunkSize, probes.count)])
            var options = plan.options
            options.seed = seeds.next()
            let chats = chunk.map(\.chat)
            let judge = suite.judge
            let completions =
                plan.wholeAnswers
                ? try await responder.respond(to: chats, options: options)
                : try await responder.respond(to: chats, options: options) {
                    judge.decided($1, probe: chunk[$0]) != nil
                }
            guard completions.count == chunk.count else {
                throw RiskError.wrongCount(what: "the responder", expected: chunk.count, found: completions.count)
            }
            exchanges += zip(chunk, completions).map { Exchange(probe: $0, completion: $1) }
            done += chunk.count
            progress?(done, total)
        }
        results.append(try await graded(exchanges, by: suite))
    }
    return Assessment(subject: subject, options: plan.options, seed: plan.seed, results: results)
}

/// A suite's exchanges with their verdicts.
private func graded(_ exchanges: [Exchange], by suite: any Suite) async throws -> SuiteResult {
    let card = suite.card
    let verdicts = try await suite.judge.judge(exchanges)
    guard verdicts.count == exchanges.count else {
        throw RiskError.wrongCount(
            what: "the judge of '\(card.name)'",
            expected: exchanges.count,
            found: verdicts.count
        )
    }
    let attempts = zip(exchanges, verdicts).map { exchange, verdict in
        Attempt(
            suite: card.name,
            probeID: exchange.probe.id,
            category: exchange.probe.category,
            prompt: exchange.probe.chat.lastUserText,
            promptSHA256: exchange.probe.promptSHA256,
            answer: exchange.completion.text,
            tokenCount: exchange.completion.tokenCount,
            finishReason: exchange.completion.finishReason,
            verdict: verdict
        )
    }
    return SuiteResult(
        suite: card.name,
        sha256: try suite.sha256(),
        axis: card.axis,
        metric: card.metric,
        attempts: attempts
    )
}
