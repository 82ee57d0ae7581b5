import Foundation
import TemperAlign
import TemperLedger
import TemperModel
import TemperRisk
import TemperText
import TemperTorch
import TemperTune

/// Predicts what a recipe takes on this machine: real steps and real probes, a few of each, and every token counted.
///
/// Time is taken to be proportional to tokens in training and to probes in assessment. Memory is what the process has at
/// most while it takes the largest step of a training, and while it answers a full batch. Nothing is written, and the
/// adapters that are trained on the way are thrown away.
@TorchActor
struct RunEstimator {
    let recipe: Recipe
    let sink: any EventSink

    /// Probes of a suite that are answered to know its pace, the first suite's aside, which fills a batch.
    private static let sample = 24

    func estimate(upTo chapter: MainJob.Chapter) async throws -> RunEstimate {
        var estimate = RunEstimate()
        let clock = ContinuousClock()
        let start = clock.now
        if recipe.threads > 0 { Torch.setThreads(recipe.threads) }
        let opened = try await recipe.opened()
        let model = opened.model
        let loaded = (clock.now - start).inSeconds
        estimate.phases.append(
            .init(name: "start", work: "model and data", seconds: loaded, peakMemory: Machine.peakMemory)
        )

        let paces = try await assessmentPaces(opened, &estimate)
        func asked(early: Bool, at paces: Paces) -> (probes: Int, seconds: Double) {
            let counts = zip(opened.suites, paces.suites).map { min($1.count, $0.limit(early: early) ?? $1.count) }
            let seconds = zip(paces.suites, counts).reduce(paces.overhead) { $0 + $1.0.seconds * Double($1.1) }
            return (counts.reduce(0, +), seconds)
        }
        func assess(_ name: String, early: Bool = false, resident: Int, at own: Paces? = nil) {
            let paces = own ?? paces
            let (probes, seconds) = asked(early: early, at: paces)
            let work = "\(probes) probes"
            estimate.phases.append(
                .init(name: "assess \(name)", work: work, seconds: seconds, peakMemory: resident + paces.memory)
            )
        }
        /// What is assessed whole, and once more in every format.
        func assessAll(_ name: String, resident: Int) {
            assess(name, resident: resident)
            for format in recipe.assess.quantizations { assess("\(name).\(format.rawValue)", resident: resident) }
        }
        if recipe.align == nil {
            assessAll("raw", resident: paces.resident)
        } else {
            assess("raw", resident: paces.resident)
        }

        // What is tuned is a copy of the model where the recipe aligns first.
        var reference = model
        if let align = recipe.align {
            if let data = opened.alignmentData {
                let cost = try train("align", data, align.settings, on: model, &estimate)
                estimate.phases.append(cost.phase)
            } else {
                opened.alignment?.attach(to: model)
            }
            reference = try model.settled()
            if reference !== model {
                model.network.detach()
                model.network.unprepare()
            }
            assessAll("aligned", resident: Machine.residentMemory)
        }
        if recipe.assess.controls {
            // A copy of the model reads some requests, then answers as many as a control is asked at most.
            let pace = zip(opened.suites, paces.suites).first { $0.0.suite.card.axis == .jailbreak }?.1.seconds ?? 0
            estimate.phases.append(
                .init(
                    name: "controls",
                    work: "\(Controls.probes) probes",
                    seconds: 2 * paces.overhead + 2 * pace * Double(Controls.probes),
                    peakMemory: Machine.residentMemory + paces.memory
                )
            )
        }
        guard chapter >= .tuning else { return estimate }
        let tuned = try train("tune", opened.tuningData, recipe.tune.settings, on: reference, &estimate)
        estimate.phases.append(tuned.phase)
        let resident = Machine.residentMemory
        for step in recipe.tune.checkpointSteps(total: tuned.steps) {
            if step == tuned.steps {
                assessAll("tuned@\(step)", resident: resident)
            } else {
                assess("tuned@\(step)", early: true, resident: resident)
            }
        }
        if let budget = recipe.tune.riskBudget {
            let pace = zip(opened.suites, paces.suites).first { $0.0.suite.card.name == budget.suite }?.1
            let looks = Recipe.RiskBudget.steps(total: tuned.steps).count
            let asked = min(pace?.count ?? 0, budget.probes)
            let seconds = Double(looks) * (paces.overhead + Double(asked) * (pace?.seconds ?? 0))
            let work = "\(looks) looks at \(asked) probes"
            estimate.phases.append(
                .init(name: "watch", work: work, seconds: seconds, peakMemory: resident + paces.memory)
            )
        }
        if let search = recipe.search, chapter >= .end {
            let plain = estimate.phases.filter { $0.name == "tune" || $0.name.hasPrefix("assess tuned@") }
            estimate.phases.append(
                .init(
                    name: "search",
                    work: "\(recipe.candidates(of: search).count) candidates, at most",
                    seconds: search.budget * plain.reduce(0) { $0 + $1.seconds },
                    peakMemory: max(tuned.phase.peakMemory, resident + paces.memory)
                )
            )
        }
        // At most: answers that are known are not asked for again.
        if opened.shield != nil, chapter >= .end { assess(Story.guardedName, resident: resident) }
        if chapter >= .end, let retriever = try recipe.retriever(in: opened.tuningData, for: reference) {
            // Prompts are longer by what is found.
            let finding = try await assessmentPaces(opened, finding: retriever, &estimate)
            assess(Story.retrievalName, resident: resident, at: finding)
        }
        for (entry, defence) in opened.defences where chapter >= .end {
            let training = try DefenceTraining(
                defence,
                after: recipe.tune.settings,
                on: opened.tuningData,
                tuned: (tuned.rows, tuned.steps),
                reference: reference,
                seed: recipe.seed
            )
            if let training, !training.trainsNothing,
                recipe.tune.riskBudget != nil || !training.repeatsTuning(on: opened.tuningData)
            {
                let known = training.scheme == nil ? tuned.pace : nil
                let cost = try train(
                    entry.name,
                    training.data,
                    training.settings,
                    scheme: training.scheme,
                    pace: known,
                    on: reference,
                    &estimate
                )
                estimate.phases.append(cost.phase)
            }
            assessAll(entry.name, resident: resident)
        }
        if let continuation = recipe.continuation, chapter >= .end {
            let first = asked(early: true, at: paces).seconds * Double(continuation.rounds - 1)
            try estimate.phases += continued(
                continuation,
                opened,
                after: tuned,
                on: reference,
                asking: (first + asked(early: false, at: paces).seconds, resident + paces.memory),
                estimate
            )
        }
        return estimate
    }

