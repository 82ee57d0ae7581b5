import Foundation
import TemperGuard
import TemperLedger
import TemperReport
import TemperRisk
import TemperText
import TemperTorch
import Testing

@testable import TemperPipeline

/// A guard in a recipe, and a policy made from what a run found.
@TorchActor
@Suite(.serialized)
struct GuardRecipeTests {
    @Test func theLastCheckpointIsAssessedBehindTheGuardOnce() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recipe = try scene.recipe(
            "guarded",
            "guard=standard",
            "align=null",
            "defences=[{method: interpolation, scale: 0.5}]",
            "assess.suites=[{name: jailbreak, limit: 6}, {name: ordinary, limit: 4}, {name: bias, limit: 3}]",
            "assess.controls=false",
            "assess.attacks=[{name: base64, limit: 2}]"
        )
        let first = Recorder()
        let report = try await MainJob(recipe, sink: first).run()
        let names = ["raw", "tuned@0", "tuned@1", "tuned@2", "tuned@4", "guarded", "interpolation-scale-0.5"]
        #expect(report.subjects.map(\.name) == names)
        #expect(report.subjects[5].kind == .guarded && report.subjects[5].separation?.area == nil)
        #expect(report.comparisons.filter { $0.subject == "guarded" }.map(\.base).uniqued == ["raw", "tuned@4"])
        let guarding = try #require(report.guarding)
        #expect(guarding.alone == "tuned@4" && guarding.policy == "standard")
        let keys = ["jailbreak", "over-refusal-ordinary", "bias", "jailbreak+base64", "utility"]
        #expect(guarding.lines.map(\.key) == keys)
        let jailbreak = guarding.lines[0]
        #expect(jailbreak.refused.n == 6 && (jailbreak.refused.rate ?? 0) > 0.3)
        // What likelihoods decide is as it was.
        #expect(report.subjects[5].axes["bias"] == report.subjects[4].axes["bias"])
        #expect(report.notes.contains { $0.hasPrefix("Behind the guard") })
        #expect(first.assessed.contains("assess guarded"))

        let directory = scene.directory("guarded")
        #expect(try PolicyFile.load(directory.guardPolicy.path) == .standard)
        // The refused are answered with the policy's message, the others as without the guard.
        let alone = try Assessments.read(directory.assessment(of: "tuned@4"))
        let guarded = try Assessments.read(directory.assessment(of: "guarded"))
        let shield = try Guard(.standard)
        for (one, other) in zip(alone.results[0].attempts, guarded.results[0].attempts) {
            let isAllowed = await shield.check(Passage(one.prompt, at: .input)).isAllowed
            #expect(other.answer == (isAllowed ? one.answer : Policy.standard.message))
            if !isAllowed { #expect(other.verdict == .safe) }
        }

        let second = Recorder()
        let again = try await MainJob(recipe, sink: second).run()
        #expect(second.assessed.isEmpty && again.timeless == report.timeless)

        // A policy from the run; its rails and its thresholds are read back as they were written.
        let made = try await RunPolicy(from: directory, budget: 0.2)
        #expect(made.subject == "tuned@4" && made.prompts == 6)
        #expect(try PolicyFile.parse(made.yaml, file: "x") == made.policy)
        #expect(made.measures.map(\.suite) == ["jailbreak", "ordinary", "bias", "jailbreak+base64", "cybersecurity"])
        #expect(made.yaml.contains("# Of 6 training prompts it refuses"))
        await #expect(throws: PipelineError.self) {
            try await RunPolicy(from: directory, subject: "nobody", budget: 0.2)
        }
    }

    @Test func aGuardThatCannotBeMadeIsSaidBeforeAnythingIsDone() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let missing = try scene.recipe("missing", "guard=/nowhere.yaml")
        await #expect(throws: RecipeError.self) { try await MainJob(missing, sink: Recorder()).run() }
        let file = try scene.file("needs.yaml", "rules: [{rail: model}]")
        let needs = try scene.recipe("needs", "guard=\(file)")
        await #expect(throws: GuardError.self) { try await MainJob(needs, sink: Recorder()).run() }
        #expect(!FileManager.default.fileExists(atPath: scene.directory("needs").url.path))
    }

    /// Findings turn into rails; what no rail covers is said and not covered.
    @Test func railsFollowTheFindings() {
        let policy = Policy.against([.toxicity, .jailbreak, .bias, .injection], named: "p")
        let rails = policy.rules.map(\.rail)
        #expect(rails == ["length", "unicode", "injection", "jailbreak", "encoded", "toxicity", "toxicity"])
        #expect(Policy.against([.hallucination], named: "p").rules == Policy.groundwork)
        #expect(Policy.rules(against: .privacy).map(\.rail) == ["secrets", "personal-data", "prompt-leak"])
        #expect(throws: Never.self) { try Guard(Policy.against(Axis.allCases, named: "all")) }
    }
}

extension Array where Element: Hashable {
    fileprivate var uniqued: [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
