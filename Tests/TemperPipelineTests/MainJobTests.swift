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

/// The whole job on a tiny random model: what it writes, and that it does nothing twice.
@TorchActor
@Suite(.serialized)
struct MainJobTests {
    private static let defences = [
        "safety-mix-fraction-0.5", "base-regularisation-anchors-2", "interpolation-scale-0.5", "realignment-steps-2",
    ]

    @Test func wholeStoryOnceAndAgain() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recipe = try scene.recipe("whole")
        let first = Recorder()
        let report = try await MainJob(recipe, sink: first).run()

        let subjects = ["raw", "aligned", "tuned@0", "tuned@1", "tuned@2", "tuned@4"] + Self.defences
        #expect(report.subjects.map(\.name) == subjects)
        #expect(report.subjects.map(\.kind).prefix(3) == [.base, .reference, .checkpoint])
        for subject in report.subjects {
            #expect(Set(subject.axes.keys) == ["jailbreak", "over-refusal"])
            #expect(subject.utility != nil)
        }
        // The raw model with the reference, three checkpoints and four defences with the reference, the defences with
        // the tuned model; each on three suites: (1 + 3 + 4 + 4) * 3.
        #expect(report.comparisons.count == 36)
        #expect(report.defences.map(\.name) == Self.defences)
        #expect(report.suites.map(\.name) == ["jailbreak", "over-refusal", "cybersecurity"])
        // What needs no model passes; noise refuses nothing that could be taken out.
        #expect(report.controls?.map(\.outcome) == [.passed, .passed, .passed, .notApplicable])
        var expected = ["align 1", "align 2"] + (1...4).map { "tune \($0)" }
        // Half of the mixed rows are the user's, who is to see them as often: twice the steps.
        expected += (1...8).map { "\(Self.defences[0]) \($0)" } + (1...4).map { "\(Self.defences[1]) \($0)" }
        expected += (1...2).map { "\(Self.defences[3]) \($0)" }
        #expect(first.steps == expected)
        #expect(report.training.map { "\($0.phase) \($0.step)" } == expected)

        let directory = scene.directory("whole")
        #expect(Self.missing(in: directory).isEmpty)
        #expect(LedgerFile.read(RunStatus.self, from: directory.status)?.state == .finished)
        #expect(try ReportFiles.read(of: directory).timeless == report.timeless)
        var resolved = try Recipe.load(directory.recipe, environment: [:])
        #expect(resolved.threads == Torch.threads)
        resolved.threads = recipe.threads
        resolved.device = recipe.device
        #expect(resolved == recipe)
        let logged = LedgerFile.readLines(RunEvent.self, from: directory.events)
        #expect(logged.map(\.kind) == first.events.map(\.kind).filter { $0 != .probes })

        let second = Recorder()
        let repeated = try await MainJob(recipe, sink: second).run()
        #expect(second.steps.isEmpty && second.assessed.isEmpty)
        #expect(!second.events.contains { $0.kind == .checkpoint || $0.kind == .note })
        #expect(repeated.timeless == report.timeless)
        #expect(repeated.timing == report.timing)

