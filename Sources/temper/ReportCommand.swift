import ArgumentParser
import Foundation
import TemperLedger
import TemperPipeline
import TemperReport

struct ReportCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Writes the report of a run again from its report.json, and prints the summary."
    )

    @Argument(help: "A run's directory.")
    var run: String
    @Flag(help: "Print report.json.")
    var json = false

    func run() async throws {
        let directory = try RunDirectory.existing(run)
        guard FileManager.default.fileExists(atPath: directory.report.appendingPathComponent("report.json").path) else {
            throw ValidationError(
                "\(run) has no report yet; finish it with `temper run \(directory.recipe.relativePath)`"
            )
        }
        let report = try ReportFiles.read(of: directory)
        try ReportFiles.write(report, to: directory.report)
        guard !json else { return Console.print(String(decoding: try report.json(), as: UTF8.self)) }
        Console.print(TerminalSummary.render(report, width: Console.width, color: Console.usesColour))
        Console.print("report: \(directory.report.appendingPathComponent("index.html").relativePath)")
    }
}

struct RunsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs",
        abstract: "Lists and shows runs.",
        subcommands: [List.self, Show.self]
    )

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the runs in a directory.")
        @Option(help: "The directory that holds the runs.")
        var directory = "runs"
        @Flag(help: "Print JSON.")
        var json = false

        private struct Row: Encodable {
            var name: String
            var status: RunStatus
        }

        func run() async throws {
            let rows = RunDirectory.all(in: URL(fileURLWithPath: directory)).compactMap { run in
                run.currentStatus().map { Row(name: run.name, status: $0) }
            }
            guard !json else { return try Console.print(json: rows) }
            if rows.isEmpty { Console.error("no runs in \(directory)") }
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
        @Argument(help: "A run's directory.")
        var run: String
        @Flag(help: "Print JSON.")
        var json = false

        func run() async throws {
            let directory = try RunDirectory.existing(run)
            guard let status = directory.currentStatus() else {
                throw ValidationError("\(directory.status.relativePath) is damaged; running the recipe again mends it")
            }
            let hasReport = FileManager.default.fileExists(
                atPath: directory.report.appendingPathComponent("report.json").path
            )
            let report = hasReport ? try ReportFiles.read(of: directory) : nil
            guard !json else {
                if let report { return Console.print(String(decoding: try report.json(), as: UTF8.self)) }
                return try Console.print(json: status)
            }
            Console.print(
                "\(directory.name): \(status.state.rawValue) (\(status.phase)), started \(status.started.formatted(.iso8601))"
            )
            if let error = status.error { Console.print("error: \(error)") }
            if let report {
                Console.print(TerminalSummary.render(report, width: Console.width, color: Console.usesColour))
            }
        }
    }
}

extension RunDirectory {
    /// The run at a path, or an error that says where runs are.
    static func existing(_ path: String) throws -> RunDirectory {
        for candidate in [path, "runs/\(path)"] {
            let directory = RunDirectory(URL(fileURLWithPath: candidate))
            if FileManager.default.fileExists(atPath: directory.status.path) { return directory }
        }
        throw ValidationError("no run at \(path); `temper runs list` shows the runs")
    }
}
