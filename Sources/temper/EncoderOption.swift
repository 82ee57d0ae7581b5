import ArgumentParser
import Foundation
import TemperGuard
import TemperPipeline
import TemperRisk

/// A sentence encoder behind a guard, as a command-line option.
struct EncoderOption: ParsableArguments {
    @Option(
        help: """
            A folder with the encoder that rails ask where their quick classifiers are not sure, as \
            `temper model pull all-minilm-l6-v2` makes it.
            """
    )
    var encoder: String?
    @Option(help: "The encoder's heads, from `temper guard train --encoder`, instead of those beside it.")
    var heads: String?

    func validate() throws {
        guard heads == nil || encoder != nil else { throw ValidationError("--heads goes with --encoder") }
    }

    /// Identifies the encoder and its heads; nil without one.
    func fingerprint() throws -> String? {
        guard let encoder else { return nil }
        return try EncoderReader.fingerprint(of: URL(fileURLWithPath: encoder), heads: headsFile(of: encoder))
    }

    /// The file of heads, there or not.
    func headsFile(of encoder: String) -> URL {
        heads.map { URL(fileURLWithPath: $0) } ?? EncoderReader.heads(in: URL(fileURLWithPath: encoder))
    }

    /// What the rails are given.
    func resources() async throws -> RailResources {
        guard let encoder else { return RailResources() }
        return try await EncoderReader(URL(fileURLWithPath: encoder))
            .resources(heads: headsFile(of: encoder))
    }
}
