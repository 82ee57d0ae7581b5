public import Foundation
public import TemperRisk
import TemperTorch
package import TemperTune

/// The judges on a sentence encoder, made and loaded: the encoder is a model, which `TemperRisk` knows nothing about.
extension EncoderJudge {
    /// Loads an encoder with a judge's adapter and head.
    ///
    /// - Parameters:
    ///   - encoder: The encoder's folder, as `temper model pull all-minilm-l6-v2` makes it.
    ///   - folder: The folder with the adapter and the head; nil takes the one that the package carries.
    /// - Throws: `RiskError.unreadable`, also where the head belongs to another encoder or adapter.
    public static func load(
        _ question: Question,
        on encoder: URL,
        with folder: URL? = nil
    ) async throws -> EncoderJudge {
        let place = folder ?? question.carried
        let reader = try await EncoderReader(encoder, with: place)
        let head = try EncoderHead(contentsOf: head(in: place))
        guard (head.encoder, head.adapter) == (reader.sha256, reader.adapterSHA256) else {
            throw RiskError.unreadable(
                file: encoder.relativePath,
                reason:
                    "the \(question.rawValue) judge's head in \(place.relativePath) belongs to another encoder or adapter; "
                    + "use the encoder that `temper model pull all-minilm-l6-v2` fetches"
            )
        }
        return EncoderJudge(question, head, embedding: reader, isCarried: folder == nil)
    }

    /// Tunes an encoder for a judge, fits the head, and writes both.
    ///
    /// - Parameter progress: Called after every step, with the number of all steps.
    package static func train(
        _ question: Question,
        on encoder: URL,
        data: URL,
        to output: URL,
        seed: UInt64 = 1,
        progress: @Sendable (StepReport, _ of: Int) -> Void = { _, _ in }
    ) async throws -> EncoderHead {
        let rows = try question.readerRows(in: data)
        var settings = EncoderTuning.settings
        // A judge has more time than a guard: every block learns.
        if question == .refusal { settings.loraTarget = EncoderTuning.targets(0..<6) }
        settings.numTrainEpochs = question == .refusal ? 4 : 2
        settings.cutoffLen = question == .refusal ? 112 : 256
        try await EncoderTuning.tune(
            encoder,
            on: rows,
            labels: [question.label],
            settings: settings,
            seed: seed,
            to: output,
            progress: progress
        )
        let reader = try await EncoderReader(encoder, with: output)
        let made = try await question.head(
            on: rows,
            embedding: reader,
            encoder: reader.sha256,
            adapter: reader.adapterSHA256
        )
        try made.encoded().write(to: head(in: output), options: .atomic)
        return made
    }
}
