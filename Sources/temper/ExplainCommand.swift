import ArgumentParser
import Foundation
import TemperLedger
import TemperPipeline
import TemperReport

struct ExplainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Says why a run's tuning changed its safety: layers, first tokens, and training rows.",
        discussion: "Writes explain.json and explain.html into the run's folder explain. See Docs/explain.md."
    )

    @Argument(help: "A run's directory, with a tuning that has come to a checkpoint.", completion: .file())
    var run: String

    @Option(help: "How many rows to print.")
    var rows = 20
    @Option(help: "First tokens of an answer that count for a row's score.")
    var tokens = 5
    @Option(help: "Anchors of each kind, for the rows' scores.")
    var anchors = 48
    @Option(help: "Requests of each kind, for directions and divergences.")
    var requests = 48
    @Flag(help: "Train again without the first rows, and without as many random ones, and assess both.")
    var retrain = false
    @Option(help: "How many rows to leave out with --retrain; by default a tenth.")
    var leaveOut: Int?
    @Flag(help: "Print JSON; progress is JSON, too.")
    var json = false
    @Flag(help: "Print no progress.")
    var quiet = false

    func validate() throws {
        for (name, value) in [("--rows", rows), ("--tokens", tokens), ("--anchors", anchors), ("--requests", requests)]
        where value < 1 {
            throw ValidationError("\(name) is at least 1, not \(value)")
        }
        guard requests >= 4 else { throw ValidationError("--requests is at least 4, not \(requests)") }
        if let leaveOut, leaveOut < 1 { throw ValidationError("--leave-out is at least 1, not \(leaveOut)") }
        if leaveOut != nil, !retrain { throw ValidationError("--leave-out is for --retrain; give both") }
    }

    func run() async throws {
        var options = RunExplainer.Options()
        options.tokens = tokens
        options.anchors = anchors
        options.requests = requests
        options.shown = max(options.shown, rows)
        options.retrains = retrain
        options.leftOut = leaveOut
        let explainer = try RunExplainer(
            RunDirectory.existing(run),
            options: options,
            sink: Progress(json: json, quiet: quiet)
        )
        let task = Task { try await explainer.explain() }
        let interruption = Interruption { task.cancel() }
        defer { interruption.stop() }
        let explanation: Explanation
        do {
            explanation = try await task.value
        } catch is CancellationError {
            Console.error("\ninterrupted; run the same command again: a training that was begun is taken up")
            throw ExitCode(ExitStatus.interrupted)
        }
        if json { return try Console.print(json: explanation, asInItsFile: true) }
        Console.print(explanation.text(rows: rows))
        Console.print("\nexplanation: \(explainer.folder.appendingPathComponent("explain.html").relativePath)")
    }
}
