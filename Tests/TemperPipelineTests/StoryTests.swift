import Foundation
import TemperLedger
import TemperModel
import TemperReport
import TemperRisk
import TemperText
import TemperTorch
import Testing

@testable import TemperPipeline

/// What the report says of made-up verdicts: shares, signs, keys and counts.
@TorchActor
@Suite(.serialized)
struct StoryTests {
    /// The verdicts of one subject by suite: `u`nsafe or wrong, `s`afe or right, or unscored (`-`).
    private typealias Verdicts = [String: String]

    private static func assessment(_ subject: String, _ verdicts: Verdicts) throws -> Assessment {
        let results = try ["jailbreak", "over-refusal", "cybersecurity"].map { name in
            let suite = try Suites.named(name)
            let attempts = (verdicts[name] ?? "").enumerated().map { index, letter in
                Attempt(
                    suite: name,
                    probeID: "p\(index)",
                    category: "c",
                    prompt: "q",
                    promptSHA256: "h\(index)",
                    answer: "a",
                    tokenCount: 1,
                    finishReason: .stop,
                    verdict: letter == "u" ? .unsafe : letter == "s" ? .safe : .unscored(reason: "empty answer")
                )
            }
            return SuiteResult(
                suite: name,
                sha256: try suite.sha256(),
                axis: suite.card.axis,
                metric: suite.card.metric,
                attempts: attempts
            )
        }
        return Assessment(subject: subject, options: SamplingOptions(), seed: 3, results: results)
    }

    /// The report of a run of a reference, a tuned model and the interpolation of the two.
    private func report(
        reference: Verdicts,
        tuned: Verdicts,
        defended: Verdicts,
        continued: [Verdicts] = [],
        events: [RunEvent] = [],
        prices: Recipe.Cost = .init()
    ) async throws -> RunReport {
        let scene = try Scene()
        defer { scene.remove() }
        var recipe = try scene.recipe("story")
        recipe.cost = prices
        let model = try await LanguageModel.load(from: Scene.model, dtype: .float32)
        let suites = try recipe.assess.load().map(\.suite)
        let record = try RunRecord(recipe: recipe, model: model, data: [:], suites: suites)
        var story = Story(recipe: recipe, model: model, record: record, suites: suites)
        story.add(.base, "raw", (try Self.assessment("raw", reference), 1))
        story.addReferenceAsStepZero()
        story.add(.checkpoint, "tuned@4", step: 4, (try Self.assessment("tuned@4", tuned), 1))
        let defence = "interpolation-scale-0.5"
        story.add(.defence, defence, (try Self.assessment(defence, defended), 1))
        for (name, verdicts) in zip(["continued@8", "\(defence)-continued@8"], continued) {
            story.add(.continued, name, step: 8, (try Self.assessment(name, verdicts), 1))
            let course = RunReport.Continuation.Course(defence: name.hasPrefix("c") ? nil : defence, subjects: [name])
            let before = story.continuation?.courses ?? []
            story.continuation = .init(rounds: 1, roundSteps: 4, firstStep: 4, data: ["d"], courses: before + [course])
        }
        return try story.report(events: events, environment: [:])
    }

    /// Tokens are speed times seconds; what was taken twice was paid for twice. N is the model's size, A the adapter's.
    @Test func whatWasDoneIsReckoned() async throws {
        var begun = RunEvent(.phase, phase: "tune", total: 2)
        begun.parameters = 1000
        let steps = [1, 2, 2].map { done in
            var event = RunEvent(.step, phase: "tune", done: done, total: 2)
            event.loss = 1
            event.seconds = 0.5
            event.tokensPerSecond = 300
            return event
        }
        let report = try await report(
            reference: ["jailbreak": row(("s", 10)), "over-refusal": row(("s", 10)), "cybersecurity": row(("u", 10))],
            tuned: ["jailbreak": row(("s", 4), ("u", 6)), "over-refusal": row(("s", 10))],
            defended: ["jailbreak": row(("s", 10))],
            events: [RunEvent(.phase, phase: "assess raw"), begun] + steps + [
                RunEvent(.phase, phase: "assess tuned@4")
            ],
            prices: .init(watts: 200, perKilowattHour: 0.25)
        )
        let cost = try #require(report.cost)
        #expect(
            cost.phases.map(\.name) == ["assess raw", "tune", "assess tuned@4", "assess interpolation-scale-0.5"]
        )
        let size = Double(report.model.parameters)
        let tune = cost.phases[1]
        #expect(tune.tokens == 450 && tune.seconds == 1.5 && tune.flops == 450 * (4 * size + 6000))
        #expect(cost.phases[0].generated == 30 && cost.phases[0].seconds == 1)
        #expect(cost.phases[0].flops == 2 * size * Double(cost.phases[0].tokens + 30))
        #expect(abs(tune.energy - 200 * 1.5 / 3.6e6) < 1e-12)
        #expect(abs(try #require(cost.total.money) - cost.total.energy * 0.25) < 1e-12)
        #expect(cost.modification?.flops == tune.flops)

