import Foundation
import TemperAlign
import TemperLedger
import TemperModel
import TemperPipeline
import TemperReport
import TemperRisk
import TemperStudio
import TemperText
import TemperTune

/// Writes recipes from the studio's form and starts `temper run` on them, each as a process of its own.
///
/// What comes from the browser is no path to write to: the recipe's own reader decides on the name of the run, and that
/// name is a file's name. The model and the data that a form names are opened, to be read. No shell is involved.
final class StudioLauncher: RunLauncher {
    /// Why a run was not started.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// A run that was started here, or is about to.
    private struct Child {
        /// Nil while the name is only reserved.
        var process: Process?
        /// Whether it was asked to end.
        var isAsked = false

        /// Asks it to end, once: the second signal would end it without a checkpoint.
        mutating func ask() {
            guard !isAsked, let process, process.isRunning else { return }
            isAsked = true
            process.terminate()
        }
    }

    private struct State {
        var children: [String: Child] = [:]
        /// Whether the studio is ending.
        var isClosing = false
    }

    private let directory: URL
    private let state = Locked(State())

    init(directory: URL) {
        self.directory = directory
    }

    /// Where recipes that were written here lie, with what their runs print; no run's name begins with a dot.
    private var folder: URL { directory.appendingPathComponent(".studio") }

    private func file(_ name: String, _ ending: String) -> URL { folder.appendingPathComponent("\(name).\(ending)") }

    // MARK: The form

