import Foundation
import Testing

@testable import TemperReport

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// Verdict, exit code, badge, JUnit, SARIF, Markdown and JSON say the same, for any policy and any report.
@Suite struct GateFormatTests {
    @Test(arguments: 0..<200)
    func allFormatsAgree(seed: Int) throws {
        var random = Lottery(state: UInt64(seed))
        var report = Self.report(&random)
        let policy = Self.policy(&random)
        let controls = (0..<random.pick(0...2)).map { index in
            GateResult.Control(name: "control <\(index)>", passed: random.pick(0...3) > 0, detail: Sample.hostileAnswer)
        }
        report.controls = controls.map(Sample.control)
        let result = try Gate.evaluate(report, against: policy, today: report.created)
        let isVoid = controls.contains { !$0.passed }

        // The verdict follows from the outcomes, and nothing is a pass without evidence.
        #expect(result.criteria.count == policy.rules.count)
        switch result.verdict {
        case .pass:
            #expect(!result.criteria.isEmpty && result.count(.pass) + result.count(.accepted) == result.criteria.count)
        case .fail: #expect(result.count(.fail) > 0)
        case .notEnoughEvidence: #expect(result.count(.fail) == 0)
        }
        for (criterion, rule) in zip(result.criteria, policy.rules) where criterion.outcome != .notEnoughEvidence {
            #expect(criterion.n >= max(1, rule.minimumN ?? policy.minimumN))
        }
        #expect(!isVoid || result.verdict == .notEnoughEvidence)
        #expect([.pass: 0, .fail: 1, .notEnoughEvidence: 3][result.verdict] == result.verdict.exitCode)

        // JUnit.
        let junit = try XMLCounts(result.junit)
        #expect(junit.elements["failure", default: 0] == result.count(.fail))
        #expect(junit.attributes["testsuites"]?["failures"] == String(result.count(.fail)))
        #expect(junit.attributes["testsuite"]?["errors"] == String(junit.elements["error", default: 0]))
        #expect(junit.attributes["testsuite"]?["skipped"] == String(junit.elements["skipped", default: 0]))
        #expect(junit.attributes["testsuite"]?["tests"] == String(junit.elements["testcase", default: 0]))
        #expect((junit.elements["failure", default: 0] > 0) == (result.verdict == .fail))
        let isSpotless = junit.elements["failure", default: 0] + junit.elements["error", default: 0] == 0
        #expect((isSpotless && !result.criteria.isEmpty) == (result.verdict == .pass))

        // SARIF.
        let results = try Self.checkedSARIF(result.sarif(location: "runs/a run/recipe.yaml", version: "0.1.0"))
        let levels = results.compactMap { $0["level"] as? String }
        #expect(levels.count { $0 == "error" } == result.count(.fail))
        #expect(levels.count { $0 == "warning" } == result.count(.notEnoughEvidence))
        #expect(levels.count { $0 == "note" } == result.count(.accepted))

        // Badge, Markdown, table, JSON.
        #expect(try XMLCounts(result.badge).text.contains(result.verdict.words))
        #expect(result.markdown.hasPrefix("### Safety gate: \(result.verdict.words)\n"))
        #expect(!result.markdown.contains("<script") && !result.table().contains("\u{1B}"))
        #expect(result.markdown.split(separator: "\n").count { $0.hasPrefix("|") } == policy.rules.count + 2)
        let json = try #require(JSONSerialization.jsonObject(with: Data(result.json.utf8)) as? [String: Any])
        #expect(json["verdict"] as? String == result.verdict.rawValue)
        #expect(json["exit_code"] as? Int == Int(result.verdict.exitCode))
        #expect(
            (json["criteria"] as? [[String: Any]])?.map { $0["outcome"] as? String }
                == result.criteria.map(\.outcome.rawValue)
        )
        #expect(result.headline.hasPrefix(result.verdict.words))
    }

    /// Both verdicts, and the third, come up often enough above.
    @Test func theLotteryIsFair() throws {
        var seen: [GateResult.Verdict: Int] = [:]
        var baselines: Set<GateResult.Baseline> = []
        for seed in 0..<200 {
            var random = Lottery(state: UInt64(seed))
            let report = Self.report(&random)
            let result = try Gate.evaluate(report, against: Self.policy(&random), today: report.created)
            seen[result.verdict, default: 0] += 1
            baselines.formUnion(result.criteria.compactMap(\.baseline))
        }
        #expect(seen.values.allSatisfy { $0 > 10 } && seen.count == 3, "\(seen)")
        #expect(baselines == [.new, .unchanged, .updated])
    }

    @Test func jsonTextIsEscapedAndOrdered() {
        let text: JSONText = [
            "b": ["x\"\\\n\u{1}\u{202E}é"], "a": .list([]), "c": .number(.nan), "d": .number(0.1), "e": .number(-3),
        ]
        #expect(text.compact == #"{"b":["x\"\\\n\u0001\u202eé"],"a":[],"c":null,"d":0.1,"e":-3}"#)
        #expect(JSONText.object([("k", .list([.integer(1)]))]).text == "{\n  \"k\": [\n    1\n  ]\n}\n")
        #expect(Markdown.text("a|b\n<b>*_`[x](y)") == "a\\|b &lt;b&gt;\\*\\_\\`\\[x\\](y)")
    }

    /// The parts of SARIF 2.1.0's schema that this document uses: required members, types and enumerations.
    static func checkedSARIF(_ text: String) throws -> [[String: Any]] {
        let log = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(log["version"] as? String == "2.1.0" && (log["$schema"] as? String)?.contains("sarif-2.1.0") == true)
        let runs = try #require(log["runs"] as? [[String: Any]])
        let run = try #require(runs.first)
        let driver = try #require((run["tool"] as? [String: Any])?["driver"] as? [String: Any])
        #expect(driver["name"] as? String == "temper")
        let rules = try #require(driver["rules"] as? [[String: Any]])
        for rule in rules {
            #expect(rule["id"] is String)
            for key in ["shortDescription", "fullDescription", "help"] {
                #expect((rule[key] as? [String: Any])?["text"] is String)
            }
            let level = (rule["defaultConfiguration"] as? [String: Any])?["level"] as? String
            #expect(["none", "note", "warning", "error"].contains(level))
        }
        for invocation in run["invocations"] as? [[String: Any]] ?? [] {
            #expect(invocation["executionSuccessful"] is Bool)
        }
        let results = try #require(run["results"] as? [[String: Any]])
        for result in results {
            #expect(["none", "note", "warning", "error"].contains(result["level"] as? String))
            #expect((result["message"] as? [String: Any])?["text"] is String)
            if let state = result["baselineState"] {
                #expect(["new", "unchanged", "updated", "absent"].contains(state as? String))
            }
            let index = try #require(result["ruleIndex"] as? Int)
            #expect(rules[index]["id"] as? String == result["ruleId"] as? String)
            let locations = try #require(result["locations"] as? [[String: Any]])
            let place = try #require(locations.first?["physicalLocation"] as? [String: Any])
            let uri = try #require((place["artifactLocation"] as? [String: Any])?["uri"] as? String)
            #expect(URL(string: uri) != nil && !uri.contains(" "))
            #expect((place["region"] as? [String: Any])?["startLine"] as? Int == 1)
            for suppression in result["suppressions"] as? [[String: Any]] ?? [] {
                #expect(["inSource", "external"].contains(suppression["kind"] as? String))
                #expect(["accepted", "underReview", "rejected"].contains(suppression["status"] as? String))
            }
            #expect((result["partialFingerprints"] as? [String: String])?.isEmpty == false)
        }
        return results
    }

    // MARK: Anything

    static func report(_ random: inout Lottery) -> RunReport {
        var report = Sample.report
        report.name = random.pick(0...3) == 0 ? Sample.hostileAnswer : "run"
        func rate(_ random: inout Lottery) -> RunReport.Rate {
            let n = random.pick(0...200)
            guard n > 0 else { return .init(rate: nil, n: 0, low: 0, high: 1, unscored: 7) }
            let ceiling = random.pick(0...1) == 0 ? n / 10 : n
            return Sample.rate(random.pick(0...ceiling), of: n, unscored: random.pick(0...4) == 0 ? n / 4 : 0)
        }
        report.comparisons = []
        for index in report.subjects.indices {
            for axis in ["jailbreak", "over-refusal"] {
                report.subjects[index].axes[axis] = random.pick(0...9) == 0 ? nil : rate(&random)
            }
            for axis in ["jailbreak", "over-refusal", "utility"] where random.pick(0...5) > 0 {
                let n = random.pick(0...200)
                let worse = random.pick(0...(n / 2))
                let better = random.pick(0...(n / 2))
                let difference = n == 0 ? 0 : Double(worse - better) / Double(n)
                report.comparisons.append(
                    .init(
                        base: "aligned",
                        subject: report.subjects[index].name,
                        axis: axis,
                        n: n,
                        unscored: [n, n / 12, 0, 0, 0, 0, 0, 0, 0, 0][random.pick(0...9)],
                        ratio: nil,
                        ratioLow: nil,
                        ratioHigh: nil,
                        difference: n == 0 ? nil : difference,
                        low: max(-1, difference - 0.1),
                        high: min(1, difference + 0.1),
                        p: difference == 0 ? 1 : 0.01,
                        flips: .init(safeToUnsafe: worse, unsafeToSafe: better)
                    )
                )
            }
        }
        return report
    }

    static func policy(_ random: inout Lottery) -> GatePolicy {
        let metrics = ["jailbreak", "jailbreak", "over-refusal", "utility", "nothing"]
        let count = random.pick(0...5)
        let rules = (0..<count).map { index in
            let share = Double(random.pick(0...100)) / 100
            let demands: [GatePolicy.Demand] = [
                .atMost(share, .interval), .atMost(share, .point), .atLeast(share / 4, .interval),
                .atLeast(share / 4, .point), .noRegression(alpha: 0.05), .margin(share),
            ]
            return GatePolicy.Rule(
                id: "rule-\(index)",
                metric: metrics[random.pick(0...(random.pick(0...3) == 0 ? 4 : 2))],
                demand: demands[random.pick(0...5)],
                minimumN: random.pick(0...3) == 0 ? random.pick(1...100) : nil
            )
        }
        let accepted = rules.filter { _ in random.pick(0...2) == 0 }.map { rule in
            GatePolicy.Acceptance(
                rule: rule.id,
                reason: Sample.hostileAnswer,
                owner: "a | b <c>",
                expires: random.pick(0...1) == 0 ? "2020-01-01" : "2030-01-01"
            )
        }
        let subjects = ["tuned", "best", "reference", "base", "tuned@8", "mixed-data"]
        return GatePolicy(
            subject: subjects[random.pick(0...5)],
            minimumN: [0, 1, 1, 5, 40][random.pick(0...4)],
            rules: rules,
            acceptances: accepted
        )
    }
}

/// Numbers that are the same in every run of the tests (SplitMix64).
struct Lottery {
    var state: UInt64

    mutating func pick(_ range: ClosedRange<Int>) -> Int {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return range.lowerBound + Int((z ^ (z >> 31)) % UInt64(range.count))
    }
}

/// How often each element stands in a well-formed document, and its first attributes.
private final class XMLCounts: NSObject, XMLParserDelegate {
    private(set) var elements: [String: Int] = [:]
    private(set) var attributes: [String: [String: String]] = [:]
    private(set) var text = ""

    init(_ document: String) throws {
        super.init()
        let parser = XMLParser(data: Data(document.utf8))
        parser.delegate = self
        #expect(parser.parse(), "\(parser.parserError.map { "\($0)" } ?? "") in \(document.prefix(400))")
    }

    func parser(
        _ parser: XMLParser,
        didStartElement name: String,
        namespaceURI: String?,
        qualifiedName: String?,
        attributes values: [String: String]
    ) {
        elements[name, default: 0] += 1
        if attributes[name] == nil { attributes[name] = values }
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
}
