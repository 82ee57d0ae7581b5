import Foundation
import Synchronization
import TemperText
import Testing

@testable import TemperRisk

/// Counts what it is asked, and stops after some answers where it is told to.
private final class Counting: Responder, LikelihoodModel {
    struct Stopped: Error {}
    let asked = Mutex<[String]>([])
    let measured = Mutex(0)
    let stopAfter: Int?

    init(stopAfter: Int? = nil) { self.stopAfter = stopAfter }

    func respond(to chats: [Chat], options: SamplingOptions) async throws -> [Completion] {
        try await respond(to: chats, options: options, watch: AnswerWatch())
    }

    func respond(to chats: [Chat], options: SamplingOptions, watch: AnswerWatch) async throws -> [Completion] {
        try chats.enumerated().map { index, chat in
            let count = asked.withLock { asked in
                asked.append(chat.lastUserText)
                return asked.count
            }
            if let stopAfter, count > stopAfter { throw Stopped() }
            let stream = watch.streams?[index] ?? index
            let text = "Sure. \(chat.lastUserText) \(options.temperature > 0 ? "\(options.seed) \(stream)" : "")"
            var answer = completion(text)
            if watch.isEnough?(index, text) ?? false { answer.finishReason = .decided }
            if chat.lastUserText == "fails" { answer = Completion(failure: "down") }
            try watch.finished?(index, answer)
            return answer
        }
    }

    func logLikelihoods(of candidates: [Continuation]) async throws -> [Double] {
        measured.withLock { $0 += candidates.count }
        return candidates.map { -Double($0.text.utf8.count) / 3 }
    }
}

@Suite("Answer store")
struct AnswerStoreTests {
    private func suite(_ prompts: [String], candidates: [String] = []) -> ListedSuite {
        ListedSuite(
            card: Suites.all[0].card,
            judge: RefusalJudge(),
            probes: prompts.enumerated().map {
                Probe(id: "p\($0)", category: "c", chat: Chat(user: $1), candidates: candidates)
            }
        )
    }

    private let prompts = (0..<10).map { "q\($0)" }

    private func run(
        _ responder: Counting,
        _ file: URL,
        fingerprint: String = "f",
        options: SamplingOptions = SamplingOptions(),
        whole: Bool = false,
        suite: ListedSuite? = nil
    ) async throws -> [String] {
        let store = try AnswerStore(file: file, fingerprint: fingerprint)
        let plan = AssessmentPlan(
            suites: [(suite ?? self.suite(prompts), limit: nil)],
            options: options,
            wholeAnswers: whole
        )
        return try await assess(
            Subject("x", responder: responder, likelihoods: responder, answers: store),
            plan: plan
        ).results[0].attempts.map { "\($0.answer) \($0.logLikelihoods)" }
    }

    private func inFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("temper-risk-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder.appendingPathComponent("answers.jsonl"))
    }

    /// Stopped and taken up, greedy or random, it is what it would have been, and nothing is asked twice.
    @Test(arguments: [0, 0.7]) func resumesToTheAttempt(temperature: Double) async throws {
        let options = SamplingOptions(temperature: temperature, seed: 5)
        try await inFolder { file in
            let whole = try await run(Counting(), file.appendingPathExtension("whole"), options: options)
            let first = Counting(stopAfter: 4)
            await #expect(throws: Counting.Stopped.self) { try await run(first, file, options: options) }
            let second = Counting()
            #expect(try await run(second, file, options: options) == whole)
            #expect(second.asked.withLock { $0 } == Array(prompts[4...]))
            let third = Counting()
            #expect(try await run(third, file, options: options) == whole)
            #expect(third.asked.withLock { $0.isEmpty })
        }
    }

    @Test func anythingThatChangesAnAnswerMisses() async throws {
        try await inFolder { file in
            _ = try await run(Counting(), file)
            func asks(
                fingerprint: String = "f",
                options: SamplingOptions = SamplingOptions(),
                whole: Bool = false,
                suite: ListedSuite? = nil
            ) async throws -> Int {
                let responder = Counting()
                _ = try await run(
                    responder,
                    file,
                    fingerprint: fingerprint,
                    options: options,
                    whole: whole,
                    suite: suite
                )
                return responder.asked.withLock { $0.count }
            }
            #expect(try await asks() == 0)
            #expect(try await asks(options: SamplingOptions(seed: 9)) == 0, "a greedy answer has no seed")
            #expect(try await asks(fingerprint: "g") == 10)
            #expect(try await asks(options: SamplingOptions(maxNewTokens: 65)) == 10)
            #expect(try await asks(options: SamplingOptions(temperature: 1)) == 10)
            #expect(try await asks(options: SamplingOptions(temperature: 1, seed: 1)) == 10)
            #expect(try await asks(whole: true) == 10)
            #expect(try await asks(suite: suite(prompts + ["new"])) == 1)
            let other = ListedSuite(
                card: Suites.all[0].card,
                judge: RefusalJudge(refusalIsHit: true),
                probes: suite(prompts).list
            )
            #expect(try await asks(suite: other) == 10, "another judge may stop elsewhere")
        }
    }

    @Test func tornLinesAndFailuresAreAskedAgain() async throws {
        try await inFolder { file in
            let prompts = ["q0", "fails", "q1"]
            _ = try await run(Counting(), file, suite: suite(prompts))
            var data = try Data(contentsOf: file)
            #expect(data.split(separator: 0x0A).count == 2 && data.last == 0x0A)
            data.removeLast(7)
            try data.write(to: file)
            let second = Counting()
            let answers = try await run(second, file, suite: suite(prompts))
            #expect(second.asked.withLock { $0 } == ["fails", "q1"])
            #expect(answers[2].hasPrefix("Sure. q1"))
            let third = Counting()
            _ = try await run(third, file, suite: suite(prompts))
            #expect(third.asked.withLock { $0 } == ["fails"])
            try (Data("{\"schema\":2}\n\n\u{0}\n".utf8) + Data(contentsOf: file)).write(to: file)
            #expect(try AnswerStore(file: file, fingerprint: "").count == 2)
        }
    }

    @Test func likelihoodsAreKept() async throws {
        try await inFolder { file in
            let suite = suite(["a", "b"], candidates: ["yes", "certainly"])
            let (first, second) = (Counting(), Counting())
            let answers = try await run(first, file, suite: suite)
            #expect(try await run(second, file, suite: suite) == answers)
            #expect(first.measured.withLock { $0 } == 4 && second.measured.withLock { $0 } == 0)
        }
    }

    @Test func aPlaceThatCannotBeWritten() {
        #expect(throws: RiskError.self) {
            try AnswerStore(file: URL(filePath: "/proc/nowhere/answers"), fingerprint: "")
        }
    }
}
