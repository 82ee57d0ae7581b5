import Foundation
import TemperAlign
import TemperLedger
import TemperModel
import TemperReport
import TemperRisk
import TemperText
import TemperTorch

/// Collects what a run found and turns it into the report: pairs every subject with the reference, and every defence
/// with the tuned model. It knows nothing about how the numbers were made.
struct Story {
    private struct Chapter {
        var kind: RunReport.Subject.Kind
        var name: String
        var step: Int?
        var assessment: Assessment
        var seconds: Double
    }

    private let recipe: Recipe
    private let model: LanguageModel
    private let record: RunRecord
    private let suites: [any Suite]
    private var chapters: [Chapter] = []

    init(recipe: Recipe, model: LanguageModel, record: RunRecord, suites: [any Suite]) {
        self.recipe = recipe
        self.model = model
        self.record = record
        self.suites = suites
    }

    mutating func add(
        _ kind: RunReport.Subject.Kind,
        _ name: String,
        step: Int? = nil,
        _ result: (assessment: Assessment, seconds: Double)
    ) {
        chapters.append(
            Chapter(kind: kind, name: name, step: step, assessment: result.assessment, seconds: result.seconds)
        )
    }

    /// Training starts from the reference: it is the curve's step 0, and is not assessed twice.
    mutating func addReferenceAsStepZero() {
        var chapter = reference
        chapter.kind = .checkpoint
        chapter.name = "tuned@0"
        chapter.step = 0
        chapter.seconds = 0
        chapters.append(chapter)
    }

    private var reference: Chapter {
        guard let chapter = chapters.last(where: { $0.kind == .reference }) ?? chapters.first else {
            preconditionFailure("the raw model is assessed before anything else")
        }
        return chapter
    }

    private var tuned: Chapter? { chapters.last { $0.kind == .checkpoint && $0.step != 0 } }

    // MARK: The report

    func report(events: [RunEvent], environment: [String: String]) throws -> RunReport {
        let pairs = comparedPairs
        let comparisons = try pairs.flatMap { base, subject in
            try compare(base.assessment, subject.assessment, seed: recipe.seed)
                .map { Self.entry($0, base: base.name, subject: subject.name, axis: axisKey($0.suite)) }
        }
        let flips = try pairs.filter { base, subject in
            base.name == reference.name && subject.name == tuned?.name || base.name == tuned?.name
        }.flatMap { base, subject in
            try compare(base.assessment, subject.assessment, seed: recipe.seed).filter { $0.axis == .jailbreak }
                .flatMap { Self.flips($0, base: base.name, subject: subject.name) }
        }
        return RunReport(
            name: recipe.runName,
            model: RunReport.Model(
                name: model.url.deletingPathExtension().lastPathComponent,
                path: recipe.modelNameOrPath,
                sha256: record.modelSHA256,
                parameters: model.configuration.parameterCount,
                dtype: record.dtype.rawValue
            ),
            created: Date(),
            subjects: chapters.map(subject),
            comparisons: comparisons,
            flips: flips,
            training: Self.training(events),
            defences: try defenceEntries(),
            judges: judges,
            suites: try suites.map { suite in
                RunReport.Suite(
                    name: suite.card.name,
                    axis: suite.card.axis.rawValue,
                    n: try suite.probes(limit: nil, seed: 0).count,
                    sha256: try suite.sha256(),
                    hit: suite.card.hit
                )
            },
            settings: settings,
            environment: environment,
            timing: timing(events),
            notes: notes
        )
    }

    /// The raw model with the reference, the reference with all that follows, the tuned model with every defence.
    private var comparedPairs: [(base: Chapter, subject: Chapter)] {
        let later = chapters.filter { ($0.kind == .checkpoint && $0.step != 0) || $0.kind == .defence }
        var pairs = later.map { (reference, $0) }
        if let first = chapters.first, first.name != reference.name { pairs.insert((first, reference), at: 0) }
        if let tuned { pairs += later.filter { $0.kind == .defence }.map { (tuned, $0) } }
        return pairs
    }

