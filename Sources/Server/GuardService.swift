import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import TemperGuard
import TemperText

/// Answers requests: who may ask, how much at a time, which path, and the errors' form.
///
/// Texts appear in no log. Knows nothing about sockets.
struct GuardService: HTTPResponder {
    typealias Context = BasicRequestContext

    let settings: ServerSettings
    let source: GuardSource
    let upstream: (any Upstream)?
    let metrics: Metrics
    let audit: AuditLog?
    let logger: Logger

    private static let paths: [String: HTTPRequest.Method] = [
        "/v1/chat/completions": .post, "/v1/completions": .post, "/v1/models": .get, "/v1/moderations": .post,
        "/beta/litellm_basic_guardrail_api": .post, "/v1/checks": .post, "/health": .get, "/metrics": .get,
    ]

    func respond(to request: Request, context: Context) async throws -> Response {
        let start = ContinuousClock.now
        let id = UUID().uuidString.lowercased().replacing("-", with: "")
        let path = Self.paths[request.uri.path] == nil ? "other" : request.uri.path
        // The guard that the request began with is the one that the answer names.
        let version = source.current
        var response: Response
        do {
            response = try await answer(request, version, id: id)
        } catch {
            let known = error as? APIError ?? APIError.closed("The server could not answer.")
            if !(error is APIError) {
                logger.error("request failed", metadata: ["request": "\(id)", "kind": "\(type(of: error))"])
            }
            response = known.response
        }
        response.headers[.requestID] = id
        response.headers[.guardVersion] = version.name
        let status = response.status
        // A stream is not over yet; it is logged when it is.
        response.body = Self.ending(response.body) { [metrics, logger] isWhole in
            let took = (ContinuousClock.now - start) / .milliseconds(1)
            let outcome = isWhole ? "\(status.code)" : "broken"
            metrics.count("temper_requests_total", ["path": path, "status": outcome])
            metrics.observe("temper_request_milliseconds", took, ["path": path])
            logger.info(
                "request",
                metadata: [
                    "request": "\(id)", "path": "\(path)", "status": "\(outcome)",
                    "ms": "\(took.formatted(.number.precision(.fractionLength(1)).grouping(.never)))",
                ]
            )
        }
        return response
    }