    // MARK: Assessing

    private struct Paces {
        /// Probes, and seconds for each.
        var suites: [(count: Int, seconds: Double)] = []
        /// Seconds before the first answer.
        var overhead = 0.0
        /// Resident bytes before.
        var resident = 0
        /// What an assessment adds to it at most.
        var memory = 0
    }

    private func assessmentPaces(
        _ opened: OpenedRecipe,
        finding retriever: Retriever? = nil,
        _ estimate: inout RunEstimate
    ) async throws -> Paces {
        var paces = Paces(resident: Machine.residentMemory)
        Machine.resetPeak()
        let clock = ContinuousClock()
        let start = clock.now
        let local = LocalResponder(try opened.model.merged(), batchSize: recipe.assess.batchSize)
        let responder = Reworded(local) { retriever?.shown($0) ?? $0 }
        paces.overhead = (clock.now - start).inSeconds
        var asked = 0
        for (index, planned) in opened.suites.enumerated() {
            let suite = planned.suite
            let count = try suite.probes(limit: planned.limit, seed: recipe.seed).count
            // A search asks much for one probe.
            let usual = suite.attack?.needsAttacker == true ? 1 : retriever == nil ? Self.sample : Self.sample / 2
            let sample = min(count, index == 0 && retriever == nil ? recipe.assess.batchSize : usual)
            let plan = AssessmentPlan(
                suites: [(suite, sample)],
                options: SamplingOptions(
                    maxNewTokens: recipe.assess.maxNewTokens,
                    temperature: recipe.assess.temperature,
                    seed: recipe.seed
                ),
                seed: recipe.seed,
                wholeAnswers: recipe.assess.wholeAnswers,
                roles: opened.helpers.roles
            )
            sink.emit(RunEvent(.phase, phase: "measure \(suite.card.name)", message: "\(sample) of \(count) probes"))
            let begin = clock.now
            _ = try await TemperRisk.assess(Subject("sample", responder: responder, likelihoods: responder), plan: plan)
            let pace = (clock.now - begin).inSeconds / Double(max(sample, 1))
            paces.suites.append((count, pace))
            asked += sample
        }
        paces.memory = max(0, Machine.peakMemory - paces.resident)
        let what = retriever == nil ? "probes" : "probes behind what was looked up"
        estimate.measured.append("\(asked) \(what) in \(Self.rounded((clock.now - start).inSeconds)) s")
        return paces
    }

