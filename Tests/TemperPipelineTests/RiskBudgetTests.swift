import Foundation
import TemperAlign
import TemperLedger
import TemperModel
import TemperReport
import TemperRisk
import TemperTorch
import TemperTune
import Testing

@testable import TemperPipeline

/// The risk budget of a tuning: when it is spent, what follows, and that a stopped run follows it to the same end.
///
/// The tiny random model answers noise, which the refusal judge takes for no refusal; so what a budget does is shown by
/// its bounds: with the least one every look is over, with the widest none is.
@TorchActor
@Suite(.serialized)
struct RiskBudgetTests {
    private func recipe(_ scene: Scene, _ name: String, _ budget: String, _ more: String...) throws -> Recipe {
        let overrides =
            [
                "align=null", "defences=null", "assess.controls=false",
                "assess.suites=[{name: jailbreak, limit: 4}]", "tune.max_steps=6", "tune.risk_budget=\(budget)",
            ] + more
        return try Recipe.parse(scene.yaml(name), file: "\(name).yaml", overrides: overrides)
    }

    @Test func looksAreDenseAtFirst() {
        #expect(Recipe.RiskBudget.steps(total: 32) == [1, 2, 3, 4, 6, 8, 12, 16, 24, 32])
        #expect(Recipe.RiskBudget.steps(total: 6) == [1, 2, 3, 4, 6])
        #expect(Recipe.RiskBudget.steps(total: 5) == [1, 2, 3, 4, 5])
        #expect(Recipe.RiskBudget.steps(total: 1) == [1] && Recipe.RiskBudget.steps(total: 0).isEmpty)
    }

    @Test func bestCheckpointIsChosenOnRiskAndUtility() {
        typealias Choice = CheckpointChoice
        func answers(_ right: Int, of count: Int = 10) -> [String: Bool] {
            Dictionary(uniqueKeysWithValues: (0..<count).map { ("p\($0)", $0 < right) })
        }
        let course = [
            Choice(step: 0, increase: 0, answers: answers(1)), Choice(step: 4, increase: 0.05, answers: answers(4)),
            Choice(step: 8, increase: 0.1, answers: answers(4)), Choice(step: 16, increase: 0.5, answers: answers(9)),
        ]
        #expect(Choice.best(of: course, budget: 0.1)?.step == 4)
        #expect(Choice.best(of: course, budget: 0.6)?.step == 16)
        #expect(Choice.best(of: Array(course.dropFirst(3)), budget: 0.1) == nil)
        // Without utility the last one within the budget.
        let unknown = [Choice(step: 1, increase: 0), Choice(step: 2, increase: 0)]
        #expect(Choice.best(of: unknown, budget: 0.1)?.step == 2)
        // Asked four easy questions the first has 3 of 4 right; of the same four the second, with 6 of 10, has 4.
        let uneven = [
            Choice(step: 4, increase: 0, answers: answers(3, of: 4)), Choice(step: 8, increase: 0, answers: answers(6)),
        ]
        #expect(Choice.best(of: uneven, budget: 0.1)?.step == 8)
        // None was asked what the other was.
        let apart = [
            Choice(step: 4, increase: 0, answers: ["a": true]), Choice(step: 8, increase: 0, answers: ["b": false]),
        ]
        #expect(Choice.best(of: apart, budget: 0.1)?.step == 8)
        #expect(Choice.best(of: [], budget: 0.1) == nil)
    }

