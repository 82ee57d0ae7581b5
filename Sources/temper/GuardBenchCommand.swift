import ArgumentParser
import Foundation
import TemperGuard
import TemperPipeline
import TemperRisk
import TemperText

/// How long a policy takes with prompts of about 64 tokens.
struct GuardBenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Times a policy on prompts of about 64 tokens.",
        shouldDisplay: false
    )

    @OptionGroup var policy: PolicyOption
    @OptionGroup var encoder: EncoderOption
    @Option(help: "How many prompts.")
    var count = 1000

    func validate() throws {
        guard count > 0 else { throw ValidationError("--count is above 0") }
    }

    func run() async throws {
        let shield = try await Guard(policy.load(), resources: encoder.resources())
        let words = try Suites.all.filter { $0.card.name == "ordinary" }.flatMap { try $0.probes(limit: nil, seed: 1) }
            .flatMap { $0.chat.lastUserText.split(separator: " ") }
        // Fifty English words are about 64 tokens.
        let prompts = (0..<count).map { place in
            (0..<50).map { String(words[(place * 7 + $0) % words.count]) }.joined(separator: " ")
        }
        var times: [Double] = []
        var rails: [String: Double] = [:]
        for prompt in prompts.prefix(20) { _ = await shield.check(Passage(prompt, at: .input)) }
        for prompt in prompts {
            let checks = await shield.check(Passage(prompt, at: .input)).checks
            times.append(checks.reduce(0) { $0 + $1.milliseconds })
            for check in checks { rails[check.rail, default: 0] += check.milliseconds / Double(count) }
        }
        times.sort()
        for share in [50, 95, 99] {
            Console.print("p\(share) \(decimal(times[min(times.count - 1, times.count * share / 100)], 3)) ms")
        }
        for (rail, mean) in rails.sorted(by: { $0.value > $1.value }) {
            Console.print("\(rail.padded(14)) \(decimal(mean, 3)) ms")
        }
    }
}
