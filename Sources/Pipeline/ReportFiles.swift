public import Foundation
import TemperLedger
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

    /// Reads a report back from its directory.
    public static func read(from directory: URL) throws -> RunReport {
        try RunReport(json: Data(contentsOf: directory.appendingPathComponent("report.json")))
    }
}
