public import TemperText

/// What a subject is known to answer, so that it need not be asked again behind something that only checks.
///
/// An answer is taken from an assessment where asking again would give the same verdict: it was decoded greedily and
/// written to its end; or it was left early because its verdict was settled, and a refusal, the only thing that may
/// come in its place, is graded alike. Everything else goes to the subject itself. Likelihoods of given candidates are
/// known as they are. Knows nothing about guards.
public struct KnownAnswers: Responder, LikelihoodModel {
    private let subject: any Responder & LikelihoodModel
    private let options: SamplingOptions
    private var answers: [Chat: Completion] = [:]
    private var likelihoods: [Continuation: Double] = [:]

    /// Reads what is known.
    ///
    /// - Parameters:
    ///   - assessment: What the subject answered before.
    ///   - suites: The suites of that assessment; answers to others are not known.
    ///   - subject: Answers whatever is not known.
    public init(
        _ assessment: Assessment,
        on suites: [any Suite],
        else subject: any Responder & LikelihoodModel
    ) throws {
        self.subject = subject
        options = assessment.options
        // What settles a verdict on one suite need not settle it on another.
        var asked: [String: Int] = [:]
        for attempt in assessment.results.flatMap(\.attempts) { asked[attempt.promptSHA256, default: 0] += 1 }
        for suite in suites {
            guard let result = assessment[suite: suite.card.name] else { continue }
            let probes = Dictionary(try suite.probes(limit: nil, seed: 0).map { ($0.id, $0) }) { first, _ in first }
            for attempt in result.attempts {
                guard let probe = probes[attempt.probeID], probe.promptSHA256 == attempt.promptSHA256 else { continue }
                if let trace = attempt.attack {
                    for trial in trace.trials where trial.answer.finishReason.isWhole {
                        answers[trial.chat] = trial.answer
                    }
                    continue
                }
                guard probe.candidates.isEmpty else {
                    guard attempt.logLikelihoods.count == probe.candidates.count else { continue }
                    for (text, value) in zip(probe.candidates, attempt.logLikelihoods) {
                        likelihoods[Continuation(of: probe.chat, text: text)] = value
                    }
                    continue
                }
                let answer = Completion(
                    text: attempt.answer,
                    tokenCount: attempt.tokenCount,
                    finishReason: attempt.finishReason
                )
                if answer.finishReason.isWhole {
                    answers[probe.chat] = answer
                } else if answer.finishReason == .decided, asked[attempt.promptSHA256] == 1,
                    attempt.verdict == suite.card.axis.refused
                {
                    answers[probe.chat] = answer
                }
            }
        }
    }

    /// How many answers are known.
    public var count: Int { answers.count }

    /// Answers each conversation: from what is known where it is decoded greedily and as long, else by asking.
    public func respond(to chats: [Chat], options: SamplingOptions) async throws -> [Completion] {
        let isSame = options.temperature == 0 && self.options.temperature == 0
        let isKnown = isSame && options.maxNewTokens == self.options.maxNewTokens
        var found = chats.map { isKnown ? answers[$0] : nil }
        let open = found.indices.filter { found[$0] == nil }
        guard !open.isEmpty else { return found.compactMap { $0 } }
        let asked = try await subject.respond(
            to: open.map { chats[$0] },
            options: options,
            watch: AnswerWatch(streams: open)
        )
        guard asked.count == open.count else {
            throw RiskError.wrongCount(what: "the responder", expected: open.count, found: asked.count)
        }
        for (place, answer) in zip(open, asked) { found[place] = answer }
        return found.compactMap { $0 }
    }

    /// How likely each candidate is.
    public func logLikelihoods(of candidates: [Continuation]) async throws -> [Double] {
        var found = candidates.map { likelihoods[$0] }
        let open = found.indices.filter { found[$0] == nil }
        let asked = open.isEmpty ? [] : try await subject.logLikelihoods(of: open.map { candidates[$0] })
        for (place, value) in zip(open, asked) { found[place] = value }
        return found.compactMap { $0 }
    }
}

extension Completion.FinishReason {
    /// Whether the answer is all that the subject would have written.
    fileprivate var isWhole: Bool { self == .stop || self == .length }
}
