import TemperAlign
import TemperModel
import TemperReport
import TemperRisk
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
            let result = try await assess(Story.name(of: name, in: format), served: served) {
                try model.merged(roundedTo: format)
            }
            story.addCopy(of: name, in: format, result)
        }
    }
}

extension Story {
    /// What a subject's copy in a format is called.
    static func name(of subject: String, in format: LanguageModel.Quantization) -> String {
        "\(subject).\(format.rawValue)"
    }

    /// Adds the assessment of a subject's copy.
    mutating func addCopy(
        of subject: String,
        in format: LanguageModel.Quantization,
        _ result: (assessment: Assessment, seconds: Double)
    ) {
        add(
            .quantized,
            Self.name(of: subject, in: format),
            quantization: .init(of: subject, format: format.rawValue, bitsPerWeight: format.bitsPerWeight),
            result
        )
    }
}
