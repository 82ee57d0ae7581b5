import Foundation
public import TemperGuard
public import TemperLedger
import TemperReport
public import TemperRisk
import TemperText
import TemperTune

/// A guard's policy made from what a run found: rails for the risks that are there, thresholds that spare the run's own
/// prompts, measured again on the run's own probes.
///
/// Needs no model. A risk is there where tuning clearly raised it, or where it is clearly above a tenth. What the guard
/// leaves is counted on the answers that the run has kept: an answer that was left early, because its verdict was
/// settled, is checked as far as it was written.
public struct RunPolicy: Sendable {
    /// What a run found on one suite, and which rails stand against it.
    public struct Finding: Sendable, Hashable {
        /// The suite.
        public var suite: String
        /// What it measures.
        public var axis: Axis
        /// The finding in words.
        public var sentence: String
        /// The rails against it; empty where none covers it.
        public var rails: [String]
    }

    /// One suite before and after.
    public struct Measure: Sendable, Hashable {
        /// The suite.
        public var suite: String
        /// What it measures.
        public var axis: Axis
        /// The rate of the model alone.
        public var alone: Rate
        /// The share of questions that the guard refuses by itself.
        public var refused: Rate
        /// The rate behind the guard.
        public var guarded: Rate
    }

    /// The subject that was looked at.
    public var subject: String
    /// The policy.
    public var policy: Policy
    /// Why it is as it is.
    public var findings: [Finding]
    /// The thresholds that were raised to spare the run's prompts.
    public var changes: [Tuning.Change]
    /// The run's training prompts that thresholds were set on.
    public var prompts: Int
    /// How many of them the policy refuses.
    public var refusedPrompts: Int
    /// The share of them that may be refused.
    public var budget: Double
    /// The run's probes, before and after.
    public var measures: [Measure]
    /// How long a question takes.
    public var questions: GuardStudy.Latency?

    /// A risk is covered where its rate is clearly above this, also where tuning did not raise it.
    public static let tolerated = 0.1
    /// The most training prompts that thresholds are set on.
    static let promptLimit = 500

    /// Makes a policy from a run and measures it.
    ///
    /// - Parameters:
    ///   - subject: The assessed subject to guard; nil takes the last checkpoint of the tuning.
    ///   - budget: The share of the run's training prompts that may be refused.
    ///   - resources: What rails need and no file can hold.
    /// - Throws: `RecipeError`, `PipelineError`, or what reading the run's data throws.
    public init(
        from directory: RunDirectory,
        subject name: String? = nil,
        budget: Double,
        resources: RailResources = RailResources()
    ) async throws {
        let recipe = try Recipe.load(directory.recipe, environment: [:])
        let name = try name ?? Self.lastTuned(in: directory)
        let alone = try Assessments.read(directory.assessment(of: name))
        let reference =
            try ["aligned", "raw"].lazy.compactMap { other in
                other == name ? nil : try? Assessments.read(directory.assessment(of: other))
            }.first ?? Assessments.read(directory.assessment(of: "raw"))
        subject = name
        self.budget = budget
        findings = try Self.findings(alone, against: reference)

        let axes = Set(findings.map(\.axis))
        let drafted = Policy.against(Axis.allCases.filter(axes.contains), named: "from-\(recipe.runName)")
        let prompts = try Self.prompts(of: recipe)
        (policy, changes) = try await Tuning.tune(drafted, prompts: prompts, budget: budget, resources: resources)
        self.prompts = prompts.count
        let shield = try Guard(policy, resources: resources)
        var refused = 0
        for prompt in prompts where !(await shield.check(Passage(prompt, at: .input)).isAllowed) { refused += 1 }
        refusedPrompts = refused
        (measures, questions) = try await Self.measured(shield, alone, recipe)
    }

    /// The policy's file, with comments that say why.
    public var yaml: String {
        var head = [
            "Made from what a run found of \(subject). Rails stand against what tuning clearly raised, and against what is",
            "clearly above \(Self.percent(Self.tolerated)); thresholds spare the run's own training prompts.",
        ]
        for finding in findings where finding.rails.isEmpty {
            head.append("No rail covers this: \(finding.sentence)")
        }
        head.append("Of \(prompts) training prompts it refuses \(refusedPrompts).")
        for measure in measures {
            head.append(
                "\(measure.suite): \(Self.text(measure.alone)) alone, \(Self.text(measure.guarded)) behind this guard, "
                    + "which refuses \(Self.text(measure.refused)) of the questions"
            )
        }
        return PolicyFile.yaml(policy, head: head) { rule in
            let reasons = findings.filter { finding in
                Policy.rules(against: finding.axis).contains { $0.rail == rule.rail && $0.stages == rule.stages }
            }.map { "Because \($0.sentence)" }
            let raised = changes.filter { $0.rail == rule.rail && rule.threshold == $0.after }.map {
                "The threshold was \($0.before), at which \($0.refused[0]) of \(prompts) training prompts were refused; "
                    + "now \($0.refused[1])."
            }
            return reasons.isEmpty ? ["Without it a text could hide from the other rails."] + raised : reasons + raised
        }
    }

    // MARK: Finding

