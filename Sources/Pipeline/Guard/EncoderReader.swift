public import Foundation
public import TemperGuard
import TemperModel
import TemperRisk
import TemperTorch

/// The sentence encoder behind a guard: what a rail asks where its quick classifier is not sure.
///
/// Knows nothing about rails. The heads lie beside the encoder, where `temper guard train --encoder` puts them; they
/// belong to one encoder, by the SHA-256 of its weights.
public struct EncoderReader: TextEmbedding {
    private let encoder: TextEncoder
    private let folder: URL
    /// The SHA-256 of the encoder's weights.
    public let sha256: String

    /// Loads an encoder: a folder such as `temper model pull all-minilm-l6-v2` makes.
    public init(_ folder: URL) async throws {
        self.folder = folder
        encoder = try await TextEncoder.load(from: folder, dtype: .float32)
        sha256 = try SHA256.hex(contentsOf: folder.appendingPathComponent("model.safetensors"))
    }

    /// Where an encoder's heads lie.
    public static func heads(in folder: URL) -> URL { folder.appendingPathComponent("guard.heads") }

    /// Identifies an encoder with its heads, by their files.
    ///
    /// - Parameter heads: A file of heads; nil takes that in the encoder's folder.
    public static func fingerprint(of folder: URL, heads: URL? = nil) throws -> String {
        let files = [folder.appendingPathComponent("model.safetensors"), heads ?? Self.heads(in: folder)]
        return try files.map(SHA256.hex(contentsOf:)).joined(separator: " ")
    }

    /// One vector of length 1 for each text.
    public func vectors(of texts: [String]) async throws -> [[Float]] { try await encoder.embeddings(of: texts) }

    /// What a guard's rails are given: the reader with its heads, and vectors for examples of topics.
    ///
    /// - Parameter heads: A file of heads; nil takes that in the encoder's folder.
    /// - Throws: `RiskError.unreadable`, or `PipelineError.recipe` where the heads are not this encoder's.
    public func resources(heads file: URL? = nil) throws -> RailResources {
        let heads = try SecondReader.Heads(contentsOf: file ?? Self.heads(in: folder))
        guard heads.encoder == sha256 else {
            throw PipelineError.recipe(
                key: "encoder",
                reason: "the heads belong to another encoder (\(heads.encoder.prefix(12)), here \(sha256.prefix(12))): "
                    + "use the one that `temper model pull all-minilm-l6-v2` fetches, or make heads with "
                    + "`temper guard train LABEL --encoder FOLDER`"
            )
        }
        let width = encoder.configuration.hiddenSize
        if let head = heads.heads.first(where: { $0.weights.count != width }) {
            throw PipelineError.recipe(
                key: "encoder",
                reason: "the head '\(head.label)' has \(head.weights.count) weights, where the encoder's vectors have "
                    + "\(width) numbers: make it anew with `temper guard train \(head.label) --encoder FOLDER`"
            )
        }
        return RailResources(embedding: self, reader: SecondReader(heads.heads, embedding: self))
    }
}
