import ArgumentParser
import Foundation
import TemperGuard
import TemperPipeline
import TemperRisk

/// A sentence encoder behind a guard, as a command-line option.
struct EncoderOption: ParsableArguments {
    @Option(
        help: """
            A folder with the encoder that rails ask about what their quick classifiers do not let pass, as \
            `temper model pull all-minilm-l6-v2` makes it.
            """,
        completion: .directory
    )
    var encoder: String?
    @Option(
        help: "A folder with the encoder's adapter and heads, instead of the one that Temper carries.",
        completion: .directory
    )
    var reader: String?

    func validate() throws {
        guard reader == nil || encoder != nil else { throw ValidationError("--reader goes with --encoder") }
    }

    /// Identifies the encoder with its reader; nil without one.
    func fingerprint() throws -> String? {
        try encoder.map { try EncoderReader.fingerprint(of: URL(fileURLWithPath: $0), with: readerFolder) }
    }

    /// The reader's folder, there or not; nil for the one that is carried.
    var readerFolder: URL? { reader.map { URL(fileURLWithPath: $0) } }

    /// The encoder with its adapter; nil without one.
    func load() async throws -> EncoderReader? {
        guard let encoder else { return nil }
        return try await EncoderReader(URL(fileURLWithPath: encoder), with: readerFolder)
    }

    /// What the rails are given.
    func resources() async throws -> RailResources { try await load()?.resources() ?? RailResources() }
}
