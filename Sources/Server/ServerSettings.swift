public import Foundation
public import TemperGuard
import TemperRisk

/// Where a guard server listens, who may ask it, and how much.
///
/// Knows nothing about requests.
public struct ServerSettings: Sendable {
    /// What a client gets for a question that the policy refuses.
    public enum Refusal: String, Sendable, CaseIterable {
        /// The policy's message as an answer that ended with `content_filter`.
        case answer
        /// An error with status 400 and code `content_filter`.
        case error
    }

    /// The address to listen at.
    public var host = "127.0.0.1"
    /// The port; 0 takes a free one.
    public var port = 8400
    /// Whether it may listen where other machines reach it; that also needs keys.
    public var allowsRemote = false
    /// Who may ask; nil lets everybody who reaches the address.
    public var keys: ServerKeys?
    /// Requests worked on at a time; what comes beyond is turned away with status 429.
    public var concurrency = 64
    /// Connections open at a time; what comes beyond waits to be accepted.
    public var connections = 1024
    /// The most bytes of a request's body.
    public var maximumBody = 1 << 20
    /// The most bytes of a request's headers.
    public var maximumHeaders = 16 << 10
    /// The most bytes of an upstream's answer.
    public var maximumAnswer = 8 << 20
    /// Seconds in which a request's body has to arrive.
    public var bodyTimeout = 10.0
    /// Seconds that an upstream may be silent.
    public var silence = 60.0
    /// Seconds that an upstream's whole answer may take.
    public var answerTimeout = 600.0
    /// Seconds that requests may go on after the server was asked to stop.
    public var drain = 30.0
    /// How streamed answers are cut for the rails.
    public var windows = StreamGate.Windows()
    /// Whether system turns are taken on trust. False by default: whoever reaches the server can write them.
    public var trustsSystemTurns = false
    /// What stands for an answer to a refused question.
    public var refusal = Refusal.answer
    /// Where decisions are recorded; nil records none.
    public var audit: URL?

    /// Creates settings that let only this machine in.
    public init() {}

    /// Checks that the settings can work and are safe.
    ///
    /// - Throws: `ServerError.settings`.
    public func validate() throws {
        let isLoopback = ["127.0.0.1", "::1", "localhost"].contains(host)
        guard isLoopback || (allowsRemote && keys != nil) else {
            throw ServerError.settings(
                "\(host) can be reached from other machines: that takes --allow-remote and keys (--keys-env VARIABLE)"
            )
        }
        guard (0...65535).contains(port) else { throw ServerError.settings("the port lies between 0 and 65535") }
        guard concurrency > 0, connections > 0, maximumBody > 0, maximumHeaders >= 1024, maximumAnswer > 0,
            bodyTimeout > 0, silence > 0, answerTimeout > 0, drain >= 0
        else { throw ServerError.settings("limits and times are above 0, headers at least 1024 bytes") }
    }
}

/// The keys that open a server; only their digests are kept.
public struct ServerKeys: Sendable, CustomStringConvertible, CustomReflectable {
    private let digests: [[UInt8]]

    /// The keys in an environment variable, separated by commas; nil where it is not set or empty.
    public init?(variable: String, environment: [String: String] = ProcessInfo.processInfo.environment) {
        digests = (environment[variable] ?? "").split(separator: ",").compactMap { part in
            let key = part.trimmingCharacters(in: .whitespacesAndNewlines)
            return key.isEmpty ? nil : Array(SHA256.hex(of: key).utf8)
        }
        if digests.isEmpty { return nil }
    }

    /// Says how many there are.
    public var description: String { "(\(digests.count) keys)" }
    /// Shows nothing.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// Whether an `Authorization` header carries one of the keys. It takes as long whichever it is, or none.
    func admit(_ header: String?) -> Bool {
        guard let header, header.lowercased().hasPrefix("bearer ") else { return false }
        let digest = Array(SHA256.hex(of: header.dropFirst(7).trimmingCharacters(in: .whitespaces)).utf8)
        var isKnown = false
        for known in digests {
            let difference = zip(known, digest).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) }
            isKnown = (difference == 0) || isKnown
        }
        return isKnown
    }
}

/// Why a server cannot start.
public enum ServerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The settings cannot work, or are not safe.
    case settings(String)
    /// The file of decisions cannot be written.
    case audit(path: String, reason: String)

    /// The message: what, and what to do.
    public var description: String {
        switch self {
        case .settings(let reason): reason
        case .audit(let path, let reason):
            "\(path): decisions cannot be recorded (\(reason)); choose another file with --audit"
        }
    }
}
