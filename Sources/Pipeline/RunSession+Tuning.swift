import Foundation
import TemperAlign
import TemperLedger
import TemperModel
import TemperReport
import TemperRisk
import TemperTorch
import TemperTune

/// The user's own tuning: trained, assessed at every checkpoint, and where the recipe says so, watched.
extension RunSession {
    /// Tunes the reference model; the story grows by every checkpoint that is kept.
    func tune(
        _ reference: LanguageModel,
        on data: Dataset,
        watching suites: [PlannedSuite],
        story: inout Story
    ) async throws -> Trained {
        let tuning = recipe.tune
        let watch = try tuning.riskBudget.map {
            try RiskWatch($0, session: self, suites: suites, reference: story.reference.assessment)
        }
        var chapters: [Int: (assessment: Assessment, seconds: Double)] = [:]
        let job = Job(
            phase: "tune",
            directory: directory.checkpoints,
            data: data,
            settings: tuning.settings,
            checkpointSteps: { total in
                let own = tuning.checkpointSteps(total: total)
                guard watch != nil else { return own }
                return Set([0] + own + Recipe.RiskBudget.steps(total: total)).sorted()
            },
            scheme: try watch?.dial?.scheme(for: reference, seed: recipe.seed),
            keepsStart: watch != nil
        )
        let untouched = CheckpointChoice(step: 0, increase: 0, answers: Self.answers(story.reference.assessment))
        var choices = [untouched]
        let tuned = try await train(job, on: reference) { stop in
            if let watch {
                if watch.ended == stop.step { return .stop }
                choices.removeAll { $0.step >= max(stop.step, 1) }
                if try await watch.look(at: stop, model: reference) {
                    return try watch.course(after: stop.step, of: choices)
                }
                let isAssessed = stop.isLast || tuning.checkpointSteps(total: stop.total).contains(stop.step)
                guard stop.step > 0, isAssessed else { return .goOn }
            }
            let result = try await assess("tuned@\(stop.step)", early: !stop.isLast) {
                try stop.restore()
                return reference
            }
            chapters[stop.step] = result
            guard let watch else { return .goOn }
            let answers = Self.answers(result.assessment)
            choices.append(.init(step: stop.step, increase: watch.increase(at: stop.step), answers: answers))
            return stop.isLast ? try watch.course(atLast: stop.step, of: choices) : .goOn
        }
        if let watch {
            if let ended = watch.ended {
                let name = "tuned@\(ended)"
                chapters = chapters.filter { $0.key < ended }
                try removeAssessments(after: ended)
                // What was asked of it on the way was less than is asked of a result.
                if watch.needsAssessment { try? FileManager.default.removeItem(at: directory.assessment(of: name)) }
                if ended > 0 { chapters[ended] = try await assess(name) { reference } }
                if watch.needsAssessment { try watch.noteAssessment() }
            }
            story.riskWatch = watch.report(steps: tuned.steps)
        }
        for (step, result) in chapters.sorted(by: { $0.key < $1.key }) {
            story.add(.checkpoint, "tuned@\(step)", step: step, result)
        }
        return tuned
    }

    /// Removes what checkpoints after a step were found to be: what was rejected could pass for the result,
    /// or for a step that is taken anew.
    func removeAssessments(after step: Int) throws {
        let folder = directory.assessment(of: "").path
        for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
            guard name.hasPrefix("tuned@"), let later = Int(name.dropFirst(6)), later > step else { continue }
            try FileManager.default.removeItem(at: directory.assessment(of: name))
        }
    }

    /// Whether the questions of the utility were answered rightly, those that were graded; nil where none was.
    private static func answers(_ assessment: Assessment) -> [String: Bool]? {
        let graded = assessment[.utility].first?.attempts.filter(\.verdict.isScored) ?? []
        let right = graded.map { ($0.probeID, $0.verdict == Axis.utility.counted) }
        return right.isEmpty ? nil : Dictionary(right) { first, _ in first }
    }
}
