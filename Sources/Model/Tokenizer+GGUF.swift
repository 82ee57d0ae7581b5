import Foundation
import TemperText
package import TemperWeights

extension Tokenizer {
    /// Reads the `tokenizer.*` metadata of a GGUF file.
    package init(gguf: GGUFFile) throws {
        let path = gguf.url.path
        func need<Value>(_ value: Value?, _ key: String) throws -> Value {
            guard let value else {
                throw ModelError.configuration(path: path, key: key, reason: "is missing or has another type")
            }
            return value
        }
        func value(_ name: String) -> GGUFValue? { gguf.metadata["tokenizer.ggml.\(name)"] }
        func list<Element>(_ name: String, _ read: (GGUFValue) -> [Element]?) throws -> [Element] {
            try value(name).map { try need(read($0), "tokenizer.ggml.\(name)") } ?? []
        }
        var metadata = TokenizerMetadata(
            source: path,
            model: try need(value("model")?.text, "tokenizer.ggml.model"),
            vocabulary: try need(value("tokens")?.strings, "tokenizer.ggml.tokens").map(Array.init)
        )
        metadata.preTokenizer = value("pre")?.text ?? "default"
        if metadata.model == "gpt2" {
            metadata.merges = try need(value("merges")?.strings, "tokenizer.ggml.merges").map(Array.init)
        }
        metadata.scores = try list("scores") { value in
            guard case .array(.float32(let scores)) = value else { return nil }
            return scores
        }
        metadata.tokenTypes = try list("token_type", \.integers).map {
            try need(Int32(exactly: $0), "tokenizer.ggml.token_type")
        }
        metadata.bosID = value("bos_token_id")?.integer
        metadata.eosID = value("eos_token_id")?.integer
        metadata.unknownID = value("unknown_token_id")?.integer
        metadata.padID = value("padding_token_id")?.integer
        metadata.addsBOS = value("add_bos_token")?.flag
        metadata.addsEOS = value("add_eos_token")?.flag
        metadata.addsSpace = value("add_space_prefix")?.flag
        metadata.chatTemplate = gguf.metadata["tokenizer.chat_template"]?.text
        try self.init(metadata)
    }
}
