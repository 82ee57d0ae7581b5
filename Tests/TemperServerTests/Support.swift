import AsyncHTTPClient
import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Synchronization
import TemperGuard
import TemperText

@testable import TemperServer

/// An upstream that answers as a test says, on a free port of this machine.
final class ScriptedUpstream: Sendable {
    struct Asked: Sendable {
        var path: String
        var authorization: String?
        var body: TemplateValue
    }

    let port: Int
    private let seen = Mutex<[Asked]>([])
    private let task: Mutex<Task<Void, any Error>?> = Mutex(nil)

    /// What was asked for so far.
    var asked: [Asked] { seen.withLock { $0 } }
    var url: URL { URL(string: "http://127.0.0.1:\(port)/v1") ?? URL(fileURLWithPath: "/") }

    init(_ answer: @escaping @Sendable (Asked) async throws -> Response) async throws {
        let (ports, started) = AsyncStream<Int>.makeStream()
        let box = Box()
        let responder = CallbackResponder<BasicRequestContext> { request, _ in
            let bytes = try await request.body.collect(upTo: 1 << 24)
            let body = (try? TemplateValue(json: Array(bytes.readableBytesView))) ?? .null
            let asked = Asked(
                path: request.uri.path,
                authorization: request.headers[.authorization],
                body: body
            )
            box.owner.withLock { $0 }?.seen.withLock { $0.append(asked) }
            return try await answer(asked)
        }
        let application = Application(
            responder: responder,
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { started.yield($0.localAddress?.port ?? 0) },
            logger: Logger(label: "upstream", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        let run = Task { try await application.run() }
        port = await ports.first { _ in true } ?? 0
        task.withLock { $0 = run }
        box.owner.withLock { $0 = self }
    }

    func stop() { task.withLock { $0?.cancel() } }

    private final class Box: Sendable {
        let owner = Mutex<ScriptedUpstream?>(nil)
    }

    // MARK: Answers

    static func json(_ text: String, status: HTTPResponse.Status = .ok) -> Response {
        Response(
            status: status,
            headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(string: text))
        )
    }

    /// A whole answer.
    static func answer(_ contents: String...) -> Response {
        let choices = contents.enumerated().map { index, text -> TemplateValue in
            [
                "index": .int(index), "finish_reason": "stop", "logprobs": ["content": "a secret place"],
                "message": ["role": "assistant", "content": .string(text), "annotations": "another"],
            ]
        }
        let answer: TemplateValue = [
            "id": "x", "system_fingerprint": "f", "choices": .array(choices),
            "usage": ["prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7],
        ]
        return json(answer.json)
    }

    /// A stream of lines as they are, with a pause after each.
    static func lines(_ lines: [String], pause: Duration = .zero, isEndless: Bool = false) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: "text/event-stream"],
            body: ResponseBody { writer in
                repeat {
                    for line in lines {
                        try await writer.write(ByteBuffer(string: line))
                        if pause > .zero { try await Task.sleep(for: pause) }
                    }
                } while isEndless
                try await writer.finish(nil)
            }
        )
    }

    static func piece(_ text: String, _ index: Int = 0) -> String {
        let value: TemplateValue = ["choices": [["index": .int(index), "delta": ["content": .string(text)]]]]
        return "data: \(value.json)\n\n"
    }

    static func end(_ index: Int = 0, _ reason: String = "stop") -> String {
        "data: {\"choices\":[{\"index\":\(index),\"delta\":{},\"finish_reason\":\"\(reason)\"}]}\n\n"
    }

    static let done = "data: [DONE]\n\n"

    /// A stream of pieces of a text.
    static func stream(_ text: String, pieces length: Int = 3) -> Response {
        let scalars = Array(text.unicodeScalars)
        let parts = stride(from: 0, to: scalars.count, by: length).map { start -> String in
            var part = String.UnicodeScalarView()
            part.append(contentsOf: scalars[start..<min(scalars.count, start + length)])
            return piece(String(part))
        }
        return lines(parts + [end(), done])
    }
}

/// A guard server for one test, and a client of it.
struct GuardScene: Sendable {
    struct Answer: Sendable {
        var status: Int
        var headers: HTTPHeaders
        var text: String
        var json: TemplateValue { (try? TemplateValue(json: Array(text.utf8))) ?? .null }
        var content: String? { json["choices"]?.array?.first?["message"]?["content"]?.string }
        var code: String? { json["error"]?["code"]?.string }