    private func answer(_ request: Request, _ version: GuardSource.Version, id: String) async throws -> Response {
        guard
            settings.keys != nil
                || CallerCheck.admits(authority: request.head.authority, origin: request.headers[.origin])
        else { throw APIError.foreign }
        let path = request.uri.path
        guard let method = Self.paths[path] else {
            throw APIError(
                status: .notFound,
                type: "invalid_request_error",
                code: "unknown_url",
                message: "This server has " + Self.paths.keys.sorted().joined(separator: ", ") + "."
            )
        }
        guard request.method == method else {
            throw APIError(
                status: .methodNotAllowed,
                type: "invalid_request_error",
                code: "method_not_allowed",
                message: "\(path) takes \(method.rawValue)."
            )
        }
        if path == "/health" { return json(["status": "ok", "policy": .string(version.name)]) }
        // LiteLLM sends a guardrail's key in a header of its own.
        let key = request.headers[.authorization] ?? request.headers[.apiKey].map { "Bearer \($0)" }
        guard settings.keys?.admit(key) ?? true else { throw APIError.unauthorised }
        if path == "/metrics" {
            return Response(
                status: .ok,
                headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: metrics.text))
            )
        }
        guard metrics.enter(limit: settings.concurrency) else { throw APIError.tooMany(settings.concurrency) }
        let place = Place(metrics)
        var response = try await answer(path, request, version, id: id)
        // The place is kept until the last byte has left.
        response.body = Self.ending(response.body) { _ in place.leave() }
        return response
    }

    /// A place among the requests that are worked on, given back once, at the latest when nobody knows of it any more.
    private final class Place: Sendable {
        private let metrics: Metrics
        private let isLeft = Flag()

        init(_ metrics: Metrics) { self.metrics = metrics }

        func leave() { if isLeft.raise() { metrics.leave() } }

        deinit { leave() }
    }

    private func answer(
        _ path: String,
        _ request: Request,
        _ version: GuardSource.Version,
        id: String
    ) async throws -> Response {
        let screening = Screening(
            version: version,
            metrics: metrics,
            audit: audit,
            request: id,
            windows: settings.windows
        )
        let contracts = GuardContracts(screening: screening)
        switch path {
        case "/v1/models": return json(try await behind().models())
        case "/v1/chat/completions": return try await complete(.chat, request, screening)
        case "/v1/completions": return try await complete(.completion, request, screening)
        case "/v1/moderations": return json(try await contracts.moderation(try await document(request)))
        case "/beta/litellm_basic_guardrail_api":
            return json(try await contracts.guardrail(try await document(request)))
        default: return json(try await contracts.checks(try await document(request)))
        }
    }

    private func behind() throws -> any Upstream {
        guard let upstream else {
            throw APIError(
                status: .notFound,
                type: "invalid_request_error",
                code: "no_upstream",
                message: "This server only checks texts: it has neither an upstream nor a model."
            )
        }
        return upstream
    }

    // MARK: Answers

    private func complete(_ form: Question.Form, _ request: Request, _ screening: Screening) async throws -> Response {
        let upstream = try behind()
        let document = try await document(request)
        var question = try Question(form, document, trustsSystemTurns: settings.trustsSystemTurns)
        let shape = AnswerForm(question, id: screening.request)
        if let refusal = try await question.screen(screening) {
            return try refused(refusal, question, shape)
        }
        guard question.isStreamed else {
            let answer = try await upstream.answer(question)
            return json(try await WholeAnswer(question: question, form: shape, screening: screening).screened(answer))
        }
        let pieces = try await upstream.stream(question)
        return Self.events { [question, logger] write in
            var relay = AnswerRelay(question, form: shape, screening: screening)
            do {
                try await pieces.forEach { piece in
                    try await write(try await relay.take(piece))
                    return !relay.isOver
                }
                try await write(try await relay.finish())
            } catch let error as APIError {
                // What was held back stays here. The stream ends with an error, not as if it were whole.
                try relay.abandon()
                logger.warning(
                    "stream broke off",
                    metadata: ["request": "\(screening.request)", "code": "\(error.code)"]
                )
                try await write([error.body])
                return false
            }
            return true
        }
    }

    private func refused(_ decision: Guard.Decision, _ question: Question, _ form: AnswerForm) throws -> Response {
        guard settings.refusal == .answer else {
            throw APIError.request(decision.text, code: "content_filter", parameter: nil)
        }
        let indices = 0..<question.choices
        guard question.isStreamed else {
            let choices = indices.map { form.choice($0, decision.text, reason: "content_filter") }
            let none: TemplateValue = ["prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0]
            return json(form.whole(choices, usage: none))
        }
        return Self.events { write in
            for index in indices {
                try await write([
                    form.piece(index, ["role": "assistant", "content": .string(decision.text)]),
                    form.piece(index, [:], reason: "content_filter"),
                ])
            }
            return true
        }
    }

    // MARK: Bodies

    private func document(_ request: Request) async throws -> TemplateValue {
        let tooLarge = APIError(
            status: .contentTooLarge,
            type: "invalid_request_error",
            code: "request_too_large",
            message: "A body has at most \(settings.maximumBody) bytes."
        )
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > settings.maximumBody {
            throw tooLarge
        }
        let limit = settings.maximumBody
        let bytes = try await withThrowingTaskGroup(of: ByteBuffer?.self) { [settings] group in
            group.addTask {
                var bytes = ByteBuffer()
                for try await part in request.body {
                    guard bytes.readableBytes + part.readableBytes <= limit else { throw tooLarge }
                    bytes.writeImmutableBuffer(part)
                }
                return bytes
            }
            group.addTask {
                try await Task.sleep(for: .seconds(settings.bodyTimeout))
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
        guard let bytes else {
            throw APIError(
                status: .requestTimeout,
                type: "invalid_request_error",
                code: "request_timeout",
                message: "The body did not arrive in time."
            )
        }
        guard let document = try? TemplateValue(json: Array(bytes.readableBytesView)) else {
            throw APIError.request("The body is no JSON.", code: "invalid_json")
        }
        return document
    }

    private func json(_ value: TemplateValue) -> Response {
        Response(
            status: .ok,
            headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: value.buffer)
        )
    }

    /// A stream of events; `[DONE]` ends it where `produce` says that it is whole.
    private static func events(
        _ produce: @escaping @Sendable (_ write: ([TemplateValue]) async throws -> Void) async throws -> Bool
    ) -> Response {
        let body = ResponseBody { writer in
            nonisolated(unsafe) var target = writer
            let isWhole = try await produce { pieces in
                for piece in pieces { try await target.write(ByteBuffer(string: "data: \(piece.json)\n\n")) }
            }
            if isWhole { try await target.write(ByteBuffer(string: "data: [DONE]\n\n")) }
            try await target.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [.contentType: "text/event-stream; charset=utf-8", .cacheControl: "no-cache"],
            body: body
        )
    }

    /// A body that says when it has left, and whether it did so whole.
    private static func ending(_ body: ResponseBody, _ ended: @escaping @Sendable (Bool) -> Void) -> ResponseBody {
        ResponseBody(contentLength: body.contentLength) { writer in
            do {
                try await body.write(writer)
            } catch {
                ended(false)
                throw error
            }
            ended(true)
        }
    }
}

extension HTTPField.Name {
    /// A key, as some clients send it.
    static let apiKey = HTTPField.Name("x-api-key") ?? .authorization
    /// Names the request in logs and records.
    static let requestID = HTTPField.Name("x-request-id") ?? .eTag
    /// Which guard looked at this answer.
    static let guardVersion = HTTPField.Name("x-temper-guard") ?? .eTag
}
