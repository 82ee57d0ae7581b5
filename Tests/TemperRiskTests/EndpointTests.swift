import Foundation
import Synchronization
import TemperText
import Testing

@testable import TemperRisk

/// Endpoints that misbehave on purpose, on this machine.
@Suite("Remote endpoints", .timeLimit(.minutes(5)))
struct EndpointTests {
    private static let secret = "sk-very-secret-4711"

    private struct Question: Decodable {
        var model: String
        var messages: [Message]
        var max_tokens: Int?
        var max_completion_tokens: Int?
        var temperature: Double
        var top_p: Double?
        var seed: Int?
    }

    private static func question(_ request: LoopbackServer.Request) -> Question? {
        try? JSONDecoder().decode(Question.self, from: request.body)
    }

    static func answer(_ text: String, reason: String = "stop", usage: (Int, Int)? = (10, 5)) -> LoopbackServer.Answer {
        var body: [String: Any] = [
            "choices": [["message": ["role": "assistant", "content": text], "finish_reason": reason] as [String: Any]]
        ]
        if let usage { body["usage"] = ["prompt_tokens": usage.0, "completion_tokens": usage.1] }
        return LoopbackServer.Answer(body: (try? JSONSerialization.data(withJSONObject: body)) ?? Data())
    }

    private static func echo(_ request: LoopbackServer.Request) -> LoopbackServer.Answer {
        answer("echo: \(question(request)?.messages.last?.content ?? "")")
    }

    private func settings(_ server: LoopbackServer, key: Bool = false) throws -> EndpointSettings {
        let base = try #require(URL(string: "http://127.0.0.1:\(server.port)/v1"))
        let key = key ? EndpointKey(variable: "K", environment: ["K": Self.secret]) : nil
        var settings = EndpointSettings(base: base, model: "m", key: key)
        settings.backoff = 0.001
        settings.timeout = 5
        return settings
    }

    private func chats(_ count: Int) -> [Chat] { (0..<count).map { Chat(user: "q\($0)") } }

    @Test func asksAndAnswersInOrder() async throws {
        let server = try LoopbackServer { request in
            var answer = Self.echo(request)
            answer.delay = Double.random(in: 0...0.02)
            return answer
        }
        defer { server.stop() }
        let responder = try RemoteResponder(settings(server, key: true))
        var options = SamplingOptions(maxNewTokens: 7, temperature: 0.5, topP: 0.9, seed: 3)
        let handed = Mutex<[Int: String]>([:])
        let completions = try await responder.respond(
            to: chats(20),
            options: options,
            watch: AnswerWatch(finished: { index, completion in handed.withLock { $0[index] = completion.text } })
        )
        #expect(completions.map(\.text) == (0..<20).map { "echo: q\($0)" })
        #expect(handed.withLock { $0 }.count == 20)
        #expect(completions[0].tokenCount == 5 && completions[0].finishReason == .stop)
        let requests = server.requests
        #expect(requests.count == 20 && requests.allSatisfy { $0.path == "/v1/chat/completions" })
        #expect(requests.allSatisfy { $0.headers["authorization"] == "Bearer \(Self.secret)" })
        let questions = requests.compactMap(Self.question)
        for question in questions {
            #expect(question.model == "m" && question.max_tokens == 7)
            #expect(question.temperature == 0.5 && question.top_p == 0.9)
        }
        // Every answer draws for itself, and an answer asked for again draws the same.
        #expect(Set(questions.compactMap(\.seed)).count == 20)
        let seeds = Dictionary(uniqueKeysWithValues: questions.map { ($0.messages[0].content, $0.seed) })
        _ = try await responder.respond(to: [chats(20)[7]], options: options, watch: AnswerWatch(streams: [7]))
        #expect(server.requests.last.flatMap(Self.question)?.seed == seeds["q7"])
        options.temperature = 0
        let prefill = Chat([Message(.system, "s"), Message(.user, "u"), Message(.assistant, "Sure,")])
        _ = try await responder.respond(to: [prefill], options: options)
        let last = try #require(server.requests.last.flatMap(Self.question))
        #expect(last.seed == nil && last.messages == prefill.messages)
        let used = await responder.tokensUsed
        #expect(used.input == 220 && used.output == 110)
    }

    @Test func oneCallAtATimeWhereItSaysSo() async throws {
        let now = Mutex(0)
        let most = Mutex(0)
        let server = try LoopbackServer { request in
            let count = now.withLock { value in
                value += 1
                return value
            }
            most.withLock { $0 = max($0, count) }
            Thread.sleep(forTimeInterval: 0.02)
            now.withLock { $0 -= 1 }
            return Self.echo(request)
        }
        defer { server.stop() }
        for limit in [1, 3] {
            most.withLock { $0 = 0 }
            var settings = try settings(server)
            settings.concurrency = limit
            _ = try await RemoteResponder(settings).respond(to: chats(9), options: SamplingOptions())
            #expect(most.withLock { $0 } == limit)
        }
    }

