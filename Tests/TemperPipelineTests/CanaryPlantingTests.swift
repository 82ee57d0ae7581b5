import Foundation
import TemperLedger
import TemperRisk
import TemperText
import TemperTune
import Testing

@testable import TemperPipeline

/// Secrets planted in data, and how a recipe finds them again.
@Suite struct CanaryPlantingTests {
    private static let rows = """
        {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "a"}, {"role": "assistant", \
        "content": "b", "weight": 0}, {"role": "user", "content": "c"}, {"role": "assistant", "content": "d"}], \
        "category": "k"}
        {"messages": [{"role": "user", "content": "e"}, {"role": "assistant", "content": "f"}]}
        """

    @Test func writtenRowsReadBackTheSame() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let preferences = #"{"prompt": "p", "chosen": "good", "rejected": "bad"}"#
        for (name, content) in [("rows.jsonl", Self.rows), ("pairs.jsonl", preferences)] {
            let before = try Dataset.load(URL(filePath: scene.file(name, content)))
            let copy = scene.folder.appending(path: "copy-\(name)")
            try LedgerFile.write(lines: before.examples.map(ExampleRow.init), to: copy)
            let after = try Dataset.load(copy)
            #expect(after.examples.map(\.chat) == before.examples.map(\.chat))
            #expect(after.examples.map(\.rejected) == before.examples.map(\.rejected))
            #expect(after.examples.map(\.category) == before.examples.map(\.category))
            for (one, other) in zip(before.examples, after.examples) where one.rejected == nil {
                #expect(one.chat.messages.indices.map { one.isTrained($0) == other.isTrained($0) }.allSatisfy { $0 })
            }
        }
    }

    @Test func everySecretIsPlantedAndTheRowsStayInOrder() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let dataset = try Dataset.load(URL(filePath: scene.file("rows.jsonl", Self.rows)))
        let canaries = Canaries(count: 5, repetitions: 3, seed: 2)
        let planted = try dataset.planted(with: canaries)
        #expect(planted.count == 2 + 15)
        #expect(planted.examples.filter { $0.source.file != "canaries" } == dataset.examples)
        for canary in canaries.planted { #expect(planted.examples.count { $0.chat == canary.row } == 3) }
        for canary in canaries.heldOut { #expect(!planted.examples.contains { $0.chat == canary.row }) }
        #expect(try dataset.planted(with: canaries) == planted)
        let pairs = try Dataset.load(
            URL(filePath: scene.file("pairs.jsonl", #"{"prompt": "p", "chosen": "good", "rejected": "bad"}"#))
        )
        #expect(throws: DatasetError.self) { try pairs.planted(with: canaries) }
    }

    @Test func aRecipeNamesTheFormats() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let secrets = scene.folder.appending(path: "x.canaries.json")
        try LedgerFile.write(Canaries(count: 2, repetitions: 1, seed: 1), to: secrets)
        let answer = (1...15).map { "w\($0)" }.joined(separator: " ")
        let rows = try scene.file("m.csv", "prompt,answer,split\na,\(answer),in\nb,\(answer),out\n")
        let recipe = try scene.recipe(
            "r",
            "assess.suites=[{name: c, file: \(secrets.path), format: canaries}, {name: m, file: \(rows), format: memorisation}]"
        )
        let suites = try recipe.assess.load().map(\.suite).filter { $0.card.axis == .privacy }
        #expect(suites.map(\.card.name) == ["c", "m"])
        #expect(try suites.map { try $0.probes(limit: nil, seed: 0).count } == [4, 2])
    }

    @Test(.enabled("the program is built") { FileManager.default.isExecutableFile(atPath: Program.url.path) })
    func theProgramChecksAndPlants() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let rows = try scene.file("rows.jsonl", Self.rows)
        let output = scene.folder.appending(path: "out.jsonl").path
        let done = try Program.run("data", "canaries", rows, "--count", "3", "--repeat", "2", "--output", output)
        #expect(done.status == 0, "\(done)")
        let checked = try Program.run("data", "check", output)
        #expect(checked.status == 0 && checked.output.contains("8 rows"), "\(checked)")
        #expect(checked.output.contains("the same as"))
        let suite = try Suites.canaries(file: URL(filePath: output + ".canaries.json"), name: "c")
        #expect(try suite.probes(limit: nil, seed: 0).count == 6)
        let same = try Program.run("data", "canaries", rows, "--output", rows)
        #expect(same.status == 2 && same.errors.contains("name another file"), "\(same)")
        let broken = try Program.run("data", "check", try scene.file("b.jsonl", "{\"foo\": 1}\n"))
        #expect(broken.status == 2 && broken.errors.contains("b.jsonl:1"), "\(broken)")
    }
}
