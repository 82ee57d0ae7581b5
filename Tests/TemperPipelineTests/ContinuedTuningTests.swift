import Foundation
import TemperAlign
import TemperLedger
import TemperModel
import TemperReport
import TemperRisk
import TemperText
import TemperTorch
import TemperTune
import Testing

@testable import TemperPipeline

/// A tuning that goes on after its end, on a tiny random model: what each course trains, that nothing is done twice, and
/// that a stopped run goes on to the same end.
@TorchActor
@Suite(.serialized)
struct ContinuedTuningTests {
    private static let lists = [
        "safety-mix-fraction-0.5": "{method: safety-mix, fraction: 0.5}",
        "base-regularisation-anchors-2": "{method: base-regularisation, anchors: 2}",
        "interpolation-scale-0.5": "{method: interpolation, scale: 0.5}",
        "realignment-steps-2": "{method: realignment, steps: 2}",
    ]

    private func recipe(_ scene: Scene, _ name: String, _ continued: String, _ more: String...) throws -> Recipe {
        let defences = Self.lists.sorted { $0.key < $1.key }.filter { continued.contains($0.key) }.map(\.value)
        let overrides =
            [
                "assess.controls=false", "assess.suites=[{name: jailbreak, limit: 3}]", "assess.utility=null",
                "tune.checkpoint_steps=[4]", "continue=\(continued)",
                "defences=[\(defences.joined(separator: ", "))]",
            ] + more
        return try Recipe.parse(scene.yaml(name), file: "\(name).yaml", overrides: overrides)
    }

    /// What a round of a course has made.
    private func made(_ scene: Scene, _ name: String, _ course: String, round: Int) throws -> Data {
        let folder = scene.directory(name).continued(course, round: round).url
        return try Data(contentsOf: folder.appending(path: "adapter/adapter_model.safetensors"))
    }

    /// Each way a defence can act takes part in every round, and is done once.
    @Test(arguments: [
        ("safety-mix-fraction-0.5", 16, 0), ("base-regularisation-anchors-2", 8, 0), ("interpolation-scale-0.5", 8, 0),
        ("realignment-steps-2", 8, 4),
    ]) func twoRoundsBesideThePlainOnes(defence: String, steps: Int, further: Int) async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recipe = try recipe(scene, "on", "{rounds: 2, defence: \(defence)}")
        let first = Recorder()
        let job = MainJob(recipe, sink: first)
        let report = try await job.run()

        let name = "\(defence)-continued"
        let rounds = ["continued@8", "continued@12", "\(name)@8", "\(name)@12"]
        #expect(report.subjects.map(\.name) == ["raw", "aligned", "tuned@0", "tuned@4", defence] + rounds)
        let subjects = report.subjects.suffix(4)
        #expect(subjects.allSatisfy { $0.kind == .continued } && subjects.map(\.step) == [8, 12, 8, 12])
        // As few probes as at a checkpoint on the way, and all at the end.
        #expect(subjects.compactMap { $0.axes["jailbreak"].map { $0.n + $0.unscored } } == [2, 3, 2, 3])
        let expected =
            (5...12).map { "continued \($0)" } + (1...steps).map { "\(name) \($0 + 4)" }
            + (0..<further).map { "\(name)-realigned \($0 + 1)" }
        #expect(first.steps.filter { $0.contains("continued") }.sorted() == expected.sorted())
        #expect(report.training.filter { $0.phase == "continued" }.map(\.step) == Array(5...12))

        let continuation = try #require(report.continuation)
        #expect(continuation.rounds == 2 && continuation.roundSteps == 4 && continuation.firstStep == 4)
        #expect(continuation.data == ["embedded:cybersecurity", "embedded:cybersecurity"])
        #expect(continuation.courses.map(\.defence) == [nil, defence])
        #expect(continuation.courses.map(\.subjects) == [Array(rounds.prefix(2)), Array(rounds.suffix(2))])
        #expect(continuation.verdict?.contains("After 2 more rounds, at step 12") == true)
        // The ends with the reference and with each other.
        let pairs = report.comparisons.filter { $0.subject.contains("continued") }
        let compared = pairs.map { "\($0.base) \($0.subject)" }
        #expect(compared == ["aligned continued@12", "aligned \(name)@12", "continued@12 \(name)@12"])
        // Neither the tuned model nor a defence is another one for it.
        #expect(report.defences.map(\.name) == [defence])
        #expect(report.trail?.answers.contains { $0.subject.contains("continued") } != true)
        let gate = try Gate.evaluate(report, against: GatePolicy.parse(Self.policy, file: "gate.yaml"))
        #expect(gate.criteria.map(\.subject) == ["tuned@4", "continued@12"])

        // A round that is over leaves what it made, and nothing else that is large.
        let folder = scene.directory("on").continued(defence, round: 1)
        let left = try FileManager.default.contentsOfDirectory(atPath: folder.url.path).sorted()
        #expect(left == ["adapter", "owner.json", "round.json"])
        let results = try ["tuned", defence].flatMap { course in
            try (1...2).map { try made(scene, "on", course, round: $0) }
        }
        #expect(Set(results).count == 4)
        let base = try await LanguageModel.load(from: Scene.model, dtype: .float32)
        _ = try Adapter.load(from: folder.url.appending(path: "adapter/\(Adapter.onBase)"), for: base)

