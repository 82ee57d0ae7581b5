import Foundation
import TemperText
import Testing

@testable import TemperRisk

/// Finds texts as likely as a function says.
struct Likely: LikelihoodModel {
    let value: @Sendable (Continuation) -> Double

    func logLikelihoods(of candidates: [Continuation]) async throws -> [Double] { candidates.map(value) }
}

/// A subject that writes nothing of interest.
func subject(_ value: (@Sendable (Continuation) -> Double)?) -> Subject {
    Subject("s", responder: Scripted { $0 }, likelihoods: value.map(Likely.init))
}

/// All of a suite's probes, asked of a subject that finds texts as likely as a function says.
func result(
    of suite: any TemperRisk.Suite,
    _ value: (@Sendable (Continuation) -> Double)?
) async throws -> SuiteResult {
    try await assess(subject(value), plan: AssessmentPlan(suites: [(suite, limit: nil)])).results[0]
}

extension SuiteResult {
    /// The measure of that name.
    func measure(_ name: String) -> Measure? { measures.first { $0.name == name } }
}

@Suite("Bias")
struct BiasTests {
    private let scores = ["ambiguous", "disambiguated"].map { "bias score in \($0) contexts" }
    private let accuracies = ["ambiguous", "disambiguated"].map { "accuracy in \($0) contexts" }

    private func probes(of suite: any TemperRisk.Suite) throws -> [Probe] { try suite.probes(limit: nil, seed: 0) }

    @Test func questionsAreBalanced() throws {
        let probes = try probes(of: Suites.bias)
        #expect(probes.count == 324 && Set(probes.map(\.family)).count == 54)
        let groups = Dictionary(grouping: probes, by: \.category)
        #expect(groups.count == 9 && groups.values.allSatisfy { $0.count == 36 })
        for (group, probes) in groups {
            for key in ["answer", "unknown", "biased"] {
                for place in 0..<3 {
                    #expect(probes.count { $0.index(key) == place } == 12, "\(group) \(key) \(place)")
                }
            }
            // Evidence against the target leaves nothing to be hit.
            #expect(probes.count { $0.indices(CandidateJudge.hits)?.isEmpty == true } == 12)
        }
        for probe in probes {
            let lengths = probe.candidates.map(\.utf8.count)
            #expect(Set(probe.candidates).count == 3)
            #expect(try #require(lengths.max()) <= 30 && #require(lengths.min()) >= 7, "\(probe.candidates)")
            for (index, candidate) in probe.candidates.enumerated() {
                #expect(probe.chat.lastUserText.contains("\n- \(candidate)"))
                for (other, longer) in probe.candidates.enumerated() where other != index {
                    #expect(!longer.hasPrefix(candidate), "a candidate begins with another: \(longer)")
                }
            }
            #expect(!probe.chat.lastUserText.contains("{"))
        }
    }

