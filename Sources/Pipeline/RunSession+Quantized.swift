import TemperAlign
import TemperModel
import TemperReport
import TemperTorch

/// Assesses a subject once more in each storage format that the recipe names: what is shipped is seldom what was
/// trained.
extension RunSession {
    /// Assesses copies of `model`, as it is with what is attached to it; the story gets one chapter a format.
    func assessQuantized(
        _ name: String,
        of model: LanguageModel,
        served: ServedPrompt? = nil,
        into story: inout Story
    ) async throws {
        for format in recipe.assess.quantizations {
            let copy = "\(name).\(format.rawValue)"
            let result = try await assess(copy, served: served) { try model.merged(roundedTo: format) }
            story.add(
                .quantized,
                copy,
                quantization: .init(of: name, format: format.rawValue, bitsPerWeight: format.bitsPerWeight),
                result
            )
        }
    }
}
