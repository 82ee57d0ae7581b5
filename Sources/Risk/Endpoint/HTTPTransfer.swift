package import Foundation
package import FoundationNetworking
import TemperText

/// One request over HTTP, the answer's body handed on piece by piece; redirections are reported, not followed.
///
/// Following is left to the caller, because only the caller knows which hosts may see a secret. Knows nothing about
/// what is fetched.
package final class HTTPTransfer: NSObject, URLSessionDataDelegate, Sendable {
    /// The start of an answer.
    package struct Response: Sendable {
        package var status: Int
        /// By name in lower case.
        package var headers: [String: String]
    }

    /// What is done with an answer. Both are called on one queue, one after the other.
    package struct Receiver: Sendable {
        package var begin: @Sendable (Response) throws -> Void
        package var take: @Sendable (Data) throws -> Void

        package init(
            begin: @escaping @Sendable (Response) throws -> Void,
            take: @escaping @Sendable (Data) throws -> Void
        ) {
            self.begin = begin
            self.take = take
        }
    }

    /// The body of a small answer.
    package final class Body: Sendable {
        private let content = Locked(Data())
        private let limit: Int

        /// - Parameter limit: The most bytes it takes.
        package init(limit: Int) {
            self.limit = limit
        }

        package var data: Data { content.withLock { $0 } }

        package var receiver: Receiver {
            Receiver(
                // Of a redirection there may be a body, too.
                begin: { _ in self.content.withLock { $0 = Data() } },
                take: { more in
                    try self.content.withLock {
                        guard $0.count + more.count <= self.limit else { throw URLError(.dataLengthExceedsMaximum) }
                        $0.append(more)
                    }
                }
            )
        }
    }

    private struct State {
        var response: Response?
        var failure: (any Error)?
        /// How it ended, where that was before anybody waited for it.
        var outcome: Result<Response, any Error>?
        var continuation: CheckedContinuation<Response, any Error>?
    }

    private let receiver: Receiver
    private let state = Locked(State())

    private init(_ receiver: Receiver) {
        self.receiver = receiver
    }

    /// Asks for `url`; returns when the whole answer was received.
    ///
    /// - Throws: What the receiver throws, or `URLError` when the connection fails or breaks.
    package static func get(_ url: URL, headers: [String: String], receiver: Receiver) async throws -> Response {
        var request = URLRequest(url: url, timeoutInterval: 60)
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        return try await send(request, receiver: receiver)
    }

    /// Makes a request; returns when the whole answer was received.
    ///
    /// - Parameter deadline: The most it may take altogether; without one only silence ends it, as the request says.
    /// - Throws: What the receiver throws, `URLError` when the connection fails, breaks or takes too long, or
    ///   `CancellationError`.
    package static func send(
        _ request: URLRequest,
        deadline: Duration? = nil,
        receiver: Receiver
    ) async throws -> Response {
        guard let deadline else { return try await run(request, receiver) }
        return try await withThrowingTaskGroup(of: Response?.self) { group in
            group.addTask { try await run(request, receiver) }
            group.addTask {
                try await Task.sleep(for: deadline)
                return nil
            }
            defer { group.cancelAll() }
            guard let response = try await group.next() ?? nil else { throw URLError(.timedOut) }
            return response
        }
    }

    private static func run(_ request: URLRequest, _ receiver: Receiver) async throws -> Response {
        try Task.checkCancellation()
        let configuration = URLSessionConfiguration.ephemeral
        // As it is stored: sizes and places in a file must mean the same on both ends.
        configuration.httpAdditionalHeaders = ["Accept-Encoding": "identity", "User-Agent": "temper"]
        let queue = OperationQueue()
        queue.maxConcurrentOperationCount = 1
        let transfer = HTTPTransfer(receiver)
        let session = URLSession(configuration: configuration, delegate: transfer, delegateQueue: queue)
        let task = session.dataTask(with: request)
        defer { session.finishTasksAndInvalidate() }
        do {
            return try await withTaskCancellationHandler {
                try await withCheckedThrowingContinuation { continuation in
                    transfer.await(continuation)
                    task.resume()
                }
            } onCancel: {
                transfer.end(.failure(CancellationError()))
                task.cancel()
            }
        } catch let error as URLError where error.code == .cancelled {
            throw CancellationError()
        }
    }

    private func await(_ continuation: CheckedContinuation<Response, any Error>) {
        let outcome = state.withLock { state in
            if state.outcome == nil { state.continuation = continuation }
            return state.outcome
        }
        if let outcome { continuation.resume(with: outcome) }
    }

    /// Only the first end counts.
    private func end(_ outcome: Result<Response, any Error>) {
        let continuation = state.withLock { state -> CheckedContinuation<Response, any Error>? in
            guard state.outcome == nil else { return nil }
            state.outcome = outcome
            return state.continuation
        }
        continuation?.resume(with: outcome)
    }

    package func urlSession(
        _ session: URLSession,
        task: URLSessionTask,
        willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest,
        completionHandler: @escaping (URLRequest?) -> Void
    ) {
        begin(response)
        completionHandler(nil)
    }

    package func urlSession(
        _ session: URLSession,
        dataTask: URLSessionDataTask,
        didReceive response: URLResponse,
        completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
    ) {
        begin(response)
        completionHandler(state.withLock { $0.failure == nil } ? .allow : .cancel)
    }

    package func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        guard state.withLock({ $0.failure == nil && $0.outcome == nil }) else { return }
        do {
            try receiver.take(data)
        } catch {
            state.withLock { $0.failure = error }
            dataTask.cancel()
        }
    }

    package func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        let (failure, response) = state.withLock { ($0.failure ?? error, $0.response) }
        if let failure {
            end(.failure(failure))
        } else if let response {
            end(.success(response))
        } else {
            end(.failure(URLError(.badServerResponse)))
        }
    }

    private func begin(_ received: URLResponse) {
        guard let received = received as? HTTPURLResponse, state.withLock({ $0.response == nil }) else { return }
        var headers: [String: String] = [:]
        for (name, value) in received.allHeaderFields {
            if let name = name as? String, let value = value as? String { headers[name.lowercased()] = value }
        }
        let response = Response(status: received.statusCode, headers: headers)
        state.withLock { $0.response = response }
        do {
            try receiver.begin(response)
        } catch {
            state.withLock { $0.failure = error }
        }
    }
}