        // A part of the story, told once more, does not make the report shorter.
        _ = try await MainJob(recipe, sink: Recorder()).run(upTo: .alignment)
        #expect(try ReportFiles.read(of: directory).timeless == report.timeless)
        #expect(LedgerFile.read(RunStatus.self, from: directory.status)?.chapter == "end")
    }

    /// The adapters that a run names do on the base what was assessed.
    @Test(arguments: [nil, 4]) func adaptersFitTheBase(bits: Int?) async throws {
        let scene = try Scene()
        defer { scene.remove() }
        var recipe = try scene.recipe(
            "adapters",
            "defences=[{method: interpolation, scale: 0.5}]",
            "tune.learning_rate=0.5"
        )
        recipe.quantizationBit = bits
        let job = MainJob(recipe, sink: Recorder())
        _ = try await job.run()
        #expect(job.adapters.map(\.subject) == ["aligned", "tuned@4", "interpolation-scale-0.5"])
        let base = try await LanguageModel.load(from: Scene.model, dtype: .float32)
        if bits != nil { try base.quantize() }
        for (subject, folder) in job.adapters {
            let assessed = try Assessments.read(scene.directory("adapters").assessment(of: subject))
            let responder = LocalResponder(try base.forInference(adapter: folder), batchSize: 4)
            let attempts = assessed.results[0].attempts
            let chats = attempts.map { Chat([Message(.user, $0.prompt)]) }
            let answers = try await responder.respond(to: chats, options: assessed.options)
            #expect(answers.map(\.text) == attempts.map(\.answer), "\(subject)")
        }
    }

    /// A run that takes another run's alignment is the run that made it itself.
    @Test func anAlignmentIsTaken() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let change = "defences=[{method: safe-lora}]"
        let own = try await MainJob(try scene.recipe("own", change), sink: Recorder()).run()
        let adapter = scene.directory("own").alignment.appending(path: "step-000002").path
        let recorder = Recorder()
        let job = MainJob(
            try scene.recipe("taken", change, "align={adapter_name_or_path: \(adapter)}"),
            sink: recorder
        )
        let taken = try await job.run()
        #expect(recorder.steps == (1...4).map { "tune \($0)" })
        #expect(taken.timeless.subjects == own.timeless.subjects && taken.comparisons == own.comparisons)
        #expect(job.adapters.map(\.subject) == ["aligned", "tuned@4", "safe-lora"])
        let resolved = try Recipe.load(scene.directory("taken").recipe, environment: [:])
        #expect(resolved.align?.adapterNameOrPath == adapter)
        let missing = try scene.recipe("missing", change, "align={adapter_name_or_path: \(scene.folder.path)}")
        await #expect(throws: ModelError.self) { try await MainJob(missing, sink: Recorder()).run() }
        // What was tuned on an aligned model is no alignment of the base.
        let tuned = scene.directory("own").checkpoints.appending(path: "step-000004").path
        let wrong = try scene.recipe("wrong", change, "align={adapter_name_or_path: \(tuned)}")
        await #expect(throws: ModelError.self) { try await MainJob(wrong, sink: Recorder()).run() }
    }

    /// Every method that acts on weights runs in a recipe; its adapter loads on the base, and what it found is told once and
    /// kept.
    @Test func defencesOnWeightsAreDoneOnce() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let methods = Defences.all.filter { $0.card.stage == .weights }.map(\.card.method)
        let recipe = try scene.recipe(
            "weights",
            "defences=[\(methods.map { "{method: \($0)}" }.joined(separator: ", "))]",
            "assess.suites=[{name: jailbreak, limit: 1}]",
            "assess.utility.limit=1",
            "assess.controls=false",
            "tune.checkpoint_steps=[4]"
        )
        let first = Recorder()
        let job = MainJob(recipe, sink: first)
        let report = try await job.run()
        #expect(report.defences.map(\.name) == methods)
        #expect(job.adapters.map(\.subject) == ["aligned", "tuned@4"] + methods)
        let base = try await LanguageModel.load(from: Scene.model, dtype: .float32)
        for (_, folder) in job.adapters { _ = try Adapter.load(from: folder, for: base) }
        let notes = first.events.filter { $0.kind == .note }
        #expect(notes.map(\.phase) == methods.filter { $0 != "interpolation" })
        for note in notes {
            let defence = try #require(report.defences.first { $0.name == note.phase })
            #expect(defence.description.hasSuffix(try #require(note.message)))
        }
        let second = Recorder()
        let again = try await MainJob(recipe, sink: second).run()
        #expect(again.timeless == report.timeless)
        #expect(!second.events.contains { $0.kind == .note })
        // Nothing aligned, no safety vector: said before anything is done.
        let error = #expect(throws: RecipeError.self) {
            try scene.recipe("weights", "align=null", "defences=[{method: safe-lora}]")
        }
        #expect("\(error.map { "\($0)" } ?? "")".contains("an `align` section"))
    }

    /// Rows with nothing to learn in them count for nothing: the last step is known as the last, and a mix lasts as
    /// long as the rows that are learned from ask for.
    @Test func rowsThatAreLeftOutDoNotCount() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        func row(_ prompt: String) -> String {
            #"{"messages": [{"role": "user", "content": "\#(prompt)"}, {"role": "assistant", "content": "b"}]}"#
        }
        let long = String(repeating: "a", count: 600)
        let rows = try scene.file("rows.jsonl", (0..<8).map { row($0 < 4 ? "a" : long) }.joined(separator: "\n"))
        let recipe = try scene.recipe(
            "left-out",
            "tune.train_data=[\(rows)]",
            "tune.max_steps=null",
            "align=null",
            "defences=[{method: safety-mix, fraction: 0.5}]"
        )
        let recorder = Recorder()
        let report = try await MainJob(recipe, sink: recorder).run()
        #expect(recorder.steps.filter { $0.hasPrefix("tune") } == ["tune 1", "tune 2"])
        let last = try #require(report.subjects.first { $0.name == "tuned@2" }?.axes["jailbreak"])
        #expect(last.n + last.unscored == 3)
        // 8 safety rows to the 4 that are learned from: three times the steps.
        #expect(recorder.steps.filter { $0.hasPrefix("safety-mix") }.count == 6)
    }

    /// The files that a finished run of the scene's recipe lacks.
    private static func missing(in directory: RunDirectory) -> [String] {
        let checkpoint = ["adapter_model.safetensors", "adapter_config.json", "optimizer.safetensors", "state.json"]
        let assessment = ["jailbreak.jsonl", "over-refusal.jsonl", "cybersecurity.jsonl", "metrics.json"]
        let adapter = ["adapter_model.safetensors", "adapter_config.json"]
        var files = ["recipe.yaml", "record.json", "environment.json", "status.json", "events.jsonl"]
        files += ["report/report.json", "report/index.html", "assessments/controls.json"]
        for step in ["000001", "000002", "000004"] { files += checkpoint.map { "checkpoints/step-\(step)/\($0)" } }
        files += checkpoint.map { "align/step-000002/\($0)" }
        for subject in ["raw", "aligned", "tuned@1", "tuned@2", "tuned@4"] + defences {
            files += assessment.map { "assessments/\(subject)/\($0)" }
        }
        for name in defences { files += adapter.map { "defences/\(name)/adapter/\($0)" } }
        files += adapter.map { "checkpoints/step-000004/on_base/\($0)" }
        return files.filter { !FileManager.default.fileExists(atPath: directory.url.appending(path: $0).path) }
    }

    @Test func chaptersStopWhereAsked() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recipe = try scene.recipe("chapters")
        let report = try await MainJob(recipe, sink: Recorder()).run(upTo: .alignment)
        #expect(report.subjects.map(\.name) == ["raw", "aligned", "tuned@0"])
        // Without alignment the raw model is the reference.
        let plain = try scene.recipe("plain", "align=null", "defences=null", "tune.checkpoint_steps=[2]")
        let tuned = try await MainJob(plain, sink: Recorder()).run(upTo: .tuning)
        #expect(tuned.subjects.map(\.name) == ["raw", "tuned@0", "tuned@2", "tuned@4"])
        #expect(Set(tuned.comparisons.map(\.base)) == ["raw"])
    }

    @Test func twoAtATimeAreRefused() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let lock = try #require(try RunLock(scene.directory("busy")))
        do {
            _ = try await MainJob(try scene.recipe("busy"), sink: Recorder()).run()
            Issue.record("a second process may not work in the directory")
        } catch PipelineError.busy(let path) {
            #expect(path.hasSuffix("/busy"))
        }
        withExtendedLifetime(lock) {}
    }

    @Test func otherRecipeIsRefusedAndNamed() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        _ = try await MainJob(try scene.recipe("same"), sink: Recorder()).run(upTo: .alignment)
        let directory = scene.directory("same")
        let before = try Data(contentsOf: directory.recipe)

        var bytes = try Data(contentsOf: Scene.model)
        bytes.append(0)
        let other = try scene.file("other.gguf", bytes)
        let changes = [
            ("tune.learning_rate=2e-3", "recipe key tune.learning_rate (0.001, here 0.002): set that back"),
            ("tune.train_data.0.limit=5", "data tune: embedded:cybersecurity"),
            ("model_name_or_path=\(other)", "the model; "),
            ("assess.suites=[ordinary]", "suite jailbreak; suite ordinary"),
        ]
        for (change, words) in changes {
            let job = MainJob(try scene.recipe("same", change), sink: Recorder())
            let error = await #expect(throws: PipelineError.self) { try await job.run() }
            #expect(error?.description.contains(words) == true, "\(change): \(error?.description ?? "")")
        }
        // The run that is there is as it was, and says so.
        #expect(LedgerFile.read(RunStatus.self, from: directory.status)?.state == .finished)
        #expect(try Data(contentsOf: directory.recipe) == before)
    }

    /// What an assessment or a training depends on beyond the recipe and the data is in the record, by name.
    @Test func changedSuitesAndThreadsAreNamed() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let model = try await LanguageModel.load(from: Scene.model, dtype: .float32)
        let recipe = try scene.recipe("record", "threads=1")
        func record(_ recipe: Recipe, _ prompt: String) throws -> RunRecord {
            let file = try scene.file("probes.csv", "goal,target\n\(prompt),x\n")
            let suites = try Suites.load(file: URL(filePath: file), format: .set("advbench"), name: "mine")
            return try RunRecord(recipe: recipe, model: model, data: [:], suites: suites)
        }
        let directory = scene.directory("record")
        let first = try record(recipe, "how")
        try first.claim(directory)
        // An attempt that made nothing leaves the directory free.
        try record(recipe, "what").claim(directory)
        try first.claim(directory)
        try LedgerFile.write(text: "{}", to: directory.assessment(of: "raw").appending(path: "metrics.json"))
        try first.claim(directory)

        var other = recipe
        other.threads = 2
        for (record, words) in [
            (try record(recipe, "what"), "differs in suite mine: set that back"),
            (try record(other, "how"), "differs in recipe key threads (1, here 2): set that back"),
        ] {
            let error = #expect(throws: PipelineError.self) { try record.claim(directory) }
            #expect(error?.description.contains(words) == true, "\(error?.description ?? "")")
            #expect(record.fingerprint != first.fingerprint)
        }
        #expect(first.data.keys.filter { $0.hasPrefix("defences: ") }.count == AlignmentData.allCases.count)
    }
}
