import Foundation
import TemperLedger
import TemperTorch
import Testing

@testable import TemperPipeline

/// What a run will take: the phases of the run itself, every token counted, and nothing written.
@TorchActor
@Suite(.serialized)
struct EstimateTests {
    @Test func tellsThePhasesOfTheRunAndWritesNothing() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recipe = try scene.recipe("estimate")
        let estimate = try await MainJob(recipe, sink: Recorder()).estimate()
        #expect(!FileManager.default.fileExists(atPath: scene.directory("estimate").url.path))

        let recorder = Recorder()
        _ = try await MainJob(recipe, sink: recorder).run()
        let phases = recorder.events.filter { $0.kind == .phase }.map(\.phase)
        #expect(estimate.phases.map(\.name) == ["start"] + phases)
        for phase in estimate.phases {
            #expect(phase.seconds > 0 && phase.seconds.isFinite && phase.peakMemory > 0, "\(phase.name)")
        }
        #expect(estimate.seconds > 0 && estimate.table.contains("tune"))
        let work = Dictionary(uniqueKeysWithValues: estimate.phases.map { ($0.name, $0.work) })
        #expect(work["tune"]?.hasPrefix("4 steps, ") == true && work["align"]?.hasPrefix("2 steps, ") == true)
        #expect(work["assess raw"] == "7 probes" && work["assess tuned@1"] == "6 probes")
        let tokens = recorder.events.filter { $0.kind == .step && $0.phase == "tune" }
            .reduce(0) { $0 + Int((($1.tokensPerSecond ?? 0) * ($1.seconds ?? 0)).rounded()) }
        #expect(work["tune"] == "4 steps, \(tokens) tokens")
    }

    @Test func chaptersAndPreferences() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let rows = try scene.file("pairs.jsonl", #"{"prompt":"q","chosen":"yes","rejected":"no"}"#)
        let recipe = try scene.recipe(
            "pairs",
            "tune.train_data=[\(rows)]",
            "tune.stage=dpo",
            "align=null",
            "defences=[]"
        )
        let all = try await MainJob(recipe, sink: Recorder()).estimate()
        #expect(all.phases.map(\.name).suffix(4) == ["tune", "assess tuned@1", "assess tuned@2", "assess tuned@4"])
        let first = try await MainJob(recipe, sink: Recorder()).estimate(upTo: .alignment)
        #expect(first.phases.map(\.name) == ["start", "assess raw", "controls"])
    }
}
