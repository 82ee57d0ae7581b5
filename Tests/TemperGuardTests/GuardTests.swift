import TemperText
import Testing

@testable import TemperGuard

/// What becomes of passages: thresholds, redaction, order, failures.
@Suite struct GuardTests {
    private struct Scored: Rail {
        var name = "scored"
        var found: [Finding]
        var card: RailCard { RailCard(name: name, looksFor: "a test", labels: ["a", "b"], limits: []) }
        func findings(in passage: Passage) async throws -> [Finding] { found }
    }

    private struct Broken: Rail {
        struct Failure: Error {}
        var card: RailCard { RailCard(name: "broken", looksFor: "a test", labels: ["a"], limits: []) }
        func findings(in passage: Passage) async throws -> [Finding] { throw Failure() }
    }

    private func decision(
        _ rules: [Policy.Rule],
        _ rails: [any Rail],
        _ text: String = "some text",
        failsOpen: Bool = false
    ) async throws -> Guard.Decision {
        let policy = Policy(name: "test", rules: rules, message: "no", failsOpen: failsOpen)
        return await (try Guard(policy, rails: rails)).check(Passage(text, at: .input))
    }

    @Test func thresholdsAndLabelsDecideWhatCounts() async throws {
        let rail = Scored(found: [Finding("a", score: 0.6), Finding("b", score: 0.9)])
        #expect(try await decision([.init("scored")], [rail]).action == .refuse)
        #expect(try await decision([.init("scored", threshold: 0.95)], [rail]).action == .allow)
        #expect(try await decision([.init("scored", threshold: 0.7, labels: ["a"])], [rail]).action == .allow)
        #expect(try await decision([.init("scored", .flag)], [rail]).action == .flag)
        #expect(try await decision([.init("scored", stages: [.output])], [rail]).checks.isEmpty)
        #expect(try await decision([.init("scored")], [rail]).text == "no")
    }

    @Test func aBrokenRailLetsNothingThrough() async throws {
        let closed = try await decision([.init("broken", .flag)], [Broken()])
        #expect(closed.action == .refuse && closed.checks[0].failure != nil && closed.text == "no")
        let open = try await decision([.init("broken", .refuse)], [Broken()], failsOpen: true)
        #expect(open.action == .flag && open.text == "some text")
    }

    @Test func keywordsAreReplacedBeforeTheNextRailLooks() async throws {
        let rails: [any Rail] = [
            KeywordRail(phrases: ["Project Heron", "ünïcode"]), KeywordRail(name: "second", phrases: ["heron"]),
        ]
        let text = "About project\nheron, its ÜNÏCODE name and herons."
        let kept = try await decision([.init("keywords", .redact), .init("second")], rails, text)
        #expect(kept.action == .redact)
        #expect(kept.text == "About [KEYWORD], its [KEYWORD] name and herons.")
        let refused = try await decision([.init("second"), .init("keywords", .redact)], rails, text)
        #expect(refused.action == .refuse && refused.checks.count == 1)
    }

    @Test func whatCannotBeReplacedIsRefused() async throws {
        let rail = Scored(found: [Finding("a")])
        #expect(try await decision([.init("scored", .redact)], [rail]).action == .refuse)
    }

    @Test func policiesAreChecked() throws {
        let rail = Scored(found: [])
        #expect(throws: GuardError.unknownRail("x", known: ["scored"])) {
            try Guard(Policy(name: "p", rules: [.init("x")]), rails: [rail])
        }
        #expect(throws: GuardError.unknownLabel("c", rail: "scored", known: ["a", "b"])) {
            try Guard(Policy(name: "p", rules: [.init("scored", labels: ["c"])]), rails: [rail])
        }
    }

    @Test func aGuardedModelNeverSeesWhatIsRefused() async throws {
        struct Echo: Responder {
            func respond(to chats: [Chat], options: SamplingOptions) async throws -> [Completion] {
                chats.map { Completion(text: "heard \($0.lastUserText)", tokenCount: 1, finishReason: .stop) }
            }
        }
        let policy = Policy(name: "p", rules: [.init("keywords", stages: [.input]), .init("out")], message: "no")
        let shield = try Guard(
            policy,
            rails: [KeywordRail(phrases: ["forbidden"]), KeywordRail(name: "out", phrases: ["heard leak"])]
        )
        let answers = try await GuardedResponder(Echo(), shield).respond(
            to: ["fine", "forbidden", "leak"].map { Chat(user: $0) },
            options: SamplingOptions()
        )
        #expect(answers.map(\.text) == ["heard fine", "no", "no"])
    }
}
