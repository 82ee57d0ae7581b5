import Foundation
import TemperReport
import TemperRisk
import Testing

@testable import TemperPipeline

/// The policy file, and the program's exit codes on runs that pass, fail and say too little.
@Suite struct GatePolicyTests {
    @Test func whatIsWrittenIsReadAgain() throws {
        #expect(try GatePolicy.parse(GatePolicy.standard.yaml, file: "gate.yaml") == .standard)
        let policy = GatePolicy(
            subject: "tuned@64",
            minimumN: 7,
            maximumUnscored: 0,
            rules: [
                .init(id: "1", metric: "jailbreak", demand: .atMost(0.05, .point), subject: "yes", minimumN: 3),
                .init(id: "b: c", metric: "utility", demand: .atLeast(12.5, .interval)),
                .init(id: "d", metric: "over-refusal", demand: .noRegression(alpha: 0.001)),
                .init(id: "e", metric: "bias", demand: .margin(0)),
            ],
            acceptances: [.init(rule: "1", reason: "é \"q\" \\ # ${HOME} -", owner: "- a", expires: "2030-02-28")]
        )
        #expect(try GatePolicy.parse(policy.yaml, file: "gate.yaml") == policy)
    }

    @Test func shortFormsHaveDefaults() throws {
        let policy = try GatePolicy.parse("rules:\n- {metric: jailbreak, at_most: 0.1}\n", file: "gate.yaml")
        #expect(policy.subject == "tuned" && policy.minimumN == 40 && policy.maximumUnscored == 0.1)
        #expect(policy.rules == [.init(id: "jailbreak-at-most", metric: "jailbreak", demand: .atMost(0.1, .interval))])
    }

    @Test(arguments: [
        ("rulse: []", "gate.yaml:1: `rulse`: unknown key; did you mean `rules`?"),
        ("rules: []", "`rules`: found none, expected a rule or more"), ("subject: tuned", "`rules`: missing"),
        (
            "rules: [{metric: jailbreak}]",
            "found it without a demand, expected beside it one of at_most, at_least, no_regression, margin"
        ),
        ("rules: [{metric: jailbreak, at_most: 0.1, margin: 0.2}]", "found at_most and margin"),
        ("rules: [{metric: jailbreak, at_least: 0.1}]", "`rules.0.at_least`: found it on a risk, expected at_most"),
        ("rules: [{metric: cybersecurity, at_least: 0.1}]", "`rules.0.metric`: found cybersecurity, expected utility"),
        ("rules: [{metric: utility, at_most: 0.9}]", "`rules.0.at_most`: found it on utility, expected at_least"),
        ("rules: [{metric: jailbreak, at_most: 20}]", "`rules.0.at_most`: found 20, expected a number, 0 to 1"),
        ("rules: [{metric: jailbreak, at_most: 0.1, using: upper}]", "expected one of interval, point"),
        ("rules: [{metric: jailbreak, margin: 0.1, using: point}]", "beside at_most or at_least only"),
        ("rules: [{metric: jailbreak, margin: 0.1, alpha: 0.1}]", "beside no_regression only"),
        ("rules: [{metric: jailbreak, no_regression: false}]", "leave the rule out"),
        ("rules: [{metric: a, margin: 0}, {metric: a, margin: 1}]", "`rules.1.id`: found a-margin, which another"),
        ("rules: [{metric: a, margin: 0, model: m}]", "unknown key"),
        ("min_n: 0\nrules: [{metric: a, margin: 0}]", "`min_n`: found 0, expected a whole number, 1 to 1000000"),
        ("rules: [{at_most: 0.1}]", "`rules.0.metric`: missing"),
    ])
    func mistakesNameTheirRemedy(yaml: String, message: String) {
        expect(yaml, message)
    }

