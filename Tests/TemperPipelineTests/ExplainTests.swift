import Foundation
import TemperLedger
import TemperReport
import TemperTorch
import Testing

@testable import TemperPipeline

/// `temper explain` on a whole run of a tiny random model.
@TorchActor
@Suite(.serialized)
struct ExplainTests {
    private static let overrides = [
        "defences=[]", "assess.controls=false", "assess.suites=[{name: jailbreak, limit: 2}]",
        "tune.train_data=[{data: embedded:cybersecurity, limit: 6}]", "tune.max_steps=2",
    ]

    private func options() -> RunExplainer.Options {
        var options = RunExplainer.Options()
        (options.anchors, options.requests, options.openingTokens, options.tokens) = (2, 4, 3, 2)
        options.shown = 2
        return options
    }

    private func run(_ scene: Scene, _ name: String, _ more: String...) async throws -> RunDirectory {
        let recipe = try Recipe.parse(scene.yaml(name), file: "r.yaml", overrides: Self.overrides + more)
        _ = try await MainJob(recipe, sink: Recorder()).run(upTo: .tuning)
        return scene.directory(name)
    }

    @Test func everyPartIsThere() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let directory = try await run(scene, "explained")
        let explainer = try RunExplainer(directory, options: options(), sink: Recorder())
        let found = try await explainer.explain()
        #expect(found.reference == "aligned" && found.tuned == "tuned@2")
        #expect(found.rows.map(\.rank) == Array(1...6))
        #expect(found.rows.allSatisfy { abs($0.score) <= 1 + 1e-9 && $0.file == "cybersecurity.jsonl" && $0.line > 0 })
        #expect(zip(found.rows, found.rows.dropFirst()).allSatisfy { $0.score >= $1.score })
        #expect(found.rows.map { $0.request != nil } == [true, true, false, false, false, false])
        #expect(!found.layers.isEmpty && found.layers.allSatisfy { $0.drift > 0 && abs($0.cosine) <= 1 })
        #expect(found.openings.map(\.position) == [1, 2, 3])
        #expect(found.openings.allSatisfy { $0.harmful >= -1e-6 && $0.harmless >= -1e-6 })
        #expect(found.openings[0].harmful > 0)
        #expect(found.retraining == nil)

        let file = explainer.folder.appending(path: "explain.json")
        #expect(LedgerFile.read(Explanation.self, from: file) == found)
        // Asked again, it says the same.
        #expect(try await RunExplainer(directory, options: options(), sink: Recorder()).explain() == found)
    }

    @Test func trainsAgainWithoutTheFirstRowsAndIsTakenUp() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let directory = try await run(scene, "retrained", "align=null")
        var options = options()
        (options.retrains, options.leftOut) = (true, 2)
        let first = Recorder()
        let found = try await RunExplainer(directory, options: options, sink: first).explain()
        #expect(found.reference == "raw")
        let retraining = try #require(found.retraining)
        #expect(retraining.leftOut == 2 && (0...1).contains(retraining.shareOfPush))
        #expect(first.steps == ["without top 1", "without top 2", "without random 1", "without random 2"])
        let rate = try #require(retraining.rates.first { $0.suite == "jailbreak" })
        // What the tiny model writes may be no answer at all; then nothing is foreseen.
        if let before = rate.reference, let after = rate.tuned {
            #expect(rate.predicted == after - retraining.shareOfPush * (after - before))
        } else {
            #expect(rate.predicted == nil)
        }
        let second = Recorder()
        #expect(try await RunExplainer(directory, options: options, sink: second).explain() == found)
        #expect(second.steps.isEmpty && second.assessed.isEmpty)
        options.leftOut = 6
        let all = try RunExplainer(directory, options: options, sink: Recorder())
        await #expect(throws: PipelineError.self) { try await all.explain() }
    }

    @Test func weightsThatWereTrainedThemselvesAreExplained() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let yaml = scene.yaml("full")
        let tune = try #require(yaml.range(of: "tune:"))
        let text = String(yaml[..<tune.lowerBound]) + yaml[tune.lowerBound...].replacing("  lora_r: 2\n", with: "")
        let more = ["tune.finetuning_type=full", "align=null"]
        let recipe = try Recipe.parse(text, file: "full.yaml", overrides: Self.overrides + more)
        _ = try await MainJob(recipe, sink: Recorder()).run(upTo: .tuning)
        let found = try await RunExplainer(scene.directory("full"), options: options(), sink: Recorder()).explain()
        #expect(found.layers.allSatisfy { $0.drift > 0 } && found.rows.count == 6)
    }

    @Test func aRunWithoutACheckpointIsRefused() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recipe = try Recipe.parse(scene.yaml("early"), file: "r.yaml", overrides: Self.overrides)
        _ = try await MainJob(recipe, sink: Recorder()).run(upTo: .alignment)
        let explainer = try RunExplainer(scene.directory("early"), sink: Recorder())
        await #expect(throws: PipelineError.self) { try await explainer.explain() }
    }

    @Test func theShareOfThePush() {
        #expect(RunExplainer.shareOfPush([3, 1, -5], first: 1) == 0.75)
        #expect(RunExplainer.shareOfPush([-1, -2], first: 1) == 0)
    }
}