    // MARK: Training

    struct Cost {
        var phase: RunEstimate.Phase
        var rows: Int
        var steps: Int
        /// Seconds a token, and the peak.
        var pace: (seconds: Double, memory: Int)
    }

    /// Counts the tokens of a training; measures a few of its steps unless their pace is known.
    func train(
        _ name: String,
        _ data: Dataset,
        _ settings: TrainingSettings,
        scheme: TrainingScheme? = nil,
        pace known: (seconds: Double, memory: Int)? = nil,
        on model: LanguageModel,
        _ estimate: inout RunEstimate
    ) throws -> Cost {
        let rows = try data.tokenized(for: model, settings: settings).rows
        let trainer = try trainer(rows, settings, scheme: scheme ?? .supervised, on: model)
        let counts = (0..<trainer.totalSteps).map { trainer.rows(at: $0).reduce(0) { $0 + $1.tokenCount } }
        let tokens = counts.reduce(0, +)
        let largest = counts.indices.max { counts[$0] < counts[$1] } ?? 0
        let pace: (seconds: Double, memory: Int)
        if let known {
            pace = known
        } else {
            pace = try measure(name, trainer, steps: [largest, 0, 1], settings, scheme, on: model, &estimate)
        }
        model.network.detach()
        // Preferences go through the model once more, before the first step and without gradients.
        let passes = settings.stage == .dpo ? 1 + Double(rows.reduce(0) { $0 + $1.tokenCount }) / Double(tokens) / 3 : 1
        return Cost(
            phase: .init(
                name: name,
                work: "\(trainer.totalSteps) steps, \(tokens) tokens",
                seconds: pace.seconds * Double(tokens) * passes,
                peakMemory: pace.memory
            ),
            rows: rows.count,
            steps: trainer.totalSteps,
            pace: pace
        )
    }

    private func measure(
        _ name: String,
        _ whole: Trainer,
        steps: [Int],
        _ settings: TrainingSettings,
        _ scheme: TrainingScheme?,
        on model: LanguageModel,
        _ estimate: inout RunEstimate
    ) throws -> (seconds: Double, memory: Int) {
        sink.emit(RunEvent(.phase, phase: "measure \(name)", message: "\(steps.count) steps for \(whole.totalSteps)"))
        let rows = steps.flatMap(whole.rows(at:))
        var few = settings
        few.maxSteps = steps.count
        let own: Objective
        switch settings.stage {
        case .sft: own = TrainingLoss.supervised
        case .dpo:
            // Any reference costs the same.
            let zeros = Dictionary(rows.map { ($0, 0.0) }) { first, _ in first }
            own = DirectPreference.objective(beta: settings.prefBeta, reference: zeros)
        }
        Machine.resetPeak()
        let trainer = try trainer(rows, few, scheme: scheme ?? TrainingScheme(own), shuffles: false, on: model)
        var (seconds, tokens) = (0.0, 0)
        for index in steps.indices {
            let report = try trainer.takeStep()
            guard index > 0 else { continue }
            seconds += report.seconds
            tokens += report.tokens
        }
        estimate.measured.append("\(name): \(tokens) tokens in \(Self.rounded(seconds)) s")
        return (seconds / Double(max(tokens, 1)), Machine.peakMemory)
    }

    private func trainer(
        _ rows: [TokenizedExample],
        _ settings: TrainingSettings,
        scheme: TrainingScheme,
        shuffles: Bool = true,
        on model: LanguageModel
    ) throws -> Trainer {
        try Trainer(
            model: model,
            training: settings.trainable(for: model, seed: recipe.seed),
            rows: rows,
            settings: settings,
            seed: recipe.seed,
            shuffles: shuffles,
            scheme: scheme
        )
    }

    private static func rounded(_ seconds: Double) -> String { "\((seconds * 10).rounded() / 10)" }
}
