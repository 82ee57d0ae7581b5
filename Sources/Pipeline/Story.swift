import Foundation
import TemperAlign
import TemperGuard
import TemperLedger
import TemperModel
import TemperReport
import TemperRisk
import TemperText
import TemperTorch

/// Collects what a run found and turns it into the report: pairs every subject with the reference, and every defence
/// with the tuned model. It knows nothing about how the numbers were made.
struct Story {
    struct Chapter {
        var kind: RunReport.Subject.Kind
        var name: String
        var step: Int?
        var quantization: RunReport.Quantization?
        var assessment: Assessment
        var seconds: Double

        /// Whether it came after the reference.
        var isLater: Bool {
            kind == .checkpoint && step != 0 || [.defence, .guarded, .retrieval, .quantized].contains(kind)
        }
    }

    let recipe: Recipe
    private let described: RunReport.Model
    /// The model the run started from, which counts tokens; nil where the story is told without it.
    private(set) var model: LanguageModel?
    let record: RunRecord
    let suites: [any Suite]
    /// Where each suite's numbers stand in the report.
    private let keys: [String: String]
    private(set) var chapters: [Chapter] = []
    /// What the controls showed; nil where none were assessed.
    var controls: [ControlResult]?
    /// What the guard does by itself; nil without one.
    var study: GuardStudy?
    /// What defences found while they were made, by name.
    var notes: [String: String] = [:]
    /// The defences of the recipe that had nothing to act on.
    var leftOut: [String] = []
    /// The defences that a search has measured in full.
    var searched: [Recipe.Defence] = []
    /// What the search found; nil where there was none.
    var search: RunReport.Search?
    /// What the risk budget saw; nil where there was none.
    var riskWatch: RunReport.RiskWatch?
    /// How the tuning went on; nil where it did not.
    var continuation: RunReport.Continuation?
    /// What was done instead of tuning; nil where nothing was.
    var retrieval: RunReport.Retrieval?
    /// What looked rows up for it; nil where the story is told without it.
    var retriever: Retriever?

    init(recipe: Recipe, model: LanguageModel, record: RunRecord, suites: [any Suite]) {
        let described = RunReport.Model(
            name: ModelReference.name(of: model.url),
            path: recipe.modelNameOrPath,
            sha256: record.modelSHA256,
            parameters: model.configuration.parameterCount,
            dtype: record.dtype.rawValue
        )
        self.init(recipe: recipe, described: described, record: record, suites: suites)
        self.model = model
    }

    /// A story that is told from what lies in a run's folder, without its model.
    init(recipe: Recipe, described: RunReport.Model, record: RunRecord, suites: [any Suite]) {
        self.recipe = recipe
        self.described = described
        self.record = record
        self.suites = suites
        keys = Self.reportKeys(suites)
    }