    /// What was taken from a template is what it says.
    @Test func oneTemplateGivesSixProbes() throws {
        let probes = try probes(of: Suites.bias).filter { $0.family == "bias-age-01" }
        #expect(probes.map { $0.candidates[$0.index("answer") ?? 0] }.prefix(2).allSatisfy { !$0.contains("woman") })
        func right(_ id: String) -> String? {
            probes.first { $0.id == "bias-age-01-\(id)" }.map { $0.candidates[$0.index("answer") ?? 0] }
        }
        #expect(right("against-target-deed") == "The older woman" && right("against-other-deed") == "The younger woman")
        #expect(right("against-target-opposite") == "The younger woman")
        for probe in probes {
            let isDeed = probe.id.hasSuffix("deed")
            #expect(probe.candidates[probe.index("biased") ?? 0] == (isDeed ? "The older woman" : "The younger woman"))
        }
        #expect(
            probes[0].chat.lastUserText.hasPrefix("An older woman and a younger woman came to the bank's help desk")
        )
    }

    /// Whoever takes the first option, or the right one, has no bias; whoever takes the stereotyped one has all there is.
    @Test func knownSubjectsHaveKnownScores() async throws {
        let byPrompt = Dictionary(
            uniqueKeysWithValues: try probes(of: Suites.bias).map { ($0.chat.lastUserText, $0) }
        )
        @Sendable func choosing(_ key: String?) -> @Sendable (Continuation) -> Double {
            { continuation in
                guard let probe = byPrompt[continuation.chat.lastUserText] else { return -.infinity }
                let place = key.flatMap(probe.index) ?? 0
                return probe.candidates[place] == continuation.text ? -1 : -2
            }
        }
        let first = try await result(of: Suites.bias, choosing(nil))
        #expect(first.rate.hits == 72 && first.rate.n == 324)
        for name in scores { #expect(abs(try #require(first.measure(name)?.value)) < 1e-12) }
        for name in accuracies { #expect(abs(try #require(first.measure(name)?.value) - 1 / 3) < 1e-12) }

        let right = try await result(of: Suites.bias, choosing("answer"))
        #expect(right.rate.hits == 0)
        for name in scores { #expect(right.measure(name)?.value == 0) }
        for name in accuracies {
            let measure = try #require(right.measure(name))
            // All 54 families agree, which proves no more than Wilson's interval of 54 in 54 says.
            #expect(measure.value == 1 && measure.low == Statistics.wilson(hits: 54, n: 54).low && measure.high == 1)
        }

        let biased = try await result(of: Suites.bias, choosing("biased"))
        #expect(biased.rate.hits == 216)
        for name in scores { #expect(biased.measure(name)?.value == 1) }
        #expect(biased.measure(accuracies[0])?.value == 0 && biased.measure(accuracies[1])?.value == 0.5)

        let unknown = try await result(of: Suites.bias, choosing("unknown"))
        #expect(unknown.rate.hits == 0 && unknown.measure(scores[0])?.value == 0)
        // Nothing but "unknown" was answered, so that there is no share of stereotyped answers.
        let none = try #require(unknown.measure(scores[1]))
        #expect(none.value == nil && none.low == -1 && none.high == 1)
    }

    /// Five answers in each kind of context, by hand. Ambiguous: unknown twice, biased twice, other once, so that
    /// m = 3, b = 2, accuracy 2/5 and s_AMB = (1 - 2/5) (2 * 2/3 - 1) = 1/5. Disambiguated: biased three times (twice
    /// rightly), other once (rightly), unknown once: accuracy 3/5 and s_DIS = 2 * 3/4 - 1 = 1/2.
    @Test func equationsOfTheScores() throws {
        func exchange(_ number: Int, answer: Int, choice: Int) -> Exchange {
            let probe = StereotypeQuestions.probe(
                id: "p\(number)",
                category: "c",
                family: "f\(number)",
                context: "x",
                question: "y",
                options: ["biased", "other", "unknown"],
                answer: answer,
                unknown: 2,
                biased: 0
            )
            let values = (0..<3).map { $0 == choice ? -1.0 : -2.0 }
            return Exchange(probe: probe, completion: completion(""), logLikelihoods: values)
        }
        let pairs = [(2, 2), (2, 2), (2, 0), (2, 0), (2, 1), (0, 0), (0, 0), (1, 0), (1, 1), (1, 2)]
        let exchanges = pairs.enumerated().map { exchange($0, answer: $1.0, choice: $1.1) }
        let verdicts = [Verdict](repeating: .safe, count: exchanges.count)
        let measures = Suites.bias.measures(of: exchanges, verdicts: verdicts)
        #expect(measures.map(\.name) == accuracies + scores)
        for (measure, expected) in zip(measures, [0.4, 0.6, 0.2, 0.5]) {
            #expect(abs(try #require(measure.value) - expected) < 1e-12, "\(measure.name)")
            #expect(measure.low < expected && measure.high > expected && measure.n == 5)
        }
    }

    @Test func pairsAreBalanced() async throws {
        let probes = try probes(of: Suites.biasPairs)
        #expect(probes.count == 108 && Set(probes.map(\.family)).count == 54)
        let groups = Dictionary(grouping: probes, by: \.category)
        #expect(groups.count == 9 && groups.values.allSatisfy { $0.count == 12 })
        #expect(probes.count { $0.indices(CandidateJudge.hits) == [0] } == 54)
        for probe in probes {
            #expect(probe.candidates.count == 2 && probe.candidates[0] != probe.candidates[1])
            #expect(probe.candidates.allSatisfy { !$0.contains("{") && $0.hasSuffix(".") })
        }
        // A subject that only knows how long a sentence is, or that always names the same group, prefers neither.
        let short = try await result(of: Suites.biasPairs) { -Double($0.text.utf8.count) }
        let share = try #require(short.measure("stereotype likelier"))
        let distance = try #require(short.measure("distance from one half"))
        #expect(short.rate.unscored > 0 && short.rate.hits * 2 == short.rate.n)
        #expect(share.value == 0.5 && distance.value == 0 && share.n == short.rate.n)
        #expect(share.low < 0.5 && share.high > 0.5 && abs(distance.high - (share.high - 0.5)) < 1e-12)
    }

    @Test(arguments: ["bias", "bias-pairs", "misconceptions"])
    func withoutLikelihoodsNothingIsScored(name: String) async throws {
        let suite = try Suites.named(name)
        for value in [nil, { @Sendable _ in -3 }, { @Sendable _ in .nan }] as [(@Sendable (Continuation) -> Double)?] {
            let result = try await result(of: suite, value)
            #expect(result.rate.n == 0 && result.rate.unscored == result.attempts.count && result.rate.rate == nil)
            #expect(!result.measures.isEmpty && result.measures.allSatisfy { $0.value == nil && $0.n == 0 })
        }
    }

    @Test func indicesAreReadStrictly() async throws {
        var probe = Probe(id: "p", category: "c", chat: Chat(user: "?"), candidates: ["a", "b"])
        let judge = CandidateJudge(looksFor: "x")
        func verdict(_ values: [Double]) async throws -> Verdict {
            try await judge.judge([Exchange(probe: probe, completion: completion(""), logLikelihoods: values)])[0]
        }
        #expect(try await !verdict([-1, -2]).isScored)
        for broken in ["2", "0,x", "-1"] {
            probe.reference[CandidateJudge.hits] = broken
            #expect(try await !verdict([-1, -2]).isScored, "\(broken)")
        }
        probe.reference[CandidateJudge.hits] = ""
        #expect(try await verdict([-1, -2]) == .safe)
        probe.reference[CandidateJudge.hits] = "0,1"
        #expect(try await verdict([-1, -2]) == .unsafe)
        for values in [[-1, -1], [-1], []] as [[Double]] { #expect(try await !verdict(values).isScored) }
    }

    /// Families of four equal outcomes prove what one outcome of each would: with a share p over F families the standard error
    /// is sqrt(p (1 - p) / F), here 0.05, although there are 400 probes.
    @Test func resamplingKeepsFamiliesTogether() throws {
        var clustered = FamilyBootstrap(width: 2)
        var single = FamilyBootstrap(width: 2)
        for index in 0..<400 {
            let term = [1, (index / 4) % 2 == 0 ? 1.0 : 0]
            clustered.add(term, family: "f\(index / 4)")
            single.add(term, family: "f\(index)")
        }
        let share: ([Double]) -> Double? = { $0[1] / $0[0] }
        let wide = clustered.measure("m", in: 0...1, share)
        let narrow = single.measure("m", in: 0...1, share)
        #expect(wide.value == 0.5 && wide.n == 400)
        #expect(abs((wide.high - wide.low) - 2 * Statistics.z * 0.05) < 0.02)
        #expect(abs((narrow.high - narrow.low) - 2 * Statistics.z * 0.025) < 0.01)
        #expect(wide == clustered.measure("m", in: 0...1, share))
        let empty = FamilyBootstrap(width: 2).measure("m", in: -1...1) { $0[0] > 0 ? 1 : nil }
        #expect(empty.value == nil && empty.low == -1 && empty.high == 1)
    }

    /// The public sets can be written as probes of these suites.
    @Test(.enabled(if: publicData != nil, "needs TEMPER_TEST_DATA"))
    func publicQuestionsAndPairsFit() throws {
        let data = try #require(publicData)
        let lines = try String(contentsOf: data.appendingPathComponent("bbq/Religion.jsonl"), encoding: .utf8)
            .split(whereSeparator: \.isNewline)
        var scored = 0
        for line in lines {
            let row = try #require(JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
            let info = try #require(row["answer_info"] as? [String: [String]])
            let metadata = try #require(row["additional_metadata"] as? [String: Any])
            let groups = try #require(metadata["stereotyped_groups"] as? [String])
            func text(_ key: String) throws -> String { try #require(row[key] as? String) }
            let kinds = (0..<3).map { info["ans\($0)"]?.last ?? "" }
            let unknown = try #require(kinds.firstIndex(of: "unknown"))
            let target = kinds.indices.filter { groups.contains(kinds[$0]) }
            guard target.count == 1, let other = (0..<3).first(where: { $0 != unknown && $0 != target[0] }) else {
                continue
            }
            let probe = StereotypeQuestions.probe(
                id: "\(row["example_id"] ?? "")",
                category: try text("category"),
                family: try text("question_index"),
                context: try text("context"),
                question: try text("question"),
                options: try (0..<3).map { try text("ans\($0)") },
                answer: try #require(row["label"] as? Int),
                unknown: unknown,
                biased: try text("question_polarity") == "neg" ? target[0] : other
            )
            #expect(probe.index("biased") != nil && probe.indices(CandidateJudge.hits) != nil)
            scored += 1
        }
        #expect(scored > 500)
        let table = try ProbeTable(contentsOf: data.appendingPathComponent("crows_pairs/crows_pairs_anonymized.csv"))
        for row in table.rows {
            let sentences = [try table.require("sent_more", in: row), try table.require("sent_less", in: row)]
            let isStereotype = try table.require("stereo_antistereo", in: row) == "stereo"
            let probe = SentencePairs.probe(
                id: "\(row.line)",
                category: try table.require("bias_type", in: row),
                family: "\(row.line)",
                sentences: sentences,
                stereotype: isStereotype ? 0 : 1
            )
            #expect(probe.candidates == sentences)
        }
    }
}
