import Foundation
import TemperAlign
import TemperLedger
import TemperModel
import TemperReport
import TemperRisk
import TemperTorch
import TemperTune

/// Runs a search for a defence: takes the steps that `DefenceSearch` decides on, each once, and tells the story of it.
///
/// The candidates live in the run's `search` folder, which is laid out like a run of its own. What a step found is kept
/// there, so that a search that was stopped goes on, and a larger budget takes up what a smaller one has done. One that
/// is measured on the full suites becomes a defence of the run.
@TorchActor
struct DefenceTrials {
    /// What making a candidate took and gave; written before it is assessed.
    private struct Record: Codable {
        var schema = 1
        var fingerprint: String
        /// Seconds of making.
        var seconds: Double
        var change: Double?
        var note: String?
    }

    /// A candidate that was measured on the full suites.
    private struct Confirmed {
        var index: Int
        var step: DefenceSearch.Step
        var record: Record
        var seconds: Double
    }

    let settings: Recipe.Search
    let policy: GatePolicy?
    let session: RunSession
    /// The same run inside its `search` folder, with the sentinel's suites.
    let trials: RunSession
    let reference: LanguageModel
    let tuned: RunSession.Trained
    let data: Dataset

    private let candidates: [(entry: Recipe.Defence, defence: Defence)]

    init(
        _ settings: Recipe.Search,
        policy: GatePolicy?,
        session: RunSession,
        suites: [PlannedSuite],
        reference: LanguageModel,
        tuned: RunSession.Trained,
        data: Dataset
    ) throws {
        self.settings = settings
        self.policy = policy
        self.session = session
        self.reference = reference
        self.tuned = tuned
        self.data = data
        trials = session.inside("search", asking: settings.sentinel(of: suites))
        candidates = try session.recipe.candidates(of: settings).compactMap { entry in
            let defence = try entry.make()
            do {
                try defence.check(against: reference, after: session.recipe.tune.settings)
                return (entry, defence)
            } catch let error as DefenceError {
                session.note("search", "\(entry.name) is left out: \(error)")
                return nil
            }
        }
        guard !candidates.isEmpty else {
            throw PipelineError.recipe(key: "defend.methods", reason: "none of them works on this model; name others")
        }
    }

    /// Searches, and adds what was found to the story.
    func run(_ story: inout Story) async throws {
        guard let last = story.tuned else { preconditionFailure("nothing is searched for where nothing was tuned") }
        let plain = session.loggedSeconds(of: "tune")
        let asked = last.assessment.results.reduce(0) { $0 + $1.attempts.count }
        let sentinel = trials.probes(early: false)
        let trialCost = last.seconds * Double(sentinel) / Double(max(asked, 1))
        let watched = story.chapters.filter { $0.kind == .checkpoint && $0.step != 0 }.reduce(0) { $0 + $1.seconds }
        var search = DefenceSearch(
            candidates: candidates.map { entry, defence in
                let expected = Self.expected(defence, tuned: tuned, plain: plain) ?? trialCost / 4
                return .init(name: entry.name, trains: !defence.changesWeightsOnly, cost: expected)
            },
            budget: settings.budget * (plain + watched),
            trialCost: trialCost,
            confirmationCost: last.seconds
        )
        let demands = SearchDemands(
            suites: Set(trials.suiteNames),
            reference: story.reference.assessment,
            tuned: last.assessment
        )
        var measured: [Int: [RunReport.Trial]] = [:]
        var changes: [Int: Double] = [:]
        var confirmed: [Confirmed] = []
        searching: while true {
            let step = search.next
            switch step {
            case .finish: break searching
            case .attempt(let index, let rung):
                let (record, assessment, seconds) = try await attempt(index, rung)
                let isWhole = rung == DefenceSearch.steps.count - 1
                let early = isWhole || !startsPlain(index) ? nil : plainAssessment(at: rung, in: story)
                let shortfall = try demands.shortfall(of: assessment, comparedWith: early)
                let passes = shortfall == 0
                search.record(finding(record, shortfall, passes, seconds), of: step)
                changes[index] = record.change
                let shown = story.trial(isWhole ? .whole : .part, assessment, shortfall: shortfall, passes: passes)
                measured[index, default: []].append(shown)
                tell(search.candidates[index].name, shown)
            case .confirm(let index):
                let (record, result) = try await confirm(index)
                let name = candidates[index].entry.name
                story.add(.defence, name, result)
                story.searched.append(candidates[index].entry)
                story.notes[name] = record.note
                let shortfall = try demands.shortfall(of: result.assessment)
                let shown = story.trial(.full, result.assessment, shortfall: shortfall, passes: shortfall == 0)
                measured[index, default: []].append(shown)
                confirmed.append(Confirmed(index: index, step: step, record: record, seconds: result.seconds))
                // What a rule asks of the best defence, a later one may change: all are held against what is now known.
                let verdicts = try policy.map { try Self.verdicts(of: $0, in: story) }
                for entry in confirmed {
                    guard var trial = measured[entry.index]?.popLast() else { continue }
                    trial.passes = verdicts?(candidates[entry.index].entry.name) ?? trial.passes
                    measured[entry.index]?.append(trial)
                    let found = finding(entry.record, trial.shortfall, trial.passes, entry.seconds)
                    search.record(found, of: entry.step)
                }
                if let last = measured[index]?.last { tell(name, last) }
            }
        }
        story.search = report(search, measured, changes, plain: plain + watched, sentinel: sentinel)
    }