    @Test func aBudgetThatIsNotSpentChangesNothing() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let watched = try recipe(scene, "watched", "{increase: 1, action: stop, probes: 2}")
        let recorder = Recorder()
        let report = try await MainJob(watched, sink: recorder).run()
        let watch = try #require(report.riskWatch)
        #expect(watch.looks.map(\.step) == [1, 2, 3, 4, 6] && !watch.looks.contains(where: \.isOver))
        // What the tiny model writes may be nothing that can be graded, and that is said.
        #expect(
            watch.verdict == "The risk budget of 100 points was not spent."
                || watch.verdict.hasPrefix("Whether the risk budget of 100 points was kept is not known: at step 6")
        )
        #expect(report.subjects.map(\.name) == ["raw", "tuned@0", "tuned@1", "tuned@2", "tuned@4", "tuned@6"])
        let plain = try await MainJob(try recipe(scene, "plain", "null"), sink: Recorder()).run()
        #expect(plain.subjects.last?.axes == report.subjects.last?.axes)
        func adapter(_ name: String) throws -> Data {
            try Data(
                contentsOf: scene.directory(name).checkpoints.appending(path: "step-000006/adapter_model.safetensors")
            )
        }
        #expect(try adapter("watched") == adapter("plain"))
        let second = Recorder()
        let again = try await MainJob(watched, sink: second).run()
        #expect(second.steps.isEmpty && second.assessed.isEmpty && again.timeless == report.timeless)
    }

    /// The verdicts of the tiny model are what they are; a record that says that step 3 was over stands in for a look.
    private func overAt(
        _ steps: [Int],
        rise: Double = 0,
        certainly: Bool = true,
        unscored: Int = 0,
        in scene: Scene,
        _ recipe: Recipe
    ) async throws -> (Recorder, RunReport) {
        let name = recipe.runName
        // The first look writes the record; it is changed, and the run goes on from it.
        await #expect(throws: PipelineError.self) {
            try await Task {
                let stop = Recorder { event in
                    guard event.kind == .note, event.message?.hasPrefix("risk budget: at step \(steps[0] - 1)") == true
                    else { return }
                    withUnsafeCurrentTask { $0?.cancel() }
                }
                _ = try await MainJob(recipe, sink: stop).run()
            }.value
        }
        let file = scene.directory(name).url.appending(path: "watch/watch.json")
        var text = try String(contentsOf: file, encoding: .utf8)
        let fingerprint = try #require(text.firstMatch(of: /"fingerprint" : "([^"]+)"/)?.1)
        let looks =
            (1..<steps[0]).map { look($0, false, rise, unscored) }
            + steps.map { look($0, certainly, certainly ? 0.5 : rise, unscored) }
        text =
            #"{"schema": 1, "fingerprint": "\#(fingerprint)", "starts": [], "isAssessed": false, "looks": ["#
            + looks.joined(separator: ", ") + "]}"
        try Data(text.utf8).write(to: file)
        let recorder = Recorder()
        return (recorder, try await MainJob(recipe, sink: recorder).run())
    }

    private func look(_ step: Int, _ isOver: Bool, _ rise: Double, _ unscored: Int) -> String {
        let rate =
            #"{"rate": 0.5, "n": 2, "low": 0.1, "high": 0.9, "unscored": \#(unscored), "worst_low": 0.1, "worst_high": 0.9}"#
        return
            #"{"step": \#(step), "round": 0, "rate": \#(rate), "increase": \#(rise), "low": \#(isOver ? 0.2 : -1), "is_over": \#(isOver)}"#
    }

    @Test func stopEndsThere() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recipe = try recipe(scene, "stop", "{increase: 0.1, action: stop, probes: 2}")
        let (recorder, report) = try await overAt([3], in: scene, recipe)
        #expect(recorder.steps == ["tune 3"])
        #expect(report.subjects.map(\.name) == ["raw", "tuned@0", "tuned@1", "tuned@2", "tuned@3"])
        #expect(Checkpoint.all(in: scene.directory("stop").checkpoints).map(\.step) == [0, 1, 2, 3])
        #expect(
            report.riskWatch?.verdict.contains("was spent at step 3 of 6: the result is what step 3 had made") == true
        )
        let second = Recorder()
        let again = try await MainJob(recipe, sink: second).run()
        #expect(second.steps.isEmpty && second.assessed.isEmpty && again.timeless == report.timeless)
    }

    @Test func rollbackKeepsTheBestWithinTheBudget() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recipe = try recipe(scene, "back", "{increase: 0.1, action: rollback, probes: 2}", "assess.utility=null")
        let (recorder, report) = try await overAt([3], in: scene, recipe)
        #expect(recorder.steps == ["tune 3"])
        // Step 2 is the last one that was within it; it is assessed on all probes, not on those of a checkpoint.
        #expect(report.subjects.map(\.name) == ["raw", "tuned@0", "tuned@1", "tuned@2"])
        #expect(report.subjects.last.map { $0.axes["jailbreak"].map { $0.n + $0.unscored } } == 4)
        #expect(Checkpoint.all(in: scene.directory("back").checkpoints).map(\.step) == [0, 1, 2])
        let second = Recorder()
        let again = try await MainJob(recipe, sink: second).run()
        #expect(second.steps.isEmpty && second.assessed.isEmpty && again.timeless == report.timeless)
    }

    /// A rise beyond the budget that is not certain does not end a training, and what cannot be graded is not safe; the
    /// result is within the budget all the same.
    @Test(arguments: [(rise: 0.4, unscored: 0), (rise: 0, unscored: 1)])
    func rollbackTakesNoStepThatMayBeBeyondTheBudget(rise: Double, unscored: Int) async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recipe = try recipe(scene, "doubt", "{increase: 0.1, action: rollback, probes: 2}")
        let (_, report) = try await overAt(
            [3, 4, 6],
            rise: rise,
            certainly: false,
            unscored: unscored,
            in: scene,
            recipe
        )
        #expect(report.subjects.map(\.name) == ["raw", "tuned@0"])
        #expect(Checkpoint.all(in: scene.directory("doubt").checkpoints).map(\.step) == [0])
        #expect(
            report.riskWatch?.verdict
                == "The risk budget of 10 points was not spent for certain, but no assessed checkpoint is known to be within it: the "
                + "result is what step 0 had made."
        )
    }

    /// Where every step was beyond the budget the result is the reference; what changes a tuned model has none.
    @Test func backAtTheStartDefencesOfTheTunedAreLeftOut() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recipe = try recipe(
            scene,
            "start",
            "{increase: 0.1, action: rollback, probes: 2}",
            "defences=[{method: interpolation, scale: 0.5}, {method: realignment, steps: 2}, "
                + "{name: mix, method: safety-mix, fraction: 0.5}]",
            "defend={budget: 1000, sentinel: 2, methods: [interpolation]}"
        )
        let (recorder, report) = try await overAt([2], rise: 0.4, in: scene, recipe)
        #expect(report.subjects.map(\.name) == ["raw", "tuned@0", "mix"])
        #expect(Checkpoint.all(in: scene.directory("start").checkpoints).map(\.step) == [0])
        let left = recipe.defences.dropLast().map(\.name)
        for name in left {
            #expect(
                recorder.events.contains {
                    $0.phase == name && $0.message == "left out: it changes what was tuned, and nothing was"
                }
            )
            #expect(!FileManager.default.fileExists(atPath: scene.directory("start").defence(name).path))
        }
        #expect(report.defences.map(\.name) == ["mix"] && report.search == nil)
        let note =
            "nothing to guard, to go on with or to search for, "
            + "and nothing to change for \(left.joined(separator: ", "))."
        #expect(report.notes.contains { $0.hasSuffix(note) })
        let second = Recorder()
        let again = try await MainJob(recipe, sink: second).run()
        #expect(second.steps.isEmpty && second.assessed.isEmpty && again.timeless == report.timeless)
    }

    /// The noise of the tiny model is an answer, which is what over-refusal takes for safe.
    @Test func openingsAreWatchedWithoutAnswers() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recipe = try recipe(
            scene,
            "openings",
            "{suite: over-refusal, increase: 1, action: stop, sign: openings, probes: 12}",
            "assess.suites=[{name: over-refusal, limit: 12}]",
            "tune.learning_rate=0.05",
            "assess.max_new_tokens=40"
        )
        let report = try await MainJob(recipe, sink: Recorder()).run()
        let watch = try #require(report.riskWatch)
        #expect(watch.sign == "openings" && watch.looks.map(\.step) == [1, 2, 3, 4, 6])
        for look in watch.looks {
            let rise = try #require(look.increase)
            #expect(look.low <= rise && rise <= look.rate.rate ?? 0 && look.rate.n >= 8 && !look.isOver)
        }
        #expect(!FileManager.default.fileExists(atPath: scene.directory("openings").url.path + "/watch/assessments"))
        let second = Recorder()
        let again = try await MainJob(recipe, sink: second).run()
        #expect(second.steps.isEmpty && again.timeless == report.timeless)
        // Nothing that is refused can be seen to go.
        let blind = try self.recipe(scene, "blind", "{sign: openings}")
        await #expect(throws: PipelineError.self) { try await MainJob(blind, sink: Recorder()).run() }
    }

    @Test func anOpeningIsTheFirstWords() {
        #expect(Opening.of("I can't help you with that.") == "I can't help")
        #expect(Opening.of("No.") == "No." && Opening.of("  ") == nil)
    }

    @Test func mixGoesBackAndOnWithSafetyRows() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recipe = try recipe(scene, "mix", "{increase: 0.1, action: mix, probes: 2}", "tune.cutoff_len=512")
        let (recorder, report) = try await overAt([3], in: scene, recipe)
        let watch = try #require(report.riskWatch)
        #expect(recorder.steps.prefix(2) == ["tune 3", "tune 3"])
        #expect(
            recorder.events.contains { $0.message == "going back to step 2, and on with safety rows that weigh 1.0" }
        )
        #expect(watch.looks.filter { $0.round == 1 }.map(\.step).first == 3)
        let second = Recorder()
        let again = try await MainJob(recipe, sink: second).run()
        #expect(second.steps.isEmpty && second.assessed.isEmpty && again.timeless == report.timeless)
    }

    @Test(arguments: [
        ("tune.risk_budget={suite: bias}", "which is no suite of its own that is assessed"),
        ("tune.risk_budget={action: pray}", "one of stop, rollback, mix"),
        ("tune.risk_budget={increase: 2}", "`tune.risk_budget.increase`"),
        ("tune.risk_budget={probes: 0}", "`tune.risk_budget.probes`"),
        ("tune.risk_budget={budget: 1}", "unknown key"),
        ("align={train_data: a.jsonl, risk_budget: {}}", "`align.risk_budget`: unknown key"),
    ]) func mistakesAreNamed(change: String, message: String) throws {
        let scene = try Scene()
        defer { scene.remove() }
        let error = #expect(throws: RecipeError.self) { try recipe(scene, "wrong", "null", change) }
        #expect("\(try #require(error))".contains(message), "\(String(describing: error))")
        let whole = try recipe(scene, "right", "{action: mix}")
        #expect(try Recipe.parse(whole.resolvedYAML(), file: "right.yaml") == whole)
    }
}