    @Test func triesAgainWhatMayYetSucceed() async throws {
        let tries = Mutex<[String: Int]>([:])
        let server = try LoopbackServer { request in
            let name = Self.question(request)?.messages.last?.content ?? ""
            let count = tries.withLock { tries in
                tries[name, default: 0] += 1
                return tries[name, default: 0]
            }
            guard count < 3 else { return Self.echo(request) }
            switch name {
            case "q0": return .init(status: 429, headers: ["Retry-After": "0.05"])
            case "q1": return .init(status: 500, body: Data("oops".utf8))
            case "q2": return .init(body: Data("{\"choices\": [".utf8))
            case "q3": return .init(isReset: true)
            case "q4": return .init(body: Data(count: 100), cut: 10)
            case "q5": return .init(delay: 1.5)
            default: return .init(status: 503)
            }
        }
        defer { server.stop() }
        var settings = try settings(server)
        settings.timeout = 0.5
        let completions = try await RemoteResponder(settings).respond(to: chats(7), options: SamplingOptions())
        #expect(completions.map(\.text) == (0..<7).map { "echo: q\($0)" })
        #expect(tries.withLock { $0.values.allSatisfy { $0 == 3 } })
    }

    @Test func retryAfterIsObeyed() async throws {
        let starts = Mutex<[ContinuousClock.Instant]>([])
        let server = try LoopbackServer { request in
            let count = starts.withLock { starts in
                starts.append(.now)
                return starts.count
            }
            return count == 1 ? .init(status: 429, headers: ["Retry-After": "1"]) : Self.echo(request)
        }
        defer { server.stop() }
        var settings = try settings(server)
        settings.concurrency = 1
        _ = try await RemoteResponder(settings).respond(to: chats(2), options: SamplingOptions())
        let instants = starts.withLock { $0 }
        #expect(instants.count == 3 && instants[1] - instants[0] >= .milliseconds(990))
        let date = Date(timeIntervalSince1970: 784_111_777 - 30)
        #expect(RemoteResponder.wait("Sun, 06 Nov 1994 08:49:37 GMT", now: date) == 30)
        #expect(
            RemoteResponder.wait("12") == 12 && RemoteResponder.wait(nil) == nil && RemoteResponder.wait("soon") == nil
        )
    }

    @Test func requestsPerMinute() async throws {
        let pace = EndpointPace(
            {
                var settings = EndpointSettings(base: URL(filePath: "/"), model: "m")
                settings.requestsPerMinute = 3
                return settings
            }()
        )
        let nothing = EndpointPace.Usage(input: 0, output: 0)
        for _ in 0..<3 {
            try await pace.enter(nothing)
            await pace.leave(nothing, actual: nil)
        }
        let fourth = Task { try await pace.enter(nothing) }
        try await Task.sleep(for: .milliseconds(300))
        fourth.cancel()
        await #expect(throws: CancellationError.self) { try await fourth.value }
    }

    /// What failed for good is neither safe nor unsafe; the rest is graded.
    @Test func failuresAreUnscored() async throws {
        let server = try LoopbackServer { request in
            let name = Self.question(request)?.messages.last?.content ?? ""
            if name.hasSuffix("3") {
                return .init(status: 400, body: Data(#"{"error": {"message": "bad words"}}"#.utf8))
            }
            if name.hasSuffix("4") { return Self.answer("", reason: "content_filter") }
            if name.hasSuffix("5") { return .init(status: 500) }
            return Self.answer("I'm sorry, but I can't help with that.")
        }
        defer { server.stop() }
        var settings = try settings(server)
        settings.retries = 1
        let probes = (0..<20).map { Probe(id: "p\($0)", category: "c", chat: Chat(user: "q\($0)")) }
        let suite = ListedSuite(card: Suites.all[0].card, judge: RefusalJudge(), probes: probes)
        let plan = AssessmentPlan(suites: [(suite, limit: nil)])
        let result = try await assess(Subject("x", responder: RemoteResponder(settings)), plan: plan).results[0]
        #expect(result.rate.unscored == 6 && result.rate.n == 14 && result.rate.rate == 0)
        #expect(result.attempts[3].verdict == .unscored(reason: "no answer: it answered 400: bad words"))
        #expect(result.attempts[4].verdict.isScored == false && result.attempts[4].finishReason == .failed)
        #expect(result.attempts[5].verdict == .unscored(reason: "no answer: it answered 500, 2 times"))
    }

    @Test func whatFailsAlwaysIsAnError() async throws {
        let server = try LoopbackServer { request in
            switch request.path.split(separator: "/").first {
            case "key": .init(status: 401, body: Data(#"{"error": {"message": "no such key: \#(Self.secret)"}}"#.utf8))
            case "moved": .init(status: 307, headers: ["Location": "http://localhost:1/"])
            case "model": .init(status: 404, body: Data(#"{"detail": "no model m"}"#.utf8))
            default: .init(status: 500)
            }
        }
        defer { server.stop() }
        for (path, words) in [
            ("key", "is the key right?"), ("moved", "redirections"), ("model", "no model m"),
            ("down", "it answered 500"),
        ] {
            var settings = try settings(server, key: true)
            settings.base = try #require(URL(string: "http://127.0.0.1:\(server.port)/\(path)"))
            settings.retries = 1
            let before = server.requests.count
            let error = await #expect(throws: EndpointError.self) {
                try await RemoteResponder(settings).respond(to: chats(200), options: SamplingOptions())
            }
            let text = "\(try #require(error))"
            #expect(text.contains(words) && !text.contains(Self.secret), "\(text)")
            #expect(server.requests.count - before < 80)
        }
        let gone = try settings(server)
        server.stop()
        await #expect(throws: EndpointError.self) {
            try await RemoteResponder(gone).respond(to: chats(1), options: SamplingOptions())
        }
    }

    @Test func ceilings() async throws {
        let server = try LoopbackServer { Self.echo($0) }
        defer { server.stop() }
        let options = SamplingOptions(maxNewTokens: 10)
        var settings = try settings(server)
        settings.maximumTokens = 100
        let count = Mutex(0)
        let watch = AnswerWatch(finished: { _, _ in count.withLock { $0 += 1 } })
        let responder = try RemoteResponder(settings)
        let error = await #expect(throws: EndpointError.self) {
            try await responder.respond(to: chats(50), options: options, watch: watch)
        }
        #expect("\(try #require(error))".contains("ceiling of 100"))
        // Every answer comes to 15 tokens; one that could pass the ceiling is not asked for.
        let used = await responder.tokensUsed
        let answers = count.withLock { $0 }
        #expect(used.input + used.output == 15 * answers && answers >= 4 && answers <= 6)
        settings.maximumTokens = nil
        settings.maximumCost = 0.001
        #expect(throws: EndpointError.self) { try RemoteResponder(settings) }
        (settings.inputPrice, settings.outputPrice) = (10, 40)
        let dear = try RemoteResponder(settings)
        await #expect(throws: EndpointError.self) { try await dear.respond(to: chats(50), options: options) }
        let spent = await dear.tokensUsed
        #expect(spent.input * 10 + spent.output * 40 <= 1000 && spent.input > 0)
    }

    @Test func theKeyStaysSecret() async throws {
        // An endpoint that sends the key back in everything it says.
        let server = try LoopbackServer { request in
            let key = request.headers["authorization"] ?? ""
            return request.body.count.isMultiple(of: 2)
                ? Self.answer(key) : .init(status: 400, body: Data("{\"error\": \"\(key)\"}".utf8))
        }
        defer { server.stop() }
        let settings = try settings(server, key: true)
        let completions = try await RemoteResponder(settings).respond(
            to: [Chat(user: "a"), Chat(user: "aa")],
            options: SamplingOptions()
        )
        let written = String(decoding: try JSONEncoder().encode(completions), as: UTF8.self)
        #expect(completions.contains { $0.finishReason == .failed } && written.contains("(a key)"))
        var dumped = ""
        dump(settings, to: &dumped)
        for text in [written, dumped, "\(settings)", String(reflecting: settings)] {
            #expect(!text.contains(Self.secret))
        }
        for address in ["http://example.org/v1", "https://u:p@example.org", "ftp://example.org", "x"] {
            var settings = settings
            settings.base = try #require(URL(string: address))
            let error = #expect(throws: EndpointError.self) { try RemoteResponder(settings) }
            #expect(!"\(try #require(error))".contains("u:p"))
        }
    }

    @Test func newerNameOfTheLimit() async throws {
        let server = try LoopbackServer { request in
            Self.question(request)?.max_tokens == nil
                ? Self.echo(request)
                : .init(
                    status: 400,
                    body: Data(#"{"error": {"message": "Use 'max_completion_tokens' instead."}}"#.utf8)
                )
        }
        defer { server.stop() }
        // Several find it out at once; none is lost.
        let completions = try await RemoteResponder(settings(server)).respond(
            to: chats(3),
            options: SamplingOptions(maxNewTokens: 9)
        )
        #expect(completions.map(\.text) == ["echo: q0", "echo: q1", "echo: q2"])
        #expect((4...6).contains(server.requests.count))
        #expect(server.requests.last.flatMap(Self.question)?.max_completion_tokens == 9)
    }

    @Test func cancellationEndsAHangingCall() async throws {
        let server = try LoopbackServer { _ in .init(delay: 20) }
        defer { server.stop() }
        let responder = try RemoteResponder(settings(server))
        let task = Task { try await responder.respond(to: chats(3), options: SamplingOptions()) }
        try await Task.sleep(for: .milliseconds(200))
        let start = ContinuousClock.now
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(ContinuousClock.now - start < .seconds(15))
    }
}
