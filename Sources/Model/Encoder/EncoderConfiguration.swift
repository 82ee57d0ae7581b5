import Foundation

/// Sizes and constants of a text encoder, spelled as in Hugging Face's `config.json` of BERT models.
public struct EncoderConfiguration: Sendable, Hashable {
    /// `vocab_size`
    public let vocabularySize: Int
    /// `hidden_size`
    public let hiddenSize: Int
    /// `intermediate_size`
    public let intermediateSize: Int
    /// `num_hidden_layers`
    public let layerCount: Int
    /// `num_attention_heads`
    public let headCount: Int
    /// `max_position_embeddings`: the longest text in tokens, those around it included.
    public let contextLength: Int
    /// `type_vocab_size`: how many kinds of tokens there are, such as those of the first and of the second of two texts.
    public let tokenTypeCount: Int
    /// `layer_norm_eps`
    public let normEpsilon: Double
    /// Whether GELU is approximated by tanh.
    package let approximatesGELU: Bool

    /// Reads and checks what the files say; the limits keep every product of sizes within 64 bits.
    init(_ settings: ModelSettings) throws {
        guard settings.family == "bert" else {
            throw ModelError.unsupported(
                path: settings.path,
                feature: "model_type \(settings.family) as a text encoder",
                remedy: "known is bert"
            )
        }
        func size(_ key: ModelSettings.Key, limit: Int, or standard: Int? = nil) throws -> Int {
            let value = try settings.needed(key, settings.integer(key) ?? standard)
            guard (1...limit).contains(value) else {
                throw settings.failure(key, "is \(value), possible are 1 to \(limit)")
            }
            return value
        }
        vocabularySize = try size("vocab_size", limit: 1 << 24)
        hiddenSize = try size("hidden_size", limit: 1 << 20)
        intermediateSize = try size("intermediate_size", limit: 1 << 22)
        layerCount = try size("num_hidden_layers", limit: 1 << 12)
        headCount = try size("num_attention_heads", limit: 1 << 12)
        contextLength = try size("max_position_embeddings", limit: 1 << 24, or: 512)
        tokenTypeCount = try size("type_vocab_size", limit: 1 << 12, or: 2)
        normEpsilon = try settings.number("layer_norm_eps") ?? 1e-12
        guard hiddenSize.isMultiple(of: headCount) else {
            throw settings.failure(
                "num_attention_heads",
                "is \(headCount), but must divide hidden_size (\(hiddenSize))"
            )
        }
        guard normEpsilon >= 0, normEpsilon.isFinite else {
            throw settings.failure("layer_norm_eps", "is \(normEpsilon), but must be 0 or more")
        }
        guard contextLength >= 2 else {
            throw settings.failure(
                "max_position_embeddings",
                "is \(contextLength), but a text begins and ends with a token"
            )
        }
        switch try settings.text("hidden_act") ?? "gelu" {
        case "gelu": approximatesGELU = false
        case "gelu_new", "gelu_pytorch_tanh": approximatesGELU = true
        case let other:
            throw settings.refuse("hidden_act", other, remedy: "gelu, gelu_new and gelu_pytorch_tanh are known")
        }
        if let positions = try settings.text("position_embedding_type"), positions != "absolute" {
            throw settings.refuse("position_embedding_type", positions, remedy: "absolute is known")
        }
        if try settings.flag("is_decoder") ?? false {
            throw settings.refuse(
                "is_decoder",
                "true",
                remedy: "only encoders are read, whose attention sees both ways"
            )
        }
    }
}
