import ArgumentParser
import Foundation
import TemperGuard
import TemperPipeline

struct GuardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "guard",
        abstract: "Checks texts by a policy of rails; trains, tunes and lists rails; serves a guard.",
        subcommands: [
            GuardCheckCommand.self, GuardCardsCommand.self, GuardTuneCommand.self, GuardFromCommand.self,
            GuardTrainCommand.self, GuardAdaptCommand.self, GuardBenchCommand.self, GuardServeCommand.self,
        ]
    )

    @Flag(help: "Print the policy that is used where none is given, and do nothing else.")
    var printPolicy = false

    func run() async throws {
        guard printPolicy else { throw CleanExit.helpRequest(self) }
        Console.write(PolicyFile.yaml(.standard))
    }
}

/// A policy as a command-line option.
struct PolicyOption: ParsableArguments {
    @Option(help: "The policy, a YAML file, or `standard`.", completion: .file())
    var policy = "standard"

    /// The policy.
    func load() throws -> Policy { try PolicyFile.load(policy) }
}
