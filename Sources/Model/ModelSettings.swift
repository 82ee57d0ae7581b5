import Foundation
import TemperText
import TemperWeights

/// What a model's files say about it, whichever format they have: `config.json`, or the metadata of a GGUF file.
///
/// Every value has a name in each; a value of another kind than asked for is an error that names file and key.
struct ModelSettings {
    enum Source {
        case json(TemplateValue)
        /// Keys begin with the architecture's name.
        case gguf(GGUFFile, architecture: String)
    }

    /// A value's name in either format; nil where the format has none.
    struct Key: ExpressibleByStringLiteral {
        var json: String?
        var gguf: String?

        init(_ json: String?, gguf: String?) {
            self.json = json
            self.gguf = gguf
        }

        /// A name in `config.json` only.
        init(stringLiteral name: String) {
            self.init(name, gguf: nil)
        }
    }

    let path: String
    let source: Source

    init(configFile url: URL) throws {
        path = url.path
        do {
            source = .json(try TemplateValue(json: [UInt8](Data(contentsOf: url))))
        } catch {
            throw ModelError.configuration(path: url.path, key: "JSON", reason: "cannot be read: \(error)")
        }
    }

    init(gguf file: GGUFFile) {
        path = file.url.path
        source = .gguf(file, architecture: file.metadata["general.architecture"]?.text ?? "(missing)")
    }

    private init(_ value: TemplateValue, path: String) {
        self.path = path
        source = .json(value)
    }

    /// The GGUF file, where it is one.
    var gguf: GGUFFile? {
        if case .gguf(let file, _) = source { file } else { nil }
    }

    /// The family's name: `model_type`, or GGUF's architecture.
    var family: String {
        switch source {
        case .json(let object): object["model_type"]?.string ?? "(missing)"
        case .gguf(_, let architecture): architecture
        }
    }

    /// What an error calls a value.
    func name(_ key: Key) -> String {
        switch source {
        case .json: key.json ?? key.gguf ?? ""
        case .gguf(_, let architecture): key.gguf.map { "\(architecture).\($0)" } ?? key.json ?? ""
        }
    }

    func integer(_ key: Key) throws -> Int? {
        try value(key, "whole number", json: \.int, gguf: \.integer)
    }

    func number(_ key: Key) throws -> Double? {
        try value(key, "number", json: \.number, gguf: \.number)
    }

    func flag(_ key: Key) throws -> Bool? {
        try value(key, "true or false", json: \.bool, gguf: \.flag)
    }

    func text(_ key: Key) throws -> String? {
        try value(key, "text", json: \.string, gguf: \.text)
    }

    func texts(_ key: Key) throws -> [String]? {
        try value(key, "list of texts", json: { $0.list { $0.string } }, gguf: { _ in nil })
    }

    func numbers(_ key: Key) throws -> [Double]? {
        try value(key, "list of numbers", json: { $0.list { $0.number } }, gguf: { _ in nil })
    }

    func integers(_ key: Key) throws -> [Int]? {
        try value(key, "list of whole numbers", json: { $0.list { $0.int } }, gguf: { _ in nil })
    }

    /// Whether `config.json` does not say anything of a value, not even that there is none.
    func leavesOut(_ key: String) -> Bool {
        if case .json(let object) = source { object[key] == nil } else { false }
    }

    /// An object inside `config.json`.
    func object(_ key: String) throws -> ModelSettings? {
        guard case .json(let object) = source, let inner = object[key], !inner.isNull else { return nil }
        guard case .object = inner else { throw failure(Key(key, gguf: nil), "is no object") }
        return ModelSettings(inner, path: path)
    }

    /// A value that has to be there.
    func needed<Value>(_ key: Key, _ value: Value?) throws -> Value {
        guard let value else { throw failure(key, "is missing") }
        return value
    }

    func failure(_ key: Key, _ reason: String) -> ModelError {
        .configuration(path: path, key: name(key), reason: reason)
    }

    /// Refuses a setting that asks for something that is not computed.
    func refuse(_ key: Key, _ found: String, remedy: String) -> ModelError {
        .unsupported(path: path, feature: "\(name(key)) \(found)", remedy: remedy)
    }

    private func value<Value>(
        _ key: Key,
        _ kind: String,
        json: (TemplateValue) -> Value?,
        gguf: (GGUFValue) -> Value?
    ) throws -> Value? {
        switch source {
        case .json(let object):
            guard let name = key.json, let found = object[name], !found.isNull else { return nil }
            guard let value = json(found) else { throw failure(key, "is no \(kind)") }
            return value
        case .gguf(let file, let architecture):
            guard let name = key.gguf, let found = file.metadata["\(architecture).\(name)"] else { return nil }
            guard let value = gguf(found) else { throw failure(key, "is no \(kind)") }
            return value
        }
    }
}

extension TemplateValue {
    /// The elements, if all are of one kind.
    fileprivate func list<Element>(_ element: (TemplateValue) -> Element?) -> [Element]? {
        guard let array else { return nil }
        let elements = array.compactMap(element)
        return elements.count == array.count ? elements : nil
    }
}