        let second = Recorder()
        let again = try await MainJob(recipe, sink: second).run()
        #expect(second.steps.isEmpty && second.assessed.isEmpty)
        #expect(again.timeless == report.timeless)
    }

    private static let policy = """
        subject: tuned
        rules:
          - {id: tuned, metric: jailbreak, at_most: 1}
          - {id: on, metric: jailbreak, subject: continued@12, at_most: 1}
        """

    /// Stopped in the middle of a round, the run goes on to the same end, bit for bit.
    @Test(arguments: [("continued", 10), ("safety-mix-fraction-0.5-continued", 15)])
    func aStoppedRoundGoesOn(phase: String, step: Int) async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let continued = "{rounds: 2, defence: safety-mix-fraction-0.5}"
        let whole = try await MainJob(try recipe(scene, "whole", continued, "align=null"), sink: Recorder()).run()
        let stopped = try recipe(scene, "stopped", continued, "align=null")
        await #expect(throws: PipelineError.self) {
            try await Task { _ = try await MainJob(stopped, sink: Recorder.cancelling(phase, after: step)).run() }.value
        }
        let status = LedgerFile.read(RunStatus.self, from: scene.directory("stopped").status)
        #expect(status?.state == .interrupted && status?.phase == "continue")
        let rest = Recorder()
        let report = try await MainJob(stopped, sink: rest).run()
        #expect(rest.steps.first == "\(phase) \(step + 1)")
        #expect(report.timeless == whole.timeless)
        for course in ["tuned", "safety-mix-fraction-0.5"] {
            for round in 1...2 {
                #expect(
                    try made(scene, "stopped", course, round: round) == made(scene, "whole", course, round: round),
                    "\(course) \(round)"
                )
            }
        }
        // Killed between what a round made and the note that it is over: what was there is taken up.
        let round = scene.directory("stopped").continued("tuned", round: 2).url
        try FileManager.default.removeItem(at: round.appending(path: "round.json"))
        let again = Recorder()
        let repeated = try await MainJob(stopped, sink: again).run()
        #expect(again.steps == (9...12).map { "continued \($0)" } && again.assessed.isEmpty)
        #expect(repeated.timeless == whole.timeless)
    }

    /// A finished run can go on, and further on; what was done before is not done again.
    @Test func aFinishedRunGoesOn() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        func recipe(_ name: String, _ continued: String) throws -> Recipe {
            try self.recipe(scene, name, continued, "align=null")
        }
        let before = try await MainJob(try recipe("on", "null"), sink: Recorder()).run()
        #expect(before.continuation == nil)
        let first = Recorder()
        let one = try await MainJob(try recipe("on", "{rounds: 1, defence: null}"), sink: first).run()
        #expect(first.steps == (5...8).map { "continued \($0)" })
        #expect(Array(one.subjects.prefix(before.subjects.count)) == before.subjects)
        #expect(Array(one.comparisons.prefix(before.comparisons.count)) == before.comparisons)
        let second = Recorder()
        let two = try await MainJob(try recipe("on", "{rounds: 2, defence: null}"), sink: second).run()
        #expect(second.steps == (9...12).map { "continued \($0)" })
        #expect(two.continuation?.courses.map(\.defence) == [nil])
        // The former last round was asked everything, which stands; it is all that a run to the same end has otherwise.
        #expect(second.assessed == ["assess continued@12"])
        let direct = try recipe("direct", "{rounds: 2, defence: null}")
        var whole = try await MainJob(direct, sink: Recorder()).run().timeless
        let former = try #require(whole.subjects.firstIndex { $0.name == "continued@8" })
        #expect(whole.subjects[former].axes["jailbreak"].map { $0.n + $0.unscored } == 2)
        whole.subjects[former] = two.timeless.subjects[former]
        #expect(whole == two.timeless)
        for rounds in [1, 2] {
            let again = Recorder()
            _ = try await MainJob(try recipe("on", "{rounds: \(rounds), defence: null}"), sink: again).run()
            #expect(again.steps.isEmpty && again.assessed.isEmpty, "\(rounds)")
        }

        // Other data is another course, from its first round on.
        let chain = "[{data: embedded:ordinary, limit: 4}, {data: embedded:cybersecurity, limit: 6}]"
        let third = Recorder()
        let other = try await MainJob(
            try recipe("on", "{rounds: 3, train_data: \(chain), defence: null}"),
            sink: third
        ).run()
        #expect(third.steps == (5...16).map { "continued \($0)" })
        #expect(third.assessed == ["assess continued@8", "assess continued@12", "assess continued@16"])
        #expect(other.continuation?.data == ["ordinary", "cybersecurity", "ordinary"].map { "embedded:\($0)" })
    }

    /// The report's own choice goes on, and where it has none the plain course alone.
    @Test func theBestDefenceGoesOn() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recorder = Recorder()
        let recipe = try recipe(scene, "best", "{rounds: 1}", "defences=[{method: interpolation, scale: 0.5}]")
        #expect(recipe.continuation?.defence == "best")
        let report = try await MainJob(recipe, sink: recorder).run()
        let best = report.bestDefence?.name
        let courses = try #require(report.continuation).courses.map(\.defence)
        #expect(courses == (best == nil ? [nil] : [nil, best]))
        #expect(recorder.events.contains { $0.kind == .note && $0.phase == "continue" } == (best == nil))
    }

    /// All weights go on as an adapter does.
    @Test func allWeights() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let yaml = scene.yaml("full")
        let tune = try #require(yaml.range(of: "tune:"))
        let recipe = try Recipe.parse(
            String(yaml[..<tune.lowerBound]) + yaml[tune.lowerBound...].replacing("  lora_r: 2\n", with: ""),
            file: "full.yaml",
            overrides: [
                "tune.finetuning_type=full", "align=null", "assess.controls=false", "tune.checkpoint_steps=[4]",
                "defences=[{method: realignment, steps: 2}]", "continue={rounds: 1, defence: realignment-steps-2}",
            ]
        )
        let recorder = Recorder()
        let report = try await MainJob(recipe, sink: recorder).run()
        #expect(report.continuation?.courses.map(\.subjects) == [["continued@8"], ["realignment-steps-2-continued@8"]])
        let folder = scene.directory("full").continued("tuned", round: 1).url.appending(path: "adapter")
        #expect(FullWeights.lie(in: folder))
        let again = Recorder()
        _ = try await MainJob(recipe, sink: again).run()
        #expect(again.steps.isEmpty && again.assessed.isEmpty)
    }

    @Test func theEstimateCountsTheRounds() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let named = try recipe(scene, "estimate", "{rounds: 5, defence: safety-mix-fraction-0.5}")
        let phases = try await MainJob(named, sink: Recorder()).estimate().phases
        let mix = "safety-mix-fraction-0.5-continued"
        #expect(phases.suffix(4).map(\.name) == ["continued", "assess continued", mix, "assess \(mix)"])
        let work = ["5 rounds of 4 steps", "5 assessments"]
        #expect(phases.suffix(4).map(\.work) == work + work)
        #expect(phases.suffix(4).allSatisfy { $0.seconds > 0 && $0.seconds.isFinite && $0.peakMemory > 0 })
        let tune = try #require(phases.first { $0.name == "tune" })
        let plain = try #require(phases.first { $0.name == "continued" })
        let mixed = try #require(phases.first { $0.name == mix })
        #expect(plain.seconds > 4 * tune.seconds && plain.seconds < 6 * tune.seconds && mixed.seconds > plain.seconds)
        let early = try await MainJob(named, sink: Recorder()).estimate(upTo: .tuning).phases
        #expect(!early.contains { $0.name.contains("continued") })
    }

    // MARK: The recipe

    @Test(arguments: [
        ("continue={rounds: 0}", "`continue.rounds`: found 0, expected a whole number, 1 to 1000"),
        ("continue={train_data: []}", "`continue.train_data`: found an empty list, expected a source or more, or null"),
        ("continue={train_data: [embedded:none]}", "`continue.train_data.0`"),
        ("continue={defence: x}", "`continue.defence`: found \"x\", expected one of best, safety-mix-fraction-0.5, "),
        ("continue={round: 3}", "did you mean `rounds`"),
        ("continue=3", "`continue`: found 3, expected a section with the keys rounds, train_data, defence"),
        ("defences=[{name: a-continued, method: interpolation}]", "a name without \"-continued\""),
        ("defences=[{name: continued, method: interpolation}]", "which every run uses for something of its own"),
    ]) func mistakesAreNamed(change: String, message: String) throws {
        let scene = try Scene()
        defer { scene.remove() }
        let error = #expect(throws: RecipeError.self) { try scene.recipe("wrong", change) }
        #expect("\(try #require(error))".contains(message), "\(String(describing: error))")
    }

    @Test func aDefenceNeedsDefences() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let error = #expect(throws: RecipeError.self) {
            try scene.recipe("wrong", "defences=null", "continue={defence: best}")
        }
        #expect("\(try #require(error))".contains("found \"best\", expected null, for the recipe has no `defences`"))
        #expect(try scene.recipe("search", "defences=null", "defend=auto", "continue={}").continuation == .init())
        let alone = try scene.recipe("alone", "defences=null", "continue={}")
        #expect(alone.continuation?.defence == nil && alone.continuation?.rounds == 10)
    }

    @Test func aContinuationIsReadAsItIsWritten() throws {
        let scene = try Scene()
        defer { scene.remove() }
        for none in ["continue=null", "seed=3"] { #expect(try scene.recipe("none", none).continuation == nil) }
        for text in [
            "{}", "{rounds: 3, defence: null}", "{train_data: embedded:ordinary, defence: interpolation-scale-0.5}",
            "{train_data: [{data: embedded:ordinary, limit: 4}, embedded:twins], rounds: 7}",
        ] {
            let recipe = try scene.recipe("round", "continue=\(text)")
            #expect(try Recipe.parse(recipe.resolvedYAML(), file: "round.yaml") == recipe)
        }
    }
}
