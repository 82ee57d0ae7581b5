import Foundation
import TemperLedger
import TemperPipeline
import TemperReport

/// A folder of its own for a test's runs, and the recipe of a small run on a tiny random model.
///
/// The model's vocabulary is bytes, so it takes any text; what it answers is noise.
struct Scene {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()
    static let model = root.appending(path: "Tests/Goldens/model/tiny-llama.gguf")

    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "temper-run-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    func remove() {
        try? FileManager.default.removeItem(at: folder)
    }

    /// Writes a file into the folder and returns its path.
    func file(_ name: String, _ content: Data) throws -> String {
        let url = folder.appending(path: name)
        try content.write(to: url)
        return url.path
    }

    func file(_ name: String, _ content: String) throws -> String {
        try file(name, Data(content.utf8))
    }

    /// The recipe as text.
    func yaml(_ name: String) -> String {
        """
        run_name: \(name)
        output_dir: \(folder.path)
        model_name_or_path: \(Self.model.path)
        dtype: float32
        seed: 3
        assess:
          suites: [{name: jailbreak, limit: 3}, {name: over-refusal, limit: 2}]
          utility: {name: cybersecurity, limit: 2}
          max_new_tokens: 4
          batch_size: 4
          step_limit: 2
        align:
          train_data: [{data: embedded:refusals, limit: 4}]
          max_steps: 2
          per_device_train_batch_size: 2
          cutoff_len: 400
          lora_r: 2
          warmup_steps: 0
        tune:
          train_data: [{data: embedded:cybersecurity, limit: 6}]
          max_steps: 4
          per_device_train_batch_size: 2
          cutoff_len: 400
          learning_rate: 1e-3
          lora_r: 2
          warmup_steps: 0
        defences:
          - {method: safety-mix, fraction: 0.5}
          - {method: base-regularisation, anchors: 2}
          - {method: interpolation, scale: 0.5}
          - {method: realignment, steps: 2}
        """
    }

    func recipe(_ name: String, _ overrides: String...) throws -> Recipe {
        try Recipe.parse(yaml(name), file: "\(name).yaml", overrides: overrides)
    }

    func directory(_ name: String) -> RunDirectory {
        RunDirectory(folder.appending(path: name))
    }
}

/// Keeps every event, and lets a test act in the middle of a run.
///
/// `@unchecked Sendable`: the list is touched only under `lock`.
final class Recorder: EventSink, @unchecked Sendable {
    private let lock = NSLock()
    private var list: [RunEvent] = []
    private let act: @Sendable (RunEvent) -> Void

    init(_ act: @escaping @Sendable (RunEvent) -> Void = { _ in }) {
        self.act = act
    }

    /// Cancels the task that runs the job when `phase` has taken `step`.
    static func cancelling(_ phase: String, after step: Int) -> Recorder {
        Recorder { event in
            guard event.kind == .step, event.phase == phase, event.done == step else { return }
            withUnsafeCurrentTask { $0?.cancel() }
        }
    }

    var events: [RunEvent] { lock.withLock { list } }

    /// `PHASE STEP` of every optimiser step.
    var steps: [String] { events.filter { $0.kind == .step }.map { "\($0.phase) \($0.done ?? 0)" } }
    /// The phases that ended with an assessment.
    var assessed: Set<String> { Set(events.filter { $0.kind == .assessed }.map(\.phase)) }

    func emit(_ event: RunEvent) {
        lock.withLock { list.append(event) }
        act(event)
    }
}

extension RunReport {
    /// The report without what two equal runs may differ in: the clock and the name.
    var timeless: RunReport {
        var copy = self
        copy.name = ""
        copy.created = Date(timeIntervalSince1970: 0)
        copy.timing = [:]
        // Seconds, and steps that were taken again after a run was killed.
        copy.cost = nil
        copy.settings["fingerprint"] = nil
        copy.settings["recipe_sha256"] = nil
        for index in copy.subjects.indices { copy.subjects[index].seconds = 0 }
        for index in copy.training.indices { copy.training[index].tokensPerSecond = 0 }
        return copy
    }
}