        /// The JSON of a stream's events, without `[DONE]`.
        var events: [TemplateValue] {
            text.split(separator: "\n").compactMap { line in
                line.hasPrefix("data: {") ? try? TemplateValue(json: Array(line.dropFirst(6).utf8)) : nil
            }
        }

        /// The contents of a choice of a stream, joined.
        func streamed(_ index: Int = 0) -> String {
            choices(index).compactMap { $0["delta"]?["content"]?.string }.joined()
        }

        func reasons(_ index: Int = 0) -> [String] { choices(index).compactMap { $0["finish_reason"]?.string } }

        private func choices(_ index: Int) -> [TemplateValue] {
            events.flatMap { $0["choices"]?.array ?? [] }.filter { $0["index"]?.int == index }
        }
    }

    static let phrases = ["project heron"]
    static let message = "This is refused."

    let port: Int
    let key: String?

    static func shield(_ action: Policy.Action = .refuse, rails: [any Rail] = []) throws -> Guard {
        var rules = [Policy.Rule("keywords", action)]
        rules += rails.map { Policy.Rule($0.card.name, action) }
        return try Guard(
            Policy(name: "test", rules: rules, message: message),
            rails: [KeywordRail(phrases: phrases)] + rails
        )
    }

    /// Starts a server, does something with it, and stops it.
    static func with(
        _ backend: GuardServer.Backend,
        _ shield: Guard? = nil,
        source: GuardSource? = nil,
        key: String? = nil,
        settings change: (inout ServerSettings) -> Void = { _ in },
        _ use: (GuardScene) async throws -> Void
    ) async throws {
        var settings = ServerSettings()
        settings.port = 0
        settings.windows = StreamGate.Windows(stride: 40, overlap: 30, lookback: 40)
        settings.silence = 60
        change(&settings)
        let shield = try shield ?? Self.shield()
        let source = if let source { source } else { try await GuardSource { .init(shield, name: "test@1") } }
        let logger = Logger(label: "guard", factory: { _ in SwiftLogNoOpLogHandler() })
        let server = try GuardServer(settings, guard: source, backend: backend, logger: logger)
        let (ports, started) = AsyncStream<Int>.makeStream()
        let task = Task { try await server.run(signals: false) { started.yield($0) } }
        defer { task.cancel() }
        let port = await ports.first { _ in true } ?? 0
        try await use(GuardScene(port: port, key: key))
    }

    func get(_ path: String) async throws -> Answer {
        try await send(request(path))
    }

    func post(_ path: String, _ body: TemplateValue) async throws -> Answer {
        try await post(path, text: body.json)
    }

    func post(_ path: String, text: String) async throws -> Answer {
        var request = request(path)
        request.method = .POST
        request.body = .bytes(ByteBuffer(string: text))
        return try await send(request)
    }

    /// Asks one question.
    func chat(_ prompt: String, stream: Bool = false, _ more: [(String, TemplateValue)] = []) async throws -> Answer {
        let turns: TemplateValue = [["role": "user", "content": .string(prompt)]]
        let fields: [(key: String, value: TemplateValue)] = [
            ("model", "m"), ("messages", turns), ("stream", .bool(stream)),
        ]
        return try await post("/v1/chat/completions", .object(fields + more.map { (key: $0.0, value: $0.1) }))
    }

    func request(_ path: String) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        if let key { request.headers.add(name: "authorization", value: "Bearer \(key)") }
        // Another test's server may have had this port: a connection kept from then is dead.
        request.headers.add(name: "connection", value: "close")
        return request
    }

    func send(_ request: HTTPClientRequest) async throws -> Answer {
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
        let body = try await response.body.collect(upTo: 1 << 24)
        return Answer(
            status: Int(response.status.code),
            headers: response.headers,
            text: String(buffer: body)
        )
    }
}

/// A rail that cannot check.
struct BrokenRail: Rail {
    struct Failure: Error {}
    let card = RailCard(name: "broken", looksFor: "a test", labels: [], limits: [])
    func findings(in passage: Passage) async throws -> [Finding] { throw Failure() }
}
