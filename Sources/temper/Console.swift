import Foundation
import TemperLedger
import TemperText

/// Where text goes: results to standard output, everything else to standard error.
enum Console {
    static func print(_ text: String) {
        write(text + "\n")
    }

    static func error(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data((text + "\n").utf8))
    }

    /// Writes a result. One that cannot be written ends the program: nothing may look done that was lost.
    static func write(_ text: String) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if count >= 0 {
                bytes = bytes.dropFirst(count)
            } else if errno != EINTR {
                // A reader that has seen enough (`temper runs list | head -1`) has lost nothing.
                if errno == EPIPE { ExitStatus.leave(EXIT_SUCCESS) }
                error("error: the result cannot be written to standard output: \(String(cString: strerror(errno)))")
                ExitStatus.leave(ExitStatus.failure)
            }
        }
    }

    /// Whether to redraw lines and use colour.
    static var isInteractive: Bool {
        isatty(STDERR_FILENO) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
    }

    static var usesColour: Bool {
        // https://no-color.org: whatever the variable holds, unless it is empty.
        isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR", default: ""].isEmpty
    }

    static var width: Int {
        var size = winsize()
        return ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 100
    }

    /// A value as indented JSON on standard output, with keys written as in `report.json`, or those of its own file.
    static func print(json value: some Encodable, asInItsFile: Bool = false) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        if !asInItsFile { encoder.keyEncodingStrategy = .convertToSnakeCase }
        encoder.dateEncodingStrategy = .iso8601
        print(String(decoding: try encoder.encode(value), as: UTF8.self))
    }
}

/// Shows a run's events on standard error: a redrawn line on a terminal, a line every few seconds elsewhere, or JSON.
final class Progress: EventSink {
    enum Style: Sendable {
        case redrawn, lines, json, quiet
    }

    private struct State {
        var lastLine = ContinuousClock.now - .seconds(60)
        var phaseStart = ContinuousClock.now
        var hasOpenLine = false
    }

    private let style: Style
    private let state = Locked(State())
    private static let interval = Duration.seconds(5)

    init(json: Bool, quiet: Bool) {
        style = json ? .json : quiet ? .quiet : Console.isInteractive ? .redrawn : .lines
    }

    func emit(_ event: RunEvent) {
        switch style {
        case .quiet: return
        case .json:
            let encoder = JSONEncoder()
            encoder.dateEncodingStrategy = .iso8601
            encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
            if let data = try? encoder.encode(event) { Console.error(String(decoding: data, as: UTF8.self)) }
        case .redrawn, .lines: state.withLock { show(event, &$0) }
        }
    }

    private func show(_ event: RunEvent, _ state: inout State) {
        switch event.kind {
        case .phase:
            state.phaseStart = .now
            permanent("▸ \(event.phase)" + (event.message.map { "  \($0)" } ?? ""), &state)
        case .step: passing(stepLine(event), isLast: event.done == event.total, &state)
        case .probes: passing(probeLine(event, since: state.phaseStart), isLast: false, &state)
        case .assessed: permanent("  \(event.message ?? "")", &state)
        case .note: permanent("  note: \(event.phase): \(event.message ?? "")", &state)
        case .checkpoint, .finished: break
        }
    }

    private func stepLine(_ event: RunEvent) -> String {
        var parts = ["  \(event.phase) \(event.done ?? 0)/\(event.total ?? 0)"]
        if let loss = event.loss { parts.append("loss " + decimal(loss, 3)) }
        for (name, value) in (event.metrics ?? [:]).sorted(by: { $0.key < $1.key }) {
            parts.append("\(name) " + decimal(value, 2))
        }
        if let speed = event.tokensPerSecond { parts.append("\(Int(speed)) tokens/s") }
        if let memory = event.memory { parts.append("\(memory >> 20) MiB") }
        if let left = event.secondsLeft { parts.append("\(Self.time(left)) left") }
        return parts.joined(separator: "  ")
    }

    private func probeLine(_ event: RunEvent, since start: ContinuousClock.Instant) -> String {
        let (done, total) = (event.done ?? 0, event.total ?? 0)
        let elapsed = Double((ContinuousClock.now - start).components.seconds)
        let left = done > 0 ? "  \(Self.time(elapsed / Double(done) * Double(total - done))) left" : ""
        return "  \(event.phase)  \(done)/\(total) probes\(left)"
    }

    static func time(_ seconds: Double) -> String {
        let whole = Int(seconds.rounded())
        return whole < 60 ? "\(whole) s" : "\(whole / 60) min \(whole % 60) s"
    }

    private func passing(_ line: String, isLast: Bool, _ state: inout State) {
        if style == .redrawn {
            Self.write("\r\u{1B}[2K\(line.prefix(Console.width - 1))")
            state.hasOpenLine = true
        } else if isLast || ContinuousClock.now - state.lastLine >= Self.interval {
            state.lastLine = .now
            Console.error(line)
        }
    }

    private func permanent(_ line: String, _ state: inout State) {
        if state.hasOpenLine { Self.write("\n") }
        state.hasOpenLine = false
        Console.error(line)
    }

    private static func write(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data(text.utf8))
    }
}