    // MARK: Steps

    private typealias Measured = (record: Record, assessment: Assessment, seconds: Double)

    private func file(_ name: String, _ stage: String) -> URL {
        trials.directory.defence(name).appendingPathComponent("trial-\(stage).json")
    }

    private func kept(_ name: String, _ stage: String) -> Record? {
        LedgerFile.read(Record.self, from: file(name, stage)).flatMap {
            $0.fingerprint == session.fingerprint ? $0 : nil
        }
    }

    private func stage(_ rung: Int) -> String { "\(rung)-\(settings.sentinel)" }

    /// Makes a candidate as far as the rung says, and measures it on the sentinel.
    private func attempt(_ index: Int, _ rung: Int) async throws -> Measured {
        let (entry, defence) = candidates[index]
        let share = defence.changesWeightsOnly ? 1 : DefenceSearch.steps[rung]
        let result = try await trials.assess(
            "\(entry.name)-\(stage(rung))",
            early: defence.changesWeightsOnly && rung == 0,
            served: defence.servedPrompt
        ) {
            try await make(index, rung, share: share)
            return reference
        }
        let record = kept(entry.name, stage(rung)) ?? Record(fingerprint: session.fingerprint, seconds: 0)
        return (record, result.assessment, record.seconds + result.seconds)
    }

    /// Makes a candidate, leaves it on the model, and keeps what that took.
    private func make(_ index: Int, _ rung: Int, share: Double) async throws {
        let (entry, defence) = candidates[index]
        trials.sink.emit(RunEvent(.phase, phase: "search", message: "\(entry.name), rung \(rung + 1)"))
        let clock = ContinuousClock()
        let start = clock.now
        let (cured, note) = try await trials.make(
            entry,
            defence,
            after: tuned,
            on: reference,
            data: data,
            share: share
        )
        let change = try change(cured)
        if share == 1 {
            let folder = trials.directory.adapter(ofDefence: entry.name)
            try save(cured, to: folder)
        }
        if kept(entry.name, stage(rung)) == nil {
            // A training that was stopped on the way took what its steps took, before and after.
            let earlier = rung > 0 ? kept(entry.name, stage(rung - 1))?.seconds ?? 0 : 0
            let logged = defence.changesWeightsOnly ? 0 : session.loggedSeconds(of: entry.name) - earlier
            let record = Record(
                fingerprint: session.fingerprint,
                seconds: max((clock.now - start).inSeconds, logged),
                change: change,
                note: note
            )
            try LedgerFile.write(record, to: file(entry.name, stage(rung)))
        }
        try cured.attach(to: reference)
    }

