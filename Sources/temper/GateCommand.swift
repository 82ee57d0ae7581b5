import ArgumentParser
import Foundation
import TemperLedger
import TemperPipeline
import TemperReport
import TemperWeights

struct GateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gate",
        abstract: "Holds a run against a policy: exit code 0 pass, 1 fail, 3 not enough evidence.",
        discussion: "Inside a GitHub workflow the result is also appended to the step's summary."
    )

    enum Format: String, ExpressibleByArgument, CaseIterable {
        case text, junit, sarif, markdown, json, badge

        /// The format that a file's name asks for.
        init?(file: String) {
            switch URL(fileURLWithPath: file).pathExtension.lowercased() {
            case "xml": self = .junit
            case "sarif": self = .sarif
            case "md": self = .markdown
            case "json": self = file.hasSuffix(".sarif.json") ? .sarif : .json
            case "svg": self = .badge
            case "txt": self = .text
            default: return nil
            }
        }
    }

    @Argument(help: "A run's directory, or a report.json.", completion: .file())
    var run: String?
    @Option(help: "The policy, a YAML file; without it, the one that --print-policy prints.", completion: .file())
    var policy: String?
    @Option(help: "Judge this subject instead of the policy's: tuned, best, reference, base, or a name.")
    var subject: String?
    @Option(help: "What to print instead of the table; also what goes into an --output whose ending says nothing.")
    var format: Format?
    @Option(
        help: "Also write a file (.xml JUnit, .sarif, .md, .json, .svg badge, .txt); can be given several times.",
        completion: .file()
    )
    var output: [String] = []
    @Flag(help: "Print the policy that is used, and do nothing else.")
    var printPolicy = false

    func validate() throws {
        guard run != nil || printPolicy else { throw ValidationError("name a run: temper gate runs/NAME") }
        _ = try files()
    }

    /// The files to write, each with its format.
    private func files() throws -> [(url: URL, format: Format)] {
        try output.map { file in
            guard let format = Format(file: file) ?? format else {
                throw ValidationError(
                    "--output \(file): give it one of the endings .xml .sarif .md .json .svg .txt, or --format"
                )
            }
            return (URL(fileURLWithPath: file), format)
        }
    }

    func run() async throws {
        var policy = GatePolicy.standard
        var result: GateResult?
        var location = ""
        let files = try files()
        do {
            if let file = self.policy { policy = try GatePolicy.load(URL(fileURLWithPath: file)) }
            if let subject { policy.subject = subject }
            if let run, !printPolicy {
                let report: RunReport
                (report, location) = try Self.read(run)
                result = try Gate.evaluate(report, against: policy.named(as: Gate.metrics(of: report)))
            }
        } catch {
            if !printPolicy { withdraw(files.map(\.url)) }
            guard let error = error as? GateError, let file = self.policy, subject == nil else { throw error }
            throw ValidationError("\(file): \(error)")
        }
        guard let result else { return Console.write(policy.yaml) }
        func text(_ format: Format) -> String {
            switch format {
            case .text: result.table(width: Console.width)
            case .junit: result.junit
            case .sarif: result.sarif(location: location, version: Machine.version)
            case .markdown: result.markdown
            case .json: result.json
            case .badge: result.badge
            }
        }
        for (index, file) in files.enumerated() {
            do {
                try LedgerFile.write(text: text(file.format), to: file.url)
            } catch {
                withdraw(files[index...].map(\.url))
                guard !(error is WeightsError) else { throw error }
                throw WeightsError.cannotWrite(path: file.url.relativePath, reason: error.localizedDescription)
            }
        }
        Console.write(text(format ?? .text))
        if let summary = ProcessInfo.processInfo.environment["GITHUB_STEP_SUMMARY"], !summary.isEmpty {
            Self.append(result.markdown, to: summary)
        }
        if result.verdict != .pass { throw ExitCode(result.verdict.exitCode) }
    }

    /// Removes what lies where a result was to be written: it is of another time, and a workflow that goes on would take it
    /// for this result. What is read here stays, and so does what is no ordinary file.
    private func withdraw(_ files: [URL]) {
        func place(_ url: URL) -> String { url.resolvingSymlinksInPath().standardizedFileURL.path }
        let named = [run, policy].compactMap { $0 }.map(URL.init(fileURLWithPath:))
        let read = (named + (run.map(RunDirectory.named) ?? []).map(\.reportFile)).map(place)
        for file in files where !read.contains(place(file)) {
            let type = try? FileManager.default.attributesOfItem(atPath: file.path)[.type] as? FileAttributeType
            guard type == .typeRegular else { continue }
            do {
                try FileManager.default.removeItem(at: file)
            } catch {
                Console.error("warning: \(file.relativePath) is of another time and could not be removed")
            }
        }
    }

    /// The report of a run or of a file, and the file that findings are shown at.
    private static func read(_ path: String) throws -> (report: RunReport, location: String) {
        var isDirectory: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue {
            return (try ReportFiles.read(file: URL(fileURLWithPath: path)), path)
        }
        // A report alone, as a workflow hands it on.
        let isRun = (try? RunDirectory.existing(path)) != nil
        for name in ["report/report.json", "report.json"] where !isRun {
            let file = URL(fileURLWithPath: path).appendingPathComponent(name)
            guard FileManager.default.fileExists(atPath: file.path) else { continue }
            return (try ReportFiles.read(file: file), file.relativePath)
        }
        let directory = try RunDirectory.existing(path)
        return (try ReportFiles.read(of: directory), directory.recipe.relativePath)
    }

    /// A summary that cannot be written does not change the verdict.
    private static func append(_ text: String, to path: String) {
        let isThere =
            FileManager.default.fileExists(atPath: path)
            || FileManager.default.createFile(atPath: path, contents: nil)
        guard isThere, let handle = FileHandle(forWritingAtPath: path) else {
            return Console.error("warning: GITHUB_STEP_SUMMARY names \(path), which cannot be written")
        }
        _ = try? handle.seekToEnd()
        try? handle.write(contentsOf: Data(text.utf8))
        try? handle.close()
    }
}
