import Foundation
import TemperGuard
import Testing

@testable import TemperPipeline

/// Policies as files: what is read is what was written, and mistakes name their place.
@Suite struct PolicyFileTests {
    private func problem(_ yaml: String) -> String {
        do {
            _ = try PolicyFile.parse(yaml, file: "p.yaml")
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test func whatIsWrittenIsRead() throws {
        #expect(try PolicyFile.parse(PolicyFile.yaml(.standard), file: "x") == .standard)
        var own = Policy(name: "own: ${x}", rules: [], message: "no", failsOpen: true)
        own.rules = [
            .init("keywords", .redact, settings: RailSettings(phrases: ["a b", "yes"])),
            .init("jailbreak", threshold: 0.875, stages: [.input], labels: ["harmful-request"]),
            .init("topic", .flag, settings: RailSettings(allowed: ["x: y"], leastLikeness: 0.25)),
            .init("length", settings: RailSettings(limit: 12)),
        ]
        #expect(try PolicyFile.parse(PolicyFile.yaml(own), file: "x") == own)
    }

    @Test func everyRailAndKeyIsInTheDocumentation() throws {
        let page = try String(contentsOf: Scene.root.appending(path: "Docs/guard.md"), encoding: .utf8)
        let cards = Rails.cards
        for method in Rails.all {
            let row = try #require(page.split(separator: "\n").first { $0.hasPrefix("| `\(method.name)` |") })
            let card = try #require(cards.first { $0.name == method.name })
            #expect(row.contains("| \(card.threshold) |"), "\(method.name)")
            for key in method.settings { #expect(row.contains("`\(key)`"), "\(method.name) \(key)") }
        }
        for key in PolicyFile.keys + PolicyFile.ruleKeys { #expect(page.contains("| `\(key)` |"), "\(key)") }
    }

    @Test func mistakesNameTheirPlace() {
        #expect(problem("rules:\n  - rail: jailbrake").contains("p.yaml:2: `rules.0.rail`: found jailbrake"))
        #expect(problem("rules:\n  - rail: jailbrake").contains("`jailbreak`, if that was meant"))
        #expect(problem("rules:\n  - rail: length\n    treshold: 1").contains("p.yaml:3"))
        #expect(problem("rules:\n  - rail: length\n    treshold: 1").contains("did you mean `threshold`?"))
        // A key of another rail is unknown here.
        #expect(problem("rules:\n  - rail: length\n    phrases: [a]").contains("unknown key"))
        #expect(problem("rules:\n  - rail: length\n    threshold: 2").contains("0 to 1"))
        #expect(problem("rules:\n  - rail: length\n    stages: [imput]").contains("`input`, if that was meant"))
        #expect(problem("rules:\n  - rail: length\n    action: block").contains("allow, flag, redact, refuse"))
        #expect(problem("name: x").contains("`rules`: missing"))
    }
}