    @Test(arguments: [
        ("{rule: a-margin, owner: o, expires: 2030-01-01}", "`accept.0.reason`: missing; set it to why"),
        ("{rule: a-margin, reason: ' ', owner: o, expires: 2030-01-01}", "`accept.0.reason`: missing"),
        ("{rule: a-margin, reason: r, expires: 2030-01-01}", "`accept.0.owner`: missing"),
        ("{rule: a-margin, reason: r, owner: o}", "`accept.0.expires`: missing"),
        ("{rule: a-margin, reason: r, owner: o, expires: 2030-02-31}", "expected a day such as 2030-01-31"),
        ("{rule: a-margin, reason: r, owner: o, expires: never}", "expected a day such as 2030-01-31"),
        ("{rule: b, reason: r, owner: o, expires: 2030-01-01}", "found b, expected one of a-margin"),
    ])
    func acceptancesNeedEverything(acceptance: String, message: String) {
        expect("rules: [{metric: a, margin: 0}]\naccept: [\(acceptance)]", message)
    }

    private func expect(_ yaml: String, _ message: String) {
        #expect {
            try GatePolicy.parse(yaml, file: "gate.yaml")
        } throws: { error in
            error is RecipeError && "\(error)".contains(message)
        }
    }

    /// The page's example is a policy, and every key has its row.
    @Test func thePageIsRight() throws {
        let page = try String(contentsOf: Scene.root.appending(path: "Docs/gate.md"), encoding: .utf8)
        let example = try #require(page.components(separatedBy: "```yaml\n").dropFirst().first)
        let policy = try GatePolicy.parse(String(example.prefix { $0 != "`" }), file: "gate.md")
        #expect(
            policy.rules.map(\.id) == [
                "jailbreak-at-most", "jailbreak-no-regression", "over-refusal-margin", "utility-at-least",
            ]
        )
        #expect(policy.acceptances.map(\.rule) == ["jailbreak-at-most"])
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `") }
        for key in GatePolicy.keys + GatePolicy.Rule.keys + GatePolicy.acceptanceKeys {
            #expect(rows.contains { $0.contains("`\(key)`") }, "\(key) has no row")
        }
    }

    // MARK: What rules are about

    private static let measured: [GatePolicy.Metric] = [
        .init(key: "jailbreak", suite: "jailbreak"), .init(key: "over-refusal-ordinary", suite: "ordinary"),
        .init(key: "bias-mine", suite: "mine"), .init(key: "utility", suite: "rows"),
    ]

    private func policy(_ metric: String) -> GatePolicy {
        GatePolicy(rules: [.init(id: "r", metric: metric, demand: .margin(0.1))])
    }

    /// A key stands for itself, a suite's name for its key; what a run could have measured is left to the gate.
    @Test(arguments: [
        ("jailbreak", "jailbreak"), ("ordinary", "over-refusal-ordinary"), ("mine", "bias-mine"),
        ("utility", "utility"), ("over-refusal-ordinary", "over-refusal-ordinary"), ("toxicity", "toxicity"),
        ("bias-pairs", "bias-pairs"),
        ("misconceptions", "misconceptions"), ("harmbench", "harmbench"), ("jailbreak-advbench", "jailbreak-advbench"),
        ("over-refusal-xstest-safe", "over-refusal-xstest-safe"), ("jailbreak+base64", "jailbreak+base64"),
        ("advbench+base64+prefill", "advbench+base64+prefill"), ("acme-fraud", "acme-fraud"),
        ("acme-fraud+base64", "acme-fraud+base64"),
    ])
    func metricsHaveTwoNames(name: String, key: String) throws {
        #expect(try policy(name).named(as: Self.measured).rules.map(\.metric) == [key])
    }

    /// These are meant to be other names.
    @Test(arguments: [
        ("jailbrake", "jailbreak"), ("ordinery", "ordinary"), ("over-refusal-ordinery", "over-refusal-ordinary"),
        ("biass", "bias"), ("", nil),
        // Of the utility more is better, which a rule has to know when its limit is read.
        ("rows", "utility"),
    ])
    func aNameOfNothingIsAMistake(name: String, nearest: String?) throws {
        #expect {
            try policy(name).named(as: Self.measured)
        } throws: { error in
            guard case .unknownMetric(name, "r", let found, Self.measured)? = error as? GateError else { return false }
            let text = "\(error)"
            return (nearest == nil || found == nearest && text.contains("did you mean `\(nearest ?? "")`?"))
                && text.contains("over-refusal-ordinary (the suite ordinary), bias-mine (the suite mine)")
        }
    }

    /// With as many answers without a grade as a policy allows, every suite of the demonstration has the `min_n` of one.
    @Test func theDemonstrationAsksEnough() throws {
        let recipe = try Recipe.load(Scene.root.appending(path: "recipes/demo.yaml"))
        for suite in recipe.assess.suites + [recipe.assess.utility].compactMap({ $0 }) {
            let asked = try suite.load().map { try $0.probes(limit: suite.limit, seed: recipe.seed).count }.min() ?? 0
            let graded = Double(asked) * (1 - GatePolicy.standard.maximumUnscored)
            #expect(graded >= Double(GatePolicy.standard.minimumN), "\(suite.name) asks \(asked)")
        }
    }

    // MARK: The program

    private func report(n: Int, tunedHits: Int) throws -> Data {
        func rate(_ hits: Int) -> RunReport.Rate {
            .init(
                rate: Double(hits) / Double(n),
                n: n,
                low: max(0, Double(hits) / Double(n) - 0.05),
                high: min(1, Double(hits) / Double(n) + 0.05)
            )
        }
        func subject(_ name: String, _ kind: RunReport.Subject.Kind, _ hits: Int) -> RunReport.Subject {
            .init(
                name: name,
                kind: kind,
                step: kind == .checkpoint ? 8 : nil,
                axes: ["jailbreak": rate(hits), "over-refusal": rate(0)],
                utility: .init(metric: "accuracy", value: 0.5, n: n, low: 0.4, high: 0.6)
            )
        }
        let comparisons = ["jailbreak", "over-refusal", "utility"].map { axis in
            let worse = axis == "jailbreak" ? tunedHits : 0
            return RunReport.Comparison(
                base: "aligned",
                subject: "tuned@8",
                axis: axis,
                n: n,
                ratio: nil,
                ratioLow: nil,
                ratioHigh: nil,
                difference: Double(worse) / Double(n),
                low: Double(worse) / Double(n) - 0.05,
                high: min(1, Double(worse) / Double(n) + 0.05),
                p: nil,
                flips: .init(safeToUnsafe: worse, unsafeToSafe: 0)
            )
        }
        return try RunReport(
            name: "by hand",
            model: .init(name: "m", path: "m.gguf", sha256: "", parameters: 1, dtype: "float32"),
            created: Date(timeIntervalSince1970: 1_780_000_000),
            subjects: [subject("aligned", .reference, 0), subject("tuned@8", .checkpoint, tunedHits)],
            comparisons: comparisons
        ).json()
    }

    /// A report that would pass, and one number in it changed.
    @Test func aReportThatContradictsItselfIsNeverAPass() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let whole = try RunReport(json: report(n: 60, tunedHits: 1))
        let damages: [(inout RunReport) -> Void] = [
            { $0.subjects[1].axes["jailbreak"]?.rate = 1.2 },
            { $0.subjects[1].axes["jailbreak"]?.rate = 0.01 },
            { $0.subjects[1].axes["jailbreak"]?.high = 0.001 },
            { $0.subjects[1].axes["jailbreak"]?.n = -60 },
            { $0.subjects[1].axes["jailbreak"]?.n = 0 },
            { $0.subjects[1].axes["jailbreak"]?.rate = .nan },
            { $0.subjects[1].axes["jailbreak"]?.low = .nan },
            { $0.subjects[1].axes["jailbreak"]?.unscored = -1 },
            { $0.subjects[1].axes["jailbreak"]?.worstHigh = .nan },
            { $0.subjects[1].axes["jailbreak"]?.effectiveN = 61 },
            { $0.subjects[1].utility?.value = 0.9 },
            { $0.subjects[1].utility?.value = nil },
            { $0.comparisons[0].flips.safeToUnsafe = 0 },
            { $0.comparisons[0].flips = .init(safeToUnsafe: 31, unsafeToSafe: 30) },
            { $0.comparisons[0].flips.unsafeToSafe = -1 },
            { $0.comparisons[0].difference = 0 },
            { $0.comparisons[0].high = -0.1 },
            { $0.comparisons[0].p = 1.5 },
            { $0.comparisons[0].baseRate = 0.51 },
            { $0.comparisons[2].difference = .infinity },
        ]
        for (index, damage) in damages.enumerated() {
            var report = whole
            damage(&report)
            let file = URL(filePath: try scene.file("report-\(index).json", report.json()))
            #expect {
                try ReportFiles.read(file: file)
            } throws: { error in
                guard case PipelineError.contradictoryReport = error else { return false }
                return "\(error)".contains(file.lastPathComponent) && "\(error)".contains("jailbreak of `tuned@8`")
                    || "\(error)".contains("utility of `tuned@8`")
            }
        }
        // On utility a flip for the worse lowers the rate.
        var turned = whole
        turned.comparisons[2].flips = .init(safeToUnsafe: 3, unsafeToSafe: 0)
        turned.comparisons[2].difference = -3.0 / 60
        #expect(turned.contradiction == nil && whole.contradiction == nil)
        let damaged = try Program.run("gate", scene.folder.appending(path: "report-0.json").path)
        #expect(damaged.status == 3 && damaged.output.isEmpty, "\(damaged)")
        #expect(damaged.errors.contains("the rate 1.2 is not in ["), "\(damaged)")
    }

    @Test func theProgramEndsWithTheVerdict() throws {
        let scene = try Scene()
        defer { scene.remove() }
        for (n, hits, code) in [(60, 57, 1), (60, 1, 0), (5, 5, 3), (5, 0, 3)] {
            let file = try scene.file("report.json", try report(n: n, tunedHits: hits))
            let outputs = ["junit.xml", "gate.sarif", "gate.md", "gate.json", "gate.svg"].map {
                scene.folder.appending(path: $0).path
            }
            let result = try Program.run(
                "gate",
                file,
                "--output",
                outputs[0],
                "--output",
                outputs[1],
                "--output",
                outputs[2],
                "--output",
                outputs[3],
                "--output",
                outputs[4]
            )
            #expect(result.status == Int32(code), "\(result.output) \(result.errors)")
            #expect(result.output.hasPrefix("gate by hand: ") && result.errors.isEmpty)
            let json =
                try JSONSerialization.jsonObject(with: Data(contentsOf: URL(filePath: outputs[3]))) as? [String: Any]
            #expect(json?["exit_code"] as? Int == code)
            for output in outputs { #expect(FileManager.default.fileExists(atPath: output)) }
            #expect(
                try Program.run("gate", file, "--format", "json").output
                    == String(contentsOfFile: outputs[3], encoding: .utf8)
            )
        }
        let file = try scene.file("report.json", try report(n: 60, tunedHits: 1))
        // What is printed decides nothing about files whose endings say what they are.
        let both = scene.folder.appending(path: "both.json").path
        let printedFormat = try Program.run("gate", file, "--format", "markdown", "--output", both)
        #expect(printedFormat.status == 0 && printedFormat.output.contains("| "))
        #expect(try String(contentsOfFile: both, encoding: .utf8).hasPrefix("{"))
        #expect(try Program.run("gate", file, "--subject", "tunde").status == 2)
        #expect(try Program.run("gate", file, "--output", "x.y").status == 2)
        #expect(try Program.run("gate").status == 2)
        let policy = try scene.file("gate.yaml", "rules: [{metric: jailbreak, at_mots: 0.1}]")
        let mistake = try Program.run("gate", file, "--policy", policy)
        #expect(mistake.status == 2 && mistake.errors.contains("did you mean `at_most`?"))
        for (metric, code, words) in [
            ("jailbrake", 2, "did you mean `jailbreak`?"), ("toxicity", 3, "toxicity was not measured; the report has"),
        ] {
            let policy = try scene.file("gate.yaml", "rules: [{metric: \(metric), at_most: 0.1}]")
            let found = try Program.run("gate", file, "--policy", policy)
            #expect(found.status == Int32(code), "\(found)")
            let text = (found.output + found.errors).split(whereSeparator: \.isWhitespace).joined(separator: " ")
            #expect(text.contains(words) && text.contains("jailbreak, over-refusal, utility"), "\(found)")
        }
        let printed = try Program.run("gate", "--print-policy")
        #expect(printed.status == 0 && printed.output == GatePolicy.standard.yaml)
    }
}
