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

    @Argument(help: "A run's directory.", completion: .file())
    var run: String
    @Flag(help: "Print report.json.")
    var json = false
    @Flag(help: "Also write the model card, the bill of materials and the files for other tools again.")
    var evidence = false

    func run() async throws {
        let directory = try RunDirectory.existing(run)
        let report = try ReportFiles.read(of: directory)
        try ReportFiles.write(report, to: directory.report, evidence: evidence)
        guard !json else { return Console.print(String(decoding: try report.json(), as: UTF8.self)) }
        Console.print(TerminalSummary.render(report, width: Console.width, color: Console.usesColour))
        Console.print("report: \(directory.report.appendingPathComponent("index.html").relativePath)")
    }
}

extension RunDirectory {
    /// The run at a path, or an error that says where runs are.
    static func existing(_ path: String) throws -> RunDirectory {
        let found = named(path).first { FileManager.default.fileExists(atPath: $0.status.path) }
        guard let found else { throw ValidationError("no run at \(path); `temper runs list` shows the runs") }
        return found
    }

    /// Where a run of that path or name can lie.
    static func named(_ path: String) -> [RunDirectory] {
        [path, "runs/\(path)"].map { RunDirectory(URL(fileURLWithPath: $0)) }
    }
}