    mutating func add(
        _ kind: RunReport.Subject.Kind,
        _ name: String,
        step: Int? = nil,
        quantization: RunReport.Quantization? = nil,
        _ result: (assessment: Assessment, seconds: Double)
    ) {
        chapters.append(
            Chapter(
                kind: kind,
                name: name,
                step: step,
                quantization: quantization,
                assessment: result.assessment,
                seconds: result.seconds
            )
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

    var reference: Chapter {
        guard let chapter = chapters.last(where: { $0.kind == .reference }) ?? chapters.first else {
            preconditionFailure("the raw model is assessed before anything else")
        }
        return chapter
    }

    var tuned: Chapter? { chapters.last { $0.kind == .checkpoint && $0.step != 0 } }

    // MARK: The report

    func report(events: [RunEvent], environment: [String: String]) throws -> RunReport {
        let pairs = comparedPairs + continuedPairs
        let all = try compared(pairs)
        let comparisons = all.map { pair in
            Self.entry(
                pair.made,
                pair.conclusion,
                base: pair.base.name,
                subject: pair.subject.name,
                axis: key(pair.made.suite)
            )
        }
        let flips = all.filter { pair in
            pair.base.name == reference.name && pair.subject.name == tuned?.name || pair.base.name == tuned?.name
        }.filter { $0.made.axis != .privacy }.flatMap { pair in
            // What a probe of privacy shows, or its answer, may be a row of the user's own.
            Self.flips(pair.made, base: pair.base.name, subject: pair.subject.name, axis: key(pair.made.suite))
        }
        var report = RunReport(
            name: recipe.runName,
            model: described,
            created: Date(),
            subjects: chapters.map(subject),
            comparisons: comparisons,
            flips: flips,
            training: Self.training(events),
            defences: try defenceEntries(comparisons),
            judges: judges,
            suites: try suites.map { suite in
                RunReport.Suite(
                    name: suite.card.name,
                    title: suite.card.title,
                    axis: suite.card.axis.rawValue,
                    key: key(suite.card.name),
                    metric: suite.card.metric,
                    n: try suite.probes(limit: nil, seed: 0).count,
                    asked: chapters.compactMap { $0.assessment[suite: suite.card.name]?.attempts.count }.max() ?? 0,
                    sha256: try suite.sha256(),
                    hit: suite.card.hit
                )
            },
            settings: settings,
            environment: environment,
            timing: timing(events),
            notes: notes(pairs: pairs.count) + guardNotes,
            controls: controls?.map { control in
                RunReport.Control(
                    name: control.name,
                    expected: control.expected,
                    found: control.found,
                    outcome: .init(rawValue: control.outcome.rawValue) ?? .failed
                )
            },
            search: search,
            riskWatch: riskWatch,
            guarding: guarding,
            correctedRates: correctedRates,
            cost: try cost(events),
            trail: trail,
            continuation: try continuation.map(withPeaks),
            retrieval: retrieval,
            provenance: provenance(events)
        )
        let verdict = report.continuedVerdict
        report.continuation?.verdict = verdict
        return report
    }

    /// One measurement of a search's candidate.
    func trial(
        _ stage: RunReport.Trial.Stage,
        _ assessment: Assessment,
        shortfall: Double,
        passes: Bool
    ) -> RunReport.Trial {
        let shown = subject(Chapter(kind: .defence, name: assessment.subject, assessment: assessment, seconds: 0))
        return .init(stage: stage, axes: shown.axes, utility: shown.utility, shortfall: shortfall, passes: passes)
    }

    typealias Pair = (base: Chapter, subject: Chapter)

    private typealias Compared = (base: Chapter, subject: Chapter, made: Comparison, conclusion: Conclusion)

    /// The comparisons of pairs, suite by suite. Those of one pair are read together, in Holm's correction as by people: how
    /// many other subjects a run has changes nothing of what is found about two of them.
    private func compared(_ pairs: [Pair]) throws -> [Compared] {
        try pairs.flatMap { base, subject -> [Compared] in
            let made = try compare(base.assessment, subject.assessment)
            return zip(made, Conclusion.of(made)).map { (base, subject, $0, $1) }
        }
    }

    /// The raw model with the reference, the reference with all that follows, the tuned model with every defence and
    /// with itself behind the guard, and every quantised copy with what it was made of.
    private var comparedPairs: [Pair] {
        let cures: Set<RunReport.Subject.Kind> = [.defence, .guarded, .retrieval]
        let later = chapters.filter { $0.isLater && $0.quantization?.of != reference.name }
        var pairs = later.map { (reference, $0) }
        for copy in chapters {
            guard let of = copy.quantization?.of, let whole = chapters.last(where: { $0.name == of }) else { continue }
            pairs.append((whole, copy))
        }
        if let first = chapters.first, first.name != reference.name { pairs.insert((first, reference), at: 0) }
        if let tuned { pairs += later.filter { cures.contains($0.kind) }.map { (tuned, $0) } }
        return pairs
    }

    /// The key of each suite's numbers, by the suite's name: what its card asks for, and where several ask for the same
    /// one, with the name for all but one. Embedded suites come first, then names decide, whatever the recipe's order.
    static func reportKeys(_ suites: [any Suite]) -> [String: String] {
        let embedded = Suites.all.map(\.card.name)
        func rank(_ name: String) -> Int { embedded.firstIndex(of: name) ?? embedded.count }
        var keys: [String: String] = [:]
        var taken: Set<String> = []
        for card in suites.map(\.card).sorted(by: { (rank($0.name), $0.name) < (rank($1.name), $1.name) }) {
            let isFree = taken.insert(card.reportKey).inserted
            keys[card.name] = isFree ? card.reportKey : "\(card.reportKey)-\(card.name)"
        }
        return keys
    }

    func key(_ suiteName: String) -> String { keys[suiteName] ?? suiteName }

    func subject(_ chapter: Chapter) -> RunReport.Subject {
        var axes: [String: RunReport.Rate] = [:]
        for result in chapter.assessment.results where result.axis != .utility {
            axes[key(result.suite)] = Self.rate(result.rate)
        }
        return RunReport.Subject(
            name: chapter.name,
            kind: chapter.kind,
            step: chapter.step,
            quantization: chapter.quantization,
            axes: axes,
            utility: utility(chapter),
            measures: chapter.assessment.results.flatMap { result in
                result.measures.map {
                    .init(axis: key(result.suite), name: $0.name, value: $0.value, low: $0.low, high: $0.high, n: $0.n)
                }
            },
            secondOpinions: chapter.assessment.results.flatMap { result in
                result.secondOpinions.map {
                    .init(
                        axis: key(result.suite),
                        judge: $0.judge,
                        rate: Self.rate($0.rate),
                        agreeing: $0.agreeing,
                        compared: $0.compared
                    )
                }
            },
            separation: chapter.assessment.separation.map(Self.separation),
            seconds: chapter.seconds
        )
    }

    /// The recipe's utility suite is the only one on that axis.
    private func utility(_ chapter: Chapter) -> RunReport.Utility? {
        guard let result = chapter.assessment[.utility].first else { return nil }
        return RunReport.Utility(
            metric: result.metric,
            value: result.rate.rate,
            n: result.rate.n,
            low: result.rate.low,
            high: result.rate.high,
            unscored: result.rate.unscored
        )
    }

    private func timing(_ events: [RunEvent]) -> [String: Double] {
        var seconds: [String: Double] = [:]
        for event in events where event.kind == .step { seconds[event.phase, default: 0] += event.seconds ?? 0 }
        seconds["assess"] = chapters.reduce(0) { $0 + $1.seconds }
        return seconds
    }
}
