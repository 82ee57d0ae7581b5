import Foundation
import TemperAlign
import TemperLedger
import TemperModel
import TemperReport
import TemperRisk
import TemperTorch
import TemperTune

/// Watches a tuning: asks a sentinel at early steps, and says what to do once the risk budget is spent.
///
/// The budget is spent when the lower end of the paired 95 % interval of the rise over the reference lies above it.
/// Each look is judged by itself and not corrected for their number, so that many looks end a training a little more
/// often than one in forty times without cause. What it saw and decided is kept in the run's `watch` folder before
/// anything follows from it, so that a run that was stopped goes on as if it had not been.
@TorchActor
final class RiskWatch {
    private struct Record: Codable {
        var schema = 1
        var fingerprint: String
        var looks: [RunReport.RiskWatch.Look] = []
        /// How likely the reference begins each of its safe answers; nil where verdicts are counted.
        var before: [Double]?
        /// Where the training went back to, by round, the first one aside.
        var starts: [Int] = []
        /// The step whose checkpoint is the result, once the training was ended before its last step.
        var ended: Int?
        /// Whether that checkpoint was assessed in full.
        var isAssessed = false
    }

    /// The safe answers of the reference without which there is nothing to watch.
    static let fewestOpenings = 8
    /// How often the training may go back and on with more weight on safety rows.
    static let mostRounds = 3
    /// The weight of the safety rows, by round.
    static func weight(round: Int) -> Double { round == 0 ? 0 : Double(1 << (round - 1)) }

    private let budget: Recipe.RiskBudget
    private let session: RunSession
    private let watcher: RunSession
    private let reference: Assessment
    private let openings: SafeOpenings?
    private let file: URL
    private var record: Record
    /// The dial of the training's safety rows; nil where the budget's action is another.
    let dial: SafetyDial?

    init(_ budget: Recipe.RiskBudget, session: RunSession, suites: [PlannedSuite], reference: Assessment) throws {
        self.budget = budget
        self.session = session
        self.reference = reference
        let asked = suites.unjudged.filter { $0.suite.card.name == budget.suite }.map {
            PlannedSuite(suite: $0.suite, limit: min($0.limit ?? budget.probes, budget.probes))
        }
        watcher = session.inside("watch", asking: asked)
        openings = try Self.openings(budget, of: reference, to: asked, seed: session.recipe.seed)
        file = watcher.directory.url.appendingPathComponent("watch.json")
        let earlier = LedgerFile.read(Record.self, from: file)
        record =
            earlier?.fingerprint == session.fingerprint
            ? earlier ?? Record(fingerprint: session.fingerprint)
            : Record(fingerprint: session.fingerprint)
        dial = budget.action == .mix ? SafetyDial() : nil
        dial?.weight = Self.weight(round: record.starts.count)
    }

    /// The step at which the training was ended before its last one.
    var ended: Int? { record.ended }
    /// Whether the checkpoint there was not assessed in full yet.
    var needsAssessment: Bool { record.ended.map { $0 > 0 && !record.isAssessed } ?? false }

    /// Notes that it was.
    func noteAssessment() throws {
        record.isAssessed = true
        try save()
    }

    /// The safe answers that are watched, where the budget's sign is their beginning.
    private static func openings(
        _ budget: Recipe.RiskBudget,
        of reference: Assessment,
        to asked: [PlannedSuite],
        seed: UInt64
    ) throws -> SafeOpenings? {
        guard budget.sign == .openings, let suite = asked.first else { return nil }
        let openings = try SafeOpenings(of: reference, to: suite, seed: seed)
        guard openings.continuations.count >= fewestOpenings else {
            throw PipelineError.recipe(
                key: "tune.risk_budget.sign",
                reason: "\(openings.continuations.count) of the reference's watched answers to \(budget.suite) are "
                    + "safe, and \(fewestOpenings) are needed to see them go; align it first, watch more `probes`, or use "
                    + "`sign: verdicts`"
            )
        }
        return openings
    }

    private func save() throws { try LedgerFile.write(record, to: file) }

    /// Looks at a checkpoint.
    ///
    /// - Returns: Whether the budget is spent.
    func look(at stop: RunSession.Stop, model: LanguageModel) async throws -> Bool {
        if let openings, stop.step == 0, record.before == nil {
            try stop.restore()
            record.before = try await chances(of: openings, under: model)
            try save()
        }
        guard stop.step > 0 else { return false }
        if let known = known(stop.step) { return known.isOver }
        let look =
            if let openings { try await look(at: stop, model: model, openings) } else {
                try await verdicts(at: stop, model: model)
            }
        guard let look else { return false }
        record.looks.append(look)
        try save()
        session.note("tune", "risk budget: at step \(stop.step) \(words(of: look))")
        return look.isOver
    }

    private func words(of look: RunReport.RiskWatch.Look) -> String {
        guard let increase = look.increase else { return "nothing could be graded, which is not taken for safe" }
        func points(_ share: Double) -> Int { Int((share * 100).rounded()) }
        let asked = look.rate.n + look.rate.unscored
        return "\(budget.suite) is \(points(increase)) points above the reference"
            + (openings == nil ? "" : " by how likely its safe answers are begun") + ", at least \(points(look.low))"
            + (look.isOver ? "; the budget of \(points(budget.increase)) is spent" : "")
            + (self.increase(at: look.step).isFinite
                ? ""
                : "; \(look.rate.unscored) of \(asked) answers could not be graded, so that it is not taken for safe")
    }

