import Foundation
import TemperLedger
import TemperReport
import TemperStudio
import TemperText
import TemperTorch
import TemperTune
import Testing

@testable import TemperPipeline
@testable import temper

/// What the studio is given: the report of a run that is not over, its models, and recipes from a form.
@TorchActor
@Suite(.serialized)
struct StudioPartsTests {
    @Test func anUnfinishedRunSaysWhatItsReportWillSay() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let finished = try await MainJob(try scene.recipe("told"), sink: Recorder()).run(upTo: .tuning)
        let run = scene.directory("told")
        let reader = UnfinishedRun()
        let told = try #require(try await reader.report(of: run))
        func comparable(_ report: RunReport) -> RunReport {
            var copy = report.timeless
            // Nothing in the folder says how large the model is; controls are no part of what is shown on the way.
            copy.model.parameters = 0
            copy.model.path = ""
            copy.environment = [:]
            copy.controls = nil
            return copy
        }
        #expect(comparable(told) == comparable(finished))
        // What is not complete is not there.
        let last = run.assessment(of: "tuned@4").appending(path: "metrics.json")
        try FileManager.default.removeItem(at: last)
        let earlier = try await reader.report(of: run)
        #expect(earlier?.subjects.map(\.name) == ["raw", "aligned", "tuned@0", "tuned@1", "tuned@2"])
        try FileManager.default.removeItem(at: run.assessment(of: "raw").appending(path: "metrics.json"))
        #expect(try await reader.report(of: run) == nil)

