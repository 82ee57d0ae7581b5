public import Foundation
import TemperWeights

/// Something that happened in a run: a line of `events.jsonl`, and what a progress display shows.
public struct RunEvent: Codable, Sendable, Hashable {
    /// The kinds of event.
    public enum Kind: String, Codable, Sendable {
        /// A phase began.
        case phase
        /// An optimiser step was taken.
        case step
        /// A checkpoint was written.
        case checkpoint
        /// Probes were answered.
        case probes
        /// A subject was assessed.
        case assessed
        /// Something worth knowing.
        case note
        /// The run ended.
        case finished
    }

    /// When, ISO 8601.
    public var time: Date
    /// What kind.
    public var kind: Kind
    /// The phase it belongs to, for example `align`, `tune`, or a defence's name.
    public var phase: String
    /// In words.
    public var message: String?
    /// Steps taken, or probes answered.
    public var done: Int?
    /// All steps, or all probes.
    public var total: Int?
    /// How many parameters the phase trains.
    public var parameters: Int?
    /// What the objective was: of answers, the mean per target in nats; of preferences, the mean over the pairs.
    public var loss: Double?
    /// Further numbers of the objective, by name.
    public var metrics: [String: Double]?
    /// Learning rate of the step.
    public var learningRate: Double?
    /// Gradient norm before clipping.
    public var gradientNorm: Double?
    /// Tokens learned from per second.
    public var tokensPerSecond: Double?
    /// Tokens of the step that were only read, such as by the model before the training; nil for none.
    public var readTokens: Int?
    /// Wall-clock seconds of the step.
    public var seconds: Double?
    /// Resident memory, in bytes.
    public var memory: Int?
    /// Estimated seconds until the phase ends.
    public var secondsLeft: Double?

    /// Creates an event.
    public init(_ kind: Kind, phase: String, message: String? = nil, done: Int? = nil, total: Int? = nil) {
        time = Date()
        self.kind = kind
        self.phase = phase
        self.message = message
        self.done = done
        self.total = total
    }

    enum CodingKeys: String, CodingKey {
        case time, kind, phase, message, done, total, parameters, loss, metrics, seconds, memory
        case learningRate = "learning_rate"
        case gradientNorm = "grad_norm"
        case tokensPerSecond = "tokens_per_second"
        case readTokens = "read_tokens"
        case secondsLeft = "seconds_left"
    }
}

/// Whatever listens to a run.
public protocol EventSink: Sendable {
    /// Takes note of an event; it must not block for long.
    func emit(_ event: RunEvent)
}

/// Appends events to a file, whole lines only, and passes them on.
///
/// `@unchecked Sendable`: the file handle and `isBroken` are touched only under `lock`.
public final class EventLog: EventSink, @unchecked Sendable {
    private let lock = NSLock()
    private let handle: FileHandle
    private let encoder = LedgerFile.encoder(pretty: false)
    private let next: (any EventSink)?
    /// Whether the last write failed, and perhaps left half a line.
    private var isBroken = false

    /// Opens the file for appending; a half line that a killed process left is closed first.
    public init(_ url: URL, next: (any EventSink)? = nil) throws {
        try FileManager.default.createDirectory(
            at: url.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        if !FileManager.default.fileExists(atPath: url.path) {
            try Data().write(to: url)
        }
        handle = try FileHandle(forUpdating: url)
        self.next = next
        let end = try handle.seekToEnd()
        if end > 0 {
            try handle.seek(toOffset: end - 1)
            if try handle.readToEnd() != Data([0x0A]) { try handle.write(contentsOf: Data([0x0A])) }
        }
    }

    /// Appends the event, unless it is one of the many that only move a progress line.
    public func emit(_ event: RunEvent) {
        next?.emit(event)
        guard event.kind != .probes, let data = try? encoder.encode(event) else { return }
        lock.withLock {
            do {
                try handle.write(contentsOf: (isBroken ? Data([0x0A]) : Data()) + data + Data([0x0A]))
                isBroken = false
            } catch {
                // A full disk must not end a training for the sake of a log line.
                isBroken = true
            }
        }
    }
}

/// Keeps two processes out of one run directory.
public final class RunLock: Sendable {
    private let descriptor: Int32

    /// Takes the lock, or returns nil when another process holds it.
    ///
    /// - Throws: `WeightsError.cannotWrite` when the directory cannot be made or written to.
    public init?(_ directory: RunDirectory) throws {
        do {
            try FileManager.default.createDirectory(at: directory.url, withIntermediateDirectories: true)
        } catch {
            throw WeightsError.cannotWrite(path: directory.url.path, reason: error.localizedDescription)
        }
        descriptor = open(directory.url.appendingPathComponent(".lock").path, O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw WeightsError.cannotWrite(path: directory.url.path, reason: String(cString: strerror(errno)))
        }
        // `isHeld` has the lock for a moment; who holds it longer is a run.
        guard
            flock(descriptor, LOCK_EX | LOCK_NB) == 0
                || usleep(50_000) == 0 && flock(descriptor, LOCK_EX | LOCK_NB) == 0
        else {
            // What is thrown away here was complete, so `deinit` closes the file.
            return nil
        }
    }

    /// Whether a process holds the lock.
    static func isHeld(_ directory: RunDirectory) -> Bool {
        let descriptor = open(directory.url.appendingPathComponent(".lock").path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0
    }

    deinit {
        close(descriptor)
    }
}
