import ArgumentParser
import Foundation
import TemperPipeline
import TemperText

/// The command line: thin, every command a few lines over the libraries.
struct Temper: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "temper",
        abstract: "Fine-tunes a language model and measures what that does to its safety.",
        discussion: """
            Exit codes: 0 done, 1 a gate failed, 2 usage or configuration, 3 nothing to compare or not enough evidence, \
            4 runtime failure, 130 interrupted after writing a checkpoint.
            """,
        version: Machine.version,
        subcommands: [
            RunCommand.self, AlignCommand.self, TuneCommand.self, AssessCommand.self, AttackCommand.self,
            WhiteBoxAttackCommand.self, CompareCommand.self, GateCommand.self, GuardCommand.self, LabelCommand.self,
            JudgeCommand.self, SuitesCommand.self, ReportCommand.self, ExplainCommand.self, StudioCommand.self,
            ModelCommand.self, DataCommand.self, RunsCommand.self, DoctorCommand.self,
        ]
    )
}

@main
enum Main {
    static func main() async {
        // A reader that goes away (`temper runs list | head -1`) is no reason for a crash.
        signal(SIGPIPE, SIG_IGN)
        Machine.limitMemory()
        var command: any AsyncParsableCommand
        do {
            command = try Temper.asyncParsed()
        } catch {
            // The parser's own text, with the usage of the subcommand that was called.
            end(with: error, saying: Temper.misnamed(CommandLine.arguments) ?? Temper.fullMessage(for: error))
        }
        do {
            try await command.run()
        } catch {
            // The arguments were right: how to write them is no help.
            end(with: error, saying: "error: \(error)")
        }
        ExitStatus.leave(EXIT_SUCCESS)
    }

    private static func end(with error: any Error, saying message: String) -> Never {
        if let code = error as? ExitCode { ExitStatus.leave(code.rawValue) }
        if Temper.exitCode(for: error) == .success { Temper.exit(withError: error) }
        Console.error(message)
        ExitStatus.leave(ExitStatus.of(error))
    }
}

extension Temper {
    /// Parses the arguments into a command that can be awaited.
    fileprivate static func asyncParsed() throws -> any AsyncParsableCommand {
        let command = try parseAsRoot(withTextsLast(Array(CommandLine.arguments.dropFirst())))
        return (command as? any AsyncParsableCommand) ?? Wrapped(command)
    }

    /// The arguments with those that can only be texts at the end, behind `--`: `"- how do I ..."` begins as an option does
    /// and holds a space, which no option's name does. Otherwise `temper guard check "-h ..."` would print the help, and end
    /// with 0, as what is allowed does.
    fileprivate static func withTextsLast(_ arguments: [String]) -> [String] {
        guard !arguments.contains("--") else { return arguments }
        let isText = { (argument: String) in
            argument.hasPrefix("-") && argument.prefix { $0 != "=" }.contains(where: \.isWhitespace)
        }
        let texts = arguments.filter(isText)
        return texts.isEmpty ? arguments : arguments.filter { !isText($0) } + ["--"] + texts
    }

    /// What is wrong where a command's name is none; the parser itself calls it an unexpected argument.
    fileprivate static func misnamed(_ arguments: [String]) -> String? {
        var (command, path) = (Temper.self as any ParsableCommand.Type, "temper")
        for word in arguments.dropFirst() {
            let known = command.configuration.subcommands
            guard !known.isEmpty, !word.hasPrefix("-"), word != "help" else { return nil }
            let next = known.first { $0._commandName == word || $0.configuration.aliases.contains(word) }
            guard let next else {
                let names = known.filter { $0.configuration.shouldDisplay }.map { $0._commandName }
                let all = "are: \(names.joined(separator: ", "))"
                let remedy =
                    Spelling.nearest(to: word, among: names).map { "did you mean `\(path) \($0)`? There" } ?? "there"
                return "error: no command `\(path) \(word)`; \(remedy) \(all)"
            }
            (command, path) = (next, "\(path) \(word)")
        }
        return nil
    }
}

/// A command without asynchronous work, such as the help text.
private struct Wrapped: AsyncParsableCommand {
    private var command: (any ParsableCommand)?

    init() {}

    init(_ command: any ParsableCommand) {
        self.command = command
    }

    init(from decoder: any Decoder) throws {}

    mutating func run() async throws {
        try command?.run()
    }
}
