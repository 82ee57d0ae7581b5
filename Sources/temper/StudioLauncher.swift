import Foundation
import Synchronization
import TemperAlign
import TemperLedger
import TemperPipeline
import TemperRisk
import TemperStudio
import TemperTune

/// Writes recipes from the studio's form and starts `temper run` on them, each as a process of its own.
///
/// What comes from the browser is never a path here: the recipe's own reader decides on the name of the run, and that name
/// is a file's name. No shell is involved.
final class StudioLauncher: RunLauncher {
    /// Why a run was not started.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    private let directory: URL
    private let children = Mutex<[String: Process]>([:])

    init(directory: URL) {
        self.directory = directory
    }

    /// Where recipes that were written here lie, with what their runs print; no run's name begins with a dot.
    private var folder: URL { directory.appendingPathComponent(".studio") }

    private func file(_ name: String, _ ending: String) -> URL { folder.appendingPathComponent("\(name).\(ending)") }

    // MARK: The form

    var choices: RecipeChoices {
        var models: [String] = []
        let known = RunDirectory.all(in: directory).compactMap { ReportFiles.settings(of: $0)["model_name_or_path"] }
        let local = ModelCatalogue.all.map { ".deps/models/\($0.file)" }.filter(FileManager.default.fileExists(atPath:))
        for model in known + local where !models.contains(model) { models.append(model) }
        return RecipeChoices(
            models: models,
            data: DomainPack.allCases.map { "embedded:\($0.rawValue)" },
            suites: Suites.all.map(\.card).filter { $0.axis != .utility }.map { .init(name: $0.name, title: $0.title) },
            defences: Defences.all.map(\.card).map { .init(name: $0.method, title: $0.title) }
        )
    }

    func recipe(of form: RecipeForm) -> String {
        var lines = [
            "# Written by `temper studio`.", "run_name: \(Self.text(form.name))",
            "model_name_or_path: \(Self.text(form.model))", "seed: 1", "assess:", "  suites:",
        ]
        let limit = form.limit.isEmpty ? "" : ", limit: \(Self.number(form.limit))"
        lines += form.suites.map { "    - {name: \(Self.text($0))\(limit)}" }
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
        lines += ["tune:", "  train_data:", "    - \(Self.text(form.data))"]
        if !form.steps.isEmpty { lines.append("  max_steps: \(Self.number(form.steps))") }
        if !form.learningRate.isEmpty { lines.append("  learning_rate: \(Self.number(form.learningRate))") }
        if !form.defences.isEmpty {
            lines.append("defences:")
            lines += form.defences.map { "  - {method: \(Self.text($0))}" }
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// A text as YAML: as it is where that is plain, else quoted as in JSON, which YAML reads alike.
    private static func text(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            (0x61...0x7A).contains(byte | 0x20) || (0x30...0x39).contains(byte) || "./_-".utf8.contains(byte)
        }
        if isPlain, let first = text.utf8.first, (0x61...0x7A).contains(first | 0x20) || text.hasPrefix(".deps/") {
            return text
        }
        return (try? JSONEncoder().encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? "\"\""
    }

    /// What reads as a number stays one; the recipe's reader refuses anything else.
    private static func number(_ text: String) -> String { Double(text) == nil ? self.text(text) : text }

    func check(_ yaml: String) throws -> String {
        let recipe = try Recipe.parse(yaml, file: "recipe.yaml", environment: ProcessInfo.processInfo.environment)
        return recipe.runName
    }

    // MARK: Processes

    func start(_ yaml: String) async throws -> String {
        let name = try check(yaml)
        let (recipe, log) = (file(name, "yaml"), file(name, "log"))
        let run = RunDirectory(directory.appendingPathComponent(name))
        guard !isRunning(name) else { throw Failure(description: "a run \(name) was started already and still runs") }
        try LedgerFile.write(text: yaml, to: recipe)
        try LedgerFile.write(text: "", to: log)
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        let place = String(decoding: try JSONEncoder().encode(directory.path), as: UTF8.self)
        process.arguments = ["run", recipe.path, "--set", "output_dir=\(place)"]
        process.standardInput = FileHandle.nullDevice
        let printed = try FileHandle(forWritingTo: log)
        process.standardOutput = printed
        process.standardError = printed
        try process.run()
        try? printed.close()
        children.withLock { $0[name] = process }
        // The run's folder tells the rest, as soon as the model is read.
        for _ in 0..<300 {
            if FileManager.default.fileExists(atPath: run.status.path) { return name }
            guard process.isRunning else {
                throw Failure(description: "the run ended at once: \(output(of: name))")
            }
            try await Task.sleep(for: .milliseconds(200))
        }
        throw Failure(description: "the run is still reading its model; it will be in the list when it has begun")
    }

    func isRunning(_ name: String) -> Bool { children.withLock { $0[name]?.isRunning ?? false } }

    func stop(_ name: String) { children.withLock { $0[name]?.terminate() } }

    /// Asks all that were started here to end, and waits for the checkpoints they write.
    func stopAll() {
        let processes = children.withLock { Array($0.values) }.filter(\.isRunning)
        for process in processes { process.terminate() }
        for process in processes { process.waitUntilExit() }
    }

    func output(of name: String) -> String {
        guard children.withLock({ $0[name] != nil }), let handle = try? FileHandle(forReadingFrom: file(name, "log"))
        else { return "" }
        defer { try? handle.close() }
        let end = (try? handle.seekToEnd()) ?? 0
        try? handle.seek(toOffset: end > 4096 ? end - 4096 : 0)
        let text = String(decoding: (try? handle.readToEnd()) ?? Data(), as: UTF8.self)
        return text.split(separator: "\n", omittingEmptySubsequences: false).suffix(40).joined(separator: "\n")
    }
}
