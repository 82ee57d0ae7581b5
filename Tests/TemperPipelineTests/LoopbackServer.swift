import Foundation
import Glibc
import Synchronization

/// A small HTTP server on this machine, for tests of what goes over the network: one answer a connection, each on a
/// thread of its own.
final class LoopbackServer: Sendable {
    struct Request: Sendable {
        var path: String
        /// By name in lower case.
        var headers: [String: String]
        var body = Data()
    }

    struct Answer: Sendable {
        var status = 200
        var headers: [String: String] = [:]
        var body = Data()
        /// Breaks the connection after so many bytes of the body.
        var cut: Int?
        /// Seconds before anything is sent.
        var delay = 0.0
        /// Ends the connection with a reset instead of an answer.
        var isReset = false
    }

    let port: UInt16
    private let listener: Int32
    private let seen = Mutex<[Request]>([])
    private let isStopped = Mutex(false)
    private let answer: @Sendable (Request) -> Answer

    /// What was asked for so far.
    var requests: [Request] { seen.withLock { $0 } }

    /// Listens on a free port of 127.0.0.1, which is `localhost` too.
    init(_ answer: @escaping @Sendable (Request) -> Answer) throws {
        self.answer = answer
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && listen(listener, 128) == 0 && getsockname(listener, $0, &length) == 0
            }
        }
        guard isBound else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        self.listener = listener
        port = UInt16(bigEndian: address.sin_port)
        Thread.detachNewThread { [self] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                Thread.detachNewThread { [self] in
                    serve(connection)
                    close(connection)
                }
            }
        }
    }

    /// Ends it, once: a second `close` would hit whatever file has the number by then.
    func stop() {
        let wasStopped = isStopped.withLock { stopped in
            defer { stopped = true }
            return stopped
        }
        guard !wasStopped else { return }
        shutdown(listener, Int32(SHUT_RDWR))
        close(listener)
    }

    private func serve(_ connection: Int32) {
        var received = Data()
        var buffer = [UInt8](repeating: 0, count: 4096)
        var end = received.range(of: Data("\r\n\r\n".utf8))
        while end == nil {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            received += buffer[..<count]
            end = received.range(of: Data("\r\n\r\n".utf8))
        }
        guard let end else { return }
        let text = String(decoding: received[..<end.lowerBound], as: UTF8.self)
        let lines = text.components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        guard words.count == 3 else { return }
        var request = Request(path: String(words[1]), headers: [:])
        for line in lines.dropFirst() {
            let halves = line.split(separator: ":", maxSplits: 1)
            guard halves.count == 2 else { continue }
            request.headers[halves[0].lowercased()] = halves[1].trimmingCharacters(in: .whitespaces)
        }
        let length = request.headers["content-length"].flatMap(Int.init) ?? 0
        request.body = Data(received[end.upperBound...])
        while request.body.count < length {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            request.body += buffer[..<count]
        }
        seen.withLock { $0.append(request) }
        let answer = answer(request)
        if answer.delay > 0 { Thread.sleep(forTimeInterval: answer.delay) }
        if answer.isReset {
            // Closing with unsent data pending in this way sends a reset.
            var linger = linger(l_onoff: 1, l_linger: 0)
            setsockopt(connection, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
            return
        }
        var head = "HTTP/1.1 \(answer.status) Status\r\nConnection: close\r\nContent-Length: \(answer.body.count)\r\n"
        for (name, value) in answer.headers { head += "\(name): \(value)\r\n" }
        send(Data((head + "\r\n").utf8), to: connection)
        send(answer.body.prefix(answer.cut ?? answer.body.count), to: connection)
    }

    private func send(_ data: Data, to connection: Int32) {
        var rest = Array(data)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(connection, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
