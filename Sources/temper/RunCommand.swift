import ArgumentParser
import Dispatch
import Foundation
import TemperLedger
import TemperPipeline
import TemperReport

/// What `run`, `align` and `tune` share.
struct RecipeOptions: ParsableArguments {
    @Argument(help: "The recipe, a YAML file.", completion: .file())
    var recipe: String

    @Option(name: .customLong("set"), help: "Overrides a key of the recipe, for example tune.max_steps=16.")
    var overrides: [String] = []

    @Flag(help: "Take up a run that was stopped. (A run that is there is always taken up; the flag says so.)")
    var resume = false

    @Flag(help: "Print progress as JSON events on standard error, and the report as JSON on standard output.")
    var json = false

    @Flag(help: "Print no progress.")
    var quiet = false

    @Flag(help: "Measure a few steps and probes, print what the run will take on this machine, and write nothing.")
    var dryRun = false

    /// Runs the recipe's story up to a chapter.
    ///
    /// - Parameter searching: Whether a defence is searched for, also where the recipe does not ask for it.
    func run(upTo chapter: MainJob.Chapter, searching: Bool = false) async throws {
        var loaded = try Recipe.load(URL(fileURLWithPath: recipe), overrides: overrides)
        if searching, loaded.search == nil { loaded.search = Recipe.Search() }
        let job = MainJob(loaded, sink: Progress(json: json, quiet: quiet))
        if dryRun {
            let estimate = try await job.estimate(upTo: chapter)
            if json { try Console.print(json: estimate) } else { Console.print(estimate.table) }
            return
        }
        let task = Task { try await job.run(upTo: chapter) }
        let interruption = Interruption { task.cancel() }
        defer { interruption.stop() }
        do {
            let report = try await task.value
            if json {
                Console.print(String(decoding: try report.json(), as: UTF8.self))
            } else {
                Console.print(TerminalSummary.render(report, width: Console.width, color: Console.usesColour))
                Console.print("report: \(job.directory.report.appendingPathComponent("index.html").relativePath)")
                for (subject, folder) in job.adapters { Console.print("adapter of \(subject): \(folder.relativePath)") }
            }
            guard report.invalidity.isEmpty else {
                for reason in report.invalidity { Console.error("the run is invalid: \(reason)") }
                throw ExitCode(ExitStatus.noEvidence)
            }
        } catch PipelineError.interrupted(let run) {
            Console.error("\ninterrupted; \(run) is saved. Resume with:\n  \(resumeCommand)")
            throw ExitCode(ExitStatus.interrupted)
        }
    }

    private var resumeCommand: String {
        CommandLine.arguments.map(\.quotedForShell).joined(separator: " ")
    }
}

extension String {
    /// The text as one word of a POSIX shell.
    var quotedForShell: String {
        let isPlain = utf8.allSatisfy { byte in
            (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "@%+=:,./_-".utf8.contains(byte)
        }
        return isPlain && !isEmpty ? self : "'" + replacing("'", with: "'\\''") + "'"
    }
}

/// Calls back on the first Ctrl-C or SIGTERM; the second ends the process at once.
final class Interruption {
    private let sources: [any DispatchSourceSignal]

    init(_ body: @escaping @Sendable () -> Void) {
        sources = [SIGINT, SIGTERM].map { number in
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler {
                Console.error("\nstopping after this step ... (again to stop at once)")
                signal(number, SIG_DFL)
                body()
            }
            source.resume()
            return source
        }
    }

    func stop() {
        for source in sources { source.cancel() }
    }
}

/// A command that tells a recipe's story up to a chapter.
protocol StoryCommand: AsyncParsableCommand {
    static var chapter: MainJob.Chapter { get }
    var options: RecipeOptions { get }
}

extension StoryCommand {
    func run() async throws {
        try await options.run(upTo: Self.chapter)
    }
}

struct RunCommand: StoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "run",
        abstract: "The whole story of a recipe: assess, align, tune, defend, report."
    )
    static let chapter = MainJob.Chapter.end
    @OptionGroup var options: RecipeOptions
}

struct AlignCommand: StoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "align",
        abstract: "A recipe's story up to its safety alignment; with --search, on to a defence that passes."
    )
    static let chapter = MainJob.Chapter.alignment
    @OptionGroup var options: RecipeOptions

    @Flag(
        help: """
            Tell the whole story, then search for a defence, as `defend: auto` in the recipe does; --set defend.budget=2 and \
            the like change how.
            """
    )
    var search = false

    func run() async throws {
        try await options.run(upTo: search ? .end : Self.chapter, searching: search)
    }
}

struct TuneCommand: StoryCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune",
        abstract: "A recipe's story up to its last checkpoint, without the defences."
    )
    static let chapter = MainJob.Chapter.tuning
    @OptionGroup var options: RecipeOptions
}
