import AsyncHTTPClient
import HTTPTypes
import NIOCore
import NIOHTTP1
import Synchronization
import TemperText

/// An OpenAI-compatible endpoint behind the guard.
///
/// Its address is the operator's alone: nothing in a request changes where a question goes, and redirections are not followed.
/// Everything that can go wrong with it becomes one `APIError` and one count.
final class EndpointUpstream: Upstream {
    private let base: String
    private let authorization: String?
    private let settings: ServerSettings
    private let metrics: Metrics
    private let client: HTTPClient

    /// - Parameter base: the address that `/chat/completions` is appended to.
    init(base: String, authorization: String?, settings: ServerSettings, metrics: Metrics) {
        self.base = base
        self.authorization = authorization
        self.settings = settings
        self.metrics = metrics
        var configuration = HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(10), read: .nanoseconds(Int64(settings.silence * 1e9)))
        )
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = settings.concurrency
        // An upstream that is not there is an answer, too: at once, not after ten seconds of trying.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.decompression = .disabled
        client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    func close() async throws { try await client.shutdown() }

    func answer(_ question: Question) async throws -> TemplateValue {
        let response = try await send(question, accept: "application/json")
        return try document(try await body(response))
    }

    func models() async throws -> TemplateValue {
        var request = HTTPClientRequest(url: base + "/models")
        request.headers = headers(accept: "application/json")
        let response = try await succeeded(try await execute(request))
        let document = try document(try await body(response))
        guard let models = document["data"]?.array else { throw malformed("the list of models is none") }
        // Names only: whatever else an upstream says of its models is not for its clients.
        let names = models.compactMap { $0["id"]?.string }
        return ModelList.of(names)
    }

    func stream(_ question: Question) async throws -> AnswerPieces {
        let response = try await send(question, accept: "text/event-stream")
        let type = response.headers.first(name: "content-type")?.lowercased() ?? ""
        guard type.hasPrefix("text/event-stream") else {
            throw malformed("it was asked for a stream of events and sent '\(type.prefix(64))'")
        }
        return AnswerPieces { [self] in
            let reading = Reading(response.body, limit: settings.maximumAnswer)
            return { [self] in
                do {
                    return try await reading.next()
                } catch let error as EventStreamReader.Malformed {
                    throw malformed(error.reason)
                } catch {
                    throw failed(error)
                }
            }
        }
    }

    /// Where the reading of a stream is. Used by one task.
    private final class Reading: @unchecked Sendable {
        private var iterator: HTTPClientResponse.Body.AsyncIterator
        private var reader: EventStreamReader
        private var events: [EventStreamReader.Event] = []
        private var size = 0
        private let limit: Int
        private var isDone = false

        init(_ body: HTTPClientResponse.Body, limit: Int) {
            iterator = body.makeAsyncIterator()
            reader = EventStreamReader(longestEvent: min(limit, 1 << 20))
            self.limit = limit
        }

        func next() async throws -> TemplateValue? {
            while !isDone {
                if !events.isEmpty {
                    guard case .data(let value) = events.removeFirst() else {
                        isDone = true
                        return nil
                    }
                    return value
                }
                guard let bytes = try await iterator.next() else {
                    throw EventStreamReader.Malformed(reason: "the stream ended early")
                }
                size += bytes.readableBytes
                guard size <= limit else { throw EventStreamReader.Malformed(reason: "the answer is too long") }
                events = try reader.take(bytes.readableBytesView)
            }
            return nil
        }
    }

    // MARK: Requests

    private func headers(accept: String) -> HTTPHeaders {
        var headers = HTTPHeaders([("accept", accept), ("user-agent", "temper"), ("accept-encoding", "identity")])
        if let authorization { headers.add(name: "authorization", value: authorization) }
        return headers
    }

    private func send(_ question: Question, accept: String) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: base + (question.form == .chat ? "/chat/completions" : "/completions"))
        request.method = .POST
        request.headers = headers(accept: accept)
        request.headers.add(name: "content-type", value: "application/json")
        request.body = .bytes(question.body.buffer)
        return try await succeeded(try await execute(request))
    }

    private func execute(_ request: HTTPClientRequest) async throws -> HTTPClientResponse {
        do {
            let deadline = NIODeadline.now() + .nanoseconds(Int64(settings.answerTimeout * 1e9))
            return try await client.execute(request, deadline: deadline)
        } catch {
            throw failed(error)
        }
    }

    private func succeeded(_ response: HTTPClientResponse) async throws -> HTTPClientResponse {
        switch response.status.code {
        case 200: return response
        case 300..<400:
            throw problem("redirection", "The upstream redirects; the operator has to give its final address.")
        case 401, 403:
            throw problem(
                "refused_key",
                "The upstream does not accept the server's key (status \(response.status.code))."
            )
        case 429:
            var error = problem("busy", "The upstream takes no more requests now.", status: .tooManyRequests)
            error.retryAfter = response.headers.first(name: "retry-after").flatMap { Int($0) } ?? 1
            throw error
        case 400, 404, 413, 422:
            // Its message is text from the upstream, and would pass unchecked.
            throw problem(
                "rejected",
                "The upstream rejects the request with status \(response.status.code): are model and parameters right?",
                status: .init(code: Int(response.status.code))
            )
        default: throw problem("status", "The upstream answers with status \(response.status.code).")
        }
    }

    private func body(_ response: HTTPClientResponse) async throws -> ByteBuffer {
        var bytes = ByteBuffer()
        do {
            for try await part in response.body {
                guard bytes.readableBytes + part.readableBytes <= settings.maximumAnswer else {
                    throw malformed("the answer is too long", reason: "too_long")
                }
                bytes.writeImmutableBuffer(part)
            }
        } catch let error as APIError {
            throw error
        } catch {
            throw failed(error)
        }
        return bytes
    }

    private func document(_ bytes: ByteBuffer) throws -> TemplateValue {
        guard let document = try? TemplateValue(json: Array(bytes.readableBytesView)) else {
            throw malformed("the answer is no JSON")
        }
        return document
    }

    // MARK: Failures

    private func problem(_ reason: String, _ message: String, status: HTTPResponse.Status = .badGateway) -> APIError {
        metrics.count("temper_upstream_failures_total", ["reason": reason])
        return .upstream(message, code: "upstream_\(reason)", status: status)
    }

    private func malformed(_ what: String, reason: String = "malformed") -> APIError {
        problem(reason, "The upstream's answer cannot be used: \(what). Nothing of it is passed on unchecked.")
    }

    private func failed(_ error: any Error) -> any Error {
        switch error {
        case is APIError, is CancellationError: return error
        case let error as HTTPClientError where [.readTimeout, .deadlineExceeded, .connectTimeout].contains(error):
            return problem("timeout", "The upstream did not answer in time.", status: .gatewayTimeout)
        default: return problem("connection", "The connection to the upstream failed or broke.")
        }
    }
}

/// A list of models, in the form of OpenAI's API.
enum ModelList {
    static func of(_ names: [String]) -> TemplateValue {
        let models = names.map { name -> TemplateValue in
            ["id": .string(name), "object": "model", "created": 0, "owned_by": "temper"]
        }
        return ["object": "list", "data": .array(models)]
    }
}
