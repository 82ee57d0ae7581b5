public import Foundation
import TemperAlign
public import TemperLedger
import TemperModel
public import TemperReport
import TemperRisk
import TemperText
public import TemperTorch
import TemperTune

/// The main job: assess, align, tune, defend, continue, assess again, report.
///
/// Every later number is paired with the reference: the same probes, in the same order, decoded in the same way. Each
/// step is idempotent, so that running a finished or interrupted run again does only what is missing.
@TorchActor
public struct MainJob {
    /// How far to go.
    public enum Chapter: String, Sendable, CaseIterable, Comparable {
        /// The safety alignment and its assessment.
        case alignment
        /// The tuning, assessed at every checkpoint.
        case tuning
        /// Everything.
        case end

        /// The order of the story.
        public static func < (first: Chapter, second: Chapter) -> Bool {
            allCases.prefix { $0 != second }.contains(first)
        }
    }

    private let recipe: Recipe
    private let sink: any EventSink

    /// Prepares the run that a recipe describes.
    public nonisolated init(_ recipe: Recipe, sink: any EventSink) {
        self.recipe = recipe
        self.sink = sink
    }

    /// The run's directory.
    public nonisolated var directory: RunDirectory {
        RunDirectory(URL(fileURLWithPath: recipe.outputDir).appendingPathComponent(recipe.runName))
    }

    /// The adapters, or weights, to load on the base, by subject: of the alignment, of the last checkpoint, and of the defences.
    public nonisolated var adapters: [(subject: String, folder: URL)] {
        let aligned = [recipe.alignment(in: directory)].compactMap { $0 }.map { ("aligned", $0) }
        let tuned = Checkpoint.all(in: directory.checkpoints).suffix(1).map { ("tuned@\($0.step)", $0.url) }
        let searched = recipe.search.map { recipe.candidates(of: $0) } ?? []
        let defended = (recipe.defences + searched).map { ($0.name, directory.adapter(ofDefence: $0.name)) }
        return (aligned + tuned + defended).compactMap { subject, folder in
            [folder.appendingPathComponent(Adapter.onBase), folder].first {
                FileManager.default.fileExists(atPath: $0.appendingPathComponent("adapter_config.json").path)
                    || FullWeights.lie(in: $0)
            }.map { (subject, $0) }
        }
    }

    /// What running to the end of a chapter will take on this machine; nothing is written.
    public func estimate(upTo chapter: Chapter = .end) async throws -> RunEstimate {
        try await RunEstimator(recipe: recipe, sink: sink).estimate(upTo: chapter)
    }

    /// Runs to the end of a chapter, or takes up where an earlier run stopped. A run that went further stays whole.
    ///
    /// - Throws: `PipelineError.interrupted` after a cancelled task has written its checkpoint.
    public func run(upTo chapter: Chapter = .end) async throws -> RunReport {
        let directory = directory
        let isNew = !FileManager.default.fileExists(atPath: directory.url.path)
        guard let lock = try RunLock(directory) else { throw PipelineError.busy(path: directory.url.path) }
        defer { withExtendedLifetime(lock) {} }
        var status = RunStatus(state: .running, phase: "start", started: Date())
        let earlier = LedgerFile.read(RunStatus.self, from: directory.status)
        if let earlier { status.started = earlier.started }
        status.chapter = earlier?.chapter
        let chapter = max(chapter, earlier?.chapter.flatMap(Chapter.init) ?? chapter)
        do {
            let report = try await run(upTo: chapter, in: directory, status: &status)
            status.state = .finished
            status.chapter = chapter.rawValue
            status.updated = Date()
            try LedgerFile.write(status, to: directory.status)
            return report
        } catch {
            // A recipe that never got as far as this run's work must not change what the directory says of itself.
            if earlier != nil, status.phase == "start" { throw error }
            // Nor does a recipe that was refused leave an empty run behind.
            if isNew, status.phase == "start", !(error is CancellationError) {
                try? FileManager.default.removeItem(at: directory.url)
                throw error
            }
            let interrupted = error is CancellationError
            status.state = interrupted ? .interrupted : .failed
            status.error = interrupted ? nil : "\(error)"
            status.updated = Date()
            // The error that ended the run matters more than a status that cannot be written (a full disk is both).
            try? LedgerFile.write(status, to: directory.status)
            throw interrupted ? PipelineError.interrupted(run: directory.url.path) : error
        }
    }

