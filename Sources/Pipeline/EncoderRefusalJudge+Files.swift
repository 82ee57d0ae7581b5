public import Foundation
public import TemperRisk
import TemperTorch
package import TemperTune

/// The refusal judge on a sentence encoder, made and loaded: the encoder is a model, which `TemperRisk` knows nothing about.
extension EncoderRefusalJudge {
    /// Loads an encoder with the judge's adapter and head.
    ///
    /// - Parameters:
    ///   - encoder: The encoder's folder, as `temper model pull all-minilm-l6-v2` makes it.
    ///   - folder: The folder with the adapter and the head; nil takes the one that the package carries.
    /// - Throws: `RiskError.unreadable`, also where the head belongs to another encoder or adapter.
    public static func load(_ encoder: URL, with folder: URL? = nil) async throws -> EncoderRefusalJudge {
        let place = folder ?? carried
        let reader = try await EncoderReader(encoder, with: place)
        let head = try EncoderHead(contentsOf: head(in: place))
        guard (head.encoder, head.adapter) == (reader.sha256, reader.adapterSHA256) else {
            throw RiskError.unreadable(
                file: encoder.relativePath,
                reason:
                    "the refusal judge's head in \(place.relativePath) belongs to another encoder or adapter; use the "
                    + "encoder that `temper model pull all-minilm-l6-v2` fetches"
            )
        }
        return EncoderRefusalJudge(head, embedding: reader, isCarried: folder == nil)
    }

    /// Tunes an encoder for the judge, fits the head, and writes both.
    ///
    /// - Parameter progress: Called after every step, with the number of all steps.
    package static func train(
        _ encoder: URL,
        data: URL,
        to output: URL,
        seed: UInt64 = 1,
        progress: @Sendable (StepReport, _ of: Int) -> Void = { _, _ in }
    ) async throws -> EncoderHead {
        let rows = try readerRows(in: data)
        var settings = EncoderTuning.settings
        // A judge has more time than a guard: every block learns.
        settings.loraTarget = EncoderTuning.targets(0..<6)
        settings.numTrainEpochs = 4
        // Sixty words.
        settings.cutoffLen = 112
        try await EncoderTuning.tune(
            encoder,
            on: rows,
            labels: [label],
            settings: settings,
            seed: seed,
            to: output,
            progress: progress
        )
        let reader = try await EncoderReader(encoder, with: output)
        let made = try await head(
            on: rows,
            embedding: reader,
            encoder: reader.sha256,
            adapter: reader.adapterSHA256
        )
        try made.encoded().write(to: head(in: output), options: .atomic)
        return made
    }
}
