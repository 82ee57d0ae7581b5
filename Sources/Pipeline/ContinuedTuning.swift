import Foundation
import TemperAlign
import TemperLedger
import TemperModel
import TemperReport
import TemperRisk
import TemperTorch
import TemperTune

/// Goes on with a tuning after its end, round by round, plainly and with a defence, and assesses the end of every round.
///
/// Each round is a training of its own, as if a user came back with data once more: it starts from what the round before
/// has made, with a fresh optimiser and the tuning's schedule from its beginning, and reads its rows in another order. A
/// defence that acts on data or training takes part in every round; one that acts afterwards is applied to what every
/// round has trained, and the next one starts from the result. What a round has made lies in the run's `continued`
/// folder, so that a run that was stopped goes on, and more rounds take up what fewer did.
@TorchActor
struct ContinuedTuning {
    /// A round that is over; written when what it made is.
    private struct Record: Codable {
        var schema = 1
        var fingerprint: String
        /// Steps on the round's data.
        var steps: Int
        /// Steps of a re-alignment after them.
        var further = 0
    }

    /// What was assessed so far, for whoever watches the run.
    struct Progress: Codable {
        var schema = 1
        /// The run's; the assessments of rounds have their own.
        var fingerprint: String
        var continuation: RunReport.Continuation
    }

    let settings: Recipe.Continuation
    let session: RunSession
    let reference: LanguageModel
    let tuned: RunSession.Trained
    /// By turns one a round.
    let data: [Dataset]

    /// Goes on, and adds what was found to the story.
    func run(_ story: inout Story) async throws {
        let tuned = tuned
        // Chosen before the first round: how the tuning goes on does not decide what goes on beside it.
        let entry = try chosen(story)
        var continuation = RunReport.Continuation(
            rounds: settings.rounds,
            roundSteps: tuned.steps,
            firstStep: tuned.taken,
            data: (0..<settings.rounds).map { data[$0 % data.count].name },
            courses: []
        )
        try await follow(nil, in: &continuation, of: &story) { try tuned.result.copy() }
        if let entry {
            let folder = session.directory.adapter(ofDefence: entry.name)
            try await follow(entry, in: &continuation, of: &story) { try load(folder) }
        }
        story.continuation = continuation
    }

    /// The defence that goes on beside the plain tuning; nil for none.
    private func chosen(_ story: Story) throws -> Recipe.Defence? {
        guard var name = settings.defence else { return nil }
        if name == Recipe.Continuation.best {
            guard let best = try story.report(events: [], environment: [:]).bestDefence else {
                session.note("continue", "no defence was measured well enough to be chosen; only plain tuning goes on")
                return nil
            }
            if !best.qualifies {
                session.note("continue", "\(best.name) goes on as the least bad: it loses utility, or refuses too much")
            }
            name = best.name
        }
        return (session.recipe.defences + story.searched).first { $0.name == name }
    }

    // MARK: One course

