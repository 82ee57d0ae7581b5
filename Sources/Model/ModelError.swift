/// What is wrong with a model's files or with a request to a model.
public enum ModelError: Error, CustomStringConvertible, Sendable, Equatable {
    /// There is no model at this path.
    case notFound(path: String)
    /// The configuration lacks a key, or a key has an impossible value.
    case configuration(path: String, key: String, reason: String)
    /// The model asks for something this library does not compute.
    case unsupported(path: String, feature: String, remedy: String)
    /// A weight has another shape than the configuration says.
    case shape(path: String, tensor: String, expected: [Int], found: [Int])
    /// The prompt and the answer do not fit the model's context.
    case contextLength(tokens: Int, limit: Int)
    /// The model has no chat template, and the request needs one.
    case noChatTemplate(path: String)
    /// The model's folder brings no tokenizer, or an encoder's that puts nothing around a text.
    case noTokenizer(path: String)
    /// The chat template makes nothing of a conversation.
    case emptyPrompt(path: String)
    /// The adapter does not fit the model.
    case adapter(path: String, reason: String)

    /// What is wrong, and the remedy.
    public var description: String {
        switch self {
        case .notFound(let path):
            "no model at \(path): give a .gguf file or a directory with config.json and safetensors (see `temper model pull`)"
        case .configuration(let path, let key, let reason):
            "\(path): \(key): \(reason)"
        case .unsupported(let path, let feature, let remedy):
            "\(path): \(feature) is not supported; \(remedy)"
        case .shape(let path, let tensor, let expected, let found):
            "\(path): tensor \(tensor) has shape \(found), the configuration says \(expected); the files do not belong together"
        case .contextLength(let tokens, let limit):
            "\(tokens) tokens do not fit the model's context of \(limit): shorten the prompt or lower max_new_tokens"
        case .noChatTemplate(let path):
            "\(path) brings no chat template; add chat_template.jinja beside the tokenizer"
        case .noTokenizer(let path):
            "\(path) brings no usable tokenizer; add the model's tokenizer.json and tokenizer_config.json, or a vocab.txt"
        case .emptyPrompt(let path):
            "the chat template of \(path) renders nothing for a conversation; correct chat_template.jinja, or the "
                + "template in the tokenizer's configuration"
        case .adapter(let path, let reason):
            "\(path): \(reason)"
        }
    }
}
