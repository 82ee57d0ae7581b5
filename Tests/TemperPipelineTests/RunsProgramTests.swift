import Foundation
import TemperLedger
import Testing

@testable import TemperPipeline

/// What the program says of runs that are damaged, unfinished or not there, and of arguments that are wrong.
@Suite(.enabled("the program is built") { FileManager.default.isExecutableFile(atPath: Program.url.path) })
struct RunsProgramTests {
    private func run(_ scene: Scene, _ name: String, _ state: RunStatus.State) throws -> RunDirectory {
        let directory = scene.directory(name)
        try LedgerFile.write(RunStatus(state: state, phase: "tune", started: Date()), to: directory.status)
        try LedgerFile.write(text: scene.yaml(name), to: directory.recipe)
        return directory
    }

    @Test func usageIsForUsageErrors() throws {
        for (arguments, usage) in [
            (["gate"], "Usage: temper gate "), (["gate", "r", "--output", "x.y"], "Usage: temper gate "),
            (["runs", "show"], "Usage: temper runs show "), (["assess"], "Usage: temper assess "),
            (["data", "check", "x", "--format", "y"], "Usage: temper data check "),
        ] {
            let wrong = try Program.run(arguments)
            #expect(wrong.status == 2 && wrong.errors.contains(usage), "\(wrong)")
        }
        for arguments in [
            ["report", "nowhere"], ["gate", "nowhere"], ["runs", "list", "--directory", "nowhere"],
            ["run", "nowhere.yaml"], ["compare", "nowhere", "nowhere"], ["data", "check", "nowhere.jsonl"],
        ] {
            let missing = try Program.run(arguments)
            #expect(missing.status == 2 && missing.errors.contains("nowhere"), "\(missing)")
            #expect(missing.errors.hasPrefix("error: ") && !missing.errors.contains("Usage"), "\(missing)")
        }
        let option = try Program.run(["runs", "list", "--nope"])
        #expect(option.status == 2 && option.errors.contains("Unknown option '--nope'"), "\(option)")
        let asked = try Program.run(["runs", "list", "--help"])
        #expect(asked.status == 0 && asked.output.contains("USAGE: temper runs list") && asked.errors.isEmpty)
    }

    @Test func aNameThatIsNoCommandIsSaid() throws {
        for (arguments, words) in [
            (["asses"], "no command `temper asses`; did you mean `temper assess`? There are: run, "),
            (["runs", "lst"], "no command `temper runs lst`; did you mean `temper runs list`? There are: list, show"),
            (["suites", "xxxxxxxxxxx"], "no command `temper suites xxxxxxxxxxx`; there are: list"),
        ] {
            let wrong = try Program.run(arguments)
            #expect(wrong.status == 2 && wrong.errors.contains(words), "\(wrong)")
        }
    }

