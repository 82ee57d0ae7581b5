public import Foundation
public import TemperTorch
import TemperWeights

/// A classifier's files: Hugging Face's layout, which `transformers` reads as `BertForSequenceClassification`.
extension TextClassifier {
    /// Loads a classifier that `save` or `transformers` wrote.
    ///
    /// - Parameters:
    ///   - url: A directory with `config.json`, safetensors and the tokenizer's files.
    ///   - dtype: Float type of the encoder's weights; nil takes the device's preferred one. The head is float32.
    ///   - device: Where the weights go.
    public static func load(from url: URL, dtype: DType? = nil, device: Device = .cpu) async throws -> TextClassifier {
        let encoder = try await TextEncoder.load(from: url, dtype: dtype, device: device)
        let settings = try ModelSettings(configFile: url.appendingPathComponent("config.json"))
        let files = try SafetensorsDirectory(at: url)
        guard let count = files.entry("classifier.weight")?.shape.first else {
            throw WeightsError.missingTensor(path: url.path, name: "classifier.weight")
        }
        func choice<Value: RawRepresentable & CaseIterable>(_ key: String, or standard: Value) throws -> Value
        where Value.RawValue == String {
            let key = ModelSettings.Key(key, gguf: nil)
            guard let name = try settings.text(key) else { return standard }
            guard let value = Value(rawValue: name) else {
                let known = Value.allCases.map(\.rawValue).joined(separator: ", ")
                throw settings.refuse(key, name, remedy: "known are \(known)")
            }
            return value
        }
        let shape = [count, encoder.configuration.hiddenSize]
        return try TextClassifier(
            encoder: encoder,
            labels: labels(settings, count: count),
            problemType: choice("problem_type", or: .singleLabel),
            features: choice("classifier_pooling", or: .pooler),
            weight: files.tensor("classifier.weight", shape: shape, dtype: .float32, device: device),
            bias: files.tensor("classifier.bias", shape: [count], dtype: .float32, device: device)
        )
    }

    /// `id2label`, or the names that `transformers` gives labels without one.
    private static func labels(_ settings: ModelSettings, count: Int) throws -> [String] {
        guard let names = try settings.object("id2label") else { return (0..<count).map { "LABEL_\($0)" } }
        return try (0..<count).map { index in
            guard let name = try names.text(.init("\(index)", gguf: nil)) else {
                throw settings.failure("id2label", "has no name for label \(index) of \(count)")
            }
            return name
        }
    }

    private struct File: Encodable {
        var architectures: [String]
        var model_type = "bert"
        var vocab_size: Int
        var hidden_size: Int
        var intermediate_size: Int
        var num_hidden_layers: Int
        var num_attention_heads: Int
        var max_position_embeddings: Int
        var type_vocab_size: Int
        var layer_norm_eps: Double
        var hidden_act: String
        var id2label: [String: String]
        var label2id: [String: Int]
        var problem_type: String
        var classifier_pooling: String
        var dtype = "float32"
    }

    /// Writes the classifier, adapters added into the weights, with the encoder's tokenizer; each file is complete or not
    /// written at all.
    public func save(to directory: URL) throws {
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        let head = [("classifier.weight", weight), ("classifier.bias", bias)]
        try SafetensorsWriter.write(
            tensors: try encoder.network.weights.map { Adapter.stored($0.name, $0.tensor) }
                + head.map { Adapter.stored($0.0, $0.1) },
            metadata: ["format": "pt"],
            to: directory.appendingPathComponent("model.safetensors")
        )
        for name in Self.tokenizerFiles {
            let file = encoder.url.appendingPathComponent(name)
            guard let data = FileManager.default.contents(atPath: file.path) else { continue }
            try AtomicFile.write(data, to: directory.appendingPathComponent(name))
        }
        let sizes = encoder.configuration
        let numbered = labels.enumerated().map { ($0.element, $0.offset) }
        let file = File(
            architectures: [features == .pooler ? "BertForSequenceClassification" : "BertModel"],
            vocab_size: sizes.vocabularySize,
            hidden_size: sizes.hiddenSize,
            intermediate_size: sizes.intermediateSize,
            num_hidden_layers: sizes.layerCount,
            num_attention_heads: sizes.headCount,
            max_position_embeddings: sizes.contextLength,
            type_vocab_size: sizes.tokenTypeCount,
            layer_norm_eps: sizes.normEpsilon,
            hidden_act: sizes.approximatesGELU ? "gelu_new" : "gelu",
            id2label: Dictionary(uniqueKeysWithValues: numbered.map { ("\($0.1)", $0.0) }),
            label2id: Dictionary(uniqueKeysWithValues: numbered),
            problem_type: problemType.rawValue,
            classifier_pooling: features.rawValue
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try AtomicFile.write(try encoder.encode(file), to: directory.appendingPathComponent("config.json"))
    }

    /// What a text is read with.
    private static let tokenizerFiles = [
        "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt", "sentence_bert_config.json",
    ]
}
