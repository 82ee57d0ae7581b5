import ArgumentParser
import Foundation
import TemperLedger
import TemperPipeline
import TemperReport

/// The folder that runs lie in, as a command-line option.
struct RunsOption: ParsableArguments {
    private static let usual = "runs"
    @Option(help: "The directory that holds the runs.", completion: .directory)
    var directory = Self.usual

    /// The folder, there or not yet.
    ///
    /// - Throws: `ValidationError` where it is not there, and was named: it may be mistyped.
    func url() throws -> URL {
        var isFolder: ObjCBool = false
        let isThere = FileManager.default.fileExists(atPath: directory, isDirectory: &isFolder)
        // Where nothing was run yet there is no `runs`.
        guard isThere ? isFolder.boolValue : directory == Self.usual else {
            throw ValidationError("--directory \(directory): there is no such folder")
        }
        return URL(fileURLWithPath: directory)
    }
}

struct RunsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs",
        abstract: "Lists, shows and compares runs.",
        subcommands: [List.self, Show.self, Diff.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the runs in a directory.")
        @OptionGroup var runs: RunsOption
        @Flag(help: "Print JSON.")
        var json = false

        private struct Row: Encodable {
            var name: String
            var status: RunStatus
        }

        func run() async throws {
            let rows = try RunDirectory.all(in: runs.url()).compactMap { run in
                run.currentStatus().map { Row(name: run.name, status: $0) }
            }
            if rows.isEmpty {
                Console.error("no runs in \(runs.directory) yet; `temper run RECIPE` makes one in its output_dir")
            }
            guard !json else { return try Console.print(json: rows) }
            if !rows.isEmpty {
                Console.print("\("run".padded(24)) \("state".padded(12)) \("phase".padded(28)) updated")
            }
            for row in rows {
                Console.print(
                    "\(row.name.padded(24)) \(row.status.state.rawValue.padded(12)) \(row.status.phase.padded(28)) "
                        + row.status.updated.formatted(.iso8601)
                )
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows one run.")
        @Argument(help: "A run's directory.", completion: .file())
        var run: String
        @Flag(help: "Print JSON.")
        var json = false

        func run() async throws {
            let directory = try RunDirectory.existing(run)
            let status = directory.currentStatus()
            if let status, !json {
                let started = status.started.formatted(.iso8601)
                Console.print("\(directory.name): \(status.state.rawValue) (\(status.phase)), started \(started)")
                if let error = status.error { Console.print("error: \(error)") }
            }
            do {
                let report = try ReportFiles.read(of: directory)
                guard !json else { return Console.print(String(decoding: try report.json(), as: UTF8.self)) }
                Console.print(TerminalSummary.render(report, width: Console.width, color: Console.usesColour))
            } catch let error as PipelineError {
                guard case .noReport = error else { throw error }
                // What the run says of itself is then all there is to show.
                if json { try Console.print(json: status) }
                Console.error("\(error)")
            }
        }
    }

    struct Diff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "diff",
            abstract: "Shows what differs between two runs: settings, and rates side by side."
        )
        @Argument(help: "A run's directory.", completion: .file())
        var first: String
        @Argument(help: "Another one.", completion: .file())
        var second: String
        @Flag(help: "Print JSON.")
        var json = false

        func run() async throws {
            let runs = try [first, second].map(RunDirectory.existing)
            let sides = try runs.map { run in
                RunDifference.Side(
                    name: run.name,
                    settings: ReportFiles.settings(of: run),
                    report: FileManager.default.fileExists(atPath: run.reportFile.path)
                        ? try ReportFiles.read(of: run) : nil
                )
            }
            let difference = RunDifference(sides[0], sides[1])
            Console.write(json ? difference.json : difference.table(width: Console.width))
        }
    }
}
