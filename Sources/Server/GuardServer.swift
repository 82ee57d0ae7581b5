public import Foundation
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
import TemperGuard
public import TemperText
import UnixSignals

/// A server that puts a guard in front of an endpoint or a model, or that only checks texts.
///
/// It listens on this machine alone unless told otherwise, lets nothing through that was not checked, reads its policy anew
/// when the file changes or on SIGHUP, and ends on SIGTERM after the requests that are under way.
public struct GuardServer: Sendable {
    /// What is behind the guard.
    public enum Backend: Sendable {
        /// Nothing: the server only checks texts.
        case none
        /// An OpenAI-compatible endpoint: the address that `/chat/completions` is appended to, and the key that it gets.
        case endpoint(URL, key: String?)
        /// A model in this process, the name that clients see, and the most tokens that one answer may have.
        case model(any Responder, name: String, maximumTokens: Int)
    }

    private let settings: ServerSettings
    private let source: GuardSource
    private let backend: Backend
    private let logger: Logger

    /// Prepares a server; nothing listens yet.
    ///
    /// - Throws: `ServerError` where the settings cannot work, or would let in whom they should not.
    public init(_ settings: ServerSettings, guard source: GuardSource, backend: Backend, logger: Logger) throws {
        try settings.validate()
        if case .endpoint(let url, let key) = backend { try Self.check(url, hasKey: key != nil) }
        self.settings = settings
        self.source = source
        self.backend = backend
        self.logger = logger
    }

    private static func check(_ url: URL, hasKey: Bool) throws {
        guard let scheme = url.scheme?.lowercased(), ["http", "https"].contains(scheme), let host = url.host,
            !host.isEmpty, url.user == nil, url.password == nil, url.query == nil, url.fragment == nil
        else {
            throw ServerError.settings(
                "the upstream's address has http:// or https://, a host and a path such as /v1, and nothing else"
            )
        }
        guard !hasKey || scheme == "https" || ["localhost", "127.0.0.1", "::1"].contains(host) else {
            throw ServerError.settings("the upstream would get its key unencrypted: use https, or give no key")
        }
    }

    /// Serves until it is told to stop.
    ///
    /// - Parameters:
    ///   - signals: whether SIGTERM, SIGINT and SIGHUP are heeded.
    ///   - onStart: called with the port as soon as the server listens.
    public func run(signals: Bool = true, onStart: @escaping @Sendable (Int) -> Void = { _ in }) async throws {
        let metrics = Metrics()
        let audit = try settings.audit.map { try AuditLog($0) }
        let upstream = upstream(metrics)
        let service = GuardService(
            settings: settings,
            source: source,
            upstream: upstream,
            metrics: metrics,
            audit: audit,
            logger: logger
        )
        var decoder = HTTP1Channel.Configuration.DecoderConfiguration()
        decoder.maxHeaderFieldSize = settings.maximumHeaders
        decoder.maxHeaderListSize = settings.maximumHeaders
        decoder.maxHeaderFieldCount = 100
        let application = Application(
            responder: service,
            server: .http1(
                configuration: .init(
                    idleTimeout: .nanoseconds(Int64((settings.silence + 30) * 1e9)),
                    httpDecoderConfiguration: decoder
                )
            ),
            configuration: ApplicationConfiguration(
                address: .hostname(settings.host, port: settings.port),
                backlog: 1024,
                availableConnectionsDelegate: MaximumAvailableConnections(settings.connections)
            ),
            onServerRunning: { channel in onStart(channel.localAddress?.port ?? 0) },
            logger: logger
        )
        let watch = PolicyWatch(source: source, metrics: metrics, logger: logger, signals: signals)
        var configuration = ServiceGroupConfiguration(
            services: [watch, application],
            gracefulShutdownSignals: signals ? [.sigterm, .sigint] : [],
            logger: logger
        )
        configuration.maximumGracefulShutdownDuration = .seconds(settings.drain)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch {
            try? await upstream?.close()
            throw error
        }
        try await upstream?.close()
    }

    private func upstream(_ metrics: Metrics) -> (any Upstream)? {
        switch backend {
        case .none: return nil
        case .endpoint(let url, let key):
            var base = url.absoluteString
            while base.hasSuffix("/") { base.removeLast() }
            return EndpointUpstream(
                base: base,
                authorization: key.map { "Bearer \($0)" },
                settings: settings,
                metrics: metrics
            )
        case .model(let responder, let name, let maximumTokens):
            return LocalUpstream(responder: responder, name: name, maximumTokens: maximumTokens)
        }
    }
}

/// Reads the policy anew when its file changes, or on SIGHUP.
private struct PolicyWatch: Service {
    let source: GuardSource
    let metrics: Metrics
    let logger: Logger
    let signals: Bool

    func run() async throws {
        // Ends when the server is asked to stop, so that the watch does not keep it up.
        await cancelWhenGracefulShutdown {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await watchFile() }
                if signals {
                    group.addTask {
                        for await _ in await UnixSignalsSequence(trapping: .sighup) { await reload("SIGHUP") }
                    }
                }
                await group.waitForAll()
            }
        }
    }

    private func watchFile() async {
        var stamp = source.firstStamp
        while !Task.isCancelled {
            try? await Task.sleep(for: .milliseconds(500))
            let now = source.stamp
            guard now != stamp, !Task.isCancelled else { continue }
            stamp = now
            await reload("changed")
        }
    }

    private func reload(_ cause: String) async {
        do {
            try await source.reload()
            metrics.count("temper_policy_reloads_total", ["outcome": "read"])
            logger.notice("policy read anew", metadata: ["cause": "\(cause)", "policy": "\(source.current.name)"])
        } catch {
            metrics.count("temper_policy_reloads_total", ["outcome": "kept_old"])
            logger.error(
                "the new policy cannot be used; the old one stays",
                metadata: ["cause": "\(cause)", "policy": "\(source.current.name)", "reason": "\(error)"]
            )
        }
    }
}
