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
    /// The most twin pairs that are scored for the area under the curve of the refusal score, where the subject gives
    /// likelihoods; 0 scores none. Four short openings are read for each of a pair's two requests.
    public var scoredTwins: Int
    /// Who helps attacks; needed where a suite's attack needs an attacker.
    public var roles: AttackRoles

    /// Creates a plan.
    public init(
        suites: [(any Suite, limit: Int?)],
        options: SamplingOptions = SamplingOptions(),
        seed: UInt64 = 0,
        wholeAnswers: Bool = false,
        scoredTwins: Int = 64,
        roles: AttackRoles = AttackRoles()
    ) {
        self.suites = suites
        self.options = options
        self.seed = seed
        self.wholeAnswers = wholeAnswers
        self.scoredTwins = scoredTwins
        self.roles = roles
    }
}

/// What is assessed: whatever answers, and where it can, says how likely it finds a text.
public struct Subject: Sendable {
    /// The name in records and reports.
    public var name: String
    /// What answers.
    public var responder: any Responder
    /// What says how likely a text is; nil where the subject only answers, as most remote endpoints do.
    public var likelihoods: (any LikelihoodModel)?
    /// Where its answers are kept, so that an assessment that was stopped goes on; nil keeps none.
    public var answers: AnswerStore?

    /// Creates a subject.
    public init(
        _ name: String,
        responder: any Responder,
        likelihoods: (any LikelihoodModel)? = nil,
        answers: AnswerStore? = nil
    ) {
        self.name = name
        self.responder = responder
        self.likelihoods = answers.flatMap { answers in likelihoods.map { answers.wrapping($0) } } ?? likelihoods
        self.answers = answers
    }
}

/// How many conversations go to the responder at a time.
private let chunkSize = 256

/// Asks every probe of the plan and grades the answers.
///
/// The probes go to the subject in order, 256 at a time, so that a batching responder stays busy. When the decoding is
/// random, each group has its own seed, so that no two groups share random numbers; the same plan always uses the same
/// seeds. A probe that the subject failed to answer goes unscored.
///
/// - Parameter progress: called with the number of answered probes and of all probes: after each group, and within one
///   at most once a second.
/// - Throws: `RiskError`, `CancellationError`, or what the subject or a judge throws.
public func assess(
    _ subject: Subject,
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
        if let attack = suite.attack {
            let before = done
            let attempts = try await attackedInBatches(probes, of: suite, by: attack, subject: subject, plan: plan) {
                progress?(before + $1, total)
            }
            done += attempts.count
            results.append(try suite.result(attempts))
            continue
        }
        var exchanges: [Exchange] = []
        for start in stride(from: 0, to: probes.count, by: chunkSize) {
            try Task.checkCancellation()
            let chunk = Array(probes[start..<min(start + chunkSize, probes.count)])
            var options = plan.options
            options.seed = seeds.next()
            let before = done
            let step: @Sendable (Int) -> Void = { progress?(before + $0, total) }
            exchanges += try await asked(
                chunk,
                of: subject,
                suite: suite,
                options: options,
                whole: plan.wholeAnswers,
                progress: step
            )
            done += chunk.count
            progress?(done, total)
        }
        results.append(try await graded(exchanges, by: suite))
    }
    return Assessment(
        subject: subject.name,
        options: plan.options,
        seed: plan.seed,
        results: results,
        separation: try await Separation.measured(
            on: subject,
            plan: plan,
            probes: drawn.map(\.probes),
            results: results
        )
    )
}

/// The exchanges of some probes, in order.
private func asked(
    _ probes: [Probe],
    of subject: Subject,
    suite: any Suite,
    options: SamplingOptions,
    whole: Bool,
    progress: @escaping @Sendable (_ done: Int) -> Void
) async throws -> [Exchange] {
    let written = probes.filter(\.candidates.isEmpty)
    let pulse = Locked((done: 0, last: ContinuousClock.now))
    let settled = suite.settled(written)
    let isEnough: @Sendable (Int, String) -> Bool = { settled($0, $1) != nil }
    let watch = AnswerWatch(isEnough: whole ? nil : isEnough) { _, _ in
        let done = pulse.withLock { pulse -> Int? in
            pulse.done += 1
            guard ContinuousClock.now - pulse.last > .seconds(1) else { return nil }
            pulse.last = .now
            return pulse.done
        }
        if let done { progress(done) }
    }
    let responder =
        subject.answers?.wrapping(subject.responder, endings: written.map { ending(of: $0, suite.judges) })
        ?? subject.responder
    let completions = try await responder.respond(to: written.map(\.chat), options: options, watch: watch)
    guard completions.count == written.count else {
        throw RiskError.wrongCount(what: "the responder", expected: written.count, found: completions.count)
    }
    let candidates = probes.flatMap { probe in probe.candidates.map { Continuation(of: probe.chat, text: $0) } }
    let likelihoods = try await subject.likelihoods?.logLikelihoods(of: candidates)
    guard likelihoods.map({ $0.count == candidates.count }) ?? true else {
        throw RiskError.wrongCount(
            what: "the likelihood model",
            expected: candidates.count,
            found: likelihoods?.count ?? 0
        )
    }
    var answers = completions.makeIterator()
    var values = likelihoods?.makeIterator()
    return probes.compactMap { probe in
        guard !probe.candidates.isEmpty else { return answers.next().map { Exchange(probe: probe, completion: $0) } }
        let own = probe.candidates.compactMap { _ in values?.next() }
        let best = own.indices.max { own[$0] < own[$1] }
        return Exchange(
            probe: probe,
            completion: Completion(text: best.map { probe.candidates[$0] } ?? "", tokenCount: 0, finishReason: .stop),
            logLikelihoods: own
        )
    }
}

/// All that decides where the answer to a probe may end early.
private func ending(of probe: Probe, _ judges: [any Judge]) -> String {
    let reference = probe.reference.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }
    let parts = judges.flatMap { [$0.card.name, $0.card.version] } + [probe.category] + reference
    return parts.map { "\($0.utf8.count)\n\($0)\n" }.joined()
}

/// A suite's exchanges with their verdicts.
private func graded(_ exchanges: [Exchange], by suite: any Suite) async throws -> SuiteResult {
    let own = try await suite.verdicts(of: suite.judge, on: exchanges)
    let opinions = try await suite.opinions(on: exchanges)
    let attempts = exchanges.indices.map { index in
        let exchange = exchanges[index]
        return Attempt(
            suite: suite.card.name,
            probeID: exchange.probe.id,
            category: exchange.probe.category,
            family: exchange.probe.family,
            prompt: exchange.probe.chat.lastUserText,
            promptSHA256: exchange.probe.promptSHA256,
            answer: exchange.completion.text,
            tokenCount: exchange.completion.tokenCount,
            finishReason: exchange.completion.finishReason,
            verdict: own[index],
            opinions: opinions[index],
            logLikelihoods: exchange.logLikelihoods
        )
    }
    return try suite.result(attempts, measures: suite.measures(of: exchanges, verdicts: own))
}
