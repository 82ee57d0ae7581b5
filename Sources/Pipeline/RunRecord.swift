import Foundation
import TemperAlign
import TemperGuard
import TemperLedger
import TemperModel
import TemperReport
import TemperRisk
import TemperText
import TemperTorch
import TemperTune

/// What a run was made from, and the fingerprint that says whether a directory holds the same run.
struct RunRecord: Codable, Sendable {
    var schema = 2
    /// Version of the program.
    var program = Machine.version
    /// SHA-256 of the model's files.
    var modelSHA256: String
    /// SHA-256 of the rows, by what they are for and the name of their set.
    var data: [String: String]
    /// What the probes are and what grades the answers, by suite.
    var suites: [String: String]
    /// SHA-256 of the resolved recipe.
    var recipeSHA256: String
    /// The resolved recipe, as YAML. The number of threads is in it: gradients are summed in as many parts.
    var recipe: String
    /// Float type of the model.
    var dtype: DType

    enum CodingKeys: String, CodingKey {
        case schema, program, data, suites, recipe, dtype
        case modelSHA256 = "model_sha256"
        case recipeSHA256 = "recipe_sha256"
    }

    /// - Parameters:
    ///   - data: What is trained on, by what it is for.
    ///   - helpers: The models beside the subject, and what each is used for.
    ///   - shield: The guard that the tuned model is put behind.
    ///   - shieldEncoder: The SHA-256 of the encoder behind its rails.
    ///   - alignment: The folder of the adapter that is taken for the alignment.
    init(
        recipe: Recipe,
        model: LanguageModel,
        data: [String: Dataset],
        suites: [any Suite],
        helpers: [(use: String, model: LanguageModel)] = [],
        shield: Guard? = nil,
        shieldEncoder: String? = nil,
        alignment: URL? = nil
    ) throws {
        self.recipe = try recipe.resolvedYAML()
        // A search, a continued tuning and a retrieval only add to what a run has done, and their steps know what they
        // are made from. Prices change no result.
        var bare = recipe.withoutSequel
        bare.cost = Recipe.Cost()
        recipeSHA256 = SHA256.hex(of: try bare.resolvedYAML())
        modelSHA256 = try SubjectFingerprint.files(model.url)
        dtype = model.dtype
        self.data = [:]
        for (use, set) in data { self.data["\(use): \(set.name)"] = try Self.hash(set) }
        for (use, model) in helpers { self.data[use] = try SubjectFingerprint.files(model.url) }
        if let shield { self.data["guard"] = SHA256.hex(of: PolicyFile.yaml(shield.policy)) }
        if let shieldEncoder { self.data["guard's encoder"] = shieldEncoder }
        if let alignment { self.data["adapter of the alignment"] = try SubjectFingerprint.files(alignment) }
        self.suites = [:]
        for suite in suites {
            let judges = ([suite.judge] + suite.secondJudges).map(\.card.title)
            self.suites[suite.card.name] = "\(try suite.sha256()), judge \(judges.joined(separator: ", "))"
        }
        // Defences and safety rows in a watched training are drawn from these.
        let draws = !recipe.defences.isEmpty || recipe.tune.riskBudget?.action == .mix
        for set in draws ? AlignmentData.allCases : [] {
            self.data["defences: \(set.rawValue)"] = try Self.hash(set.load())
        }
    }

    /// Identifies the run: everything in the record.
    var fingerprint: String {
        let parts = [modelSHA256, recipeSHA256, dtype.rawValue, program]
        let lists = [data, suites].map { list in list.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" } }
        return String(SHA256.hex(of: (parts + lists.joined()).joined(separator: "\n")).prefix(16))
    }

    /// Writes the record into a fresh directory, or checks that the directory holds this very run.
    ///
    /// A directory in which no work was done, because its run failed at once, is taken as a fresh one.
    func claim(_ directory: RunDirectory) throws {
        let file = directory.url.appendingPathComponent("record.json")
        let earlier = LedgerFile.read(RunRecord.self, from: file)
        if earlier?.fingerprint != fingerprint {
            guard !directory.holdsWork else {
                let differences = try earlier.map { try self.differences(from: $0) } ?? []
                throw PipelineError.otherRun(
                    path: directory.url.path,
                    differences: differences.isEmpty ? ["the layout of its record"] : differences
                )
            }
            // What an attempt with another recipe logged does not belong to this run.
            try? FileManager.default.removeItem(at: directory.events)
        }
        try LedgerFile.write(text: recipe, to: directory.recipe)
        try LedgerFile.write(self, to: file)
    }

    /// What is different from an earlier record, by name.
    private func differences(from earlier: RunRecord) throws -> [String] {
        func keys(_ old: [String: String], _ new: [String: String]) -> [String] {
            Set(old.keys).union(new.keys).filter { old[$0] != new[$0] }.sorted()
        }
        var list: [String] = []
        if earlier.modelSHA256 != modelSHA256 { list.append("the model") }
        if earlier.program != program { list.append("the program's version (\(earlier.program), here \(program))") }
        if earlier.dtype != dtype { list.append("dtype (\(earlier.dtype), here \(dtype))") }
        list += keys(earlier.data, data).map { "data \($0)" }
        list += keys(earlier.suites, suites).map { "suite \($0)" }
        let old = try RecipeNode.parse(earlier.recipe, file: "recipe.yaml").leaves
        let new = try RecipeNode.parse(recipe, file: "recipe.yaml").leaves
        func counts(_ key: String) -> Bool {
            !["defend", "continue", "retrieval", "cost"].contains { key == $0 || key.hasPrefix("\($0).") }
        }
        list += keys(old, new).filter(counts).map { key in
            "recipe key \(key) (\(old[key] ?? "absent"), here \(new[key] ?? "absent"))"
        }
        return list
    }

    /// The conversations, those they are preferred to, and the turns that are learned from, wherever they were read.
    static func hash(_ data: Dataset) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        let turns = data.examples.map { example in
            example.chat.messages.indices.filter { example.isTrained($0) }
        }
        let rejected = data.examples.compactMap(\.rejected)
        return SHA256.hex(
            try encoder.encode(data.examples.map(\.chat)) + encoder.encode(turns) + encoder.encode(rejected)
        )
    }
}