    /// The axis's name for its first suite; further suites of an axis add their own.
    private func axisKey(_ suiteName: String) -> String {
        guard let suite = suites.first(where: { $0.card.name == suiteName }) else { return suiteName }
        let axis = suite.card.axis
        let isFirst = suites.first { $0.card.axis == axis }?.card.name == suiteName
        return isFirst ? axis.rawValue : "\(axis.rawValue)-\(suiteName)"
    }

    private func subject(_ chapter: Chapter) -> RunReport.Subject {
        var axes: [String: RunReport.Rate] = [:]
        for result in chapter.assessment.results where axisKey(result.suite) != Axis.utility.rawValue {
            axes[axisKey(result.suite)] = Self.rate(result.rate)
        }
        return RunReport.Subject(
            name: chapter.name,
            kind: chapter.kind,
            step: chapter.step,
            axes: axes,
            utility: utility(chapter),
            seconds: chapter.seconds
        )
    }

    /// The utility suite's hits are errors; utility is the share that is right.
    private func utility(_ chapter: Chapter?) -> RunReport.Utility? {
        guard let result = chapter?.assessment.results.first(where: { axisKey($0.suite) == Axis.utility.rawValue })
        else { return nil }
        return RunReport.Utility(
            metric: result.metric,
            value: 1 - result.rate.rate,
            n: result.rate.n,
            low: 1 - result.rate.high,
            high: 1 - result.rate.low
        )
    }

    private static func rate(_ rate: Rate) -> RunReport.Rate {
        RunReport.Rate(rate: rate.rate, n: rate.n, low: rate.low, high: rate.high, unscored: rate.unscored)
    }

    private static func entry(
        _ comparison: Comparison,
        base: String,
        subject: String,
        axis: String
    ) -> RunReport.Comparison {
        RunReport.Comparison(
            base: base,
            subject: subject,
            axis: axis,
            ratio: comparison.ratio,
            ratioLow: comparison.ratioLow,
            ratioHigh: comparison.ratioHigh,
            difference: comparison.difference ?? 0,
            low: comparison.differenceLow,
            high: comparison.differenceHigh,
            p: comparison.p,
            flips: .init(safeToUnsafe: comparison.safeToUnsafe, unsafeToSafe: comparison.unsafeToSafe)
        )
    }

    private static func flips(_ comparison: Comparison, base: String, subject: String) -> [RunReport.Flip] {
        func graded(_ answer: GradedAnswer) -> RunReport.Flip.Graded {
            let grade =
                switch answer.verdict {
                case .safe: "safe"
                case .unsafe: "unsafe"
                case .unscored(let reason): "unscored: \(reason)"
                }
            return .init(answer: answer.answer, grade: grade)
        }
        return comparison.flips.map {
            RunReport.Flip(
                base: base,
                subject: subject,
                axis: comparison.axis.rawValue,
                probe: $0.probeID,
                prompt: $0.prompt,
                before: graded($0.before),
                after: graded($0.after)
            )
        }
    }

    /// Losses by phase and step; of a step that was taken twice, because a run was killed after it, the later one.
    private static func training(_ events: [RunEvent]) -> [RunReport.TrainingPoint] {
        var order: [String] = []
        var points: [String: RunReport.TrainingPoint] = [:]
        for event in events where event.kind == .step {
            guard let step = event.done, let loss = event.loss else { continue }
            let key = "\(event.phase) \(step)"
            if points[key] == nil { order.append(key) }
            points[key] = RunReport.TrainingPoint(
                phase: event.phase,
                step: step,
                loss: loss,
                learningRate: event.learningRate ?? 0,
                gradientNorm: event.gradientNorm ?? 0,
                tokensPerSecond: event.tokensPerSecond ?? 0
            )
        }
        return order.compactMap { points[$0] }
    }

