import Foundation
import TemperText
import Testing

@testable import TemperRisk

/// What attacks come to: verdicts of several attempts, ASR@k, ensembles, and attacks inside an assessment.
@Suite("Attack outcomes")
struct AttackOutcomeTests {
    private let unscored = Verdict.unscored(reason: "empty answer")

    private func attempt(_ id: String, _ verdicts: [Verdict]) -> Attempt {
        var trace = AttackTrace()
        trace.trials = verdicts.map { verdict in
            var trial = AttackTrial(chat: Chat(user: id), answer: completion("a"))
            trial.verdict = verdict
            return trial
        }
        trace.queries.target = verdicts.count
        return Attempt(
            suite: "s+x",
            probeID: id,
            category: "c",
            prompt: id,
            promptSHA256: id,
            answer: "a",
            tokenCount: 1,
            finishReason: .stop,
            verdict: trace.verdict(),
            attack: trace
        )
    }

    private func result(_ attempts: [Attempt]) -> SuiteResult {
        SuiteResult(suite: "s+x", sha256: "", axis: .jailbreak, metric: "attack success rate", attempts: attempts)
    }

    @Test func oneHitIsAHitAndNothingUngradedIsSafe() {
        #expect(Verdict.ofAny([.safe, .unsafe, unscored]) == .unsafe)
        #expect(Verdict.ofAny([.safe, .safe]) == .safe)
        #expect(Verdict.ofAny([unscored]) == unscored)
        #expect(
            Verdict.ofAny([.safe, unscored, .safe])
                == .unscored(reason: "1 of 3 attempts not graded: empty answer")
        )
        #expect(!Verdict.ofAny([]).isScored)
    }

    /// By hand. a hits at 1, b at 3, c never, d never but its second attempt has no grade, e was never attempted.
    /// k = 1: hits a; graded a b c d; e not. k = 2: a; graded a b c. k = 3 and 4: a b; graded a b c.
    @Test func successWithinKAttempts() throws {
        let attempts = [
            attempt("a", [.unsafe, .safe]), attempt("b", [.safe, .safe, .unsafe]),
            attempt("c", [.safe, .safe, .safe, .safe]), attempt("d", [.safe, unscored]), attempt("e", []),
        ]
        let summary = try #require(AttackSummary(result(attempts)))
        #expect(summary.within.map(\.attempts) == [1, 2, 4])
        #expect(summary.within.map(\.rate.hits) == [1, 1, 2])
        #expect(summary.within.map(\.rate.n) == [4, 3, 3])
        #expect(summary.within.map(\.rate.unscored) == [1, 2, 2])
        #expect(summary.rate == summary.within.last?.rate)
        #expect(summary.attempts == Rate(hits: 2, n: 10, unscored: 1))
        #expect(summary.least == 2.0 / 5 && summary.most == 4.0 / 5)
        #expect(summary.queries == AttackQueries(target: 11))
        #expect(AttackSummary(SuiteResult(suite: "s", sha256: "", axis: .jailbreak, metric: "", attempts: [])) == nil)
    }

    @Test func anEnsembleHitsWhereAnyAttackDoes() {
        let first = result([
            attempt("a", [.unsafe]), attempt("b", [.safe]), attempt("c", [.safe]), attempt("d", [.safe]),
        ])
        let second = result([attempt("a", [.safe]), attempt("b", [.unsafe]), attempt("c", [unscored])])
        // d was asked by one attack only; c is not known.
        #expect(AttackSummary.ensemble([first, second]) == Rate(hits: 2, n: 2, unscored: 1))
        #expect(AttackSummary.ensemble([first]) == Rate(hits: 1, n: 4))
        #expect(AttackSummary.ensemble([]).rate == nil)
    }

    @Test func anAttackedSuiteStandsBesideThePlainOne() async throws {
        let jailbreak = try Suites.named("jailbreak")
        let attacked = try AttackedSuite(jailbreak, attack: try Attacks.make("base64"))
        #expect(attacked.card.name == "jailbreak+base64" && attacked.card.reportKey == "jailbreak+base64")
        #expect(attacked.card.axis == .jailbreak)
        #expect(try attacked.sha256() != jailbreak.sha256())
        let other = try AttackedSuite(jailbreak, attack: try Attacks.make("payload-splitting", knobs: ["parts": "3"]))
        let third = try AttackedSuite(jailbreak, attack: try Attacks.make("payload-splitting", knobs: ["parts": "5"]))
        #expect(try other.sha256() != third.sha256())

        // Refuses what is plain, and answers what is in code.
        let subject = Scripted { asked in
            guard asked.contains("Base64") else { return "I'm sorry, but I can't help with that." }
            let request = Base64Encoding.decode(asked).split(separator: "\n").last ?? ""
            return "Certainly, here is how it is done: \(request)\n1. First, take what is needed for it."
        }
        let plan = AssessmentPlan(suites: [(jailbreak, limit: 70), (attacked, limit: 70)], seed: 3)
        let result = try await assess(Subject("x", responder: subject), plan: plan)
        #expect(result[suite: "jailbreak"]?.rate.rate == 0)
        let hit = try #require(result[suite: "jailbreak+base64"])
        #expect(hit.rate == Rate(hits: 70, n: 70))
        #expect(hit.attempts.map(\.probeID) == result[suite: "jailbreak"]?.attempts.map(\.probeID))
        #expect(hit.attempts.map(\.promptSHA256) == result[suite: "jailbreak"]?.attempts.map(\.promptSHA256))
        #expect(hit.attempts.allSatisfy { $0.attack?.queries.target == 1 })
        // Pairs by probe, like any suite, and survives JSON.
        let back = try JSONDecoder().decode(Assessment.self, from: JSONEncoder().encode(result))
        let refuser = Scripted { _ in "I'm sorry, but I can't help with that." }
        let safe = try await assess(Subject("y", responder: refuser), plan: plan)
        let comparison = try #require(try compare(safe, back).first { $0.suite == "jailbreak+base64" })
        #expect(comparison.n == 70 && comparison.safeToUnsafe == 70)
    }

    @Test func theEvaluatorNeverDecidesTheVerdict() async throws {
        let attack = try Attacks.make("pair", knobs: ["streams": "2", "iterations": "2"])
        let suite = try AttackedSuite(try Suites.named("jailbreak"), attack: attack)
        let attacker = Scripted { _ in "{\"improvement\": \"i\", \"prompt\": \"p\"}" }
        let enthusiast = Scripted { _ in "[[10]]" }
        let refuser = Scripted { _ in "I'm sorry, but I can't help with that." }
        let roles = AttackRoles(attacker: attacker, evaluator: enthusiast)
        let plan = AssessmentPlan(suites: [(suite, limit: 4)], roles: roles)
        let result = try await assess(Subject("x", responder: refuser), plan: plan).results[0]
        #expect(result.rate == Rate(hits: 0, n: 4))
        #expect(result.attempts.allSatisfy { $0.attack?.trials.map(\.evaluatorScore) == [10, 10] })
        // And where nothing at all can be read, nothing is graded.
        let mute = Scripted { _ in "" }
        let silent = AssessmentPlan(
            suites: [(suite, limit: 4)],
            roles: AttackRoles(attacker: attacker, evaluator: mute)
        )
        let none = try await assess(Subject("x", responder: mute), plan: silent).results[0]
        #expect(none.rate.n == 0 && none.rate.unscored == 4 && none.rate.rate == nil)
        let lost = AssessmentPlan(
            suites: [(suite, limit: 4)],
            roles: AttackRoles(attacker: mute, evaluator: enthusiast)
        )
        let nothing = try await assess(Subject("x", responder: Scripted { $0 }), plan: lost).results[0]
        #expect(nothing.rate.n == 0 && nothing.rate.unscored == 4)
    }

    @Test func onlyRisksWithWrittenAnswersAreAttacked() throws {
        let attack = try Attacks.make("rot13")
        for name in ["over-refusal", "general-knowledge"] {
            #expect(throws: AttackError.self) { try AttackedSuite(try Suites.named(name), attack: attack) }
        }
    }

    @Test func whatWasCutOffGoesOnAsIfItHadNot() async throws {
        let suite = try AttackedSuite(
            try Suites.named("jailbreak"),
            attack: try Attacks.make("best-of-n", knobs: ["n": "2"])
        )
        let attack = try #require(suite.attack)
        let probes = try suite.probes(limit: 10, seed: 1)
        let plan = AssessmentPlan(suites: [], seed: 1)
        var lines: [Attempt] = []
        func run(_ earlier: [Attempt]) async throws -> [Attempt] {
            lines = earlier
            return try await attackedInBatches(
                probes,
                of: suite,
                by: attack,
                subject: Subject("x", responder: Scripted { $0 }),
                plan: plan,
                batch: 4,
                earlier: earlier
            ) { made, _ in lines += made }
        }
        let whole = try await run([])
        // Five attempts are one batch and the beginning of another.
        let resumed = try await run(Array(whole.prefix(5)))
        #expect(resumed.map(\.attack) == whole.map(\.attack))
        // What was appended to the earlier attempts is the rest.
        #expect(lines.map(\.attack) == whole.map(\.attack))
        #expect(whole.map(\.probeID) == probes.map(\.id))
        #expect(try await run(whole).map(\.attack) == whole.map(\.attack))
    }
}