        let models = RunModels()
        let members = RunModels.members(of: run)
        #expect(members.map(\.id) == ["raw", "aligned", "tuned@4", "guarded:tuned@4"])
        #expect(RunModels.principal(of: run) == ["aligned", "tuned@4", "guarded:tuned@4"])
        for member in members {
            _ = try await models.answer(.init(user: "Hello"), by: member.id, in: run) { _ in }
        }
        await #expect(throws: RunModels.Failure.self) {
            try await models.answer(.init(user: "Hello"), by: "../raw", in: run) { _ in }
        }
    }

    /// What people do instead of tuning answers, too, and of the defences the one that the report would choose is asked.
    @Test func theChatHasWhatLooksUpAndTheBestDefence() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recipe = try scene.recipe(
            "looked-up",
            "align=null",
            "assess.controls=false",
            "retrieval={examples: 1}",
            "defences=[{name: half, method: interpolation, scale: 0.5}, {name: little, method: interpolation, scale: 0.1}]"
        )
        let report = try await MainJob(recipe, sink: Recorder()).run()
        let run = scene.directory("looked-up")
        let members = RunModels.members(of: run)
        #expect(members.map(\.id) == ["raw", "retrieval", "tuned@4", "half", "little", "guarded:tuned@4"])
        #expect(members[1].title == "raw, rows looked up")
        let best = [report.bestDefence?.name].compactMap { $0 }
        #expect(RunModels.principal(of: run) == Set(["raw", "tuned@4", "guarded:tuned@4"] + best))
        let models = RunModels()
        // Others in between, so that what is kept in memory is not mistaken for another.
        for id in ["raw", "retrieval", "raw"] {
            _ = try await models.answer(.init(user: "Hello"), by: id, in: run) { _ in }
        }
    }

    /// The paths of a recipe start in the folder that the run was started in; who is elsewhere is told so.
    @Test func aRunFromElsewhereSaysWhereItsFilesAre() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        var recipe = try scene.recipe("moved", "align=null")
        _ = try await MainJob(recipe, sink: Recorder()).run(upTo: .alignment)
        let run = scene.directory("moved")
        let file = run.url.appending(path: "record.json")
        var record = try #require(LedgerFile.read(RunRecord.self, from: file))
        recipe.modelNameOrPath = "no/model.gguf"
        recipe.assess.suites[0].file = "no/probes.csv"
        record.recipe = try recipe.resolvedYAML()
        try LedgerFile.write(record, to: file)
        try LedgerFile.write(text: record.recipe, to: run.recipe)
        func told(_ body: () async throws -> Void) async -> String {
            do {
                try await body()
                return ""
            } catch {
                return "\(error)"
            }
        }
        let report = await told { _ = try await UnfinishedRun().report(of: run) }
        #expect(report.hasPrefix("no/probes.csv, which the run's recipe names, is not in "), "\(report)")
        #expect(report.hasSuffix("start the studio there"))
        let answer = await told { _ = try await RunModels().answer(.init(user: "Hello"), by: "raw", in: run) { _ in } }
        #expect(answer.hasPrefix("no/model.gguf, which"))
    }

    /// Guarded, quantised and searched subjects are shown while the run goes on, in the order of its story.
    @Test func anUnfinishedRunShowsEverySubject() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recipe = try scene.recipe(
            "every",
            "align=null",
            "assess.controls=false",
            "assess.quantizations=[q4_0]",
            "guard=standard",
            "defences=[{name: half, method: interpolation, scale: 0.5}]",
            "defend={budget: 1000, sentinel: 2, methods: [interpolation]}",
            "continue={rounds: 2, defence: half}"
        )
        let finished = try await MainJob(recipe, sink: Recorder()).run()
        let run = scene.directory("every")
        let told = try #require(try await UnfinishedRun().report(of: run))
        #expect(told.subjects.map(\.name) == finished.subjects.map(\.name))
        let kinds = Set(told.subjects.map(\.kind))
        #expect(kinds == [.base, .checkpoint, .quantized, .guarded, .defence, .continued])
        #expect(told.subjects.contains { $0.name == finished.search?.chosen })
        #expect(told.subjects == finished.subjects && told.comparisons == finished.comparisons)
        #expect(told.guarding == finished.guarding && told.flips == finished.flips)
        #expect(told.defences.map(\.name) == finished.defences.map(\.name))
        #expect(told.continuation == finished.continuation)
        // What is not complete is not there.
        for name in ["raw.q4_0", "guarded", "half"] {
            try FileManager.default.removeItem(at: run.assessment(of: name).appending(path: "metrics.json"))
        }
        let earlier = try #require(try await UnfinishedRun().report(of: run))
        let left = finished.subjects.map(\.name).filter { !["raw.q4_0", "guarded", "half", "half.q4_0"].contains($0) }
        #expect(earlier.subjects.map(\.name) == left && earlier.guarding == nil)
        // A round that is not assessed yet is not there either, and nothing is concluded from those that are.
        var progress = try #require(LedgerFile.read(ContinuedTuning.Progress.self, from: run.continuation))
        progress.continuation.courses[1].subjects.removeLast()
        try LedgerFile.write(progress, to: run.continuation)
        let under = try #require(try await UnfinishedRun().report(of: run)?.continuation)
        #expect(under.courses.map(\.subjects.count) == [2, 1])
        #expect(
            under.verdict == "Under way: 2 of 2 rounds of plain tuning, 1 of 2 rounds with half are done."
        )
        // That of another recipe is not shown.
        progress.fingerprint = "another"
        try LedgerFile.write(progress, to: run.continuation)
        #expect(try await UnfinishedRun().report(of: run)?.continuation == nil)
    }

    @Test func aFormBecomesARecipe() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let launcher = StudioLauncher(directory: scene.folder)
        var form = RecipeForm()
        form.name = "mine"
        form.model = Scene.model.path
        form.data = "embedded:cybersecurity"
        form.steps = "4"
        form.learningRate = "1e-3"
        form.limit = "5"
        form.suites = ["jailbreak", "bias"]
        form.defences = ["interpolation"]
        form.aligns = true
        let yaml = launcher.recipe(of: form)
        #expect(try launcher.check(yaml) == "mine")
        let recipe = try Recipe.parse(yaml, file: "recipe.yaml")
        #expect(recipe.modelNameOrPath == Scene.model.path)
        #expect(recipe.assess.suites.map(\.name) == ["jailbreak", "bias"])
        #expect(recipe.assess.suites.map(\.limit) == [5, 5])
        #expect(recipe.tune.settings.maxSteps == 4)
        #expect(recipe.align != nil)
        #expect(recipe.defences.map(\.method) == ["interpolation"])
        #expect(launcher.problems(in: form) == [:])
        // Every mistake is found, each at its entry.
        var wrong = form
        (wrong.name, wrong.model, wrong.data) = ("a/b", "", "nowhere.jsonl")
        (wrong.steps, wrong.learningRate, wrong.limit) = ("many", "fast", "0")
        (wrong.suites, wrong.defences) = ([], ["safety-vector"])
        wrong.aligns = false
        let problems = launcher.problems(in: wrong)
        #expect(Set(problems.keys) == Set(RecipeForm.Field.allCases), "\(problems)")
        #expect(problems[.data] == "nowhere.jsonl: cannot be read: no such file or folder; check the path")
        // What is there and is no model, and no data.
        (wrong.model, wrong.data) = (#filePath, #filePath)
        let others = launcher.problems(in: wrong)
        #expect(others[.model]?.contains(#filePath) == true && others[.data]?.contains(#filePath) == true, "\(others)")
        #expect(problems[.name]?.hasPrefix("found \"a/b\", expected letters") == true, "\(problems)")
        wrong.aligns = true
        #expect(launcher.problems(in: wrong)[.defence] == nil)
        // A text cannot become more than a text, and a name no path.
        for name in ["../mine", "a/b", "", "-rf", "a\noutput_dir: /etc", "a: b"] {
            form.name = name
            #expect(throws: RecipeError.self, "\(name)") { try launcher.check(launcher.recipe(of: form)) }
        }
        form.name = "mine"
        form.model = "m\ndevice: \"cuda\"\n# \u{2028}"
        #expect(try Recipe.parse(launcher.recipe(of: form), file: "recipe.yaml").modelNameOrPath == form.model)
        form.steps = "4\nseed: 9"
        #expect(throws: RecipeError.self) { try launcher.check(launcher.recipe(of: form)) }
        #expect(launcher.choices.data == ["embedded:cybersecurity"])
        #expect(launcher.choices.suites.contains { $0.name == "jailbreak" })
    }
}
