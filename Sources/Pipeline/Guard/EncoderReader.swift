public import Foundation
public import TemperGuard
import TemperModel
public import TemperRisk
import TemperText
import TemperTorch

/// The sentence encoder behind a guard: what a rail asks about texts that its quick classifier does not let pass.
///
/// Knows nothing about rails. What makes an encoder a reader lies in a folder of its own: heads, and the adapter that was
/// trained on the encoder for them, if any. Heads belong to one encoder and one adapter, by the SHA-256 of their weights.
public struct EncoderReader: TextEmbedding {
    private let plain: TextEncoder
    private let adapted: TextEncoder
    private let folder: URL
    private let memory = Locked<[String: [Float]]>([:])
    /// The SHA-256 of the encoder's weights.
    public let sha256: String
    /// The SHA-256 of the adapter's weights; nil without one.
    public let adapterSHA256: String?

    /// Loads an encoder: a folder such as `temper model pull all-minilm-l6-v2` makes.
    ///
    /// - Parameter folder: The folder with the adapter and the heads; nil takes the one that the package carries.
    public init(_ encoder: URL, with folder: URL? = nil) async throws {
        guard FileManager.default.fileExists(atPath: encoder.appendingPathComponent("config.json").path) else {
            throw RiskError.unreadable(
                file: encoder.relativePath,
                reason: "no encoder is there; `temper model pull all-minilm-l6-v2` fetches one"
            )
        }
        self.folder = folder ?? SecondReader.carried
        plain = try await TextEncoder.load(from: encoder, dtype: .float32)
        sha256 = try SHA256.hex(contentsOf: encoder.appendingPathComponent("model.safetensors"))
        guard FileManager.default.fileExists(atPath: Self.adapter(in: self.folder).path) else {
            (adapted, adapterSHA256) = (plain, nil)
            return
        }
        adapted = try await plain.adapted(by: self.folder)
        adapterSHA256 = try SHA256.hex(contentsOf: Self.adapter(in: self.folder))
    }

    /// Where the heads lie in a reader's folder.
    public static func heads(in folder: URL) -> URL { folder.appendingPathComponent("guard.heads") }

    /// Where the adapter's weights lie.
    private static func adapter(in folder: URL) -> URL { folder.appendingPathComponent("adapter_model.safetensors") }

    /// Identifies an encoder with its reader, by their files: heads name the adapter that they belong to.
    ///
    /// - Parameter folder: The reader's folder; nil takes the one that the package carries.
    public static func fingerprint(of encoder: URL, with folder: URL? = nil) throws -> String {
        let files = [encoder.appendingPathComponent("model.safetensors"), heads(in: folder ?? SecondReader.carried)]
        return try files.map(SHA256.hex(contentsOf:)).joined(separator: " ")
    }

    /// What the heads read: one vector of length 1 for each text, from the encoder with its adapter.
    ///
    /// The last texts' vectors are remembered: two rails ask about the same stretches one after the other.
    public func vectors(of texts: [String]) async throws -> [[Float]] {
        let known = memory.withLock { $0 }
        var seen: Set<String> = []
        let unknown = texts.filter { known[$0] == nil && seen.insert($0).inserted }
        guard !unknown.isEmpty else { return texts.compactMap { known[$0] } }
        let made = try await adapted.embeddings(of: unknown)
        let fresh = Dictionary(uniqueKeysWithValues: zip(unknown, made))
        memory.withLock { memory in
            if memory.count + fresh.count > Self.remembered { memory = [:] }
            memory.merge(fresh.prefix(Self.remembered).map { ($0.key, $0.value) }) { $1 }
        }
        return texts.compactMap { fresh[$0] ?? known[$0] }
    }

    /// The most texts whose vectors are remembered.
    private static let remembered = 256

    /// Heads for this encoder and this adapter, as yet none.
    public var noHeads: SecondReader.Heads { SecondReader.Heads(encoder: sha256, adapter: adapterSHA256) }

    /// What a guard's rails are given: the reader with its heads, and vectors of the encoder as it came for examples of
    /// topics.
    ///
    /// - Throws: `RiskError.unreadable`, or `PipelineError.recipe` where the heads are not this encoder's.
    public func resources() throws -> RailResources {
        let heads = try SecondReader.Heads(contentsOf: Self.heads(in: folder))
        let remedy =
            "use the one that `temper model pull all-minilm-l6-v2` fetches, or make heads with "
            + "`temper guard train LABEL --encoder FOLDER --reader FOLDER --data FOLDER`"
        for (what, wanted, found) in [
            ("encoder", heads.encoder, sha256), ("adapter", heads.adapter ?? "none", adapterSHA256 ?? "none"),
        ] where wanted != found {
            throw PipelineError.recipe(
                key: "encoder",
                reason: "the heads belong to another \(what) (\(wanted.prefix(12)), here \(found.prefix(12))): "
                    + remedy
            )
        }
        let width = plain.configuration.hiddenSize
        if let head = heads.heads.first(where: { $0.weights.count != width }) {
            throw PipelineError.recipe(
                key: "encoder",
                reason: "the head '\(head.label)' has \(head.weights.count) weights, where the encoder's vectors have "
                    + "\(width) numbers: make it anew with `temper guard train \(head.label) "
                    + "--encoder FOLDER --reader FOLDER --data FOLDER`"
            )
        }
        return RailResources(embedding: Plain(encoder: plain), reader: SecondReader(heads.heads, embedding: self))
    }

    /// The encoder as it came.
    private struct Plain: TextEmbedding {
        let encoder: TextEncoder

        func vectors(of texts: [String]) async throws -> [[Float]] { try await encoder.embeddings(of: texts) }
    }
}
