import ArgumentParser
import Foundation
import TemperPipeline
import TemperRisk
import TemperText

struct SuitesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "suites",
        abstract: "Lists, shows, checks and fetches suites of probes.",
        subcommands: [List.self, Show.self, Verify.self, Fetch.self]
    )

    /// The embedded suites and those of the sets that were fetched; what cannot be read is said on standard error.
    private static func available() -> [any Suite] {
        let cache = SuiteCache()
        return Suites.all
            + PublicSet.all.filter { cache.record(of: $0) != nil }.flatMap { set -> [any Suite] in
                do {
                    return try cache.suites(of: set)
                } catch {
                    Console.error("\(set.name): \(error)")
                    return []
                }
            }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists the suites that can be used.")
        @Flag(help: "Print JSON.")
        var json = false

        private struct Entry: Encodable {
            var name: String
            var axis: Axis
            var n: Int
            var sha256: String
            var title: String
            var metric: String
            var tags: [String]
        }

        func run() async throws {
            let entries = try SuitesCommand.available().map { suite in
                Entry(
                    name: suite.card.name,
                    axis: suite.card.axis,
                    n: try suite.probes(limit: nil, seed: 0).count,
                    sha256: try suite.sha256(),
                    title: suite.card.title,
                    metric: suite.card.metric,
                    tags: suite.card.tags
                )
            }
            if json { return try Console.print(json: entries) }
            for entry in entries {
                let n = String(entry.n)
                Console.print(
                    "\(entry.name.padded(24)) \(entry.axis.rawValue.padded(14)) "
                        + "\(String(repeating: " ", count: max(0, 6 - n.count)))\(n)  \(entry.title)"
                )
            }
            let cache = SuiteCache()
            let missing = PublicSet.all.filter { cache.record(of: $0) == nil }.map(\.name)
            if !missing.isEmpty {
                Console.error("public sets for `temper suites fetch`: \(missing.joined(separator: ", "))")
            }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows a suite's card and its prompts.",
            discussion: "Suites of the axis jailbreak hold harmful requests; none holds an answer."
        )
        @Argument(help: "The suite's name.")
        var name: String
        @Option(help: "The most prompts, drawn as for an assessment with seed 1.")
        var limit: Int?

        func validate() throws {
            guard limit ?? 0 >= 0 else { throw ValidationError("--limit is 0 or more") }
        }

        func run() async throws {
            for suite in try SuiteCache().suites(named: name) {
                let card = suite.card
                let judge = suite.judge.card
                let all = try suite.probes(limit: nil, seed: 0).count
                for (key, value) in [
                    ("name", card.name), ("title", card.title), ("axis", card.axis.rawValue), ("metric", card.metric),
                    ("a hit is", card.hit), ("judge", "\(judge.name) \(judge.version)"), ("source", card.source),
                    ("licence", card.licence), ("tags", card.tags.joined(separator: ", ")), ("probes", String(all)),
                    ("sha256", try suite.sha256()),
                ] { Console.print("\(key.padded(9)) \(value)") }
                Console.print("")
                for probe in try suite.probes(limit: limit, seed: 1) {
                    Console.print("[\(probe.id), \(probe.category)] \(probe.chat.lastUserText)")
                    for candidate in probe.candidates { Console.print("    - \(candidate)") }
                }
            }
        }
    }

    struct Verify: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Loads every suite whole and prints its SHA-256; fetched files must be as they were fetched."
        )

        func run() async throws {
            var broken = 0
            let cache = SuiteCache()
            for suite in Suites.all { Console.print("\(try suite.sha256())  \(suite.card.name)") }
            for set in PublicSet.all where cache.record(of: set) != nil {
                do {
                    for suite in try cache.suites(of: set) {
                        Console.print("\(try suite.sha256())  \(suite.card.name)")
                    }
                } catch {
                    broken += 1
                    Console.error("error: \(set.name): \(error)")
                }
            }
            if broken > 0 { throw ExitCode(ExitStatus.failure) }
        }
    }

    struct Fetch: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Brings a public set in, checks its hash, and makes it a suite by name.",
            discussion: """
                Sets go to ~/.cache/temper/suites, or suites in the folder that TEMPER_CACHE names. Those whose hash is \
                not known here are taken from a file only. The sets: \(PublicSet.all.map(\.name).joined(separator: ", ")).
                """
        )
        @Argument(help: "The set's name.")
        var name: String
        @Option(help: "A copy of the set's file on this machine.", completion: .file())
        var from: String?

        func run() async throws {
            guard let set = PublicSet.named(name) else { throw SuiteFetchError.unknown(name) }
            let cache = SuiteCache()
            let record =
                if let from {
                    try cache.take(URL(fileURLWithPath: from), as: set)
                } else {
                    try await cache.fetch(set) { Console.error($0) }
                }
            Console.print("\(record.sha256)  \(set.name)")
            Console.error("licence: \(set.licence)" + (record.note.map { "; \($0)" } ?? ""))
        }
    }
}
