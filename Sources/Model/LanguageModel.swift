public import Foundation
public import TemperText
public import TemperTorch
import TemperWeights

/// A language model: network, tokenizer and chat template, loaded from a GGUF file or a Hugging Face directory.
@TorchActor
public final class LanguageModel {
    /// The file or directory it was loaded from.
    public nonisolated let url: URL
    /// Sizes and constants.
    public nonisolated let configuration: DecoderConfiguration
    /// Text to token ids and back; nil when a directory brings none.
    public nonisolated let tokenizer: Tokenizer?
    /// Float type of weights and activations.
    public nonisolated let dtype: DType
    /// Where the weights live.
    public nonisolated let device: Device
    package let network: DecoderNetwork

    private init(
        url: URL,
        network: DecoderNetwork,
        tokenizer: Tokenizer?
    ) {
        self.url = url
        self.network = network
        self.tokenizer = tokenizer
        configuration = network.configuration
        dtype = network.dtype
        device = network.device
    }

    /// Loads a model.
    ///
    /// - Parameters:
    ///   - url: A `.gguf` file, or a directory with `config.json`, safetensors and the tokenizer's files.
    ///   - dtype: Float type of the weights; nil takes the device's preferred one.
    ///   - device: Where the weights go.
    /// - Throws: `ModelError`, `WeightsError` or `TokenizerError` naming the file and what is wrong with it.
    public static func load(from url: URL, dtype: DType? = nil, device: Device = .cpu) async throws -> LanguageModel {
        let files = try ModelFiles(url)
        let configuration = try files.configuration
        let tokenizer = try files.tokenizer(for: configuration)
        let network = try DecoderNetwork(
            configuration,
            from: files.source,
            dtype: dtype ?? device.preferredFloat,
            device: device
        )
        return LanguageModel(url: url, network: network, tokenizer: tokenizer)
    }

    /// A model of the shape that a folder's `config.json` describes, with random weights made on the device and without a
    /// tokenizer: enough to measure what a training costs.
    package static func drawn(shape url: URL, seed: UInt64, dtype: DType?, device: Device) throws -> LanguageModel {
        let file = url.appendingPathComponent("config.json")
        let settings = try ModelSettings(configFile: file)
        try Torch.seed(seed)
        let network = try DecoderNetwork(
            Family.of(settings).configuration(settings),
            from: .drawn(configFile: file),
            dtype: dtype ?? device.preferredFloat,
            device: device
        )
        return LanguageModel(url: url, network: network, tokenizer: nil)
    }

    /// A copy laid out for inference, with an adapter from disk added into the weights, or with all weights of a
    /// full training in the place of its own.
    public func forInference(adapter: URL?) throws -> LanguageModel {
        guard let adapter else { return try merged() }
        defer { network.detach() }
        if FullWeights.lie(in: adapter) {
            try FullWeights.load(from: adapter, for: self).attach(to: self)
            return try merged()
        }
        try adapterForBase(at: adapter).attach(to: self)
        return try merged()
    }

    /// Loads an adapter for the model as it came; one that belongs on an aligned model is refused.
    package func adapterForBase(at folder: URL) throws -> Adapter {
        let composed = folder.appendingPathComponent(Adapter.onBase)
        guard !FileManager.default.fileExists(atPath: composed.path) else {
            throw ModelError.adapter(
                path: folder.path,
                reason: "belongs on the aligned model of its run; the one for the model as it came is \(composed.path)"
            )
        }
        return try Adapter.load(from: folder, for: self)
    }

    /// A copy for inference, with the attached adapter added into the weights.
    package func merged() throws(TorchError) -> LanguageModel {
        LanguageModel(url: url, network: try network.merged(), tokenizer: tokenizer)
    }

    /// A merged copy in whose residual stream nothing is written along a direction, [d] and of length 1.
    package func merged(without direction: [Float]) throws(TorchError) -> LanguageModel {
        let copy = try merged()
        try withoutGradients { () throws(TorchError) in try copy.network.remove(direction: direction) }
        return copy
    }

