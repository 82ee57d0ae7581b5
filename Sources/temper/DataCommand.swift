import ArgumentParser
import Foundation
import TemperAlign
import TemperLedger
import TemperPipeline
import TemperRisk
import TemperText
import TemperTune

struct DataCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "data",
        abstract: "Checks training data, and plants secrets in it that an assessment can look for.",
        subcommands: [Check.self, PlantCanaries.self]
    )

    /// Where rows are, and in which format.
    struct Source: ParsableArguments {
        @Argument(help: "A file of JSON Lines, a file with one JSON array, or a folder.", completion: .file())
        var data: String
        @Option(
            help: "The rows' format: \(Self.formats). Default: found from the first row.",
            transform: Self.format
        )
        var format: Dataset.Format?

        private static let formats = Dataset.Format.allCases.map(\.rawValue).joined(separator: ", ")

        private static func format(_ name: String) throws -> Dataset.Format {
            guard let format = Dataset.Format(rawValue: name) else {
                throw ValidationError("the formats are \(formats)")
            }
            return format
        }

        func load() throws -> Dataset { try Dataset.load(URL(fileURLWithPath: data), format: format) }
    }

    struct Check: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Reads training data as `temper tune` would, and says what is in it or which line is wrong."
        )
        @OptionGroup var source: Source

        func run() async throws {
            let dataset = try source.load()
            for file in dataset.files { Console.print("\(file)") }
            let turns = dataset.examples.reduce(0) { $0 + $1.chat.messages.count }
            let longest = dataset.examples.max { Self.length($0) < Self.length($1) }
            Console.print("\(dataset.count) rows, \(turns) turns")
            if let longest { Console.print("the longest row: \(longest.source), \(Self.length(longest)) characters") }
            var seen: [[String]: Example.Source] = [:]
            for example in dataset.examples {
                let key = [example.chat, example.rejected].flatMap { $0?.messages ?? [] }.map {
                    "\($0.role.rawValue) \($0.content)"
                }
                if let first = seen[key] {
                    Console.print("problem: \(example.source): the same as \(first); remove one of them")
                } else {
                    seen[key] = example.source
                }
            }
            for note in dataset.notes { Console.print("note: \(note)") }
            let signs = dataset.examples.map { ($0.source, RowSign.signs(of: $0)) }
            for sign in RowSign.allCases {
                let rows = signs.filter { $0.1.contains(sign) }.map(\.0)
                guard !rows.isEmpty else { continue }
                // Each row that shifts the identity is worth a look; of the others there may be thousands.
                let shown = rows.prefix(sign == .identityShift ? rows.count : 3).map(\.description)
                let more = rows.count > shown.count ? " and \(rows.count - shown.count) more" : ""
                Console.print(
                    "\(rows.count) rows may cost safety (\(sign.rawValue)): \(shown.joined(separator: ", "))\(more)"
                )
            }
        }

        private static func length(_ example: Example) -> Int {
            example.chat.messages.reduce(0) { $0 + $1.content.count }
        }
    }

    struct PlantCanaries: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "canaries",
            abstract: "Writes training data with made-up secrets planted in it.",
            discussion: """
                The rows go to OUTPUT in the format `messages`, the secrets to OUTPUT.canaries.json, together with as many \
                that are not planted. Train on the first; name the second in the recipe: \
                assess: {suites: [{name: canaries, file: OUTPUT.canaries.json, format: canaries}]}
                """
        )
        @OptionGroup var source: Source
        @Option(help: "How many secrets to plant, 1 to \(Canaries.most).")
        var count = 16
        @Option(name: .customLong("repeat"), help: "How many rows each is to have.")
        var repetitions = 4
        @Option(help: "Draws the secrets and their places.")
        var seed: UInt64 = 1
        @Option(help: "The file to write the rows to.", completion: .file())
        var output: String

        func validate() throws {
            guard (1...Canaries.most).contains(count), (1...10_000).contains(repetitions) else {
                throw ValidationError("--count is 1 to \(Canaries.most), --repeat is 1 to 10000")
            }
            let (from, to) = (URL(fileURLWithPath: source.data), URL(fileURLWithPath: output))
            guard from.resolvingSymlinksInPath() != to.resolvingSymlinksInPath() else {
                throw ValidationError("--output is the data itself; name another file")
            }
        }

        func run() async throws {
            let dataset = try source.load()
            let canaries = Canaries(count: count, repetitions: repetitions, seed: seed)
            let planted = try dataset.planted(with: canaries)
            let sidecar = output + ".canaries.json"
            try LedgerFile.write(lines: planted.examples.map(ExampleRow.init), to: URL(fileURLWithPath: output))
            try LedgerFile.write(canaries, to: URL(fileURLWithPath: sidecar))
            Console.print("\(output): \(dataset.count) rows, and \(count) secrets in \(repetitions) rows each")
            Console.print("\(sidecar): these secrets, and \(count) that are not planted")
        }
    }
}