    /// A file of another time is not left to be taken for this result.
    @Test func aGateThatCannotBeHeldLeavesNoOldResult() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let old = try scene.file("gate.json", "{\"verdict\": \"pass\"}")
        let policy = try scene.file("policy.yaml", "rules: [{metric: jailbreak, atmost: 0.1}]")
        let found = try Program.run("gate", scene.directory("nowhere").url.path, "--policy", policy, "--output", old)
        #expect(found.status == 2 && !FileManager.default.fileExists(atPath: old), "\(found)")
        // What is read is left, whatever else is wrong.
        let report = try scene.file("report.json", "{")
        let damaged = try Program.run("gate", report, "--output", report)
        #expect(damaged.status == 4 && FileManager.default.fileExists(atPath: report), "\(damaged)")
        #expect(FileManager.default.fileExists(atPath: policy))
        let directory = try run(scene, "judged", .finished)
        try LedgerFile.write(text: "{}", to: directory.reportFile)
        let link = scene.folder.appending(path: "link.json")
        try FileManager.default.createSymbolicLink(at: link, withDestinationURL: directory.reportFile)
        for output in [directory.reportFile.path, "\(directory.url.path)/report/../report/report.json", link.path] {
            let found = try Program.run("gate", directory.url.path, "--policy", policy, "--output", output)
            #expect(found.status == 2 && FileManager.default.fileExists(atPath: directory.reportFile.path), "\(found)")
        }
        let kept = try scene.file("kept.json", "{}")
        let asked = try Program.run("gate", "--print-policy", "--policy", policy, "--output", kept)
        #expect(asked.status == 2 && FileManager.default.fileExists(atPath: kept), "\(asked)")
    }

    @Test func aFolderThatIsNotThereIsAMistake() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let empty = try Program.run("runs", "list", "--directory", scene.folder.path)
        #expect(empty.status == 0 && empty.output.isEmpty, "\(empty)")
        #expect(empty.errors.contains("no runs in \(scene.folder.path) yet"), "\(empty)")
        // Where nothing was run yet there is no `runs`.
        let fresh = try Program.run("runs", "list", limit: "cd \(scene.folder.path.quoted)")
        #expect(fresh.status == 0 && fresh.errors.contains("no runs in runs yet"), "\(fresh)")
        let json = try Program.run("runs", "list", "--json", limit: "cd \(scene.folder.path.quoted)")
        #expect(json.status == 0 && json.output.filter { !$0.isWhitespace } == "[]", "\(json)")
        let file = try scene.file("file", "")
        for wrong in [scene.folder.path + "/nosuch", file] {
            let found = try Program.run("runs", "list", "--directory", wrong)
            #expect(found.status == 2 && found.output.isEmpty, "\(found)")
            #expect(found.errors.contains("--directory \(wrong): there is no such folder"), "\(found)")
        }
    }

    /// A damaged status is shown for what it is, and its remedy works.
    @Test func aDamagedStatusIsListedAndMended() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recipe = try scene.file("hurt.yaml", scene.yaml("hurt"))
        // Nobody can grade what this model says.
        #expect(try Program.run("align", recipe, "--quiet").status == 3)
        let directory = scene.directory("hurt")
        let whole = try #require(directory.currentStatus())
        for (damage, reason) in [
            ("{", "not valid JSON"), (#"{"schema": 1, "phase": "x"}"#, "`state`: missing"),
            (#"{"schema": 1, "state": 7}"#, "`state`: Expected to decode String"),
        ] {
            try Data(damage.utf8).write(to: directory.status)
            let status = try #require(directory.currentStatus())
            #expect(status.state == .damaged && status.phase != "unknown" && status.error?.contains(reason) == true)
            // The log of events begins a moment after the run.
            #expect(abs(status.started.timeIntervalSince(whole.started)) < 60)
            let list = try Program.run("runs", "list", "--directory", scene.folder.path)
            #expect(list.status == 0 && list.output.contains("hurt") && list.output.contains("damaged"), "\(list)")
            let show = try Program.run("runs", "show", directory.url.path)
            #expect(show.status == 0 && show.output.contains(directory.status.path), "\(show)")
            #expect(show.output.contains(reason), "\(show)")
            #expect(show.output.contains("`temper run \(directory.recipe.path)`"), "\(show)")
        }
        #expect(try Program.run("align", directory.recipe.path, "--quiet").status == 3)
        #expect(directory.currentStatus()?.state == .finished)
    }

    /// Whatever asks for the report of a run that has none says the same.
    @Test func aRunWithoutAReportSaysSoEverywhere() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let directory = try run(scene, "half", .interrupted)
        let path = directory.url.path
        let words =
            "\(path) has no report yet (interrupted, tune): a run writes it at its end; where it does not run any more, "
            + "`temper run \(path)/recipe.yaml` takes it up"
        for command in ["gate", "report"] {
            let found = try Program.run(command, path)
            #expect(found.status == 2 && found.errors == "error: \(words)\n" && found.output.isEmpty, "\(found)")
        }
        let show = try Program.run("runs", "show", path)
        #expect(show.status == 0 && show.errors == "\(words)\n", "\(show)")
        #expect(show.output.hasPrefix("half: interrupted (tune), started "), "\(show)")
        let json = try Program.run("runs", "show", path, "--json")
        #expect(json.status == 0 && json.output.contains("\"interrupted\"") && json.errors == "\(words)\n", "\(json)")
    }

    @Test func aDamagedReportNamesTheKey() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let directory = try run(scene, "hurt", .finished)
        let start = #"{"schema": 2, "created": "2026-01-31T12:00:00Z", "name": "hurt", "#
        for (damage, reason) in [
            ("{", "not valid JSON"), (start + #""model": {"name": 7}}"#, "`model.name`: Expected to decode String"),
            (#"{"schema": 2, "created": "yesterday"}"#, "`created`: found yesterday, expected a date"),
            (start + #""model": {"name": "m", "path": "p", "sha256": "", "dtype": "f"}}"#, "`model.parameters`: miss"),
        ] {
            try LedgerFile.write(text: damage, to: directory.reportFile)
            for command in [["gate"], ["report"], ["runs", "show"]] {
                let found = try Program.run(command + [directory.url.path])
                #expect(found.status == 4 && found.errors.contains(directory.reportFile.path), "\(found)")
                #expect(found.errors.contains(reason), "\(found)")
            }
        }
    }
}

extension String {
    /// The text as one word of a shell; it holds no quote.
    fileprivate var quoted: String { "'\(self)'" }
}
