import Foundation
import TemperAlign
import TemperGuard
import TemperLedger
import TemperModel
import TemperRisk
import TemperText
import TemperTorch
import TemperTune

/// The two things a run does over and over, each idempotent: assess a subject, and train.
///
/// What lies finished in the run's directory is read, not done again; what is half done is taken up or redone.
@TorchActor
final class RunSession {
    let recipe: Recipe
    let directory: RunDirectory
    let fingerprint: String
    let sink: any EventSink
    let planned: [PlannedSuite]
    private let roles: AttackRoles
    /// Where the run's events are.
    private var events: URL
    /// Steps that were taken before, which the events of a training count on from.
    var stepsBefore = 0
    /// The adapter of the alignment, if it made one, once it is merged into the model that is trained.
    var alignment: Adapter?

    init(
        recipe: Recipe,
        directory: RunDirectory,
        fingerprint: String,
        suites: [PlannedSuite],
        roles: AttackRoles,
        sink: any EventSink
    ) {
        self.recipe = recipe
        self.directory = directory
        self.fingerprint = fingerprint
        planned = suites
        self.roles = roles
        self.sink = sink
        events = directory.events
    }

    /// The same run inside a folder of its directory, with suites of its own.
    func inside(_ name: String, asking suites: [PlannedSuite]) -> RunSession {
        with(directory: RunDirectory(directory.url.appendingPathComponent(name)), suites: suites)
    }

    /// The same run with another of what is named.
    func with(
        recipe: Recipe? = nil,
        directory: RunDirectory? = nil,
        fingerprint: String? = nil,
        suites: [PlannedSuite]? = nil
    ) -> RunSession {
        let inner = RunSession(
            recipe: recipe ?? self.recipe,
            directory: directory ?? self.directory,
            fingerprint: fingerprint ?? self.fingerprint,
            suites: suites ?? planned,
            roles: roles,
            sink: sink
        )
        inner.events = events
        inner.alignment = alignment
        return inner
    }

    /// The names of the suites that are asked.
    var suiteNames: [String] { planned.map(\.suite.card.name) }

    /// How many probes an assessment asks at most.
    func probes(early: Bool) -> Int {
        planned.reduce(0) { sum, entry in
            let count = (try? entry.suite.probes(limit: entry.limit(early: early), seed: recipe.seed).count) ?? 0
            return sum + count
        }
    }

    /// What the steps of a phase took, in seconds; of a step that was taken twice, the later one.
    func loggedSeconds(of phase: String) -> Double {
        var seconds: [Int: Double] = [:]
        for event in LedgerFile.readLines(RunEvent.self, from: events) where event.kind == .step {
            if event.phase == phase, let step = event.done { seconds[step] = event.seconds ?? 0 }
        }
        return seconds.keys.sorted().reduce(0) { $0 + (seconds[$1] ?? 0) }
    }

    // MARK: Assessing

    /// Assesses what `subject()` gives; `early` says that it is a checkpoint before the last.
    ///
    /// With `served`, every conversation begins with what that says; with `rows`, with those that are like its question.
    /// With `shield`, the subject stands behind a guard, and what it is known to answer alone is not asked again.
    func assess(
        _ name: String,
        early: Bool = false,
        served: ServedPrompt? = nil,
        finding rows: Retriever? = nil,
        behind shield: (guard: Guard, alone: Assessment)? = nil,
        subject: () async throws -> LanguageModel
    ) async throws -> (assessment: Assessment, seconds: Double) {
        if let done = assessment(of: name) { return done }
        let folder = AssessmentFolder(directory.assessment(of: name))
        sink.emit(RunEvent(.phase, phase: "assess \(name)"))
        let model = try await subject()
        // What it took to make the subject was counted there.
        let clock = ContinuousClock()
        let start = clock.now
        let local = LocalResponder(try model.merged(), batchSize: recipe.assess.batchSize)
        let responder: any Responder & LikelihoodModel =
            if let served {
                Reworded(local, system: served.system)
            } else if let rows {
                Reworded(local, rows.shown)
            } else {
                local
            }
        var plan = plan(early: early)
        // Likelihoods do not see the guard.
        if shield != nil { plan.scoredTwins = 0 }
        let sink = sink
        let answers = try folder.answers(fingerprint: "\(fingerprint) \(name) \(try await Self.trait(of: responder))")
        var subject = Subject(name, responder: responder, likelihoods: responder, answers: answers)
        if let (shield, alone) = shield {
            let known = try KnownAnswers(
                alone,
                on: plan.suites.map(\.0),
                else: responder
            )
            subject = Subject(
                name,
                responder: GuardedResponder(known, shield),
                likelihoods: known,
                answers: answers
            )
        }
        let assessment = try await TemperRisk.assess(subject, plan: plan) { done, total in
            sink.emit(RunEvent(.probes, phase: "assess \(name)", done: done, total: total))
        }
        let seconds = (clock.now - start).inSeconds
        try folder.write(assessment, seconds: seconds, fingerprint: fingerprint)
        let summary = assessment.results.map { result in
            guard let share = result.rate.rate else {
                return "\(result.suite) not measured, \(result.rate.unscored) unscored"
            }
            return "\(result.suite) \(Int((share * 100).rounded())) % of \(result.rate.n)"
        }.joined(separator: ", ")
        sink.emit(RunEvent(.assessed, phase: "assess \(name)", message: "\(name): \(summary)"))
        return (assessment, seconds)
    }

