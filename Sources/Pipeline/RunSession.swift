import Foundation
import TemperAlign
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
    private let suites: [PlannedSuite]
    private let roles: AttackRoles
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
        self.suites = suites
        self.roles = roles
        self.sink = sink
    }

    // MARK: Assessing

    /// Assesses what `subject()` gives; `early` says that it is a checkpoint before the last. With `served`, every
    /// conversation begins with what that says.
    func assess(
        _ name: String,
        early: Bool = false,
        served: ServedPrompt? = nil,
        subject: () async throws -> LanguageModel
    ) async throws -> (assessment: Assessment, seconds: Double) {
        let folder = AssessmentFolder(directory.assessment(of: name))
        if let done = folder.read(fingerprint: fingerprint) { return done }
        sink.emit(RunEvent(.phase, phase: "assess \(name)"))
        let clock = ContinuousClock()
        let start = clock.now
        let local = LocalResponder(try await subject().merged(), batchSize: recipe.assess.batchSize)
        let responder: any Responder & LikelihoodModel =
            if let served { SystemPrompted(local, system: served.system) } else { local }
        let plan = plan(early: early)
        let sink = sink
        let answers = try folder.answers(fingerprint: "\(fingerprint) \(name) \(try await Self.trait(of: responder))")
        let assessment = try await TemperRisk.assess(
            Subject(name, responder: responder, likelihoods: responder, answers: answers),
            plan: plan
        ) { done, total in
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

    private func plan(early: Bool = false) -> AssessmentPlan {
        AssessmentPlan(
            suites: suites.map { ($0.suite, $0.limit(early: early)) }.filter { $0.1 != 0 },
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
            plan: plan(),
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

    /// One training of the run.
    struct Job {
        /// Its name in events and in the log of losses.
        var phase: String
        /// Where its checkpoints go.
        var directory: URL
        var data: Dataset
        var settings: TrainingSettings
        /// Where checkpoints are written and `atCheckpoint` is called; the last step always is one.
        var checkpointSteps: (_ total: Int) -> [Int]
        /// What to start from; a fresh adapter or the model's own weights otherwise.
        var start: (any Trainable)?
        /// What to minimise, and how; the objective of the settings' stage otherwise.
        var scheme: TrainingScheme?
    }

    /// A checkpoint that training has come to.
    struct Stop {
        var step: Int
        var isLast: Bool
        /// Puts what the checkpoint holds on the model; a resumed training has not come by this step itself.
        var restore: @TorchActor () throws -> Void = {}
    }

    /// What a training has made, and out of how much.
    struct Trained {
        var result: any Trainable
        /// Rows with something to learn in them.
        var rows: Int
        var steps: Int
    }

    /// Trains, or takes up, a job on `model`; what comes back is on the model.
    func train(
        _ job: Job,
        on model: LanguageModel,
        atCheckpoint: (Stop) async throws -> Void = { _ in }
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
            total: trainer.totalSteps
        )
        begun.parameters = trainer.trained.parameters.reduce(0) { $0 + $1.count }
        sink.emit(begun)
        Checkpoint.tidy(job.directory)
        try restore(trainer, job)
        let resumed = trainer.step
        for step in stops where step <= resumed {
            // A checkpoint that was written but, when the run was killed, perhaps not yet assessed.
            let stop = Stop(step: step, isLast: step == trainer.totalSteps) {
                guard try self.restore(trainer, job, at: step) else {
                    let path = job.directory.appendingPathComponent(Checkpoint.name(step: step)).path
                    throw CheckpointError.missing(path: path)
                }
            }
            try await atCheckpoint(stop)
        }
        if resumed > 0 { try restore(trainer, job) }
        for stop in stops where stop > resumed {
            var last: StepReport?
            while trainer.step < stop {
                guard !Task.isCancelled else {
                    try trainer.saveCheckpoint(under: job.directory, last: last, alignment: alignment)
                    sink.emit(
                        RunEvent(
                            .checkpoint,
                            phase: job.phase,
                            message: "interrupted",
                            done: trainer.step,
                            total: trainer.totalSteps
                        )
                    )
                    throw CancellationError()
                }
                last = try step(trainer, job)
                // Lets assessments of other sessions and cancellation in between long steps.
                await Task.yield()
            }
            try trainer.saveCheckpoint(under: job.directory, last: last, alignment: alignment)
            sink.emit(RunEvent(.checkpoint, phase: job.phase, done: trainer.step, total: trainer.totalSteps))
            try await atCheckpoint(Stop(step: stop, isLast: stop == trainer.totalSteps))
        }
        return Trained(result: trainer.trained, rows: rows.count, steps: trainer.totalSteps)
    }

    private func step(_ trainer: Trainer, _ job: Job) throws -> StepReport {
        let report = try trainer.takeStep()
        var event = RunEvent(.step, phase: job.phase, done: report.step, total: trainer.totalSteps)
        event.loss = report.loss
        event.learningRate = report.learningRate
        event.gradientNorm = report.gradientNorm
        event.tokensPerSecond = report.tokensPerSecond
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