    /// All rounds from a start.
    private func follow(
        _ entry: Recipe.Defence?,
        in continuation: inout RunReport.Continuation,
        of story: inout Story,
        from start: () throws -> any Trainable
    ) async throws {
        let defence = try entry?.make()
        let name = entry.map { $0.name + RecipeNames.continued } ?? "continued"
        let knobs = entry.map { entry in
            entry.knobs.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: " ")
        }
        // A round is known by all that came before it.
        var fingerprint = "\(session.fingerprint) \(entry?.method ?? "") \(knobs ?? "")"
        var (taken, further) = (tuned.taken, 0)
        var last: URL?
        let course = continuation.courses.count
        continuation.courses.append(.init(defence: entry?.name, subjects: []))
        try keep(continuation)
        for number in 1...settings.rounds {
            let rows = data[(number - 1) % data.count]
            let known = SHA256.hex(of: "\(fingerprint) \(try RunRecord.hash(rows))")
            fingerprint = String(known.prefix(16))
            let round = round(number, of: entry?.name ?? "tuned", fingerprint)
            let (file, folder) = (round.directory.url.appendingPathComponent("round.json"), Self.result(of: round))
            let earlier = LedgerFile.read(Record.self, from: file)
            var record = Record(fingerprint: fingerprint, steps: 0)
            if let earlier, earlier.fingerprint == fingerprint {
                record = earlier
            } else {
                try clear(round)
                round.stepsBefore = taken
                let begin = try last.map { try load($0) } ?? start()
                record = try await make(round, name, defence, from: begin, on: rows, after: further)
                try LedgerFile.write(record, to: file)
            }
            // What it takes to go on inside a round is not needed after it.
            try? FileManager.default.removeItem(at: round.directory.checkpoints)
            try? FileManager.default.removeItem(at: round.directory.alignment)
            last = folder
            taken += record.steps
            further += record.further

            let step = tuned.taken + number * tuned.steps
            let subject = "\(name)@\(step)"
            let result = try await assess(subject, fingerprint, isLast: number == settings.rounds, defence, folder)
            story.add(.continued, subject, step: step, result)
            continuation.courses[course].subjects.append(subject)
            try keep(continuation)
        }
    }

    /// Assesses what a round has made, in `folder`: the last one as the end of a tuning, others as checkpoints on the way.
    /// A round that was the last one before there were more was asked everything already, and that stands.
    private func assess(
        _ subject: String,
        _ fingerprint: String,
        isLast: Bool,
        _ defence: Defence?,
        _ folder: URL
    ) async throws -> (assessment: Assessment, seconds: Double) {
        let whole = session.with(fingerprint: "\(fingerprint) whole")
        if let done = whole.assessment(of: subject) { return done }
        // Where checkpoints are asked as much as ends are, there is one kind of assessment.
        let asksAll = isLast || session.probes(early: true) == session.probes(early: false)
        let judged = asksAll ? whole : session.with(fingerprint: fingerprint)
        return try await judged.assess(subject, early: !asksAll, served: defence?.servedPrompt) {
            try load(folder).attach(to: reference)
            return reference
        }
    }

    private func keep(_ continuation: RunReport.Continuation) throws {
        let progress = Progress(fingerprint: session.fingerprint, continuation: continuation)
        try LedgerFile.write(progress, to: session.directory.continuation)
    }

    /// Throws away what a round of other data or settings left in the folder of one that is about to be taken, and notes
    /// whose the folder is; what this very round left there is kept.
    private func clear(_ round: RunSession) throws {
        let owner = round.directory.url.appendingPathComponent("owner.json")
        guard LedgerFile.read(String.self, from: owner) != round.fingerprint else { return }
        if FileManager.default.fileExists(atPath: round.directory.url.path) {
            try FileManager.default.removeItem(at: round.directory.url)
        }
        try LedgerFile.write(round.fingerprint, to: owner)
    }

    /// The run inside a round's folder, with rows in an order of its own and as many steps as the tuning.
    private func round(_ number: Int, of course: String, _ fingerprint: String) -> RunSession {
        var recipe = session.recipe
        recipe.seed &+= UInt64(number)
        recipe.tune.settings.maxSteps = tuned.steps
        let directory = session.directory.continued(course, round: number)
        return session.with(recipe: recipe, directory: directory, fingerprint: fingerprint)
    }

    /// Where a round's result lies.
    private static func result(of round: RunSession) -> URL {
        round.directory.url.appendingPathComponent("adapter")
    }

    /// Trains one round, lets a defence act that acts afterwards, and saves what was made.
    ///
    /// - Parameter further: Steps of re-alignment before.
    private func make(
        _ round: RunSession,
        _ name: String,
        _ defence: Defence?,
        from start: any Trainable,
        on rows: Dataset,
        after further: Int
    ) async throws -> Record {
        let (recipe, directory) = (round.recipe, round.directory)
        var job = RunSession.Job(
            phase: name,
            directory: directory.checkpoints,
            data: rows,
            settings: recipe.tune.settings,
            checkpointSteps: { [$0] },
            start: start
        )
        let training = try training(defence, on: rows, in: recipe)
        if let training { (job.data, job.settings, job.scheme) = (training.data, training.settings, training.scheme) }
        var (result, record) = (start, Record(fingerprint: round.fingerprint, steps: 0))
        if training?.trainsNothing == true {
            round.note(name, DefenceTraining.nothingNote)
        } else {
            let trained = try await round.train(job, on: reference)
            (result, record.steps) = (trained.result, trained.steps)
        }
        switch defence {
        case .weights(let method)?:
            guard let adapter = result as? Adapter else { preconditionFailure("such a recipe is not read") }
            reference.network.detach()
            let context = WeightContext(reference: reference, alignment: session.alignment, seed: recipe.seed)
            let change = try method.apply(to: adapter, using: context)
            if let text = change.note { round.note(name, text) }
            result = change.adapter
        case .realignment(let method)?:
            round.stepsBefore = further
            let again = RunSession.Job(
                phase: "\(name)-realigned",
                directory: directory.alignment,
                data: try method.data(seed: recipe.seed),
                settings: method.settings(after: recipe.tune.settings),
                checkpointSteps: { [$0] },
                start: result
            )
            let realigned = try await round.train(again, on: reference)
            (result, record.further) = (realigned.result, realigned.steps)
        case .data?, .training?, nil: break
        }
        try result.save(
            to: Self.result(of: round),
            of: reference,
            for: recipe.modelNameOrPath,
            alignment: session.alignment
        )
        return record
    }

    /// The training of a defence that takes part in it; nil for the plain one.
    private func training(_ defence: Defence?, on rows: Dataset, in recipe: Recipe) throws -> DefenceTraining? {
        guard let defence else { return nil }
        switch defence {
        case .weights, .realignment: return nil
        case .data, .training: reference.network.detach()
        }
        let settings = recipe.tune.settings
        return try DefenceTraining(
            defence,
            after: settings,
            on: rows,
            tuned: (try rows.tokenized(for: reference, settings: settings).rows.count, tuned.steps),
            reference: reference,
            seed: recipe.seed
        )
    }

    private func load(_ folder: URL) throws -> any Trainable {
        FullWeights.lie(in: folder)
            ? try FullWeights.load(from: folder, for: reference) : try Adapter.load(from: folder, for: reference)
    }
}