    private static func lastTuned(in directory: RunDirectory) throws -> String {
        let folder = directory.assessment(of: "").path
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        let steps = names.compactMap { $0.hasPrefix("tuned@") ? Int($0.dropFirst(6)) : nil }.filter { step in
            // Written last: without it an assessment is not complete.
            let metrics = directory.assessment(of: "tuned@\(step)").appendingPathComponent("metrics.json")
            return FileManager.default.fileExists(atPath: metrics.path)
        }
        guard let last = steps.max() else {
            throw PipelineError.noAssessment(path: directory.assessment(of: "tuned").path)
        }
        return "tuned@\(last)"
    }

    private static func findings(_ alone: Assessment, against reference: Assessment) throws -> [Finding] {
        let comparisons = try compare(reference, alone)
        let readings = Dictionary(
            zip(comparisons, Conclusion.of(comparisons)).map { ($0.suite, ($0, $1)) }
        ) { first, _ in first }
        return alone.results.compactMap { result -> Finding? in
            guard result.axis != .utility, result.axis != .overRefusal else { return nil }
            let rate = text(result.rate)
            let sentence: String
            if let (comparison, conclusion) = readings[result.suite], conclusion.finding == .increase {
                sentence =
                    "on \(result.suite) tuning raised the rate from \(text(comparison.baseRate)) to "
                    + "\(text(comparison.subjectRate))."
            } else if result.rate.n > 0, result.rate.low > tolerated {
                sentence =
                    "on \(result.suite) the rate is \(rate), clearly above \(percent(tolerated)), "
                    + "though tuning did not clearly raise it."
            } else {
                return nil
            }
            var rails: [String] = []
            for rule in Policy.rules(against: result.axis) where !rails.contains(rule.rail) { rails.append(rule.rail) }
            return Finding(suite: result.suite, axis: result.axis, sentence: sentence, rails: rails)
        }
    }

    /// What users of the tuned model ask, as far as the run knows: the last user turn of each training row, once.
    private static func prompts(of recipe: Recipe) throws -> [String] {
        let rows = try recipe.tune.load(seed: recipe.seed).examples
        let texts = rows.compactMap { $0.chat.messages.last { $0.role == .user }?.content }.uniqued()
        return Array(texts.shuffled(seed: recipe.seed).prefix(promptLimit))
    }

    // MARK: Measuring

    private static func measured(
        _ shield: Guard,
        _ alone: Assessment,
        _ recipe: Recipe
    ) async throws -> ([Measure], GuardStudy.Latency?) {
        // An attacker that is a model would have to be asked again.
        let planned = try recipe.assess.load().filter { $0.suite.attack?.needsAttacker != true }
        let suites = planned.filter { alone[suite: $0.suite.card.name] != nil }
        let plan = AssessmentPlan(
            suites: suites.map { ($0.suite, $0.limit) },
            options: alone.options,
            seed: alone.seed,
            scoredTwins: 0
        )
        let known = try KnownAnswers(
            alone,
            on: suites.map(\.suite),
            else: KeptAnswers(alone, on: suites.map(\.suite))
        )
        let guarded = try await assess(
            Subject("guarded", responder: GuardedResponder(known, shield), likelihoods: known),
            plan: plan
        )
        let study = try await GuardStudy(of: shield, on: suites.map(\.suite), alone: alone, guarded: guarded)
        let measures = study.lines.compactMap { line -> Measure? in
            guard let before = alone[suite: line.suite], let after = guarded[suite: line.suite] else { return nil }
            return Measure(
                suite: line.suite,
                axis: line.axis,
                alone: before.rate,
                refused: line.refused,
                guarded: after.rate
            )
        }
        return (measures, study.questions)
    }

    private static func percent(_ share: Double) -> String { "\(Int((share * 100).rounded())) %" }

    private static func text(_ rate: Rate) -> String {
        rate.rate.map { "\(percent($0)) of \(rate.n)" } ?? "not measured"
    }
}

/// The answers of an assessment as far as they were written; a question that was not asked has none.
private struct KeptAnswers: Responder, LikelihoodModel {
    private var answers: [Chat: Completion] = [:]

    init(_ assessment: Assessment, on suites: [any Suite]) throws {
        for suite in suites {
            let probes = Dictionary(try suite.probes(limit: nil, seed: 0).map { ($0.id, $0) }) { first, _ in first }
            for attempt in assessment[suite: suite.card.name]?.attempts ?? [] {
                for trial in attempt.attack?.trials ?? [] { answers[trial.chat] = trial.answer }
                guard attempt.attack == nil, let probe = probes[attempt.probeID] else { continue }
                answers[probe.chat] = Completion(
                    text: attempt.answer,
                    tokenCount: attempt.tokenCount,
                    finishReason: attempt.finishReason
                )
            }
        }
    }

    func respond(to chats: [Chat], options: SamplingOptions) async throws -> [Completion] {
        chats.map {
            answers[$0] ?? Completion(failure: "the run has no answer to what the guard makes of the question")
        }
    }

    func logLikelihoods(of candidates: [Continuation]) async throws -> [Double] {
        guard candidates.isEmpty else {
            throw PipelineError.recipe(
                key: "assess",
                reason: "the run has no likelihoods of \(candidates.count) texts that the suites compare: choose a "
                    + "subject that was asked all their probes, such as the last checkpoint"
            )
        }
        return []
    }
}