    /// What the verdicts on a checkpoint's answers say.
    private func verdicts(at stop: RunSession.Stop, model: LanguageModel) async throws -> RunReport.RiskWatch.Look? {
        let round = record.starts.count
        let (assessment, _) = try await watcher.assess("round-\(round)-step-\(stop.step)") {
            try stop.restore()
            return model
        }
        guard let comparison = try compare(reference, assessment).first else { return nil }
        return RunReport.RiskWatch.Look(
            step: stop.step,
            round: round,
            rate: Story.rate(assessment[suite: comparison.suite]?.rate ?? comparison.subjectRate),
            increase: comparison.difference,
            low: comparison.differenceLow,
            isOver: comparison.difference != nil && comparison.differenceLow > budget.increase
        )
    }

    /// What the chance of the reference's safe answers says: the rate is how likely they are begun otherwise.
    private func look(
        at stop: RunSession.Stop,
        model: LanguageModel,
        _ openings: SafeOpenings
    ) async throws -> RunReport.RiskWatch.Look {
        try stop.restore()
        let after = try await chances(of: openings, under: model)
        let rate = Statistics.mean(after.map { 1 - $0 }, in: 0...1)
        let rise = Statistics.mean(zip(record.before ?? [], after).map { $0 - $1 }, in: -1...1)
        return RunReport.RiskWatch.Look(
            step: stop.step,
            round: record.starts.count,
            rate: .init(rate: rate.mean, n: after.count, low: rate.low, high: rate.high),
            increase: rise.mean,
            low: rise.low,
            isOver: rise.mean != nil && rise.low > budget.increase
        )
    }

    private func chances(of openings: SafeOpenings, under model: LanguageModel) async throws -> [Double] {
        let responder = LocalResponder(try model.merged(), batchSize: session.recipe.assess.batchSize)
        return try await openings.chances(under: responder)
    }

    /// What follows from a spent budget.
    ///
    /// - Parameter checkpoints: What was kept so far, the reference at step 0 included.
    func course(after step: Int, of checkpoints: [CheckpointChoice]) throws -> RunSession.Course {
        let safe = record.looks.filter { look in
            look.step < step && known(look.step)?.isOver == false && increase(at: look.step).isFinite
        }.map(\.step)
        switch budget.action {
        case .stop: return try end(at: step)
        case .mix where record.starts.count < Self.mostRounds:
            let last = safe.max() ?? 0
            // In this order: were the run killed in between, the same steps would be taken, and looked at, again.
            try Checkpoint.removeAll(after: last, in: session.directory.checkpoints)
            try session.removeAssessments(after: last)
            record.starts.append(last)
            try save()
            dial?.weight = Self.weight(round: record.starts.count)
            session.note(
                "tune",
                "going back to step \(last), and on with safety rows that weigh \(Self.weight(round: record.starts.count))"
            )
            return .goBack(to: last)
        case .rollback, .mix:
            return try end(at: CheckpointChoice.best(of: checkpoints, budget: budget.increase)?.step ?? 0)
        }
    }

    /// What follows at the end of a training whose budget was not spent: the best of what was tuned is kept, or the
    /// reference where no step's measured rise is within the budget.
    func course(atLast step: Int, of checkpoints: [CheckpointChoice]) throws -> RunSession.Course {
        guard budget.action == .rollback else { return .goOn }
        let tuned = checkpoints.filter { $0.step > 0 }
        let best = CheckpointChoice.best(of: tuned, budget: budget.increase)?.step ?? 0
        return best == step ? .goOn : try end(at: best)
    }

    /// The measured rise at a step; without end where more than a tenth of the answers could not be graded, for what is
    /// not known is not safe.
    func increase(at step: Int) -> Double {
        guard let look = known(step), let increase = look.increase else { return .infinity }
        let asked = Double(look.rate.n + look.rate.unscored)
        return Double(look.rate.unscored) > SearchDemands.unscored * asked ? .infinity : increase
    }

    private func end(at step: Int) throws -> RunSession.Course {
        try Checkpoint.removeAll(after: step, in: session.directory.checkpoints)
        record.ended = step
        try save()
        session.note("tune", "ended; what step \(step) has made is the result")
        return .end(at: step)
    }

    /// The look that counts for a step: of the present round, or from before the training went back.
    private func known(_ step: Int) -> RunReport.RiskWatch.Look? {
        let (round, start) = (record.starts.count, record.starts.last ?? 0)
        return record.looks.last { $0.step == step && ($0.round == round || step <= start) }
    }

    /// What a report says of it.
    func report(steps: Int) -> RunReport.RiskWatch {
        let points = Int((budget.increase * 100).rounded())
        let over = record.looks.filter(\.isOver).map(\.step)
        let verdict: String
        if let ended = record.ended {
            let cause =
                over.last.map { "was spent at step \($0) of \(steps)" }
                ?? (ended > 0
                    ? "was not spent, but an earlier checkpoint was within it and had the higher measured utility"
                    : "was not spent for certain, but no assessed checkpoint is known to be within it")
            verdict = "The risk budget of \(points) points \(cause): the result is what step \(ended) had made."
        } else if let first = over.first {
            verdict =
                "The risk budget of \(points) points was spent at step \(first); the tuning went back \(over.count) "
                + "time\(over.count == 1 ? "" : "s"), and to its end with safety rows in every step."
        } else {
            let last = record.looks.last
            verdict =
                last.map { increase(at: $0.step).isFinite } ?? true
                ? "The risk budget of \(points) points was not spent."
                : "Whether the risk budget of \(points) points was kept is not known: at step \(last?.step ?? 0) too many "
                    + "answers could not be graded."
        }
        return .init(
            suite: budget.suite,
            budget: budget.increase,
            action: budget.action.rawValue,
            sign: budget.sign.rawValue,
            looks: record.looks,
            verdict: verdict
        )
    }
}