    private func run(
        upTo chapter: Chapter,
        in directory: RunDirectory,
        status: inout RunStatus
    ) async throws -> RunReport {
        func enter(_ phase: String) throws {
            status.phase = phase
            status.updated = Date()
            try LedgerFile.write(status, to: directory.status)
        }

        // 1. Everything a mistake in the recipe could break is read before the first long step.
        var recipe = recipe
        if recipe.threads > 0 { Torch.setThreads(recipe.threads) }
        recipe.threads = Torch.threads
        let opened = try await recipe.opened()
        // What a device computes, another does not to the bit.
        recipe.device = "\(opened.device)"
        let (model, suites, tuningData) = (opened.model, opened.suites, opened.tuningData)
        var data = ["tune": tuningData]
        data["align"] = opened.alignmentData
        let record = try RunRecord(
            recipe: recipe,
            model: model,
            data: data,
            suites: suites.map(\.suite),
            helpers: opened.helpers.models,
            shield: opened.shield,
            shieldEncoder: opened.shieldEncoder,
            alignment: recipe.align?.adapterNameOrPath.map { URL(fileURLWithPath: $0) }
        )
        try record.claim(directory)
        let log = try EventLog(directory.events, next: sink)
        try LedgerFile.write(Machine.facts().merging(["device": recipe.device]) { $1 }, to: directory.environment)
        let session = RunSession(
            recipe: recipe,
            directory: directory,
            fingerprint: record.fingerprint,
            suites: suites,
            roles: opened.helpers.roles,
            sink: log
        )
        var story = Story(recipe: recipe, model: model, record: record, suites: suites.map(\.suite))

        // 2. The untouched model.
        try enter("assess raw")
        var assessed = try await session.assess("raw") { model }
        story.add(.base, "raw", assessed)

        // 3. Aligned first, if the recipe says so: that is the reference from here on.
        var reference = model
        if let align = recipe.align {
            try enter("align")
            if let data = opened.alignmentData {
                let job = RunSession.Job(
                    phase: "align",
                    directory: directory.alignment,
                    data: data,
                    settings: align.settings,
                    checkpointSteps: { [$0] }
                )
                session.alignment = try await session.train(job, on: model).result as? Adapter
            } else if let alignment = opened.alignment {
                alignment.attach(to: model)
                session.alignment = alignment
            }
            reference = try model.settled()
            if reference !== model {
                model.network.detach()
                model.network.unprepare()
            }
            assessed = try await session.assess("aligned") { reference }
            story.add(.reference, "aligned", assessed)
        }
        // Subjects whose result is known: were it not found, no other result could be trusted.
        if recipe.assess.controls {
            try enter("controls")
            story.controls = try await session.controls(of: reference, assessed: assessed.assessment)
        }
        story.addReferenceAsStepZero()
        try await session.assessQuantized(story.reference.name, of: reference, into: &story)

        // What the tuning competes with: the same rows, looked up instead of learned.
        if chapter >= .end, let retrieval = recipe.retrieval,
            let retriever = try recipe.retriever(in: tuningData, for: reference)
        {
            try enter(Story.retrievalName)
            let own = session.with(fingerprint: retrieval.fingerprint(in: session.fingerprint))
            let found = try await own.assess(Story.retrievalName, finding: retriever) { reference }
            try story.addRetrieval(found, by: retriever)
        }

        // 4. The user's tuning, assessed at every checkpoint.
        if chapter >= .tuning {
            try enter("tune")
            let tuned = try await session.tune(reference, on: tuningData, watching: suites, story: &story)
            if let last = story.tuned {
                try tuned.result.attach(to: reference)
                try await session.assessQuantized(last.name, of: reference, into: &story)
                // What was tuned, behind the guard.
                if let shield = opened.shield, chapter >= .end {
                    try enter("guard")
                    let guarded = try await session.assess(reference, behind: shield, alone: last.assessment)
                    story.add(.guarded, Story.guardedName, guarded.result)
                    story.study = guarded.study
                }
            } else {
                session.note(
                    "tune",
                    "the result is the reference itself: there is nothing to guard, to search for or to continue"
                )
            }
            // 5. The cures.
            for (entry, defence) in opened.defences where chapter >= .end {
                guard story.tuned != nil || !defence.needsTuned else {
                    story.leftOut.append(entry.name)
                    session.note(entry.name, "left out: it changes what was tuned, and nothing was")
                    continue
                }
                try enter("defence \(entry.name)")
                let (cured, note) = try await session.make(
                    entry,
                    defence,
                    after: tuned,
                    on: reference,
                    data: tuningData
                )
                story.notes[entry.name] = note
                let folder = directory.adapter(ofDefence: entry.name)
                try cured.save(
                    to: folder,
                    of: reference,
                    for: recipe.modelNameOrPath,
                    alignment: session.alignment
                )
                let served = defence.servedPrompt
                try served?.write(beside: folder)
                try cured.attach(to: reference)
                story.add(.defence, entry.name, try await session.assess(entry.name, served: served) { reference })
                try await session.assessQuantized(entry.name, of: reference, served: served, into: &story)
            }
            // 6. The search for one.
            if let search = recipe.search, chapter >= .end, story.tuned != nil {
                try enter("search")
                let trials = try DefenceTrials(
                    search,
                    policy: opened.gate,
                    session: session,
                    suites: suites,
                    reference: reference,
                    tuned: tuned,
                    data: tuningData
                )
                try await trials.run(&story)
            }
            // 7. On with the tuning, to see whether safety holds.
            if let continuation = recipe.continuation, chapter >= .end, story.tuned != nil {
                try enter("continue")
                let course = ContinuedTuning(
                    settings: continuation,
                    session: session,
                    reference: reference,
                    tuned: tuned,
                    data: opened.continuedData
                )
                try await course.run(&story)
            }
        }

        // 8. The report.
        try enter("report")
        let report = try story.report(
            events: LedgerFile.readLines(RunEvent.self, from: directory.events),
            environment: Machine.facts()
        )
        try ReportFiles.write(report, to: directory.report)
        log.emit(RunEvent(.finished, phase: "report"))
        return report
    }
}