    /// The tokenizer, or an error that says how to add one.
    package nonisolated func requireTokenizer() throws -> Tokenizer {
        guard let tokenizer else { throw ModelError.noTokenizer(path: url.path) }
        return tokenizer
    }

    /// The prompt that the model's own template makes of a conversation, ready for the assistant's turn, or for the rest of
    /// it where the conversation ends with a begun one.
    package nonisolated func promptText(_ chat: Chat) throws -> String {
        guard let template = try requireTokenizer().chatTemplate else {
            throw ModelError.noChatTemplate(path: url.path)
        }
        return try template.prompt(for: chat)
    }
}

/// What a model's files say, read without loading the weights.
package struct ModelDescription: Sendable {
    package let configuration: DecoderConfiguration
    package let tokenizer: Tokenizer?
    /// What the files call the architecture.
    package let architecture: String
    /// The size of the files of weights, in bytes.
    package let byteCount: Int
    /// `GGUF version 3` or `safetensors`.
    package let format: String
    /// How many tensors there are of each element type.
    package let tensorTypes: [String: Int]

    package init(of url: URL) throws {
        let files = try ModelFiles(url)
        configuration = try files.configuration
        tokenizer = try files.tokenizer(for: configuration)
        architecture = files.settings.family
        let weights: [URL]
        switch files.source {
        case .gguf(let file, _):
            weights = [url]
            format = "GGUF version \(file.version)"
            tensorTypes = file.tensors.reduce(into: [:]) { $0["\($1.type.name)", default: 0] += 1 }
        case .safetensors(let directory):
            weights = directory.files.map(\.url)
            format = "safetensors"
            tensorTypes = directory.names.reduce(into: [:]) {
                $0[directory.entry($1)?.dtype.rawValue ?? "?", default: 0] += 1
            }
        case .drawn(let file): throw ModelError.notFound(path: file.path)
        }
        byteCount = try weights.reduce(0) {
            try $0 + ($1.resolvingSymlinksInPath().resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0)
        }
    }
}

/// A model's files, opened and checked: where the configuration, the weights and the tokenizer come from.
private struct ModelFiles {
    private let url: URL
    let settings: ModelSettings
    private let family: Family
    let source: WeightSource

    init(_ url: URL) throws {
        self.url = url
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory),
            !isDirectory.boolValue
                || FileManager.default.fileExists(atPath: url.appendingPathComponent("config.json").path)
        else { throw ModelError.notFound(path: url.path) }
        if isDirectory.boolValue {
            settings = try ModelSettings(configFile: url.appendingPathComponent("config.json"))
            family = try Family.of(settings)
            source = .safetensors(try SafetensorsDirectory(at: url))
        } else {
            let file = try GGUFFile(contentsOf: url)
            settings = ModelSettings(gguf: file)
            family = try Family.of(settings)
            source = .gguf(file, family.stored)
        }
    }

    var configuration: DecoderConfiguration {
        get throws { try family.configuration(settings) }
    }

    /// The tokenizer; a directory may come without one.
    func tokenizer(for configuration: DecoderConfiguration) throws -> Tokenizer? {
        let tokenizer: Tokenizer
        switch source {
        case .gguf(let file, _): tokenizer = try Tokenizer(gguf: file)
        case .safetensors:
            let path = url.appendingPathComponent("tokenizer.json").path
            guard FileManager.default.fileExists(atPath: path) else { return nil }
            tokenizer = try Tokenizer(directory: url)
        case .drawn: return nil
        }
        guard tokenizer.vocabularySize <= configuration.vocabularySize else {
            throw ModelError.configuration(
                path: url.path,
                key: "vocab_size",
                reason: "is \(configuration.vocabularySize), but the tokenizer has \(tokenizer.vocabularySize) ids; "
                    + "the files do not belong together"
            )
        }
        return tokenizer
    }
}
