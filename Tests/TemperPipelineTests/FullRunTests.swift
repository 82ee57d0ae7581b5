import Foundation
import TemperLedger
import TemperModel
import TemperReport
import TemperRisk
import TemperText
import TemperTorch
import TemperTune
import Testing

@testable import TemperPipeline

/// Runs that train all weights instead of an adapter.
@TorchActor
@Suite(.serialized)
struct FullRunTests {
    private static let overrides = [
        "tune.finetuning_type=full", "tune.learning_rate=1e-2",
        "defences=[{method: base-regularisation, anchors: 2}, {method: realignment, steps: 2}]",
    ]

    private func recipe(_ scene: Scene, _ name: String, _ more: [String] = []) throws -> Recipe {
        // A key that only an adapter has must not be there at all.
        let yaml = scene.yaml(name)
        let tune = try #require(yaml.range(of: "tune:"))
        let text = String(yaml[..<tune.lowerBound]) + yaml[tune.lowerBound...].replacing("  lora_r: 2\n", with: "")
        let overrides = Self.overrides + more
        return try Recipe.parse(text, file: "\(name).yaml", overrides: overrides)
    }

    /// What the run leaves behind does on the base what was assessed, also after an alignment.
    @Test(arguments: [true, false]) func weightsFitTheBase(aligns: Bool) async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let more = aligns ? [] : ["align=null"]
        let recipe = try recipe(scene, "full", more)
        let job = MainJob(recipe, sink: Recorder())
        let report = try await job.run()
        let cured = ["base-regularisation-anchors-2", "realignment-steps-2"]
        #expect(report.defences.map(\.name) == cured)
        #expect(job.adapters.map(\.subject) == (aligns ? ["aligned"] : []) + ["tuned@4"] + cured)
        let base = try await LanguageModel.load(from: Scene.model, dtype: .float32)
        for (subject, folder) in job.adapters {
            let assessed = try Assessments.read(scene.directory("full").assessment(of: subject))
            let responder = LocalResponder(try base.forInference(adapter: folder), batchSize: 4)
            let attempts = assessed.results[0].attempts
            let chats = attempts.map { Chat([Message(.user, $0.prompt)]) }
            let answers = try await responder.respond(to: chats, options: assessed.options)
            #expect(answers.map(\.text) == attempts.map(\.answer), "\(subject)")
        }
        var resolved = try Recipe.load(scene.directory("full").recipe, environment: [:])
        resolved.threads = recipe.threads
        resolved.device = recipe.device
        #expect(resolved == recipe)
        let again = Recorder()
        _ = try await MainJob(recipe, sink: again).run()
        #expect(again.steps.isEmpty && again.assessed.isEmpty)
    }

    /// Killed in the middle and taken up, the weights are those of a run that was not.
    @Test func takenUpEqualsUninterrupted() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        func weights(_ name: String) throws -> Data {
            let step = scene.directory(name).checkpoints.appending(path: "step-000004")
            return try Data(contentsOf: step.appending(path: "model.safetensors"))
        }
        let more = ["align=null", "defences=[]"]
        _ = try await MainJob(recipe(scene, "whole", more), sink: Recorder()).run()
        let broken = try recipe(scene, "broken", more)
        let killed = Task { try await MainJob(broken, sink: Recorder.cancelling("tune", after: 3)).run() }
        await #expect(throws: PipelineError.self) { try await killed.value }
        let second = Recorder()
        _ = try await MainJob(broken, sink: second).run()
        #expect(second.steps == ["tune 4"])
        #expect(try weights("broken") == weights("whole"))
    }

    @Test(arguments: [
        (["tune.lora_r=4"], "lora_r"), (["quantization_bit=4"], "quantization_bit"),
        (
            ["tune.finetuning_type=lora", "align={train_data: [\"embedded:refusals\"], finetuning_type: full}"],
            "before the tuning of an adapter"
        ),
        (["defences=[{method: interpolation, scale: 0.5}]"], "interpolation"),
        (["defences=[{method: proximal-update}]"], "proximal-update"),
        (["defences=[{method: frozen-layers}]"], "frozen-layers"),
        (["tune.finetuning_type=freeze"], "finetuning_type"),
    ])
    func whatOnlyAnAdapterHasIsRefused(more: [String], named: String) throws {
        let scene = try Scene()
        defer { scene.remove() }
        let error = #expect(throws: RecipeError.self) { try recipe(scene, "refused", more) }
        #expect(error?.description.contains(named) == true, "\(String(describing: error))")
    }

    @Test func smallerStepsByDefault() throws {
        func settings(_ type: String) throws -> TrainingSettings {
            try Recipe.parse(
                "model_name_or_path: m\ntune: {train_data: [rows.jsonl], finetuning_type: \(type)}",
                file: "r.yaml"
            ).tune.settings
        }
        #expect(try settings("full").learningRate == 2e-5)
        #expect(try settings("lora").learningRate == 2e-4)
    }
}
