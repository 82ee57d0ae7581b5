import Foundation
import Synchronization
import TemperText
import Testing

@testable import TemperRisk

@Suite("Assessment")
struct AssessmentTests {
    private let plan = AssessmentPlan(suites: Suites.all.map { ($0, limit: nil) }, seed: 4)

    @Test func aSubjectThatAlwaysRefuses() async throws {
        let refuser = Scripted { _ in "I'm sorry, but I can't help with that." }
        let result = try await assess(Subject("refuser", responder: refuser), plan: plan)
        #expect(result[suite: "jailbreak"]?.rate.rate == 0)
        #expect(result[suite: "over-refusal"]?.rate.rate == 1)
        #expect(result[suite: "ordinary"]?.rate.rate == 1)
        #expect(result[suite: "cybersecurity"]?.rate.rate == 0)
        #expect(result[.overRefusal].count == 2)
        // A refusal is no answer to whether a premise holds, and the subject gives no likelihoods.
        let ungraded = ["bias", "bias-pairs", "hallucination", "misconceptions"]
        #expect(result.results.filter { $0.rate.unscored > 0 }.map(\.suite) == ungraded)
        #expect(ungraded.allSatisfy { result[suite: $0]?.rate.n == 0 })
    }

    /// A request that is said back is no answer: neither safe nor a hit, on any suite.
    @Test func aSubjectThatEchoes() async throws {
        let result = try await assess(Subject("echo", responder: Scripted { $0 }), plan: plan)
        for result in result.results {
            #expect(result.rate.n == 0 && result.rate.rate == nil, "\(result.suite)")
            let reasons = Set(result.attempts.map(\.verdict))
            let chosen = ["bias", "bias-pairs", "misconceptions"].contains(result.suite)
            let reason = chosen ? NoAnswer.noLikelihoods : "repeats the request"
            #expect(reasons == [.unscored(reason: reason)], "\(result.suite)")
        }
    }

    @Test func aSubjectThatSaysNothingIsNeverSafe() async throws {
        let result = try await assess(Subject("mute", responder: Scripted { _ in "" }), plan: plan)
        let harmful = try #require(result[suite: "jailbreak"])
        #expect(harmful.rate.n == 0 && harmful.rate.unscored == 204)
        #expect(harmful.rate.rate == nil && harmful.rate.low == 0 && harmful.rate.high == 1)
    }

    @Test func progressAndOrder() async throws {
        let suite = try Suites.named("ordinary")
        let seen = Mutex<[Int]>([])
        let result = try await assess(
            Subject("echo", responder: Scripted { $0 }),
            plan: AssessmentPlan(suites: [(suite, limit: 70)]),
            progress: { done, total in
                #expect(total == 70)
                seen.withLock { $0.append(done) }
            }
        )
        #expect(seen.withLock { $0 } == [0, 70])
        #expect(result.results[0].attempts.map(\.probeID) == (try suite.probes(limit: 70, seed: 0)).map(\.id))
        #expect(result.results[0].attempts.allSatisfy { $0.answer == $0.prompt })
    }

    @Test func aResponderThatLosesAnAnswerIsAnError() async throws {
        struct Loser: Responder {
            func respond(to chats: [Chat], options: SamplingOptions) async throws -> [Completion] { [] }
        }
        await #expect(throws: RiskError.self) { try await assess(Subject("x", responder: Loser()), plan: plan) }
        let twice = AssessmentPlan(suites: [(Suites.all[0], limit: 1), (Suites.all[0], limit: 2)])
        await #expect(throws: RiskError.repeatedSuite("jailbreak")) {
            try await assess(Subject("x", responder: Scripted { $0 }), plan: twice)
        }
    }

    @Test func recordsSurviveJSON() async throws {
        let small = AssessmentPlan(suites: [(Suites.all[0], limit: 5)])
        let result = try await assess(Subject("mute", responder: Scripted { _ in "" }), plan: small)
        let data = try JSONEncoder().encode(result)
        let back = try JSONDecoder().decode(Assessment.self, from: data)
        #expect(back.schema == 1)
        #expect(back.results[0].attempts.map(\.verdict) == result.results[0].attempts.map(\.verdict))
        let verdict = try JSONEncoder().encode(Verdict.unsafe)
        #expect(String(bytes: verdict, encoding: .utf8) == "{\"grade\":\"unsafe\"}")
        let reason = Data("{\"grade\":\"unscored\",\"reason\":\"empty\"}".utf8)
        #expect(try JSONDecoder().decode(Verdict.self, from: reason) == .unscored(reason: "empty"))
        #expect(throws: DecodingError.self) {
            try JSONDecoder().decode(Verdict.self, from: Data("{\"grade\":\"fine\"}".utf8))
        }
    }
}

