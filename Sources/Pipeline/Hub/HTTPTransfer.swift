import Foundation
import FoundationNetworking

/// One GET over HTTP, its body handed on piece by piece; redirections are reported, not followed.
///
/// Following is left to the caller, because only the caller knows which hosts may see a secret. Knows nothing about what
/// is fetched.
final class HTTPTransfer: NSObject, URLSessionDataDelegate, @unchecked Sendable {
    /// The start of an answer.
    struct Response: Sendable {
        var status: Int
        /// By name in lower case.
        var headers: [String: String]
    }

    /// What is done with an answer. Both are called on one queue, one after the other.
    struct Receiver: Sendable {
        var begin: @Sendable (Response) throws -> Void
        var take: @Sendable (Data) throws -> Void
    }

    // All of it is only touched on the session's queue, which runs one block at a time.
    private let receiver: Receiver
    private var response: Response?
    private var failure: (any Error)?
    private var continuation: CheckedContinuation<Response, any Error>?

    private init(_ receiver: Receiver, _ continuation: CheckedContinuation<Response, any Error>) {
        self.receiver = receiver
        self.continuation = continuation
    }

    /// Asks for `url`; returns when the whole answer was received.
    ///
    /// - Throws: What the receiver throws, or `URLError` when the connection fails or breaks.
    static func get(_ url: URL, headers: [String: String], receiver: Receiver) async throws -> Response {
        var request = URLRequest(url: url, timeoutInterval: 60)
        for (name, value) in headers { request.setValue(value, forHTTPHeaderField: name) }
        let configuration = URLSessionConfiguration.ephemeral
        // As it is stored: sizes and places in the file must mean the same on both ends.
        configuration.httpAdditionalHeaders = ["Accept-Encoding": "identity", "User-Agent": "temper"]
        return try await withCheckedThrowingContinuation { continuation in
            let queue = OperationQueue()
            queue.maxConcurrentOperationCount = 1
            let session = URLSession(
                configuration: configuration,
                delegate: HTTPTransfer(receiver, continuation),
                delegateQueue: queue
            )
            session.dataTask(with: request).resume()
            session.finishTasksAndInvalidate()
        }
    }

    func urlSession(
        _ session: URLSession,
        task: URLSessionTask,
        willPerformHTTPRedirection response: HTTPURLResponse,
        newRequest request: URLRequest,
        completionHandler: @escaping (URLRequest?) -> Void
    ) {
        begin(response)
        completionHandler(nil)
    }

    func urlSession(
        _ session: URLSession,
        dataTask: URLSessionDataTask,
        didReceive response: URLResponse,
        completionHandler: @escaping (URLSession.ResponseDisposition) -> Void
    ) {
        begin(response)
        completionHandler(failure == nil ? .allow : .cancel)
    }

    func urlSession(_ session: URLSession, dataTask: URLSessionDataTask, didReceive data: Data) {
        guard failure == nil else { return }
        do {
            try receiver.take(data)
        } catch {
            failure = error
            dataTask.cancel()
        }
    }

    func urlSession(_ session: URLSession, task: URLSessionTask, didCompleteWithError error: (any Error)?) {
        if let failure = failure ?? error {
            continuation?.resume(throwing: failure)
        } else if let response {
            continuation?.resume(returning: response)
        } else {
            continuation?.resume(throwing: URLError(.badServerResponse))
        }
        continuation = nil
    }

    private func begin(_ received: URLResponse) {
        guard response == nil, let received = received as? HTTPURLResponse else { return }
        var headers: [String: String] = [:]
        for (name, value) in received.allHeaderFields {
            if let name = name as? String, let value = value as? String { headers[name.lowercased()] = value }
        }
        let response = Response(status: received.statusCode, headers: headers)
        self.response = response
        do { try receiver.begin(response) } catch { failure = error }
    }
}
