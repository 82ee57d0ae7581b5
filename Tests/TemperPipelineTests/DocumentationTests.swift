import Foundation
import TemperAlign
import TemperRisk
import TemperTune
import Testing

@testable import TemperPipeline

/// Docs/recipe.md has everything a recipe can say, so that the page does not fall behind.
@Suite struct DocumentationTests {
    /// The cells of the table rows that begin with this name.
    private func rows(_ name: String, in page: String) -> [[String]] {
        page.split(separator: "\n").filter { $0.hasPrefix("| `\(name)` |") }.map { line in
            line.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
        }
    }

    private func page(_ name: String = "recipe") throws -> String {
        try String(contentsOf: Scene.root.appending(path: "Docs/\(name).md"), encoding: .utf8)
    }

    @Test func everyKeyHasARowWithItsAliases() throws {
        let page = try page()
        let sections = [
            RecipeNames.root, RecipeNames.assess, RecipeNames.suite, RecipeNames.attack, RecipeNames.source,
            RecipeNames.align, RecipeNames.tune, RecipeNames.cost,
        ]
        for key in Set(sections.joined()).union(["method"]) {
            #expect(!rows(key, in: page).isEmpty, "\(key) has no row")
        }
        for (alias, key) in RecipeNames.aliases {
            let aliases = rows(key, in: page).map { $0[1] }
            #expect(aliases.contains { $0.contains("`\(alias)`") }, "\(alias) is not in the row of \(key)")
        }
    }

    @Test func defaultsAreThoseOfTheProgram() throws {
        let page = try page()
        let recipe = Recipe(runName: "r", modelNameOrPath: "m", tune: .init(trainData: []))
        let written = try RecipeNode.parse(recipe.resolvedYAML(), file: "recipe.yaml").leaves
        var checked = 0
        for (path, value) in written {
            let parts = path.split(separator: ".").map(String.init)
            guard parts.count == 2, ["assess", "tune"].contains(parts[0]), parts[1] != "train_data" else { continue }
            let cells = rows(parts[1], in: page).map { $0[3].trimmingCharacters(in: ["`"]) }
            #expect(cells.contains { $0 == value || Double($0) != nil && Double($0) == Double(value) }, "\(path)")
            checked += 1
        }
        #expect(checked > TrainingSettings.CodingKeys.allCases.count)
    }

    @Test func everyDefenceHasARowWithItsKnobs() throws {
        let page = try page()
        for method in Defences.all.map(\.card.method) {
            let row = try #require(rows(method, in: page).first, "\(method) has no row")
            #expect {
                try Defences.make(method, knobs: ["": ""])
            } throws: { error in
                guard case .unknownKnob(_, _, let known)? = error as? DefenceError else { return false }
                return !known.isEmpty && known.allSatisfy { row[1].contains("`\($0)`") }
            }
        }
        for name in RecipeNames.reserved { #expect(page.contains("`\(name)`"), "\(name)") }
    }

    @Test func everyAttackHasARowWithItsKnobs() throws {
        let page = try page()
        for name in Attacks.all.map(\.card.name) {
            let row = try #require(rows(name, in: page).first, "\(name) has no row")
            #expect {
                try Attacks.make(name, knobs: ["": "", "file": Scene.root.appending(path: "LICENSE").path])
            } throws: { error in
                guard case .unknownKnob(_, _, let known)? = error as? AttackError else {
                    return name == "suffix" && row[1].contains("`file`")
                }
                return known.allSatisfy { row[1].contains("`\($0)`") }
            }
        }
    }

    @Test func everySuiteFormatAndEmbeddedSetHasARow() throws {
        let page = try page()
        let names =
            Suites.all.map(\.card.name) + Suites.formats + Dataset.Format.allCases.map(\.rawValue)
            + Recipe.DataSource.embeddedNames.map { "embedded:\($0)" }
        for name in names { #expect(!rows(name, in: page).isEmpty, "\(name) has no row") }
    }

    @Test func everyPublicSetIsNamed() throws {
        let page = try page("suites")
        for set in PublicSet.all {
            let row = try #require(rows(set.name, in: page).first, "\(set.name)")
            #expect(row.contains(set.licence) && row.contains(set.sha256 == nil ? "no" : "yes"), "\(set.name)")
        }
    }

    @Test func everyModelOfTheCatalogueIsNamed() throws {
        let page = try page("models")
        for name in ModelCatalogue.all.map(\.name) { #expect(page.contains("`\(name)`"), "\(name)") }
    }
}
