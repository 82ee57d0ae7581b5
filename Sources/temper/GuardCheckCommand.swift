import ArgumentParser
import Foundation
import TemperGuard
import TemperPipeline
import TemperText

struct GuardCheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Checks a text: exit code 0 allowed, 1 refused.",
        discussion: "The text that may be passed on, or the policy's message, goes to standard output."
    )

    @Argument(help: "The text; without it, standard input.")
    var text: String?
    @OptionGroup var policy: PolicyOption
    @OptionGroup var encoder: EncoderOption
    @Option(help: "Where the text stands: input, retrieved or output.", transform: Self.stage)
    var stage = Stage.input
    @Option(help: "The system turn, for rails that protect it.")
    var system: String?
    @Option(help: "A file that an output has to rest on; may be repeated.")
    var source: [String] = []
    @Flag(help: "Print JSON: the action, the text, and what each rail found.")
    var json = false

    func run() async throws {
        let policy = try policy.load()
        let shield = try await Guard(policy, resources: encoder.resources())
        let text = try text ?? Self.standardInput()
        let sources = try source.map { path in
            guard let text = try? String(contentsOfFile: path, encoding: .utf8) else {
                throw ValidationError("--source \(path): name a UTF-8 text file")
            }
            return text
        }
        for (option, isGiven, rail) in [
            ("--source", !source.isEmpty, "groundedness"), ("--system", system != nil, "prompt-leak"),
        ] where isGiven && !(stage == .output && policy.rules.contains { $0.rail == rail }) {
            Console.error(
                "warning: \(option) is read by the rail \(rail), which does not look here (at \(stage.rawValue))"
            )
        }
        let chat = Chat(system.map { [Message(.system, $0)] } ?? [])
        let decision = await shield.check(Passage(text, at: stage, in: chat, sources: sources))
        if json {
            try Console.print(json: decision)
        } else {
            if text.allSatisfy(\.isWhitespace) { Console.error("the text is empty") }
            Console.error(Self.line("rail", "action", "score", "threshold", "time", "found"))
            for check in decision.checks { Console.error(Self.line(check)) }
            Console.error("\(decision.action.rawValue)\(decision.isAllowed ? "" : ": the policy's message follows")")
            Console.print(decision.text)
        }
        if !decision.isAllowed { throw ExitCode(1) }
    }

    private static func stage(_ name: String) throws -> Stage {
        guard let stage = Stage(rawValue: name) else {
            throw ValidationError("--stage is one of \(Stage.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return stage
    }

    private static func line(_ check: Guard.Check) -> String {
        let found = check.findings.sorted { $0.score > $1.score }.prefix(4).map { finding in
            "\(finding.label) \(decimal(finding.score, 2))"
        }
        let what = check.failure.map { "could not check: \($0)" } ?? found.joined(separator: ", ")
        let time = "\(decimal(check.milliseconds, 2)) ms"
        return line(check.rail, check.action.rawValue, decimal(check.score, 2), decimal(check.threshold, 2), time, what)
    }

    private static func line(
        _ rail: String,
        _ action: String,
        _ score: String,
        _ threshold: String,
        _ time: String,
        _ found: String
    ) -> String {
        let columns = [
            rail.padded(14), action.padded(7), score.padded(6), threshold.padded(10), time.padded(10), found,
        ]
        return columns.joined(separator: " ").replacing(#/ +$/#, with: "")
    }

    private static func standardInput() throws -> String {
        let data = FileHandle.standardInput.readDataToEndOfFile()
        guard let text = String(validating: data, as: UTF8.self) else {
            throw ValidationError("standard input is not UTF-8 text")
        }
        return text
    }
}

struct GuardCardsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cards",
        abstract: "Says of every rail what it looks for, what was measured and what it cannot do."
    )

    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        if json { return try Console.print(json: Rails.cards) }
        for card in Rails.cards {
            Console.print("\(card.name): \(card.looksFor)")
            Console.print(
                "  stages \(card.stages.map(\.rawValue).joined(separator: ", ")); threshold \(card.threshold)"
            )
            Console.print("  labels \(card.labels.joined(separator: ", "))")
            for line in card.measured { Console.print("  measured: \(line)") }
            for line in card.limits { Console.print("  limit: \(line)") }
            Console.print("")
        }
    }
}
