public import Foundation
public import TemperModel
public import TemperRisk
import TemperText
import TemperTorch

/// Attacks that need a model's gradients, on the probes of a suite: for each a search, the answer it leads to, and the
/// verdict of the suite's own judge, which takes no part in the search.
///
/// What they find says how little it takes to make a model answer, by someone who has its weights. It knows nothing about
/// how the model was made, or where results are written.
public enum WhiteBox {
    /// How the suffix is searched for.
    public enum Method: String, Codable, Sendable, CaseIterable {
        /// Tokens, by greedy coordinate gradient (arXiv 2307.15043).
        case gcg
        /// Vectors that no text has, by signed gradients (arXiv 2402.09063).
        case softPrompt = "soft-prompt"
    }

    /// How much is searched, and how.
    public struct Settings: Codable, Sendable, Hashable {
        /// Which search.
        public var method = Method.gcg
        /// Steps for each probe.
        public var steps = 100
        /// Tokens, or vectors, of the suffix.
        public var suffixLength = 20
        /// `gcg`: substitutions computed in a step.
        public var batchSize = 64
        /// `gcg`: tokens kept for each position.
        public var topK = 128
        /// `gcg`: how much of the last gradient lives on (arXiv 2405.01229).
        public var momentum = 0.0
        /// `gcg`: whether steps that make the loss worse may be refused.
        public var anneals = false
        /// `gcg`: whether the suffix is printable ASCII alone.
        public var printableASCII = true
        /// `soft-prompt`: length of a step for each number, in units of the embeddings' root mean square.
        public var stepSize = 0.05
        /// The longest answer, in tokens.
        public var maxNewTokens = 32
        /// Draws the substitutions.
        public var seed: UInt64 = 1

        /// The defaults.
        public init() {}
    }

    /// What came of one probe.
    public struct Outcome: Codable, Sendable, Hashable {
        /// The probe.
        public var probeID: String
        /// What it asks.
        public var request: String
        /// The opening that was searched for.
        public var target: String
        /// Mean negative log-likelihood of a token of the opening, in nats, with exclamation marks for a suffix.
        public var initialLoss: Double
        /// The lowest that was found.
        public var finalLoss: Double
        /// The loss at the start and after each step.
        public var losses: [Double]
        /// Steps taken.
        public var steps: Int
        /// Time of the steps taken since it was last started.
        public var seconds: Double
        /// What was appended to the request, its leading space included; nil for vectors.
        public var suffix: String?
        /// What the model says to the request alone.
        public var plainAnswer: String
        /// The judge's verdict on that.
        public var plainVerdict: Verdict
        /// What the model says with the suffix.
        public var answer: String
        /// The judge's verdict on that.
        public var verdict: Verdict
    }

    /// Where a run of attacks is.
    public struct Progress: Sendable {
        /// The probe that is being attacked.
        public var probeID: String
        /// Its place among `total`, from 0.
        public var index: Int
        /// Probes.
        public var total: Int
        /// Steps taken of `steps`.
        public var step: Int
        /// Steps for each probe.
        public var steps: Int
        /// The loss after the step.
        public var loss: Double
        /// The lowest so far.
        public var bestLoss: Double
        /// Enough to go on from here; nil where the method keeps none.
        public var search: Data?
    }

