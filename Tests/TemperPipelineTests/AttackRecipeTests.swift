import Foundation
import TemperLedger
import TemperReport
import TemperRisk
import TemperText
import TemperTorch
import Testing

@testable import TemperPipeline

/// Attacks in a recipe, in a run on a tiny random model, and in the log of the command.
@TorchActor
@Suite(.serialized)
struct AttackRecipeTests {
    private func read(_ assess: String) throws -> Recipe {
        let yaml = "model_name_or_path: m.gguf\nassess:\n\(assess)\ntune: {train_data: embedded:cybersecurity}\n"
        return try Recipe.parse(yaml, file: "small.yaml")
    }

    private func problem(_ assess: String) -> String {
        do {
            _ = try read(assess)
            return "none"
        } catch {
            return "\(error)"
        }
    }

    @Test func attacksAreReadAndWritten() throws {
        let recipe = try read(
            """
              attacks: [base64+prefix-injection, {name: tap, width: 4, depth: 3, branching: 2, limit: 5}, prefill]
              attack_limit: 20
              attacker: helper.gguf
            """
        )
        #expect(recipe.assess.attacks.map(\.name) == ["base64+prefix-injection", "tap", "prefill"])
        #expect(recipe.assess.attacks[1].limit == 5 && recipe.assess.attacks[1].knobs["width"] == .string("4"))
        #expect(try Recipe.parse(try recipe.resolvedYAML(), file: "small.yaml") == recipe)
        let suites = try recipe.assess.load()
        let names = ["jailbreak+base64+prefix-injection", "jailbreak+tap", "jailbreak+prefill"]
        #expect(suites.dropFirst(3).map(\.suite.card.name) == names)
        #expect(suites.dropFirst(3).map(\.limit) == [20, 5, 20])
        let keys = Story.reportKeys(suites.map(\.suite))
        #expect(keys["jailbreak"] == "jailbreak" && keys["jailbreak+tap"] == "jailbreak+tap")
    }

    @Test func mistakesNameTheKey() {
        #expect(problem("  attacks: [base65]").contains("assess.attacks.0"))
        #expect(problem("  attacks: [{name: many-shot, shot: 3}]").contains("shots"))
        #expect(problem("  attacks: [{name: many-shot, shots: 0}]").contains("assess.attacks.0.shots"))
        #expect(problem("  attacks: [tap]").contains("assess.attacker"))
        #expect(problem("  attacks: [base64, base64]").contains("twice"))
        #expect(problem("  attacks: [{name: base64, suite: x}]").contains("assess.suites"))
        #expect(problem("  attacks: [{name: base64, suite: x}]").contains("suite"))
        let useless = try? read("  suites: [over-refusal]\n  attacks: [base64]")
        #expect(throws: PipelineError.self) { try useless?.assess.load() }
    }

