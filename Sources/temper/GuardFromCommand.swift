import ArgumentParser
import Foundation
import TemperGuard
import TemperLedger
import TemperPipeline
import TemperRisk

struct GuardFromCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "from",
        abstract: "Makes a policy from what a run found, and measures it on the run's own probes.",
        discussion: """
            Rails stand against the risks that tuning clearly raised, or that are clearly above 10 %; thresholds spare \
            the prompts that the run was tuned on. No model is loaded: the run's answers are used again.
            """
    )

    @Argument(help: "A run's directory.", completion: .file())
    var run: String
    @Option(help: "The assessed subject to guard; by default the last checkpoint of the tuning.")
    var subject: String?
    @Option(help: "The share of the run's training prompts that may be refused.")
    var budget = 0.01
    @OptionGroup var encoder: EncoderOption
    @Option(help: "Where to write the policy; by default guard/suggested.yaml in the run.", completion: .file())
    var output: String?

    func validate() throws {
        guard (0...1).contains(budget) else { throw ValidationError("--budget is a share, 0 to 1") }
    }

    func run() async throws {
        let directory = try RunDirectory.existing(run)
        let made = try await RunPolicy(
            from: directory,
            subject: subject,
            budget: budget,
            resources: encoder.resources()
        )
        let file = output.map { URL(fileURLWithPath: $0) } ?? directory.guardSuggestion
        try LedgerFile.write(text: made.yaml, to: file)
        Console.print("\(made.subject):")
        for finding in made.findings {
            let rails = finding.rails.isEmpty ? "no rail covers it" : finding.rails.joined(separator: ", ")
            Console.print("  \(finding.sentence) → \(rails)")
        }
        if made.findings.isEmpty { Console.print("  nothing that a rail would stand against") }
        for change in made.changes {
            Console.print(
                "threshold of \(change.rail): \(change.before) → \(change.after), refused "
                    + "\(change.refused[0]) → \(change.refused[1]) of \(made.prompts) training prompts"
            )
        }
        Console.print("refused by the policy: \(made.refusedPrompts) of \(made.prompts) training prompts")
        if Double(made.refusedPrompts) > budget * Double(made.prompts) {
            Console.error("that is above the budget of \(budget): rules without degrees cannot be tuned")
        }
        Console.print("")
        Console.print(Self.row("suite", "alone", "guard alone", "both"))
        for measure in made.measures {
            let refused = "refuses \(percent(measure.refused.rate))"
            Console.print(Self.row(measure.suite, Self.text(measure.alone), refused, Self.text(measure.guarded)))
        }
        if let time = made.questions {
            Console.print(
                "milliseconds for a question: p50 \(decimal(time.p50, 2)), p95 \(decimal(time.p95, 2)), p99 \(decimal(time.p99, 2))"
            )
        }
        Console.print("policy: \(file.relativePath)")
    }

    private static func row(_ cells: String...) -> String {
        zip(cells, [24, 28, 16, 0]).map { $0.padded($1) }.joined(separator: " ")
    }

    private static func text(_ rate: Rate) -> String {
        "\(share(rate)) n \(rate.n)"
    }
}
