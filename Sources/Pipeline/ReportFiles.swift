public import Foundation
public import TemperLedger
public import TemperReport

/// The files of a report: JSON, one HTML page, and a CSV file for each figure.
public enum ReportFiles {
    /// Writes them all into a directory.
    public static func write(_ report: RunReport, to directory: URL) throws {
        let json = String(decoding: try report.json(), as: UTF8.self)
        try LedgerFile.write(text: json + "\n", to: directory.appendingPathComponent("report.json"))
        try LedgerFile.write(text: HTMLReport.render(report), to: directory.appendingPathComponent("index.html"))
        for file in csvFiles(report) {
            try LedgerFile.write(text: file.text, to: directory.appendingPathComponent(file.name))
        }
    }

    /// Reads the report of a run back.
    ///
    /// - Throws: `PipelineError.unreadableReport` with what is wrong and how to make it again.
    public static func read(of run: RunDirectory) throws -> RunReport {
        let file = run.report.appendingPathComponent("report.json")
        do {
            return try RunReport(json: Data(contentsOf: file))
        } catch {
            let reason =
                switch error {
                case RunReportError.unsupportedSchema(let found):
                    "its layout has version \(found), this program reads \(RunReport.currentSchema)"
                case RunReportError.badDate, is DecodingError: "it is damaged"
                default: "it cannot be read: \(error.localizedDescription)"
                }
            throw PipelineError.unreadableReport(
                path: file.relativePath,
                reason: reason,
                recipe: run.recipe.relativePath
            )
        }
    }
}