    /// A subject's assessment, if it is complete; nil where it is still to be made.
    func assessment(of name: String) -> (assessment: Assessment, seconds: Double)? {
        AssessmentFolder(directory.assessment(of: name)).read(fingerprint: fingerprint)
    }

    private func plan(early: Bool = false, judged: Bool = true) -> AssessmentPlan {
        AssessmentPlan(
            suites: (judged ? planned : planned.unjudged).map { ($0.suite, $0.limit(early: early)) }.filter {
                $0.1 != 0
            },
            options: SamplingOptions(
                maxNewTokens: recipe.assess.maxNewTokens,
                temperature: recipe.assess.temperature,
                seed: recipe.seed
            ),
            seed: recipe.seed,
            wholeAnswers: recipe.assess.wholeAnswers,
            roles: roles
        )
    }

    /// Assesses the controls, whose result is known, beside the model that the run compares with.
    func controls(of model: LanguageModel, assessed: Assessment) async throws -> [ControlResult] {
        struct Record: Codable {
            var schema = 1
            var fingerprint: String
            var controls: [ControlResult]
        }
        if let done = LedgerFile.read(Record.self, from: directory.controls), done.fingerprint == fingerprint {
            return done.controls
        }
        sink.emit(RunEvent(.phase, phase: "controls"))
        let controls = try await Controls.all(
            beside: model,
            assessed: assessed,
            plan: plan(judged: false),
            batchSize: recipe.assess.batchSize
        )
        try LedgerFile.write(Record(fingerprint: fingerprint, controls: controls), to: directory.controls)
        for control in controls where control.outcome == .failed {
            note("controls", "the control '\(control.name)' failed: \(control.found)")
        }
        return controls
    }

    /// How likely the subject finds a text that never changes, to the last bit: a model that was trained again, and
    /// came out otherwise, must not be given the answers of the first.
    private static func trait(of model: any LikelihoodModel) async throws -> String {
        let text = Continuation(
            of: Chat(user: "What is the capital of France?"),
            text: "The capital of France is Paris."
        )
        return try await model.logLikelihoods(of: [text]).map { String($0.bitPattern, radix: 16) }.joined()
    }

    // MARK: Training

    /// Trains, or takes up, a job on `model`; what comes back is on the model.
    func train(
        _ job: Job,
        on model: LanguageModel,
        atCheckpoint: (Stop) async throws -> Course = { _ in .goOn }
    ) async throws -> Trained {
        let (rows, cut, dropped) = try job.data.tokenized(for: model, settings: job.settings)
        if cut > 0 || dropped > 0 {
            note(
                job.phase,
                "\(cut) rows cut at \(job.settings.cutoffLen) tokens, \(dropped) left out: nothing to learn in them"
            )
        }
        let settings = job.settings
        // Every training starts from the model as it was before the last one.
        model.network.detach()
        let trainer = try Trainer(
            model: model,
            training: job.start ?? settings.trainable(for: model, seed: recipe.seed),
            rows: rows,
            settings: settings,
            seed: recipe.seed,
            fingerprint: "\(fingerprint) \(job.phase)",
            scheme: try job.scheme ?? TrainingScheme(objective(of: job, rows: rows, model: model))
        )
        let stops = job.checkpointSteps(trainer.totalSteps)
        var begun = RunEvent(
            .phase,
            phase: job.phase,
            message: "\(rows.count) rows, \(trainer.totalSteps) steps",
            total: stepsBefore + trainer.totalSteps
        )
        begun.parameters = trainer.trained.parameters.reduce(0) { $0 + $1.count }
        sink.emit(begun)
        Checkpoint.tidy(job.directory)
        try restore(trainer, job)
        if job.keepsStart, trainer.step == 0 {
            try trainer.saveCheckpoint(under: job.directory, last: nil, alignment: alignment)
        }
        func trained() -> Trained {
            Trained(result: trainer.trained, rows: rows.count, steps: trainer.totalSteps, taken: trainer.step)
        }
        var resumed = trainer.step
        var index = stops.startIndex
        while index < stops.endIndex {
            let stop = stops[index]
            let isBehind = stop <= resumed
            if !isBehind {
                if trainer.step < min(resumed, stop) { try restore(trainer, job) }
                try await take(stepsUpTo: stop, of: trainer, job)
            }
            let course = try await atCheckpoint(
                Stop(step: stop, total: trainer.totalSteps) {
                    // A checkpoint that was written but, when the run was killed, perhaps not yet assessed.
                    if isBehind { try self.restore(trainer, job, exactly: stop) }
                }
            )
            switch course {
            case .goOn: index += 1
            case .stop:
                if trainer.step != stop { try restore(trainer, job, exactly: stop) }
                return trained()
            case .end(let step):
                try goBack(trainer, job, to: step)
                return trained()
            case .goBack(let step):
                try goBack(trainer, job, to: step)
                resumed = step
                index = stops.firstIndex { $0 > step } ?? stops.endIndex
            }
        }
        if trainer.step < resumed { try restore(trainer, job) }
        return trained()
    }