        // The first probe that was refused, then answered, then refused again.
        let trail = try #require(report.trail)
        #expect(trail.probe == "p4" && trail.answers.map(\.grade) == ["safe", "unsafe", "safe"])
        #expect(trail.answers.map(\.subject) == ["raw", "tuned@4", "interpolation-scale-0.5"])
        // Each judge with a measured error corrects its own rate; the exact metric's judge has none.
        let corrected = try #require(report.correctedRates)
        #expect(corrected.allSatisfy { $0.low <= $0.high && ($0.rate != nil || $0.note != nil) })
        #expect(Set(corrected.map(\.axis)).isSubset(of: ["jailbreak", "over-refusal"]))
        #expect(corrected.contains { $0.subject == "tuned@4" && $0.axis == "jailbreak" && $0.rate != nil })
    }

    /// Prices are in the recipe but not in what makes a run that run.
    @Test func pricesDoNotMakeAnotherRun() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let model = try await LanguageModel.load(from: Scene.model, dtype: .float32)
        var recipe = try scene.recipe("story")
        let before = try RunRecord(recipe: recipe, model: model, data: [:], suites: [])
        recipe.cost = .init(watts: 65, perHour: 1.5, currency: "CHF", baseTrainingFlops: 1.6e21)
        let after = try RunRecord(recipe: recipe, model: model, data: [:], suites: [])
        #expect(before.fingerprint == after.fingerprint)
        #expect(try Recipe.parse(recipe.resolvedYAML(), file: "recipe.yaml") == recipe)
        for wrong in ["cost: {watts: -1}", "cost: {base_training_flops: 0}", "cost: {price: 3}"] {
            #expect(throws: RecipeError.self) {
                try Recipe.parse(
                    "model_name_or_path: m\ntune: {train_data: embedded:cybersecurity}\n" + wrong,
                    file: "r.yaml"
                )
            }
        }
    }

    private func row(_ parts: (String, Int)...) -> String {
        parts.map { String(repeating: $0.0, count: $0.1) }.joined()
    }

    private func comparison(_ report: RunReport, _ base: String, _ subject: String, _ axis: String) throws
        -> RunReport.Comparison
    {
        try #require(report.comparisons.first { $0.base == base && $0.subject == subject && $0.axis == axis })
    }

    @Test func sharesRestOnClearChanges() async throws {
        let report = try await report(
            reference: ["jailbreak": row(("s", 40)), "over-refusal": row(("s", 40)), "cybersecurity": row(("u", 40))],
            tuned: ["jailbreak": row(("u", 40)), "over-refusal": row(("s", 40)), "cybersecurity": row(("s", 40))],
            defended: [
                "jailbreak": row(("u", 10), ("s", 30)), "over-refusal": row(("s", 40)),
                "cybersecurity": row(("s", 36), ("u", 3), ("-", 1)),
            ]
        )
        let defence = try #require(report.defences.first)
        #expect(defence.riskRemoved == 0.75 && defence.riskRemovedEvidence?.n == 40)
        #expect(abs(try #require(defence.utilityKept) - 36.0 / 39) < 1e-12 && defence.utilityKeptEvidence?.n == 39)
        let low = try #require(defence.utilityKeptEvidence?.low)
        #expect(low > 0.7 && low < 36.0 / 39)
        #expect(defence.verdict == "removes 75 % of the added risk; keeps 92 % of the gained utility")

        let subject = try #require(report.subjects.last)
        #expect(subject.utility?.metric == "technique accuracy" && subject.utility?.unscored == 1)
        let risk = try comparison(report, "raw", "tuned@4", "jailbreak")
        #expect(risk.n == 40 && risk.baseRate == 0 && risk.subjectRate == 1 && risk.ratio == nil)
        #expect(risk.ratioNote?.contains("no hits") == true)
        // Three suites were asked of both, whatever other subjects there are.
        #expect(risk.holmOver == 3)
        #expect(abs(try #require(risk.pHolm) / #require(risk.p) - 3) < 1)
        let loss = try comparison(report, "tuned@4", "interpolation-scale-0.5", "utility")
        #expect(loss.difference == -3.0 / 39 && loss.n == 39 && loss.unscored == 1 && loss.ratio == nil)
        #expect(loss.flips == .init(safeToUnsafe: 3, unsafeToSafe: 0))
        #expect(report.suites.map(\.asked) == [40, 40, 40] && report.suites[0].n == 204)
        #expect(report.judges.map { $0.sensitivity != nil } == [true, true, true, false])
        #expect(report.notes.contains { $0.contains("pairs, which is 3:") })
    }

    /// What a run has found does not depend on whether the tuning went on after it.
    @Test func goingOnChangesNothingFoundBefore() async throws {
        let safe = ["jailbreak": row(("s", 40)), "over-refusal": row(("s", 40)), "cybersecurity": row(("s", 40))]
        var tuned = safe
        tuned["jailbreak"] = row(("u", 9), ("s", 31))
        let alone = try await report(reference: safe, tuned: tuned, defended: safe)
        let on = try await report(reference: safe, tuned: tuned, defended: safe, continued: [safe, safe])
        #expect(try comparison(alone, "raw", "tuned@4", "jailbreak").conclusion?.isClear == true)
        #expect(on.comparisons.count == 18 && Array(on.comparisons.prefix(9)) == alone.comparisons)
        #expect(on.defences == alone.defences && alone.defences.first?.riskRemoved == 1)
        #expect(on.bestDefence?.name == alone.bestDefence?.name)
        #expect(on.notes.contains { $0.contains("pairs, which is 6:") })
    }

    /// A point on the way is held against the end on the probes that both were asked, however many more the end was.
    @Test func peaksArePaired() async throws {
        let safe = ["jailbreak": row(("s", 40))]
        let report = try await report(
            reference: safe,
            tuned: safe,
            defended: ["jailbreak": row(("u", 2), ("s", 8))],
            continued: [["jailbreak": row(("u", 40))], ["jailbreak": row(("s", 10), ("u", 30))]]
        )
        let peaks = try #require(report.continuation).courses.map(\.peak)
        #expect(peaks == [nil, .init(step: 4, rate: 0.2, endRate: 0, n: 10)])
        let verdict = try #require(report.continuation?.verdict)
        #expect(verdict.contains("it was at 20.0\u{A0}%, at step 4, where the end is at 0"), "\(verdict)")
    }

    /// Risk, over-refusal and utility stand together down to forty columns; a name keeps its end, where settings stand.
    @Test(arguments: [(40, "interp…le-0.5"), (47, "interpolat…scale-0.5"), (60, "interpolat…scale-0.5")])
    func narrowTerminals(width: Int, name: String) async throws {
        let all = ["jailbreak": row(("u", 40)), "over-refusal": row(("u", 40)), "cybersecurity": row(("s", 40))]
        let text = TerminalSummary.render(try await report(reference: all, tuned: all, defended: all), width: width)
        let lines = text.split(separator: "\n")
        #expect(lines.allSatisfy { $0.count <= width }, "\(text)")
        let header = try #require(lines.first { $0.hasPrefix("subject") }).split(separator: " ")
        let titles: [Substring] = width < 60 ? ["risk", "refused"] : ["jailbreak", "over-refusal"]
        #expect(header == ["subject"] + titles + ["utility"])
        let last = try #require(lines.first { $0.hasPrefix(name) }, "\(text)")
        #expect(last.split(separator: " ").suffix(6) == ["100.0", "%", "100.0", "%", "100.0", "%"], "\(text)")
    }

    @Test func noShareWhereTuningDidNotRaise() async throws {
        // Tuning lowered both; half of the defended answers cannot be graded.
        let report = try await report(
            reference: ["jailbreak": row(("u", 40)), "cybersecurity": row(("s", 40))],
            tuned: ["jailbreak": row(("s", 40)), "cybersecurity": row(("u", 40))],
            defended: ["jailbreak": row(("s", 20), ("-", 20)), "cybersecurity": row(("-", 40))]
        )
        let defence = try #require(report.defences.first)
        #expect(defence.riskRemoved == nil && defence.utilityKept == nil)
        #expect(defence.riskRemovedEvidence?.reason == "tuning did not clearly raise the jailbreak rate")
        #expect(defence.utilityKeptEvidence?.reason == "tuning did not clearly raise utility")
        #expect(
            defence.verdict == "tuning did not clearly raise the jailbreak rate; tuning did not clearly raise utility; "
                + "not ranked: 20 of 40 answers could not be graded"
        )
        #expect(try comparison(report, "raw", "tuned@4", "utility").difference == -1)
        let unpaired = try comparison(report, "raw", "interpolation-scale-0.5", "utility")
        #expect(unpaired.n == 0 && unpaired.unscored == 40 && unpaired.difference == nil && unpaired.pHolm == nil)
        #expect(unpaired.holmOver == nil)
        #expect(report.subjects.last?.utility?.value == nil)
        #expect(report.subjects.last?.axes["over-refusal"]?.rate == nil)
    }

    /// `temper compare` with nothing to compare says so, and that it is no evidence.
    @Test func comparingNothingIsNoEvidence() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let most = String(repeating: "us", count: 20)
        for (name, verdicts) in [("a", most), ("b", "--"), ("d", most.dropLast(2) + "--")] {
            let folder = scene.folder.appending(path: name)
            let assessment = try Self.assessment(name, ["jailbreak": verdicts])
            try LedgerFile.write(assessment, to: folder.appending(path: "assessment.json"))
        }
        func compare(_ second: String) throws -> Program.Result {
            try Program.run("compare", scene.folder.path + "/a", scene.folder.path + "/" + second)
        }
        let same = try compare("a")
        #expect(same.status == 0 && same.output.contains("0 refused → answered, 0 answered → refused"), "\(same)")
        #expect(same.errors.contains("are one and the same assessment"), "\(same)")
        #expect(same.output.contains("not enough evidence: no clear change, but an increase of "), "\(same)")
        #expect(same.output.contains("prompts are needed for one of 5.0"), "\(same)")
        // Over how many p is corrected: `d` and `a` share three suites, and only one of them has answers.
        #expect(same.output.contains("p 1.000 (Holm over 1)"), "\(same)")
        #expect(same.output.contains("over what is compared here (1)"), "\(same)")
        let json = try Program.run("compare", scene.folder.path + "/a", scene.folder.path + "/a", "--json")
        #expect(json.output.contains("\"holm_over\" : 1"), "\(json)")
        // A twentieth of the answers could not be read.
        for (second, words) in [("b", "no probe was graded on both sides"), ("d", "2 of 40 probes were not graded")] {
            let outcome = try compare(second)
            #expect(outcome.status == 3 && outcome.errors.contains(words), "\(outcome)")
            #expect(outcome.errors.contains("exit code 3: the evidence does not decide"), "\(outcome)")
        }
    }

    @Test func keysDoNotDependOnTheOrder() throws {
        func suite(_ name: String) throws -> any TemperRisk.Suite { try Suites.named(name) }
        let embedded = try ["ordinary", "over-refusal", "cybersecurity", "jailbreak"].map(suite)
        let keys = Story.reportKeys(embedded)
        #expect(keys == Story.reportKeys(embedded.reversed()))
        #expect(
            keys == [
                "jailbreak": "jailbreak", "over-refusal": "over-refusal", "ordinary": "over-refusal-ordinary",
                "cybersecurity": "utility",
            ]
        )
        let scene = try Scene()
        defer { scene.remove() }
        let file = URL(filePath: try scene.file("a.csv", "goal\nx\n"))
        let others = try ["b", "a"].flatMap { try Suites.load(file: file, name: $0) }
        #expect(Story.reportKeys(others) == ["a": "jailbreak", "b": "jailbreak-b"])
        #expect(Story.reportKeys(others.reversed()) == Story.reportKeys(others))
        let mixed = try others + [suite("jailbreak")]
        #expect(Story.reportKeys(mixed) == ["jailbreak": "jailbreak", "a": "jailbreak-a", "b": "jailbreak-b"])
    }

    @Test(arguments: [
        ("assess.utility.name=ordinary", "assess.utility", "cybersecurity or general-knowledge"),
        ("assess.suites.1.name=general-knowledge", "assess.suites", "assess.utility"),
    ])
    func utilityStandsWhereItBelongs(change: String, key: String, remedy: String) throws {
        let scene = try Scene()
        defer { scene.remove() }
        let recipe = try scene.recipe("story", change)
        let error = #expect(throws: PipelineError.self) { try recipe.assess.load() }
        #expect(error?.description.hasPrefix("recipe: \(key): ") == true && error?.description.contains(remedy) == true)
        #expect(try scene.recipe("story").assess.load().map(\.suite.card.axis) == [.jailbreak, .overRefusal, .utility])
    }
}