    var choices: RecipeChoices {
        var models: [String] = []
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory.path)) ?? []
        let known = names.sorted().compactMap { Self.model(inRecipe: "\(directory.path)/\($0)/recipe.yaml") }
        let local = ModelCatalogue.all.map { ".deps/models/\($0.file)" }.filter(FileManager.default.fileExists(atPath:))
        for model in known + local where !models.contains(model) { models.append(model) }
        return RecipeChoices(
            models: models,
            data: DomainPack.allCases.map { "embedded:\($0.rawValue)" },
            suites: Suites.all.map(\.card).filter { $0.axis != .utility }.map { .init(name: $0.name, title: $0.title) },
            defences: Defences.all.map(\.card).map { .init(name: $0.method, title: $0.title) }
        )
    }

    /// The model of a run's resolved recipe, in which every key has a line of its own and this one stands at the top: so
    /// no more is read of a thousand runs, and none is parsed.
    private static func model(inRecipe path: String) -> String? {
        guard let handle = FileHandle(forReadingAtPath: path) else { return nil }
        defer { try? handle.close() }
        guard let head = try? handle.read(upToCount: 4096) else { return nil }
        let key = "model_name_or_path: "
        guard
            let line = String(decoding: head, as: UTF8.self).split(separator: "\n").first(where: { $0.hasPrefix(key) })
        else { return nil }
        let value = line.dropFirst(key.count)
        // A text that could be taken for something else is written in double quotes, as in JSON.
        return value.hasPrefix("\"") ? try? JSONDecoder().decode(String.self, from: Data(value.utf8)) : String(value)
    }

    func problems(in form: RecipeForm) -> [RecipeForm.Field: String] {
        var problems: [RecipeForm.Field: String] = [:]
        for field in RecipeForm.Field.allCases {
            // The reader stops at the first mistake, so that each entry is read among others that it takes.
            do {
                _ = try check(recipe(of: Self.sound(but: field, of: form)))
                try Self.checkFile(field, of: form)
            } catch let error as RecipeError {
                problems[field] = error.explanation
            } catch {
                problems[field] = "\(error)"
            }
        }
        return problems
    }

    /// A form that can be used, but for one entry.
    private static func sound(but field: RecipeForm.Field, of form: RecipeForm) -> RecipeForm {
        var mixed = RecipeForm()
        (mixed.name, mixed.model, mixed.data) = ("run", "model.gguf", "embedded:\(DomainPack.cybersecurity.rawValue)")
        mixed.suites = ["jailbreak"]
        switch field {
        case .name: mixed.name = form.name
        case .model: mixed.model = form.model
        case .data: mixed.data = form.data
        case .steps: mixed.steps = form.steps
        case .rate: mixed.learningRate = form.learningRate
        case .limit: mixed.limit = form.limit
        case .suite: mixed.suites = form.suites
        // Some work with what an alignment has changed.
        case .defence: (mixed.defences, mixed.aligns) = (form.defences, form.aligns)
        }
        return mixed
    }

    /// The reader of recipes opens no file, and one that is missing or of another kind would end the run as soon as it has
    /// started.
    private static func checkFile(_ field: RecipeForm.Field, of form: RecipeForm) throws {
        switch field {
        case .model: _ = try ModelDescription(of: ModelReference.resolve(form.model))
        case .data where !form.data.hasPrefix("embedded:"):
            let file = URL(fileURLWithPath: form.data)
            let keys: Set<URLResourceKey> = [.isRegularFileKey, .isDirectoryKey, .fileSizeKey]
            let values = try? file.resolvingSymlinksInPath().resourceValues(forKeys: keys)
            // What is large is left to the run, which reads it as well.
            if values?.isRegularFile == true, values?.fileSize ?? 0 > largestRead { return }
            guard values?.isRegularFile != false || values?.isDirectory == true else {
                throw Failure(description: "\(form.data): neither a file nor a folder")
            }
            _ = try Dataset.load(file)
        default: return
        }
    }

    /// The size of a file of data, in bytes, up to which the form reads it whole.
    private static let largestRead = 64 << 20

    func recipe(of form: RecipeForm) -> String {
        var lines = [
            "# Written by `temper studio`.", "run_name: \(YAMLText.text(form.name))",
            "model_name_or_path: \(YAMLText.text(form.model))", "seed: 1", "assess:", "  suites:",
        ]
        let limit = form.limit.isEmpty ? "" : ", limit: \(Self.number(form.limit))"
        lines += form.suites.map { "    - {name: \(YAMLText.text($0))\(limit)}" }
        if form.suites.isEmpty { lines[lines.count - 1] = "  suites: []" }
        let domain = DomainPack.allCases.first { form.data == "embedded:\($0.rawValue)" }
        if let domain { lines.append("  utility: {name: \(domain.rawValue)\(limit)}") }
        lines.append("  max_new_tokens: 32")
        if form.aligns {
            lines += [
                "align:", "  train_data:", "    - {data: embedded:refusals, weight: 1.5}", "    - embedded:twins",
                "    - embedded:ordinary", "  opening_weight: 10", "  learning_rate: 1e-3", "  num_train_epochs: 1",
            ]
        }
        lines += ["tune:", "  train_data:", "    - \(YAMLText.text(form.data))"]
        if !form.steps.isEmpty { lines.append("  max_steps: \(Self.number(form.steps))") }
        if !form.learningRate.isEmpty { lines.append("  learning_rate: \(Self.number(form.learningRate))") }
        if !form.defences.isEmpty {
            lines.append("defences:")
            lines += form.defences.map { "  - {method: \(YAMLText.text($0))}" }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// What reads as a number stays one; the recipe's reader refuses anything else.
    private static func number(_ text: String) -> String { Double(text) == nil ? YAMLText.text(text) : text }

    func check(_ yaml: String) throws -> String {
        let recipe = try Recipe.parse(yaml, file: "recipe.yaml", environment: ProcessInfo.processInfo.environment)
        return recipe.runName
    }

    // MARK: Processes

    func start(_ yaml: String) async throws -> String {
        let name = try check(yaml)
        let run = RunDirectory(directory.appendingPathComponent(name))
        try reserve(name)
        let process: Process
        do {
            process = try launch(name, placed(yaml))
        } catch {
            state.withLock { $0.children[name] = nil }
            throw error
        }
        // A recipe that cannot be carried out ends soon; the run's folder tells the rest, as soon as the model is read.
        for _ in 0..<15 {
            if FileManager.default.fileExists(atPath: run.status.path) { return name }
            guard process.isRunning else {
                throw Failure(description: "the run ended at once: \(output(of: name) ?? "")")
            }
            try await Task.sleep(for: .milliseconds(200))
        }
        return name
    }

    /// Takes a name, so that of two who start a run of the same name at once only one does.
    private func reserve(_ name: String) throws {
        try state.withLock { state in
            if let child = state.children[name], child.process?.isRunning ?? true {
                throw Failure(description: "a run \(name) was started already and still runs")
            }
            state.children[name] = Child()
        }
    }

    /// The recipe with this directory as its `output_dir`, so that `temper run` on the file takes up the same run.
    private func placed(_ yaml: String) throws -> String {
        let environment = ProcessInfo.processInfo.environment
        let others = yaml.split(separator: "\n", omittingEmptySubsequences: false).filter {
            !$0.hasPrefix("output_dir:")
        }
        let text = "output_dir: \(YAMLText.text(directory.path))\n" + others.joined(separator: "\n")
        let file = "recipe.yaml"
        var recipe = try Recipe.parse(yaml, file: file, environment: environment)
        recipe.outputDir = directory.path
        // A recipe that is written in another way, such as in braces, is written anew.
        let isSame = (try? Recipe.parse(text, file: file, environment: environment)) == recipe
        return try isSame ? text : recipe.resolvedYAML()
    }

    /// Writes the recipe and starts the run; its name is reserved.
    private func launch(_ name: String, _ yaml: String) throws -> Process {
        let (recipe, log) = (file(name, "yaml"), file(name, "log"))
        try LedgerFile.write(text: yaml, to: recipe)
        try LedgerFile.write(text: "", to: log)
        let printed = try FileHandle(forWritingTo: log)
        defer { try? printed.close() }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        process.arguments = ["run", recipe.path]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = printed
        process.standardError = printed
        // Under the lock, so that whoever ends all runs finds this one or keeps it from starting.
        try state.withLock { state in
            guard !state.isClosing else { throw Failure(description: "the studio is ending and starts no more runs") }
            try process.run()
            state.children[name]?.process = process
        }
        return process
    }

    var running: [String] {
        state.withLock { state in state.children.filter { $0.value.process?.isRunning == true }.map(\.key) }
    }

    func isRunning(_ name: String) -> Bool { state.withLock { $0.children[name]?.process?.isRunning ?? false } }

    func isEnding(_ name: String) -> Bool {
        state.withLock { $0.children[name].map { $0.isAsked && $0.process?.isRunning == true } ?? false }
    }

    func stop(_ name: String) { state.withLock { $0.children[name]?.ask() } }

    /// Asks all that were started here to end, and lets no more start.
    ///
    /// - Returns: How many still run.
    func stopAll() -> Int {
        state.withLock { state in
            state.isClosing = true
            for name in state.children.keys { state.children[name]?.ask() }
            return state.children.values.count { $0.process?.isRunning == true }
        }
    }

    /// Waits for the checkpoints that the runs write, unless the task is cancelled.
    func waitUntilAllHaveEnded() async {
        while state.withLock({ $0.children.values.contains { $0.process?.isRunning == true } }) {
            guard (try? await Task.sleep(for: .milliseconds(100))) != nil else { return }
        }
    }

    func output(of name: String) -> String? {
        guard state.withLock({ $0.children[name] != nil }) else { return nil }
        guard let handle = try? FileHandle(forReadingFrom: file(name, "log")) else { return "" }
        defer { try? handle.close() }
        let end = (try? handle.seekToEnd()) ?? 0
        try? handle.seek(toOffset: end > 4096 ? end - 4096 : 0)
        let text = String(decoding: (try? handle.readToEnd()) ?? Data(), as: UTF8.self)
        return text.split(separator: "\n", omittingEmptySubsequences: false).suffix(40).joined(separator: "\n")
    }
}
