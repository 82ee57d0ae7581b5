import Foundation
import Testing

@testable import TemperModel

/// Docs/models.md has every family, so that the page does not fall behind.
@Suite struct DocumentationTests {
    @Test func everyFamilyHasARow() throws {
        let folder = Golden.folder.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let page = try String(contentsOf: folder.appending(path: "Docs/models.md"), encoding: .utf8)
        let rows = page.split(separator: "\n").map { line in
            line.split(separator: "|", omittingEmptySubsequences: false).map { $0.trimmingCharacters(in: .whitespaces) }
        }
        for family in Family.all {
            for type in family.types {
                let row = try #require(rows.first { $0.count > 3 && $0[2] == "`\(type)`" }, "\(type) has no row")
                // Mistral's GGUF files are Llama's.
                let stored = family.architecture.map { "`\($0)`" } ?? (type == "mistral" ? "as `llama`" : "none")
                #expect(row[3] == stored, "the row of \(type) has another GGUF architecture")
            }
        }
    }
}
