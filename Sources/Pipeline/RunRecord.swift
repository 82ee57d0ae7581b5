import Foundation
import TemperLedger
import TemperModel
import TemperRisk
import TemperText
import TemperTorch
import TemperTune

/// What a run was made from, and the fingerprint that says whether a directory holds the same run.
struct RunRecord: Codable, Sendable {
    var schema = 1
    /// SHA-256 of the model's files.
    var modelSHA256: String
    /// SHA-256 of the training rows, by data set.
    var data: [String: String]
    /// SHA-256 of the resolved recipe.
    var recipeSHA256: String
    /// The resolved recipe, as YAML.
    var recipe: String
    /// Float type of the model.
    var dtype: DType

    enum CodingKeys: String, CodingKey {
        case schema, data, recipe, dtype
        case modelSHA256 = "model_sha256"
        case recipeSHA256 = "recipe_sha256"
    }

    init(recipe: Recipe, model: LanguageModel, data: [Dataset]) throws {
        self.recipe = try recipe.resolvedYAML()
        recipeSHA256 = SHA256.hex(of: self.recipe)
        modelSHA256 = try Self.hash(model.url)
        dtype = model.dtype
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        self.data = try Dictionary(
            data.map { ($0.name, SHA256.hex(try encoder.encode($0.examples.map(\.chat)))) },
            uniquingKeysWith: { $1 }
        )
    }

    /// Identifies the run: model, data, recipe and float type.
    var fingerprint: String {
        let parts =
            [modelSHA256, recipeSHA256, dtype.rawValue] + data.sorted { $0.key < $1.key }.map { $0.key + $0.value }
        return String(SHA256.hex(of: parts.joined(separator: "\n")).prefix(16))
    }

    /// Writes the record into a fresh directory, or checks that the directory holds this very run.
    func claim(_ directory: RunDirectory) throws {
        let file = directory.url.appendingPathComponent("record.json")
        if let earlier = LedgerFile.read(RunRecord.self, from: file), earlier.fingerprint != fingerprint {
            let changed =
                earlier.modelSHA256 != modelSHA256
                ? "model" : earlier.data != data ? "training data" : earlier.dtype != dtype ? "dtype" : "recipe"
            throw PipelineError.otherRun(path: directory.url.path, changed: changed)
        }
        try LedgerFile.write(text: recipe, to: directory.recipe)
        try LedgerFile.write(self, to: file)
    }

    /// One file, or the weights and configuration of a directory.
    private static func hash(_ url: URL) throws -> String {
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isDirectory), isDirectory.boolValue else {
            return try SHA256.hex(contentsOf: url)
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: url.path).sorted()
            .filter { name in [".safetensors", ".json", ".jinja"].contains { name.hasSuffix($0) } }
        return SHA256.hex(
            of: try names.map { "\($0) \(try SHA256.hex(contentsOf: url.appendingPathComponent($0)))" }.joined(
                separator: "\n"
            )
        )
    }
}