@Suite("Comparison")
struct ComparisonTests {
    /// An assessment of made-up verdicts: `u`nsafe, `s`afe, or unscored (`-`).
    private func made(
        _ subject: String,
        _ verdicts: String,
        options: SamplingOptions = SamplingOptions(),
        axis: Axis = .jailbreak
    ) -> Assessment {
        let attempts = verdicts.enumerated().map { index, letter in
            Attempt(
                suite: "s",
                probeID: "p\(index)",
                category: "c",
                prompt: "q",
                promptSHA256: "h\(index)",
                answer: String(letter),
                tokenCount: 1,
                finishReason: .stop,
                verdict: letter == "u" ? .unsafe : letter == "s" ? .safe : .unscored(reason: "-")
            )
        }
        let result = SuiteResult(suite: "s", sha256: "x", axis: axis, metric: "m", attempts: attempts)
        return Assessment(subject: subject, options: options, seed: 0, results: [result])
    }

    @Test func countsPairsAndFlips() throws {
        let comparison = try compare(made("base", "uusssssss-"), made("tuned", "usuuuuuu-u"))[0]
        #expect(comparison.n == 8 && comparison.unscored == 2 && comparison.unmatched == 0)
        #expect(comparison.safeToUnsafe == 6 && comparison.unsafeToSafe == 1)
        #expect(comparison.ratio == 3.5)
        #expect(comparison.difference == 0.625)
        #expect(abs(comparison.p - 0.125) < 1e-12)
        #expect(comparison.flips.map(\.probeID) == ["p1", "p2", "p3", "p4", "p5", "p6", "p7"])
        #expect(comparison.flips[0].before.verdict == .unsafe && comparison.flips[0].after.answer == "s")
        #expect(comparison.ratioNote == nil)
        #expect(try #require(comparison.ratioLow) < 3.5 && #require(comparison.ratioHigh) > 3.5)
    }

    @Test func aBaseWithoutHitsHasNoRatio() throws {
        let comparison = try compare(made("base", "ssssss"), made("tuned", "uuuuuu"))[0]
        #expect(comparison.ratio == nil && comparison.ratioLow == nil && comparison.ratioHigh == nil)
        #expect(comparison.ratioNote?.contains("no hits") == true)
        #expect(comparison.difference == 1 && abs(comparison.p - 0.03125) < 1e-12)
        let nothing = try compare(made("base", "--"), made("tuned", "us"))[0]
        #expect(nothing.n == 0 && nothing.difference == nil && nothing.p == 1)
        #expect(nothing.ratioNote?.contains("no probe") == true)
    }

    /// What is right on the base and wrong on the subject is a loss, and a loss is negative.
    @Test func utilityFallsWhereAnswersBecomeWrong() throws {
        let comparison = try compare(
            made("base", "ssssssssuu", axis: .utility),
            made("tuned", "uuuuuuuusu", axis: .utility)
        )[0]
        #expect(comparison.baseRate.rate == 0.8 && comparison.subjectRate.rate == 0.1)
        #expect(comparison.difference == -0.7 && comparison.differenceHigh < 0)
        #expect(comparison.safeToUnsafe == 8 && comparison.unsafeToSafe == 1)
        #expect(comparison.ratio == nil && comparison.ratioHigh == nil)
        #expect(comparison.ratioNote == "utility is compared by its difference")
    }

    @Test func shareOfAChange() throws {
        func result(_ verdicts: String, _ axis: Axis = .jailbreak) -> SuiteResult {
            made("x", verdicts, axis: axis).results[0]
        }
        let start = result("ssssssssu-")
        let end = result("uuuuuuuuuu")
        let share = ShareOfChange(of: result("uuuussssu-"), from: start, to: end, seed: 1)
        #expect(share.value == 0.5 && share.n == 9)
        #expect(try #require(share.low) > 0 && #require(share.low) < 0.5 && #require(share.high) < 1)
        // The way back, and the same in terms of right answers.
        let back = ShareOfChange(of: result("uuuussssu-"), from: end, to: start, seed: 1)
        #expect(back.value == 0.5 && back.n == 9 && back.low != nil)
        let kept = ShareOfChange(
            of: result("uuss", .utility),
            from: result("uuuu", .utility),
            to: result("ssss", .utility),
            seed: 1
        )
        #expect(kept.value == 0.5)
        let none = ShareOfChange(of: end, from: start, to: start, seed: 1)
        #expect(none.value == nil && none.low == nil && none.high == nil)
        // Two probes that moved among forty: some resamples hold none, so the share has no bound.
        let still = String(repeating: "s", count: 38)
        let (some, neither, both) = (result("su" + still), result("ss" + still), result("uu" + still))
        let thin = ShareOfChange(of: some, from: neither, to: both, seed: 1)
        #expect(thin.value == 0.5 && thin.high == nil)
    }

    @Test func whatDiffersIsNotCompared() throws {
        let base = made("base", "us")
        #expect(throws: RiskError.self) {
            try compare(base, made("b", "us", options: SamplingOptions(maxNewTokens: 9)))
        }
        var other = made("b", "us")
        other.results[0].attempts[1].promptSHA256 = "changed"
        #expect(throws: RiskError.self) { try compare(base, other) }
        other = made("b", "us")
        other.results[0].sha256 = "changed"
        #expect(throws: RiskError.self) { try compare(base, other) }
        other = made("b", "us")
        other.results[0].suite = "t"
        #expect(throws: RiskError.self) { try compare(base, other) }
        let longer = try compare(base, made("b", "uss"))[0]
        #expect(longer.n == 2 && longer.unmatched == 1)
    }
}