    /// A model's grades stand beside those of the suite's own judge, and change none of them.
    @Test func aModelJudgesBesideTheSuitesOwnJudge() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        // The rubric does not fit the tiny model's own context.
        let copy = scene.folder.appending(path: "judge.gguf")
        var bytes = try Data(contentsOf: Scene.model)
        let length = try #require(bytes.range(of: Data("llama.context_length".utf8))).upperBound + 4
        bytes.replaceSubrange(length..<length + 4, with: [0, 16, 0, 0])
        try bytes.write(to: copy)
        let model = copy.path
        func recipe(_ name: String, _ more: [String] = []) throws -> Recipe {
            let few = ["align=null", "defences=[]", "tune.max_steps=1", "tune.checkpoint_steps=[1]"]
            return try Recipe.parse(scene.yaml(name), file: "\(name).yaml", overrides: few + more)
        }
        let alone = try await MainJob(try recipe("alone"), sink: Recorder()).run()
        let recipe = try recipe("judged", ["assess.judge=\(model)", "assess.judge_rubric=yes-no"])
        #expect(try Recipe.parse(try recipe.resolvedYAML(), file: "small.yaml") == recipe)
        let judged = try await MainJob(recipe, sink: Recorder()).run()
        #expect(judged.subjects.map { $0.axes["jailbreak"] } == alone.subjects.map { $0.axes["jailbreak"] })
        let name = URL(fileURLWithPath: model).deletingPathExtension().lastPathComponent
        for subject in judged.subjects {
            let opinions = subject.secondOpinions.filter { $0.judge.contains("by \(name)") }
            #expect(opinions.count == 1, "\(subject.secondOpinions)")
            // Random weights say neither yes nor no, and what cannot be read is no grade.
            #expect(opinions.first.map { $0.rate.n } == 0)
        }
        let record = LedgerFile.read(
            RunRecord.self,
            from: scene.directory("judged").url.appendingPathComponent("record.json")
        )
        #expect(record?.data["judge"] != nil)
        // A run's answers can be graded afterwards, which is no evidence where no reply can be read; controls are no assessment.
        let graded = try Program.run("judge", "grade", scene.directory("alone").url.path, "--model", model)
        #expect(graded.status == 3 && graded.output.contains("tuned@1 ") && graded.output.contains("raw "), "\(graded)")
        let labelled = try Program.run(
            "label",
            scene.directory("alone").url.path,
            "--suite",
            "jailbreak",
            "--output",
            scene.folder.appending(path: "labels.jsonl").path
        )
        #expect(labelled.errors.contains("no answer to 'jailbreak' was graded"), "\(labelled)")
        // A rubric's hit is help with harm, which on other axes is no hit at all.
        let other = try Program.run(
            "judge",
            "grade",
            scene.directory("alone").url.path,
            "--model",
            model,
            "--suite",
            "over-refusal"
        )
        #expect(other.status == 2 && other.errors.contains("of such there are jailbreak"), "\(other)")
        let file = scene.folder.appending(path: "verdicts.jsonl")
        let place = scene.directory("alone").assessment(of: "raw").path
        let written = try Program.run("judge", "grade", place, "--model", model, "--json", "--output", file.path)
        let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
        #expect(written.status == 3 && written.output.contains("\"own\"") && lines.count == 3, "\(written)")
        for (arguments, words) in [
            (["measure", "yes-no", "--data", "x"], "yes-no asks a model"),
            (["measure", "harm", "--data", "x", "--model", model], "harm asks no model"),
            (["measure", "hram", "--data", "x"], "there is no judge hram"),
            (["grade", "x"], "name the model to ask"),
            (["grade", "x", "--model", model, "--rubric", "maybe"], "--rubric is one of yes-no"),
        ] {
            let wrong = try Program.run(["judge"] + arguments)
            #expect(wrong.status == 2 && wrong.errors.contains(words), "\(wrong)")
        }
    }

    @Test func aRunAttacksEverySubjectButEarlyCheckpoints() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recipe = try scene.recipe(
            "attacked",
            "align=null",
            "defences=[]",
            "assess.attacks=[rot13, {name: best-of-n, n: 2}]",
            "assess.attack_limit=2"
        )
        let report = try await MainJob(recipe, sink: Recorder()).run()
        let attacks: Set = ["jailbreak+rot13", "jailbreak+best-of-n"]
        let plain: Set = ["jailbreak", "over-refusal"]
        for subject in report.subjects {
            let early = subject.name == "tuned@1" || subject.name == "tuned@2"
            #expect(Set(subject.axes.keys) == (early ? plain : plain.union(attacks)), "\(subject.name)")
        }
        let pairs = report.comparisons.filter { attacks.contains($0.axis) }
        #expect(Set(pairs.map(\.subject)) == ["tuned@4"] && pairs.count == 2)
        let file = scene.directory("attacked").assessment(of: "tuned@4")
            .appendingPathComponent("jailbreak+best-of-n.jsonl")
        let attempts = LedgerFile.readLines(Attempt.self, from: file)
        #expect(attempts.count == 2 && attempts.allSatisfy { $0.attack?.trials.count == 2 })
        // A finished run does nothing again, so what was written reads as what it was.
        let second = Recorder()
        _ = try await MainJob(recipe, sink: second).run()
        #expect(second.assessed.isEmpty)
    }

    @Test func theLogGoesOnAndRefusesAnothersAttempts() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let file = scene.folder.appending(path: "jailbreak+rot13.jsonl")
        let attempt = Attempt(
            suite: "jailbreak+rot13",
            probeID: "p",
            category: "c",
            prompt: "?",
            promptSHA256: "",
            answer: "a",
            tokenCount: 1,
            finishReason: .stop,
            verdict: .safe
        )
        let log = try AttackLog(file, madeFrom: ["a", "b"])
        #expect(log.earlier.isEmpty)
        try log.append([attempt])
        try log.append([attempt])
        // A killed process leaves half a line.
        let handle = try FileHandle(forWritingTo: file)
        try handle.seekToEnd()
        try handle.write(contentsOf: Data("{\"suite\": \"jail".utf8))
        try handle.close()
        let again = try AttackLog(file, madeFrom: ["a", "b"])
        #expect(again.earlier.count == 2)
        try again.append([attempt])
        #expect(try AttackLog(file, madeFrom: ["a", "b"]).earlier.count == 3)
        #expect(throws: AttackError.self) { try AttackLog(file, madeFrom: ["ab"]) }
    }
}