    /// Measures a candidate on the full suites, as a defence of the run.
    private func confirm(
        _ index: Int
    ) async throws -> (record: Record, result: (assessment: Assessment, seconds: Double)) {
        let (entry, defence) = candidates[index]
        let folder = session.directory.adapter(ofDefence: entry.name)
        let result = try await session.assess(entry.name, served: defence.servedPrompt) {
            let (cured, _) = try await trials.make(entry, defence, after: tuned, on: reference, data: data)
            try save(cured, to: folder)
            try defence.servedPrompt?.write(beside: folder)
            try cured.attach(to: reference)
            return reference
        }
        let made = DefenceSearch.steps.indices.reversed().lazy.compactMap { kept(entry.name, stage($0)) }.first
        return (made ?? Record(fingerprint: session.fingerprint, seconds: 0), result)
    }

    private func save(_ cured: any Trainable, to folder: URL) throws {
        try cured.save(to: folder, of: reference, for: session.recipe.modelNameOrPath, alignment: session.alignment)
    }

    private func change(_ cured: any Trainable) throws -> Double? {
        guard let own = cured as? Adapter, let base = tuned.result as? Adapter else { return nil }
        return try own.change(from: base)
    }

    private func finding(
        _ record: Record,
        _ shortfall: Double,
        _ passes: Bool,
        _ seconds: Double
    ) -> DefenceSearch.Finding {
        // What has no size counts as large as taking the whole update back.
        .init(shortfall: shortfall, passes: passes, change: record.change ?? 1, seconds: seconds)
    }

    /// Whether a candidate is trained from where the tuning was.
    private func startsPlain(_ index: Int) -> Bool {
        switch candidates[index].defence {
        case .data, .training: true
        // It goes on from what was tuned.
        case .realignment, .weights: false
        }
    }

    /// Whether `temper gate RUN --policy FILE --subject NAME` lets a subject pass, by its name, as the story stands.
    static func verdicts(of policy: GatePolicy, in story: Story) throws -> (String) -> Bool {
        let report = try story.report(events: [], environment: [:])
        return { name in
            var policy = policy
            policy.subject = name
            // A rule may name a candidate that was not measured; without it, nothing passes.
            return (try? Gate.evaluate(report, against: policy))?.verdict == .pass
        }
    }

    /// The plain training after as large a share of its steps as a rung takes: the last checkpoint up to there.
    private func plainAssessment(at rung: Int, in story: Story) -> Assessment? {
        let step = Double(tuned.steps) * DefenceSearch.steps[rung]
        return story.chapters.last { chapter in
            chapter.kind == .checkpoint && chapter.step != 0 && chapter.step.map { Double($0) <= step } == true
        }?.assessment ?? story.reference.assessment
    }

    /// What a training is expected to take, from what the plain one took; nil for what trains nothing.
    private static func expected(_ defence: Defence, tuned: RunSession.Trained, plain: Double) -> Double? {
        let plain = plain * Double(tuned.steps) / Double(max(tuned.taken, 1))
        func share(_ steps: Int) -> Double { Double(steps) / Double(max(tuned.steps, 1)) }
        return switch defence {
        case .weights: nil
        case .data(let method as SafetyMix): plain / (1 - method.fraction)
        case .data: plain * 1.4
        // Steps of their own come first, of two and of three passes.
        case .training(let method as Vaccine): plain * (1 + 2 * share(method.alignmentSteps))
        case .training(let method as Booster): plain * (1 + 3 * share(method.alignmentSteps))
        // A second loss, or more rows in every step.
        case .training: plain * 1.5
        case .realignment(let method as Realignment): plain * share(method.steps)
        case .realignment: plain
        }
    }

