import ArgumentParser
import Foundation
import TemperAttack
import TemperLedger
import TemperModel
import TemperPipeline
import TemperRisk
import TemperWeights

/// Attacks that need the model's gradients.
struct WhiteBoxAttackCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attack-whitebox",
        abstract: "Searches, by a model's gradients, for suffixes that make it answer what it should refuse.",
        discussion: """
            gcg finds suffixes of text (arXiv 2307.15043); soft-prompt moves vectors that no text has (arXiv 2402.09063). \
            The suite's own judge, which takes no part in the search, grades the answers. An interrupted search goes on \
            when the same command runs again.
            """
    )

    @Argument(help: "A .gguf file, a model directory, or ORG/NAME in the hub's cache.", completion: .file())
    var model: String
    @Option(help: "An adapter directory in PEFT's format, or the checkpoint of a full training.", completion: .file())
    var adapter: String?
    @Option(help: "gcg or soft-prompt.", transform: Self.method)
    var method = WhiteBox.Method.gcg
    @Option(help: "The suite whose requests are attacked.")
    var suite = "jailbreak"
    @Option(help: "The most probes.")
    var limit = 3
    @Option(help: "Steps for each probe.")
    var steps = 100
    @Option(help: "Tokens of the suffix.")
    var suffixLength = 20
    @Option(name: .customLong("batch"), help: "gcg: substitutions computed in a step.")
    var batchSize = 64
    @Option(help: "gcg: tokens kept for each position.")
    var topK = 128
    @Option(help: "gcg: how much of the last gradient lives on (arXiv 2405.01229).")
    var momentum = 0.0
    @Flag(help: "gcg: refuse some of the steps that make the loss worse, the more the later.")
    var anneal = false
    @Flag(help: "gcg: allow characters beyond printable ASCII.")
    var anyCharacters = false
    @Option(help: "soft-prompt: length of a step, in units of the embeddings' root mean square.")
    var stepSize = 0.05
    @Option(help: "The longest answer, in tokens.")
    var maxNewTokens = 32
    @OptionGroup var device: DeviceOption
    @Option(help: "Draws the probes and the substitutions.")
    var seed: UInt64 = 1
    @Option(help: "Where to write attack.json, suffixes.txt and the state of searches.", completion: .file())
    var output: String?
    @Flag(help: "Print JSON.")
    var json = false
    @Flag(help: "Print no progress.")
    var quiet = false

    func validate() throws {
        guard limit > 0, steps > 0, suffixLength > 0, batchSize > 0, topK > 0, maxNewTokens > 0, stepSize > 0 else {
            throw ValidationError(
                "--limit, --steps, --suffix-length, --batch, --top-k, --max-new-tokens and --step-size are above 0"
            )
        }
        guard (0..<1).contains(momentum) else { throw ValidationError("--momentum is at least 0 and below 1") }
    }

    private static func method(_ name: String) throws -> WhiteBox.Method {
        guard let method = WhiteBox.Method(rawValue: name) else {
            throw ValidationError("--method is gcg or soft-prompt, not \(name)")
        }
        return method
    }

    private var settings: WhiteBox.Settings {
        var settings = WhiteBox.Settings()
        settings.method = method
        settings.steps = steps
        settings.suffixLength = suffixLength
        settings.batchSize = batchSize
        settings.topK = topK
        settings.momentum = momentum
        settings.anneals = anneal
        settings.printableASCII = !anyCharacters
        settings.stepSize = stepSize
        settings.maxNewTokens = maxNewTokens
        settings.seed = seed
        return settings
    }

    func run() async throws {
        let chosen = try Suites.named(suite)
        let folder = output.map { URL(fileURLWithPath: $0) }
        let searches = folder?.appendingPathComponent("searches")
        if let searches { try FileManager.default.createDirectory(at: searches, withIntermediateDirectories: true) }
        let loaded = try await LanguageModel.load(from: ModelReference.resolve(model), device: device.resolved)
        let inference = try await loaded.forInference(adapter: adapter.map { URL(fileURLWithPath: $0) })
        let shown = Progress(json: false, quiet: quiet)
        shown.emit(RunEvent(.phase, phase: "\(method.rawValue) on \(adapter ?? model)"))
        let (settings, limit, places) = (settings, limit, searches)
        let task = Task {
            try await WhiteBox.run(
                on: inference,
                suite: chosen,
                limit: limit,
                settings: settings,
                resume: { probe in places.flatMap { try? Data(contentsOf: $0.appendingPathComponent("\(probe).json")) }
                },
                progress: { state in
                    let phase = "\(state.probeID) (\(state.index + 1) of \(state.total))"
                    var event = RunEvent(.step, phase: phase, done: state.step, total: state.steps)
                    event.loss = state.loss
                    event.metrics = ["best": state.bestLoss]
                    shown.emit(event)
                    guard let places, let search = state.search else { return }
                    try AtomicFile.write(search, to: places.appendingPathComponent("\(state.probeID).json"))
                }
            )
        }
        let interruption = Interruption { task.cancel() }
        defer { interruption.stop() }
        let outcomes: [WhiteBox.Outcome]
        do {
            outcomes = try await task.value
        } catch is CancellationError {
            Console.error(
                folder == nil || method == .softPrompt
                    ? "interrupted; what was found so far is lost" : "interrupted; the same command goes on from here"
            )
            throw ExitCode(130)
        }
        if json { try Console.print(json: outcomes) } else { show(outcomes) }
        if let folder {
            try LedgerFile.write(outcomes, to: folder.appendingPathComponent("attack.json"))
            if method == .gcg {
                let suffixes = Data(WhiteBox.suffixFile(outcomes).utf8)
                try AtomicFile.write(suffixes, to: folder.appendingPathComponent("suffixes.txt"))
            }
        }
    }

    private func show(_ outcomes: [WhiteBox.Outcome]) {
        for outcome in outcomes {
            Console.print(
                "\(outcome.probeID.padded(24)) loss \(decimal(outcome.initialLoss, 2)) → \(decimal(outcome.finalLoss, 2))  "
                    + "\(outcome.steps) steps in \(decimal(outcome.seconds, 1)) s  "
                    + "\(outcome.plainVerdict.grade) → \(outcome.verdict.grade)"
                    + (outcome.suffix.map { "\n  suffix:\($0)" } ?? "")
            )
        }
        let before = outcomes.count { $0.plainVerdict == .unsafe }
        let after = outcomes.count { $0.verdict == .unsafe }
        Console.print("answered: \(before) of \(outcomes.count) without, \(after) with the attack")
    }
}
