import Foundation
import TemperLedger
import TemperReport
import TemperTorch
import Testing

@testable import TemperPipeline

/// What a run's report says of how its results were trained, held against the files that the run has made.
@TorchActor
@Suite(.serialized)
struct TrainingStoryTests {
    @Test func aRunSaysHowItsResultsWereTrained() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recipe = try scene.recipe("trained", "assess.controls=false")
        let recorder = Recorder()
        let job = MainJob(recipe, sink: recorder)
        let report = try await job.run()
        let trainings = try #require(report.provenance?.trainings)
        let cured = [
            "safety-mix-fraction-0.5", "base-regularisation-anchors-2", "interpolation-scale-0.5",
            "realignment-steps-2",
        ]
        #expect(trainings.map(\.phase) == ["align", "tune"] + cured)
        #expect(trainings.map(\.subject) == ["aligned", "tuned@4"] + cured)
        // Nobody knows the licence of a model made up for a test.
        #expect(report.provenance?.license == nil)

        // What is named is what is loaded on the base.
        let folders = Dictionary(job.adapters.map { ($0.subject, $0.folder.standardizedFileURL.path) }) { $1 }
        for training in trainings {
            let folder = try #require(training.folder)
            let path = scene.directory("trained").url.appendingPathComponent(folder).standardizedFileURL.path
            #expect(folders[training.subject ?? ""] == path)
        }

        let (align, tune) = (trainings[0], trainings[1])
        for training in trainings where training.rows != nil {
            let begun = recorder.events.first { $0.phase == training.phase && $0.parameters != nil }
            #expect(begun?.message == "\(training.rows ?? 0) rows, \(training.plannedSteps ?? 0) steps")
        }
        #expect(align.steps == 2 && align.rowsPerStep == 2 && (1...4).contains(align.rows ?? 0))
        #expect(tune.steps == 4 && tune.plannedSteps == 4 && tune.learningRate == 1e-3)
        #expect(tune.method == "sft" && tune.finetuningType == "lora" && (tune.parameters ?? 0) > 0)
        #expect(tune.settings["learning_rate"] == "0.001" && tune.settings["max_steps"] == "4")
        #expect(tune.settings["lora_r"] == "2" && tune.settings["lora_target"] == "all-linear")
        #expect(tune.settings["num_train_epochs"] == nil && tune.settings["warmup_steps"] == "0")
        #expect(tune.data.map(\.name) == ["embedded:cybersecurity"] && tune.data[0].rows == 6)
        #expect(tune.dataSHA256 == report.settings["data tune: embedded:cybersecurity"])
        // The hash of a source is that of all its rows, wherever a limit takes some of them.
        #expect(align.data[0].sha256 == report.settings["data defences: refusals"])
        #expect(align.data[0].sha256 != align.dataSHA256)

        let (mix, scaled, realigned) = (trainings[2], trainings[4], trainings[5])
        #expect((mix.rows ?? 0) > (tune.rows ?? 0) && mix.rowsPerStep == 2 && mix.settings == ["fraction": "0.5"])
        #expect(scaled.steps == nil && scaled.rows == nil && scaled.remark?.hasPrefix("none") == true)
        #expect(realigned.steps == 2 && realigned.data.isEmpty)

        // Read back, and read where the run is not over.
        #expect(try ReportFiles.read(of: scene.directory("trained")).provenance == report.provenance)
        let told = try await UnfinishedRun().report(of: scene.directory("trained"))
        #expect(told?.provenance == report.provenance)
    }
}
