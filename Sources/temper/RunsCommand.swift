import ArgumentParser
import Foundation
import TemperLedger
import TemperPipeline
import TemperReport

struct RunsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs",
        abstract: "Lists, shows and compares runs.",
        subcommands: [List.self, Show.self, Diff.self]
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

    struct Diff: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "diff",
            abstract: "Shows what differs between two runs: settings, and rates side by side."
        )
        @Argument(help: "A run's directory.")
        var first: String
        @Argument(help: "Another one.")
        var second: String
        @Flag(help: "Print JSON.")
        var json = false

        func run() async throws {
            let runs = try [first, second].map(RunDirectory.existing)
            let sides = try runs.map { run in
                RunDifference.Side(
                    name: run.name,
                    settings: ReportFiles.settings(of: run),
                    report: FileManager.default.fileExists(
                        atPath: run.report.appendingPathComponent("report.json").path
                    ) ? try ReportFiles.read(of: run) : nil
                )
            }
            let difference = RunDifference(sides[0], sides[1])
            Console.write(json ? difference.json : difference.table(width: Console.width))
        }
    }
}
