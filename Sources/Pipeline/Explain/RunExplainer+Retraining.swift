import Foundation
import TemperAlign
import TemperLedger
import TemperModel
import TemperReport
import TemperRisk
import TemperText
import TemperTorch
import TemperTune

/// The test of an explanation: the user's training again without the rows that pushed most, and without as many others.
extension RunExplainer {
    /// Trains and assesses both, under the run's folder `explain`; a stopped one is taken up.
    func retraining(
        without count: Int,
        of ranked: [(example: Example, score: Double)],
        data: Dataset,
        reference: LanguageModel,
        alignment: Adapter?
    ) async throws -> Explanation.Retraining {
        guard count > 0, count < ranked.count else {
            throw PipelineError.recipe(
                key: "--leave-out",
                reason: "\(count) of \(ranked.count) rows cannot be left out; at least one row has to stay"
            )
        }
        let suites = try recipe.assess.load()
        let helpers = try await HelperModels(recipe.assess, judges: false, device: reference.device)
        let last = Checkpoint.all(in: directory.checkpoints).last?.step
        // A tuning that was ended early had the rates of one that goes on.
        let planned = LedgerFile.readLines(RunEvent.self, from: directory.events)
            .last { $0.kind == .phase && $0.phase == "tune" }?.total
        let record = LedgerFile.read(RunRecord.self, from: directory.url.appendingPathComponent("record.json"))
        let top = Set(ranked.prefix(count).map(\.example))
        let random = Set(ranked.map(\.example).shuffled(seed: recipe.seed).prefix(count))
        var assessments: [Assessment] = []
        for (name, rows) in [("top", top), ("random", random)] {
            let names = rows.map { "\($0.source)" }.sorted()
            let mark = SHA256.hex(of: ([record?.fingerprint ?? "", name] + names).joined(separator: "\n")).prefix(16)
            // Each set of rows has a folder of its own, so that another one never takes up its checkpoints.
            let place = RunDirectory(folder.appendingPathComponent("without-\(name)-\(count)-\(mark.prefix(8))"))
            let session = RunSession(
                recipe: recipe,
                directory: place,
                fingerprint: String(mark),
                suites: suites,
                roles: helpers.roles,
                sink: sink
            )
            session.alignment = alignment
            var kept = data
            kept.name = "\(data.name), \(count) rows left out"
            kept.examples = data.examples.filter { example in
                var plain = example
                plain.rejected = nil
                return !rows.contains(plain)
            }
            var settings = recipe.tune.settings
            settings.maxSteps = planned ?? last
            let job = RunSession.Job(
                phase: "without \(name)",
                directory: place.checkpoints,
                data: kept,
                settings: settings,
                checkpointSteps: { [min(last ?? $0, $0)] }
            )
            _ = try await session.train(job, on: reference) { _ in .stop }
            assessments.append(try await session.assess("without-\(name)") { reference }.assessment)
            reference.network.detach()
        }
        return Explanation.Retraining(
            leftOut: count,
            shareOfPush: Self.shareOfPush(ranked.map(\.score), first: count),
            rates: try rates(top: assessments[0], random: assessments[1], scores: ranked.map(\.score), count: count)
        )
    }

    /// The share that the first of ranked scores have in the sum of those above 0.
    nonisolated static func shareOfPush(_ scores: [Double], first count: Int) -> Double {
        let all = scores.reduce(0) { $0 + max(0, $1) }
        return all > 0 ? scores.prefix(count).reduce(0) { $0 + max(0, $1) } / all : 0
    }

    private func rates(
        top: Assessment,
        random: Assessment,
        scores: [Double],
        count: Int
    ) throws -> [Explanation.Retraining.Rate] {
        let tuned = Checkpoint.all(in: directory.checkpoints).last.map { "tuned@\($0.step)" } ?? ""
        let before = try? Assessments.read(directory.assessment(of: recipe.align == nil ? "raw" : "aligned"))
        let after = try? Assessments.read(directory.assessment(of: tuned))
        func rate(_ assessment: Assessment?, _ suite: String) -> Double? {
            assessment?.results.first { $0.suite == suite }?.rate.rate
        }
        let share = Self.shareOfPush(scores, first: count)
        return top.results.map { result in
            let (old, new) = (rate(before, result.suite), rate(after, result.suite))
            var predicted: Double?
            if result.axis == .jailbreak, let old, let new { predicted = new - share * (new - old) }
            return Explanation.Retraining.Rate(
                suite: result.suite,
                metric: result.metric,
                reference: old,
                tuned: new,
                predicted: predicted,
                withoutTop: result.rate.rate,
                withoutRandom: rate(random, result.suite)
            )
        }
    }
}