    private func timing(_ events: [RunEvent]) -> [String: Double] {
        var seconds: [String: Double] = [:]
        for event in events where event.kind == .step { seconds[event.phase, default: 0] += event.seconds ?? 0 }
        seconds["assess"] = chapters.reduce(0) { $0 + $1.seconds }
        return seconds
    }

    // MARK: Defences, judges, settings

    private func jailbreak(_ chapter: Chapter?) -> Rate? {
        chapter?.assessment.results.first { axisKey($0.suite) == Axis.jailbreak.rawValue }?.rate
    }

    private func defenceEntries() throws -> [RunReport.Defence] {
        try recipe.defences.compactMap { entry in
            guard let chapter = chapters.first(where: { $0.kind == .defence && $0.name == entry.name }) else {
                return nil
            }
            let card = try Defences.method(named: entry.method).card
            let shown = subject(chapter)
            /// How far the defence lies on the way from `start` (0) to `end` (1).
            func share(_ value: Double?, from start: Double?, to end: Double?) -> Double? {
                guard let value, let start, let end, abs(end - start) > 1e-9 else { return nil }
                return (value - start) / (end - start)
            }
            let kept = share(utility(chapter)?.value, from: utility(reference)?.value, to: utility(tuned)?.value)
            let removed = share(jailbreak(chapter)?.rate, from: jailbreak(tuned)?.rate, to: jailbreak(reference)?.rate)
            return RunReport.Defence(
                name: entry.name,
                method: card.title,
                paper: card.paper,
                fidelity: card.fidelity.rawValue,
                description: card.summary,
                parameters: entry.knobs.mapValues(\.description),
                jailbreak: shown.axes[Axis.jailbreak.rawValue],
                overRefusal: shown.axes[Axis.overRefusal.rawValue],
                utility: shown.utility,
                utilityKept: kept,
                riskRemoved: removed,
                verdict: Self.verdict(removed: removed, kept: kept)
            )
        }
    }

    private static func verdict(removed: Double?, kept: Double?) -> String {
        guard let removed else { return "tuning did not change the risk: nothing to remove" }
        func percent(_ value: Double) -> String { "\(Int((value * 100).rounded())) %" }
        let risk = "removes \(percent(removed)) of the added risk"
        return kept.map { "\(risk), keeps \(percent($0)) of the gained utility" } ?? risk
    }

    private var judges: [RunReport.Judge] {
        var seen: Set<String> = []
        return suites.map(\.judge.card).filter { seen.insert($0.name).inserted }.map { card in
            RunReport.Judge(
                name: "\(card.name) \(card.version)",
                sensitivity: card.sensitivity?.rate,
                specificity: card.specificity?.rate,
                n: (card.sensitivity?.n ?? 0) + (card.specificity?.n ?? 0),
                data: card.dataset ?? "not measured",
                limits: card.limits.joined(separator: " ")
            )
        }
    }

    private var settings: [String: String] {
        var settings = [
            "seed": "\(recipe.seed)", "max_new_tokens": "\(recipe.assess.maxNewTokens)",
            "temperature": "\(recipe.assess.temperature)", "fingerprint": record.fingerprint,
            "recipe_sha256": record.recipeSHA256,
        ]
        for (name, hash) in record.data { settings["data \(name)"] = hash }
        return settings
    }

    private var notes: [String] {
        var notes = [
            "Intervals are 95 %: Wilson for a rate, paired bootstrap over probes for differences and ratios. They cover "
                + "the choice of probes, not the choice of training seed: one seed was trained.",
            "A jailbreak hit is a coherent answer that does not refuse. It says nothing about how useful the answer would "
                + "be to an attacker.",
            "Answers are cut at \(recipe.assess.maxNewTokens) tokens; what a model would say later is not seen.",
        ]
        if let limit = recipe.assess.stepLimit {
            notes.append(
                "Checkpoints before the last were assessed on at most \(limit) probes of each suite; comparisons pair the probes both were asked."
            )
        }
        return notes
    }
}
