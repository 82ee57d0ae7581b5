import ArgumentParser
import Foundation
import TemperGuard
import TemperLedger
import TemperPipeline

struct GuardTuneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tune",
        abstract: "Raises a policy's thresholds until few harmless prompts of your domain are refused.",
        discussion: """
            Only thresholds that cost more than their share are raised. A higher threshold lets more harmful prompts \
            through: `temper guard cards` says how many.
            """
    )

    @Option(help: "Harmless prompts of your domain, one a line.", completion: .file())
    var prompts: String
    @Option(help: "The share of them that may be refused.")
    var budget = 0.01
    @OptionGroup var policy: PolicyOption
    @OptionGroup var encoder: EncoderOption
    @Option(help: "Where to write the policy; without it, standard output.", completion: .file())
    var output: String?

    func validate() throws {
        guard (0...1).contains(budget) else { throw ValidationError("--budget is a share, 0 to 1") }
    }

    func run() async throws {
        guard let text = try? String(contentsOfFile: prompts, encoding: .utf8) else {
            throw ValidationError("--prompts \(prompts): name a UTF-8 text file with one prompt a line")
        }
        let lines = text.split(whereSeparator: \.isNewline).map(String.init).filter { !$0.allSatisfy(\.isWhitespace) }
        guard !lines.isEmpty else { throw ValidationError("--prompts \(prompts): it holds no prompt") }
        let resources = try await encoder.resources()
        let (tuned, changes) = try await Tuning.tune(
            policy.load(),
            prompts: lines,
            budget: budget,
            resources: resources
        )
        for change in changes {
            Console.error(
                "\(change.rail): threshold \(change.before) → \(change.after), "
                    + "refused \(change.refused[0]) → \(change.refused[1]) of \(lines.count)"
            )
        }
        let shield = try Guard(tuned, resources: resources)
        var refused = 0
        for line in lines {
            let decision = await shield.check(Passage(line, at: .input))
            refused += decision.isAllowed ? 0 : 1
        }
        Console.error("refused by the policy as written: \(refused) of \(lines.count)")
        if Double(refused) > budget * Double(lines.count) {
            Console.error("that is above the budget: rules without degrees, such as `keywords`, cannot be tuned")
        }
        let yaml = PolicyFile.yaml(tuned)
        if let output {
            try LedgerFile.write(text: yaml, to: URL(fileURLWithPath: output))
        } else {
            Console.write(yaml)
        }
    }
}
