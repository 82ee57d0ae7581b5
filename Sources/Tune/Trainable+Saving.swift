public import Foundation
public import TemperModel
import TemperWeights

/// Saves what was trained so that other programs can load it: weights lie beside what makes a model of them.
///
/// It knows nothing about what the files hold; they are taken as they are from where the model lies.
extension Trainable {
    /// Writes what was trained of a model into a directory.
    ///
    /// All weights of a model that lies in a directory bring its configuration, its tokenizer and its chat template
    /// along, so that their directory is a model of its own. A GGUF file has none of these to give.
    ///
    /// - Parameters:
    ///   - directory: Where to; it is made if need be.
    ///   - model: The model that was trained; what lies beside its weights is taken.
    ///   - base: What a user calls the model that the training started from.
    ///   - alignment: The adapter that was merged into that model before the training.
    /// - Throws: `WeightsError` where a file cannot be read or written.
    public func save(to directory: URL, of model: LanguageModel, for base: String, alignment: Adapter?) throws {
        try save(to: directory, for: base, alignment: alignment)
        guard self is FullWeights else { return }
        for name in besideWeights {
            let source = model.url.appendingPathComponent(name)
            guard FileManager.default.fileExists(atPath: source.path) else { continue }
            let target = directory.appendingPathComponent(name)
            do {
                // The bytes, not the file: in a cache of models it may be a link.
                try AtomicFile.write(try Data(contentsOf: source), to: target)
            } catch let error where !(error is WeightsError) {
                // Writing has errors of its own: it was the reading.
                throw WeightsError.cannotRead(path: source.path, reason: error.localizedDescription)
            }
        }
    }
}

/// What lies beside the weights in a model's directory, as Hugging Face's libraries name it.
private let besideWeights = [
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "tokenizer.model", "vocab.json", "vocab.txt", "merges.txt", "tekken.json",
    "chat_template.jinja", "chat_template.json",
]