    // MARK: Telling

    private func tell(_ name: String, _ trial: RunReport.Trial) {
        let lack =
            trial.passes
            ? "passes"
            : trial.stage == .full && policy != nil
                ? "does not pass the gate's policy" : "falls short by \(Self.points(trial.shortfall)) points"
        session.note("search", "\(name) on the \(trial.stage == .full ? "full suites" : "sentinel"): \(lack)")
    }

    private static func points(_ share: Double) -> String { "\((share * 1000).rounded() / 10)" }

    private func report(
        _ search: DefenceSearch,
        _ measured: [Int: [RunReport.Trial]],
        _ changes: [Int: Double],
        plain: Double,
        sentinel: Int
    ) -> RunReport.Search {
        let front = unbeaten(search, measured)
        let (index, passes): (Int?, Bool) =
            switch search.outcome {
            case .chosen(let index): (index, true)
            case .nearest(let index): (index, false)
            case .nothing: (nil, false)
            }
        let entries = candidates.indices.map { index in
            RunReport.Candidate(
                name: candidates[index].entry.name,
                method: candidates[index].entry.method,
                parameters: candidates[index].entry.knobs.mapValues(\.description),
                trains: search.candidates[index].trains,
                change: changes[index],
                seconds: search.seconds(of: index),
                trials: measured[index] ?? [],
                isOnFront: front.contains(index)
            )
        }
        let times = plain > 0 ? "\((search.spent / plain * 10).rounded() / 10) times" : "more than"
        let cost =
            "The search took \(Int(search.spent.rounded())) s, \(times) the plain tuning with its assessments "
            + "(\(Int(plain.rounded())) s), and tried \(measured.count) of \(candidates.count) candidates."
        let lack = index.flatMap { measured[$0]?.last?.shortfall }.map(Self.points) ?? "?"
        let verdict =
            switch (index.map { candidates[$0].entry.name }, passes) {
            case (let name?, true): "\(name) is the smallest change that was found to pass. \(cost)"
            case (let name?, false) where policy != nil:
                "Nothing passes the gate's policy; the nearest, by the search's own demands, is \(name), which falls short "
                    + "of those by \(lack) points. \(cost)"
            case (let name?, false):
                "Nothing passes; the nearest is \(name), which falls short by \(lack) points. \(cost)"
            case (nil, _): "Nothing was measured in full: the budget had no room for it. \(cost)"
            }
        session.note("search", verdict)
        return RunReport.Search(
            demands: policy == nil ? SearchDemands.sentences : ["the gate's policy \(settings.gate ?? "")"],
            budget: settings.budget,
            tuningSeconds: plain,
            spentSeconds: search.spent,
            sentinel: sentinel,
            candidates: entries,
            chosen: index.map { candidates[$0].entry.name },
            passes: passes,
            verdict: verdict
        )
    }

    /// The candidates that none which was measured as thoroughly beats on risk, refusals, utility and time.
    private func unbeaten(_ search: DefenceSearch, _ measured: [Int: [RunReport.Trial]]) -> Set<Int> {
        var front: Set<Int> = []
        for stage in [RunReport.Trial.Stage.full, .whole, .part] {
            let group = measured.keys.sorted().filter { measured[$0]?.last?.stage == stage }
            let points = group.map { index -> [Double?] in
                guard let trial = measured[index]?.last else { return [] }
                let axes = trial.axes.keys.sorted().map { trial.axes[$0]?.rate }
                return axes + [trial.utility?.value.map { -$0 }, search.seconds(of: index)]
            }
            front.formUnion(ParetoFront.indices(points).map { group[$0] })
        }
        return front
    }
}

extension Defence {
    /// Whether it trains nothing.
    fileprivate var changesWeightsOnly: Bool { if case .weights = self { true } else { false } }
}
