import Foundation
import TemperModel
import TemperReport
import TemperTorch
import TemperWeights
import Testing

@testable import TemperPipeline

/// Quantised copies in a recipe, in a run on a tiny random model, and in its report.
@TorchActor
@Suite(.serialized)
struct QuantizationTests {
    @Test func formatsAreReadAndWritten() throws {
        let yaml = """
            model_name_or_path: m.gguf
            assess: {quantisations: [Q4_0, nf4]}
            tune: {train_data: embedded:cybersecurity}
            """
        let recipe = try Recipe.parse(yaml, file: "small.yaml")
        #expect(recipe.assess.quantizations == [.q4_0, .nf4])
        #expect(try Recipe.parse(try recipe.resolvedYAML(), file: "small.yaml") == recipe)
        let error = #expect(throws: RecipeError.self) {
            try Recipe.parse(yaml.replacing("nf4", with: "q3_K_L"), file: "small.yaml")
        }
        #expect("\(try #require(error))".contains("q8_0"))
        #expect(throws: RecipeError.self) {
            try Recipe.parse(yaml.replacing("nf4", with: "q4_0"), file: "small.yaml")
        }
    }

    @Test func copiesAreAssessedAndComparedWithWhatTheyWereMadeOf() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recipe = try scene.recipe(
            "rounded",
            "align=null",
            "defences=[{name: half, method: interpolation, scale: 0.5}]",
            "assess.quantizations=[q4_0, nf4]"
        )
        let report = try await MainJob(recipe, sink: Recorder()).run()
        let copies = report.subjects.filter { $0.kind == .quantized }
        let names = ["raw", "tuned@4", "half"].flatMap { ["\($0).q4_0", "\($0).nf4"] }
        #expect(copies.map(\.name) == names)
        #expect(copies.allSatisfy { $0.quantization?.bitsPerWeight == 4.5 })
        for name in names {
            let own = report.comparisons.filter { $0.subject == name && $0.axis == "jailbreak" }.map(\.base)
            #expect(Set(own) == (name.hasPrefix("raw") ? ["raw"] : ["raw", String(name.prefix { $0 != "." })]))
            #expect(own.count == Set(own).count)
        }
        let page = HTMLReport.render(report)
        #expect(page.contains("Copies with rounded weights") && page.contains("tuned@4"))
        #expect(csvFiles(report).contains { $0.name == "quantization.csv" && $0.text.contains("half,nf4,4.5") })
        // A finished run does nothing again.
        let second = Recorder()
        _ = try await MainJob(recipe, sink: second).run()
        #expect(second.assessed.isEmpty)
    }

    @Test(arguments: LanguageModel.Quantization.allCases)
    func weightsAreThoseOfTheFormat(_ format: LanguageModel.Quantization) async throws {
        let model = try await LanguageModel.load(from: Scene.root.appending(path: "Tests/Goldens/model/tiny-llama"))
        let copy = try model.merged(roundedTo: format)
        var moved = 0
        for (whole, rounded) in zip(model.network.linears, copy.network.linears) {
            let (before, after) = (try whole.weight.floats(), try rounded.weight.floats())
            #expect(try rounded.weight.shape == whole.weight.shape)
            let step = before.map(abs).max() ?? 0
            #expect(zip(before, after).allSatisfy { abs($0 - $1) <= step / (format == .q8_0 ? 100 : 5) })
            moved += before == after ? 0 : 1
        }
        #expect(moved > 0)
        let heads = (try model.network.head.weight.floats(), try copy.network.head.weight.floats())
        #expect(heads.0 == heads.1)
    }
}
