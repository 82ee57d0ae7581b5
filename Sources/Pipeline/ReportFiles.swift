public import Foundation
public import TemperLedger
public import TemperReport

/// The files of a report: JSON, one HTML page, a CSV file for each figure, and the evidence in other tools' formats.
public enum ReportFiles {
    /// Writes them all into a directory; `evidence` says whether those for other tools are among them.
    public static func write(_ report: RunReport, to directory: URL, evidence: Bool = true) throws {
        let json = String(decoding: try report.json(), as: UTF8.self)
        try LedgerFile.write(text: json + "\n", to: directory.appendingPathComponent("report.json"))
        try LedgerFile.write(text: HTMLReport.render(report), to: directory.appendingPathComponent("index.html"))
        for file in csvFiles(report) {
            try LedgerFile.write(text: file.text, to: directory.appendingPathComponent(file.name))
        }
        guard evidence else { return }
        // Names in these folders hold subjects and dates, so that those of an earlier report would stay.
        for folder in ["lm-eval", "inspect", "tensorboard"] {
            try? FileManager.default.removeItem(at: directory.appendingPathComponent(folder))
        }
        for file in Evidence.files(report, program: Machine.version) {
            try LedgerFile.write(data: file.data, to: directory.appendingPathComponent(file.path))
        }
    }

    /// Reads the report of a run back.
    ///
    /// - Throws: `PipelineError.noReport` where the run has none yet, `unreadableReport` or `contradictoryReport` as below.
    public static func read(of run: RunDirectory) throws -> RunReport {
        guard FileManager.default.fileExists(atPath: run.reportFile.path) else {
            let status = run.currentStatus().map { "\($0.state.rawValue), \($0.phase)" } ?? "not begun"
            throw PipelineError.noReport(run: run.url.relativePath, status: status, recipe: run.recipe.relativePath)
        }
        return try read(file: run.reportFile, recipe: run.recipe.relativePath)
    }

    /// Reads a report's file; `recipe` is what makes it again.
    ///
    /// - Throws: `PipelineError.unreadableReport`, or `contradictoryReport` where its numbers cannot all be true, with
    ///   what is wrong and how to make it again.
    public static func read(file: URL, recipe: String = "RECIPE") throws -> RunReport {
        let report = try parsed(file, recipe: recipe)
        if let reason = report.contradiction {
            throw PipelineError.contradictoryReport(path: file.relativePath, reason: reason, recipe: recipe)
        }
        return report
    }

    private static func parsed(_ file: URL, recipe: String) throws -> RunReport {
        do {
            return try RunReport(json: Data(contentsOf: file))
        } catch {
            let reason =
                switch error {
                case RunReportError.unsupportedSchema(let found):
                    "its layout has version \(found), this program reads \(RunReport.currentSchema)"
                case RunReportError.badDate(let text):
                    "it is damaged: `created`: found \(text), expected a date such as 2026-01-31T12:00:00Z"
                case let error as DecodingError: "it is damaged: \(error.reason)"
                default: "it cannot be read: \(error.localizedDescription)"
                }
            throw PipelineError.unreadableReport(
                path: file.relativePath,
                reason: reason,
                recipe: recipe
            )
        }
    }

    /// The settings of a run, by their path in its resolved recipe, such as `tune.max_steps`; empty where it is not
    /// readable.
    public static func settings(of run: RunDirectory) -> [String: String] {
        guard let text = try? String(contentsOf: run.recipe, encoding: .utf8) else { return [:] }
        return (try? RecipeNode.parse(text, file: run.recipe.relativePath).namedLeaves) ?? [:]
    }
}
