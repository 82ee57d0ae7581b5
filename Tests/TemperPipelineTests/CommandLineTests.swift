import Foundation
import TemperModel
import TemperRisk
import TemperText
import TemperTune
import TemperWeights
import Testing

@testable import TemperPipeline
@testable import temper

/// What the program makes of errors and of its own arguments.
@Suite struct CommandLineTests {
    @Test func errorsEndWithTheCodeOfTheirKind() {
        let mistakes: [any Error] = [
            RecipeError(file: "r", .syntax("s")), DatasetError(file: "d", .empty), RiskError.repeatedSuite("s"),
            ModelError.notFound(path: "m"), TrainingError.nothingToLearn(dataset: "d", reason: "r"),
            WeightsError.truncated(path: "w", reason: "r"), WeightsError.cannotRead(path: "w", reason: "r"),
            TokenizerError.malformed(source: "t", reason: "r"), PipelineError.noAssessment(path: "p"),
            PipelineError.otherRun(path: "p", differences: []), ModelCatalogue.Failure.unknown("m"),
            HubError.badName("n"), HubError.gated(name: "n", page: "p", hasToken: false),
        ]
        for error in mistakes { #expect(ExitStatus.of(error) == 2, "\(error)") }
        let failures: [any Error] = [
            WeightsError.cannotWrite(path: "w", reason: "No space left on device"),
            TrainingError.diverged(step: 1, loss: .nan, norm: 1, rows: []),
            RiskError.wrongCount(what: "a judge", expected: 2, found: 1),
            PipelineError.unreadableReport(path: "p", reason: "r", recipe: "r"),
            ModelCatalogue.Failure.notFetched("f"), CheckpointError.missing(path: "c"),
            CocoaError(.fileWriteOutOfSpace), HubError.unreachable(url: "u", reason: "r"),
            HubError.corrupted(file: "f", reason: "r"),
        ]
        for error in failures { #expect(ExitStatus.of(error) == 4, "\(error)") }
        #expect(ExitStatus.of(PipelineError.interrupted(run: "r")) == 130)
        #expect(ExitStatus.of(PipelineError.contradictoryReport(path: "p", reason: "r", recipe: "r")) == 3)
    }

    // MARK: What the program says of itself

    /// What a program prints, however much.
    private func printed(_ program: String, _ arguments: [String]) throws -> (status: Int32, text: String) {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: program)
        process.arguments = arguments
        process.standardOutput = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }

    /// The page is made from the program's own help, and nothing of that is left out.
    @Test func theManPageHasEveryCommandAndOption() throws {
        struct Told: Decodable { var command: Command }
        struct Command: Decodable {
            var commandName: String
            var shouldDisplay: Bool?
            var subcommands: [Command]?
            var arguments: [Argument]?
        }
        struct Argument: Decodable {
            struct Name: Decodable { var kind, name: String }
            var shouldDisplay: Bool?
            var names: [Name]?
        }
        let (status, page) = try printed(Scene.root.appending(path: "Scripts/man").path, [Program.url.path])
        #expect(status == 0 && page.hasPrefix(".TH TEMPER 1 "))
        let help = try printed(Program.url.path, ["--experimental-dump-help"]).text
        var count = 0
        func check(_ command: Command, _ path: String) {
            for inner in command.subcommands ?? [] where inner.shouldDisplay != false && inner.commandName != "help" {
                let name = "\(path) \(inner.commandName)"
                #expect(page.contains(".SS \"\(name.replacing("-", with: "\\-"))\""), "\(name)")
                check(inner, name)
                count += 1
            }
            for name in (command.arguments ?? []).filter({ $0.shouldDisplay != false }).flatMap({ $0.names ?? [] }) {
                let written = (name.kind == "long" ? "--" : "-") + name.name
                #expect(page.contains("\\fB\(written.replacing("-", with: "\\-"))\\fR"), "\(path) \(written)")
            }
        }
        check(try JSONDecoder().decode(Told.self, from: Data(help.utf8)).command, "temper")
        #expect(count > 20)
        // A formatter that is there has nothing to complain about.
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/groff") else { return }
        let folder = try Scene()
        defer { folder.remove() }
        let file = try folder.file("temper.1", page)
        let (_, warnings) = try printed("/bin/sh", ["-c", "groff -man -ww -z -K utf8 \(file.quotedForShell) 2>&1"])
        #expect(warnings.isEmpty, "\(warnings)")
    }

    /// bash completes a command's beginning; zsh and fish check the syntax where they are.
    @Test func shellsCompleteCommands() throws {
        let folder = try Scene()
        defer { folder.remove() }
        var files: [String: String] = [:]
        for shell in ["bash", "zsh", "fish"] {
            let (status, script) = try printed(Program.url.path, ["--generate-completion-script", shell])
            #expect(status == 0 && script.contains("temper") && script.contains("gate"), "\(shell)")
            files[shell] = try folder.file(shell, script)
            guard
                let program = ["/bin/", "/usr/bin/"].map({ $0 + shell })
                    .first(where: FileManager.default.isExecutableFile)
            else { continue }
            #expect(try printed(program, ["-n", files[shell] ?? ""]).status == 0, "\(shell)")
        }
        let asked =
            "source \"$0\"; COMP_WORDS=(temper ga); COMP_CWORD=1; COMP_LINE='temper ga'; COMP_POINT=9; "
            + "$(complete -p temper | sed 's/.*-F \\([^ ]*\\) .*/\\1/') temper ga temper; echo \"${COMPREPLY[@]}\""
        let (_, answer) = try printed("/bin/bash", ["-c", asked, files["bash"] ?? ""])
        #expect(answer.trimmingCharacters(in: .whitespacesAndNewlines) == "gate")
    }

    @Test(arguments: [
        "", "plain/path-1.yaml", "two words", "it's", "*", "a;b", "$HOME", "`ls`", "~", "a\nb", "#", "\"", "é",
    ])
    func quotedWordsComeBackFromTheShell(_ word: String) throws {
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-c", "printf %s \(word.quotedForShell)"]
        process.standardOutput = output
        try process.run()
        let text = String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        process.waitUntilExit()
        #expect(text == word)
    }

    @Test func plainWordsStayAsTheyAre() {
        #expect("--set".quotedForShell == "--set" && "tune.max_steps=16".quotedForShell == "tune.max_steps=16")
    }
}