    /// Trains to a step and writes its checkpoint.
    private func take(stepsUpTo stop: Int, of trainer: Trainer, _ job: Job) async throws {
        var last: StepReport?
        while trainer.step < stop {
            guard !Task.isCancelled else {
                try trainer.saveCheckpoint(under: job.directory, last: last, alignment: alignment)
                sink.emit(
                    RunEvent(
                        .checkpoint,
                        phase: job.phase,
                        message: "interrupted",
                        done: stepsBefore + trainer.step,
                        total: stepsBefore + trainer.totalSteps
                    )
                )
                throw CancellationError()
            }
            last = try step(trainer, job)
            // Lets assessments of other sessions and cancellation in between long steps.
            await Task.yield()
        }
        try trainer.saveCheckpoint(under: job.directory, last: last, alignment: alignment)
        let (done, total) = (stepsBefore + trainer.step, stepsBefore + trainer.totalSteps)
        sink.emit(RunEvent(.checkpoint, phase: job.phase, done: done, total: total))
    }

    /// Takes up an earlier checkpoint, and throws away those after it.
    private func goBack(_ trainer: Trainer, _ job: Job, to step: Int) throws {
        try Checkpoint.removeAll(after: step, in: job.directory)
        if trainer.step != step { try restore(trainer, job, exactly: step) }
    }

    /// Takes up the checkpoint at a step, which has to be there.
    private func restore(_ trainer: Trainer, _ job: Job, exactly step: Int) throws {
        guard try restore(trainer, job, at: step) else {
            throw CheckpointError.missing(path: job.directory.appendingPathComponent(Checkpoint.name(step: step)).path)
        }
    }

    private func step(_ trainer: Trainer, _ job: Job) throws -> StepReport {
        let report = try trainer.takeStep()
        let (done, total) = (stepsBefore + report.step, stepsBefore + trainer.totalSteps)
        var event = RunEvent(.step, phase: job.phase, done: done, total: total)
        event.loss = report.loss
        event.learningRate = report.learningRate
        event.gradientNorm = report.gradientNorm
        event.tokensPerSecond = report.tokensPerSecond
        event.readTokens = report.readTokens
        event.seconds = report.seconds
        event.metrics = report.metrics
        event.memory = Machine.residentMemory
        event.secondsLeft = report.seconds * Double(trainer.totalSteps - report.step)
        sink.emit(event)
        return report
    }

    /// Takes up the latest whole checkpoint, or the one at `step`; a damaged one is set aside and the one before is used.
    @discardableResult
    private func restore(_ trainer: Trainer, _ job: Job, at step: Int? = nil) throws -> Bool {
        for (found, url) in Checkpoint.all(in: job.directory).reversed() where step == nil || found == step {
            do {
                _ = try trainer.restore(from: url)
                return true
            } catch let error as CheckpointError {
                guard case .damaged = error else { throw error }
                note(job.phase, "\(error)")
            } catch let error {
                note(job.phase, "checkpoint \(url.path) cannot be read (\(error)); using the one before")
            }
        }
        return false
    }

    func note(_ phase: String, _ message: String) {
        sink.emit(RunEvent(.note, phase: phase, message: message))
    }
}
