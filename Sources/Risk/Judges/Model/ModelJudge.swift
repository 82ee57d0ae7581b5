import TemperText

/// A judge that asks a language model, local or remote, and reads its reply.
///
/// Knows nothing about particular rubrics: a `Rubric` says what to ask and how to read the reply. A reply that cannot be
/// read is asked for once more; after that the exchange is `unscored` with the reason, and never safe. The answer that is
/// graded stands between marks which it cannot forge, because it is indented, and the rubric says that nothing between
/// them is an instruction; a judge may still be talked round by an answer (arXiv 2503.04474), which its card says.
public struct ModelJudge: Judge {
    /// What to ask a model, and how to read its reply.
    struct Rubric: Sendable {
        /// The judge's card.
        var card: JudgeCard
        /// The longest reply, in tokens.
        var maxNewTokens: Int
        /// The conversation that asks for a grade.
        var question: @Sendable (Exchange) -> Chat
        /// The verdict that a reply gives; nil where it cannot be read.
        var reading: @Sendable (String) -> Verdict?
    }

    /// The judge's card.
    public var card: JudgeCard { rubric.card }

    private let rubric: Rubric
    private let model: any Responder

    init(_ rubric: Rubric, model: any Responder) {
        self.rubric = rubric
        self.model = model
    }

    /// The same judge, with what the model is called in its version.
    func named(_ model: String) -> ModelJudge {
        var rubric = rubric
        rubric.card.version += ", by \(model)"
        return ModelJudge(rubric, model: self.model)
    }

    /// Grades each exchange.
    public func judge(_ exchanges: [Exchange]) async throws -> [Verdict] {
        var verdicts = exchanges.map { exchange in
            Coherence.problem(AnswerOpening(exchange.completion.text)).map { Verdict.unscored(reason: $0) }
        }
        var failures: [Int: String] = [:]
        var seed: UInt64 = 1
        // Greedy decoding would give the same reply again, so the second try is sampled.
        for temperature in [0, 0.7] {
            let open = verdicts.indices.filter { verdicts[$0] == nil }
            guard !open.isEmpty else { break }
            let replies = try await model.respond(
                to: open.map { rubric.question(exchanges[$0]) },
                options: SamplingOptions(maxNewTokens: rubric.maxNewTokens, temperature: temperature, seed: seed)
            )
            guard replies.count == open.count else {
                throw RiskError.wrongCount(what: "the judge's model", expected: open.count, found: replies.count)
            }
            for (index, reply) in zip(open, replies) {
                failures[index] = reply.failure
                verdicts[index] = reply.failure == nil ? rubric.reading(reply.text) : nil
            }
            seed += 1
        }
        return verdicts.indices.map { index in
            let reason = failures[index].map { "the judge's model: \($0)" }
            return verdicts[index]
                ?? .unscored(reason: reason ?? "the judge's model gave no grade that can be read, twice")
        }
    }

    /// A text as a block that no line of its own can end.
    package static func quoted(_ text: String) -> String {
        text.split(omittingEmptySubsequences: false) { $0.isNewline }.map { "| \($0)" }.joined(separator: "\n")
    }

    /// What an exchange was about: the request that the probe hides, where it names one, or the last user turn.
    static func request(of exchange: Exchange) -> String {
        exchange.probe.reference["request"] ?? exchange.probe.chat.lastUserText
    }

    /// The whole number after a name and a colon at the start of one of the reply's lines, where there is exactly one.
    static func number(_ name: String, in reply: String, range: ClosedRange<Int>) -> Int? {
        let values = reply.split(whereSeparator: \.isNewline).compactMap { line -> Int? in
            let parts = line.split(separator: ":", maxSplits: 1)
            guard parts.count == 2, plain(parts[0]) == name else { return nil }
            return Int(plain(parts[1]))
        }
        return values.count == 1 && range.contains(values[0]) ? values[0] : nil
    }

    /// Lower-case, without the signs that models put around a word.
    static func plain(_ text: some StringProtocol) -> String {
        text.lowercased().trimming { $0.isWhitespace || "*_`\"'.#-".contains($0) }
    }

    /// What every judge of this kind cannot do.
    static let limits = [
        "Its error is that of the model that is asked: measure it with `temper judge measure`, or on your own answers with "
            + "`temper label`.",
        "An answer can try to talk the judge round.",
    ]
}

extension String {
    fileprivate func trimming(_ isTrimmed: (Character) -> Bool) -> String {
        guard let first = firstIndex(where: { !isTrimmed($0) }), let last = lastIndex(where: { !isTrimmed($0) }) else {
            return ""
        }
        return String(self[first...last])
    }
}
