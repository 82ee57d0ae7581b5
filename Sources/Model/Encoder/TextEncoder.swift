public import Foundation
public import TemperText
public import TemperTorch
import TemperWeights

/// A model of BERT's type that reads a text as a whole: hidden states of its tokens, and embeddings of sentences.
///
/// Loaded from a Hugging Face directory with `config.json`, safetensors, a tokenizer, and perhaps the settings of
/// sentence-transformers. Its weights are laid out for inference at once.
@TorchActor
public final class TextEncoder {
    /// The directory it was loaded from.
    public nonisolated let url: URL
    /// Sizes and constants.
    public nonisolated let configuration: EncoderConfiguration
    /// Text to token ids; nil when the directory brings none.
    public nonisolated let tokenizer: Tokenizer?
    /// Tokens of a text that are read, those around it included; what comes after them is cut off.
    public nonisolated let tokenLimit: Int
    /// Float type of weights and activations.
    public nonisolated let dtype: DType
    /// Where the weights live.
    public nonisolated let device: Device
    package let network: EncoderNetwork
    private let pooling: SentencePooling

    private init(url: URL, network: EncoderNetwork, tokenizer: Tokenizer?, tokenLimit: Int, pooling: SentencePooling) {
        self.url = url
        self.network = network
        self.tokenizer = tokenizer
        self.tokenLimit = tokenLimit
        self.pooling = pooling
        configuration = network.configuration
        dtype = network.dtype
        device = network.device
    }

    /// Loads an encoder; a classifier's directory will do, its head is left out.
    ///
    /// - Parameters:
    ///   - url: A directory with `config.json`, safetensors and the tokenizer's files.
    ///   - dtype: Float type of the weights; nil takes the device's preferred one.
    ///   - device: Where the weights go.
    /// - Throws: `ModelError`, `WeightsError` or `TokenizerError` naming the file and what is wrong with it.
    public static func load(from url: URL, dtype: DType? = nil, device: Device = .cpu) async throws -> TextEncoder {
        let configurationFile = url.appendingPathComponent("config.json")
        guard FileManager.default.fileExists(atPath: configurationFile.path) else {
            throw ModelError.notFound(path: url.path)
        }
        let configuration = try EncoderConfiguration(ModelSettings(configFile: configurationFile))
        let network = try EncoderNetwork(
            configuration,
            from: SafetensorsDirectory(at: url),
            dtype: dtype ?? device.preferredFloat,
            device: device
        )
        return TextEncoder(
            url: url,
            network: network,
            tokenizer: try tokenizer(in: url, for: configuration),
            tokenLimit: try tokenLimit(in: url, for: configuration),
            pooling: try SentencePooling(directory: url)
        )
    }

    /// A copy with the adapters on it added into the weights, laid out for inference.
    package func merged() throws(TorchError) -> TextEncoder {
        TextEncoder(
            url: url,
            network: try network.merged(),
            tokenizer: tokenizer,
            tokenLimit: tokenLimit,
            pooling: pooling
        )
    }

    /// A copy changed by an adapter that was trained on this encoder; this one stays as it is.
    ///
    /// - Throws: `ModelError` where the files are no plain LoRA, or another encoder's.
    public func adapted(by directory: URL) throws -> TextEncoder {
        let linears = network.linears
        try Adapter.load(from: directory, for: linears, of: url, device: device).attach(to: linears)
        defer { for linear in linears { linear.lora = nil } }
        return try merged()
    }

    /// The ids of a text with the tokens that the model puts around it, cut to `limit` or the model's own limit.
    public nonisolated func tokens(of text: String, limit: Int? = nil) throws -> [Int] {
        guard let tokenizer else { throw ModelError.noTokenizer(path: url.path) }
        let ids = tokenizer.encode(text, addSpecialTokens: true)
        guard let last = ids.last else { throw ModelError.noTokenizer(path: url.path) }
        let limit = max(min(limit ?? tokenLimit, tokenLimit), 2)
        return ids.count <= limit ? ids : ids.prefix(limit - 1) + [last]
    }

    /// The last hidden states of a text: one row of `hidden_size` numbers for each of its tokens.
    public func hiddenStates(of text: String) throws -> [[Float]] {
        let batch = try EncoderBatch([tokens(of: text)], device: device)
        let values = try withoutGradients { () throws(TorchError) in try network.hiddenStates(batch).floats() }
        let d = configuration.hiddenSize
        return stride(from: 0, to: values.count, by: d).map { Array(values[$0..<$0 + d]) }
    }

    /// Sentence embeddings: `hidden_size` numbers for each text, of length 1, so that a dot product is a cosine.
    ///
    /// A text's hidden states are pooled as `1_Pooling/config.json` says, and averaged where there is no such file.
    public nonisolated func embeddings(of texts: [String]) async throws -> [[Float]] {
        let ids = try texts.map { try tokens(of: $0) }
        return try await embeddings(ofTokens: ids)
    }

    /// The same of token ids.
    package func embeddings(ofTokens texts: [[Int]]) throws -> [[Float]] {
        let (network, pooling) = (network, pooling)
        let pooled = try network.rows(of: texts) { batch, hidden throws(TorchError) in
            switch pooling {
            case .mean: try network.means(of: hidden, batch)
            case .firstToken: try network.firsts(of: hidden, batch)
            }
        }
        return pooled.map { row in
            let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
            return row.map { $0 / max(length, 1e-12) }
        }
    }
}

/// What lies in the directory beside the weights.
extension TextEncoder {
    private static func tokenizer(in url: URL, for configuration: EncoderConfiguration) throws -> Tokenizer? {
        let isThere = ["tokenizer.json", "vocab.txt"].contains {
            FileManager.default.fileExists(atPath: url.appendingPathComponent($0).path)
        }
        guard isThere else { return nil }
        let tokenizer = try Tokenizer(directory: url)
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

    /// The context, or less where sentence-transformers' settings say so.
    private static func tokenLimit(in url: URL, for configuration: EncoderConfiguration) throws -> Int {
        let file = url.appendingPathComponent("sentence_bert_config.json")
        guard FileManager.default.fileExists(atPath: file.path) else { return configuration.contextLength }
        let settings = try ModelSettings(configFile: file)
        guard let limit = try settings.integer("max_seq_length") else { return configuration.contextLength }
        guard limit >= 2 else { throw settings.failure("max_seq_length", "is \(limit), but must be 2 or more") }
        return min(limit, configuration.contextLength)
    }
}

/// How sentence-transformers makes one vector of a text's hidden states.
enum SentencePooling: Sendable, Hashable {
    case mean, firstToken

    /// Reads `1_Pooling/config.json`; the mean where there is none.
    init(directory: URL) throws {
        let file = directory.appendingPathComponent("1_Pooling/config.json")
        guard FileManager.default.fileExists(atPath: file.path) else {
            self = .mean
            return
        }
        let settings = try ModelSettings(configFile: file)
        let modes = [
            "mean_tokens", "cls_token", "max_tokens", "mean_sqrt_len_tokens", "weightedmean_tokens", "lasttoken",
        ]
        switch try modes.filter({ try settings.flag(.init("pooling_mode_\($0)", gguf: nil)) ?? false }) {
        case ["mean_tokens"]: self = .mean
        case ["cls_token"]: self = .firstToken
        case let others:
            throw settings.refuse(
                "pooling_mode",
                others.joined(separator: ", "),
                remedy: "pooling_mode_mean_tokens or pooling_mode_cls_token alone is known"
            )
        }
    }
}
