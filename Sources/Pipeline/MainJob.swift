public import Foundation
import TemperAlign
public import TemperLedger
import TemperModel
public import TemperReport
import TemperRisk
import TemperText
public import TemperTorch
import TemperTune

/// The main job: assess, align, tune, defend, assess again, report.
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
        let aligned = Checkpoint.all(in: directory.alignment).suffix(1).map { ("aligned", $0.url) }
        let tuned = Checkpoint.all(in: directory.checkpoints).suffix(1).map { ("tuned@\($0.step)", $0.url) }
        let defended = recipe.defences.map { ($0.name, directory.adapter(ofDefence: $0.name)) }
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
            helpers: opened.helpers.models
        )
        try record.claim(directory)
        try LedgerFile.write(text: recipe.resolvedYAML(), to: directory.recipe)
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
        if let align = recipe.align, let data = opened.alignmentData {
            try enter("align")
            let job = RunSession.Job(
                phase: "align",
                directory: directory.alignment,
                data: data,
                settings: align.settings,
                checkpointSteps: { [$0] }
            )
            session.alignment = try await session.train(job, on: model).result as? Adapter
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

        // 4. The user's tuning, assessed at every checkpoint.
        if chapter >= .tuning {
            try enter("tune")
            let tuned = try await tune(reference, on: tuningData, session: session, story: &story)
            // 5. The cures.
            for (entry, defence) in opened.defences where chapter >= .end {
                try enter("defence \(entry.name)")
                let (cured, note) = try await defend(
                    entry,
                    defence,
                    session: session,
                    tuned: tuned,
                    reference: reference,
                    data: tuningData
                )
                story.notes[entry.name] = note
                let folder = directory.adapter(ofDefence: entry.name)
                try cured.save(to: folder, for: recipe.modelNameOrPath, alignment: session.alignment)
                let served = defence.servedPrompt
                try served?.write(beside: folder)
                try cured.attach(to: reference)
                story.add(.defence, entry.name, try await session.assess(entry.name, served: served) { reference })
            }
        }

        // 6. The report.
        try enter("report")
        let report = try story.report(
            events: LedgerFile.readLines(RunEvent.self, from: directory.events),
            environment: Machine.facts()
        )
        try ReportFiles.write(report, to: directory.report)
        log.emit(RunEvent(.finished, phase: "report"))
        return report
    }

    /// Tunes the reference model; the story grows by every checkpoint.
    private func tune(
        _ reference: LanguageModel,
        on data: Dataset,
        session: RunSession,
        story: inout Story
    ) async throws -> RunSession.Trained {
        var chapters: [(step: Int, result: (assessment: Assessment, seconds: Double))] = []
        let job = RunSession.Job(
            phase: "tune",
            directory: session.directory.checkpoints,
            data: data,
            settings: recipe.tune.settings,
            checkpointSteps: recipe.tune.checkpointSteps(total:)
        )
        let tuned = try await session.train(job, on: reference) { stop in
            let result = try await session.assess("tuned@\(stop.step)", early: !stop.isLast) {
                try stop.restore()
                return reference
            }
            chapters.append((stop.step, result))
        }
        for chapter in chapters { story.add(.checkpoint, "tuned@\(chapter.step)", step: chapter.step, chapter.result) }
        return tuned
    }

    /// What a defence makes of what was tuned, on a model that carries nothing but what is being trained, and what it
    /// found.
    private func defend(
        _ entry: Recipe.Defence,
        _ defence: Defence,
        session: RunSession,
        tuned: RunSession.Trained,
        reference: LanguageModel,
        data: Dataset
    ) async throws -> (any Trainable, note: String?) {
        if case .weights(let method) = defence {
            guard let adapter = tuned.result as? Adapter else { preconditionFailure("such a recipe is not read") }
            return try session.change(adapter, by: method, of: entry, on: reference)
        }
        let training = try DefenceTraining(
            defence,
            after: recipe.tune.settings,
            on: data,
            tuned: (tuned.rows, tuned.steps),
            reference: reference,
            seed: recipe.seed
        )
        guard let training else { preconditionFailure("a defence acts on weights or trains") }
        for note in training.data.notes where !data.notes.contains(note) { session.note(entry.name, note) }
        // The same rows make the same adapter.
        if training.repeatsTuning(on: data) { return (try tuned.result.copy(), nil) }
        let job = RunSession.Job(
            phase: entry.name,
            directory: session.directory.defence(entry.name),
            data: training.data,
            settings: training.settings,
            checkpointSteps: { [$0] },
            start: training.startsTuned ? try tuned.result.copy() : nil,
            scheme: training.scheme
        )
        return (try await session.train(job, on: reference).result, nil)
    }
}
