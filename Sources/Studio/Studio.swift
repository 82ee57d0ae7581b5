import Foundation
import HTTPTypes
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
import ServiceLifecycle
import TemperText
import UnixSignals

/// A local web page over the runs of a directory: they are listed, compared, watched and talked to.
///
/// It listens on this machine alone, and answers only who has the token that it printed.
public struct Studio: Sendable {
    private let settings: StudioSettings
    private let service: StudioService
    private let logger: Logger

    /// Prepares the studio; nothing listens yet. Without `chat` or `launcher` those pages say that they are not there.
    public init(
        _ settings: StudioSettings,
        source: any RunSource,
        chat: (any ChatPartners)? = nil,
        launcher: (any RunLauncher)? = nil,
        logger: Logger
    ) {
        self.settings = settings
        self.logger = logger
        service = StudioService(settings: settings, source: source, chat: chat, launcher: launcher)
    }

    /// Serves until it is told to stop.
    ///
    /// - Parameters:
    ///   - signals: whether SIGTERM and SIGINT are heeded.
    ///   - onStart: called as soon as the studio listens, with the address to open, token and all.
    public func run(signals: Bool = true, onStart: @escaping @Sendable (String) -> Void = { _ in }) async throws {
        let (settings, service) = (settings, service)
        var decoder = HTTP1Channel.Configuration.DecoderConfiguration()
        decoder.maxHeaderFieldSize = 16 << 10
        decoder.maxHeaderListSize = 16 << 10
        decoder.maxHeaderFieldCount = 100
        let application = Application(
            responder: service,
            server: .http1(configuration: .init(idleTimeout: .seconds(60), httpDecoderConfiguration: decoder)),
            configuration: ApplicationConfiguration(address: .hostname("127.0.0.1", port: settings.port)),
            onServerRunning: { channel in
                let admission = Admission(token: settings.token, port: channel.localAddress?.port ?? settings.port)
                service.admission.withLock { $0 = admission }
                onStart(admission.address)
            },
            logger: logger
        )
        var configuration = ServiceGroupConfiguration(
            services: [application],
            gracefulShutdownSignals: signals ? [.sigterm, .sigint] : [],
            logger: logger
        )
        // Pages that watch a run go on for ever; they are told at once.
        configuration.maximumGracefulShutdownDuration = .seconds(3)
        do {
            try await ServiceGroup(configuration: configuration).run()
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw PortTaken(port: settings.port)
        }
    }

    /// Somebody else listens at the port.
    private struct PortTaken: Error, CustomStringConvertible {
        let port: Int

        var description: String {
            "port \(port) is taken: end what listens there, or choose another (0 takes a free one)"
        }
    }
}