    /// Attacks a model.
    ///
    /// - Parameters:
    ///   - model: One that `forInference` gave. Its weights are laid out anew, for gradients.
    ///   - suite: What is asked, and the judge.
    ///   - limit: The most probes.
    ///   - resume: The last `Progress.search` of a probe, to go on from; it is left aside where it belongs to other settings.
    ///   - progress: Called after each step.
    /// - Throws: `AttackError`, `ModelError`, what a judge throws, or `CancellationError` between two steps.
    public static func run(
        on model: LanguageModel,
        suite: any Suite,
        limit: Int?,
        settings: Settings = Settings(),
        resume: @escaping @Sendable (_ probeID: String) -> Data? = { _ in nil },
        progress: @escaping @Sendable (Progress) throws -> Void = { _ in }
    ) async throws -> [Outcome] {
        let probes = try suite.probes(limit: limit, seed: settings.seed).filter(\.candidates.isEmpty)
        try await model.prepareForGradients()
        let options = SamplingOptions(maxNewTokens: settings.maxNewTokens)
        let plain = try await LocalResponder(model).respond(to: probes.map(\.chat), options: options)
        let plainVerdicts = try await suite.verdicts(
            of: suite.judge,
            on: zip(probes, plain).map { Exchange(probe: $0, completion: $1) }
        )
        let vocabulary = SuffixVocabulary(try model.requireTokenizer(), printableASCII: settings.printableASCII)
        guard !vocabulary.ids.isEmpty else { throw AttackError.noTokens(path: model.url.path) }
        var outcomes: [Outcome] = []
        for (index, probe) in probes.enumerated() {
            let request = probe.chat.lastUserText
            let target = AffirmativeOpening.text(for: request)
            let prompt = try SuffixPrompt(
                probe.chat,
                probe: probe.id,
                target: target,
                length: settings.suffixLength,
                for: model
            )
            let start = ContinuousClock.now
            func report(_ losses: [Double], _ best: Double, _ search: Data?) throws {
                try progress(
                    Progress(
                        probeID: probe.id,
                        index: index,
                        total: probes.count,
                        step: losses.count - 1,
                        steps: settings.steps,
                        loss: losses.last ?? .infinity,
                        bestLoss: best,
                        search: search
                    )
                )
            }
            let found: Found
            switch settings.method {
            case .gcg:
                found = try await searched(prompt, on: model, vocabulary, settings, resuming: resume(probe.id), report)
            case .softPrompt:
                found = try await moved(prompt, on: model, settings, report)
            }
            let duration = (ContinuousClock.now - start).components
            var completion = found.completion
            var asked = probe
            if let suffix = found.suffix {
                asked.chat = prompt.chat(with: suffix)
                completion = try await LocalResponder(model).respond(to: [asked.chat], options: options)[0]
            }
            let verdict = try await suite.verdicts(
                of: suite.judge,
                on: [Exchange(probe: probe, completion: completion)],
                asked: [Exchange(probe: asked, completion: completion)]
            )[0]
            outcomes.append(
                Outcome(
                    probeID: probe.id,
                    request: request,
                    target: target,
                    initialLoss: found.losses.first ?? .infinity,
                    finalLoss: found.best,
                    losses: found.losses,
                    steps: found.losses.count - 1,
                    seconds: Double(duration.seconds) + Double(duration.attoseconds) * 1e-18,
                    suffix: found.suffix,
                    plainAnswer: plain[index].text,
                    plainVerdict: plainVerdicts[index],
                    answer: completion.text,
                    verdict: verdict
                )
            )
        }
        return outcomes
    }

    /// A file of suffixes, one a line without the space before it, `#` before what is said about each.
    public static func suffixFile(_ outcomes: [Outcome]) -> String {
        outcomes.compactMap { outcome in
            outcome.suffix.map { suffix in
                let loss = outcome.finalLoss.formatted(.number.precision(.fractionLength(3)).grouping(.never))
                return "# \(outcome.probeID): loss \(loss), \(outcome.steps) steps\n\(suffix.dropFirst())\n"
            }
        }.joined()
    }

    /// What a search ends with.
    private struct Found: Sendable {
        var losses: [Double]
        var best: Double
        var suffix: String?
        /// The answer where the suffix is no text.
        var completion = Completion(text: "", tokenCount: 0, finishReason: .stop)
    }

    @TorchActor
    private static func searched(
        _ prompt: SuffixPrompt,
        on model: LanguageModel,
        _ vocabulary: SuffixVocabulary,
        _ settings: Settings,
        resuming saved: Data?,
        _ report: (_ losses: [Double], _ best: Double, _ search: Data?) throws -> Void
    ) throws -> Found {
        var own = GreedyCoordinateGradient.Settings()
        own.batchSize = settings.batchSize
        own.topK = settings.topK
        own.momentum = settings.momentum
        own.annealingSteps = settings.anneals ? settings.steps : nil
        own.seed = settings.seed
        var search = try GreedyCoordinateGradient(
            prompt,
            on: model.network,
            vocabulary: vocabulary,
            settings: own,
            resuming: saved.flatMap { try? JSONDecoder().decode(GreedyCoordinateGradient.State.self, from: $0) }
        )
        while search.state.step < settings.steps {
            try Task.checkCancellation()
            try search.step(on: model.network)
            try report(search.state.losses, search.state.bestLoss, JSONEncoder().encode(search.state))
        }
        let state = search.state
        return Found(losses: state.losses, best: state.bestLoss, suffix: prompt.text(of: state.best))
    }

    @TorchActor
    private static func moved(
        _ prompt: SuffixPrompt,
        on model: LanguageModel,
        _ settings: Settings,
        _ report: (_ losses: [Double], _ best: Double, _ search: Data?) throws -> Void
    ) throws -> Found {
        var search = try SoftPrompt(prompt, on: model.network, stepSize: settings.stepSize)
        // One more than there are steps: the last says where the last step led.
        for _ in 0...settings.steps {
            try Task.checkCancellation()
            try search.step()
            try report(search.losses, search.bestLoss, nil)
        }
        let tokenizer = try model.requireTokenizer()
        let answer = try search.answer(maxNewTokens: settings.maxNewTokens, endIDs: tokenizer.endOfTurnIDs)
        return Found(
            losses: search.losses,
            best: search.bestLoss,
            completion: Completion(
                text: tokenizer.decode(answer.ids, skipSpecialTokens: true),
                tokenCount: answer.ids.count,
                finishReason: answer.ended ? .stop : .length
            )
        )
    }
}

extension LanguageModel {
    fileprivate func prepareForGradients() throws { try network.prepareForTraining() }
}
