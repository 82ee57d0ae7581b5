import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import ServiceLifecycle
import TemperLedger
import TemperText

/// The two answers that go on: what happens in a run, and what a model says.
extension StudioService {
    /// Server-sent events: `progress`, `figures` and `losses` when those parts of the page have changed, `ended` when the
    /// run has. Losses are said to have changed at most once in `lossesInterval`, for every step writes one.
    ///
    /// The folder is looked at some times a second; nothing has to tell the studio that a run writes there.
    func events(of run: RunDirectory) -> Response {
        let (settings, losses) = (settings, losses)
        let interval = settings.watchInterval
        let body = ResponseBody { writer in
            var writer = writer
            var seen = RunMoment(run)
            // A run that ended between the page and this request, or while the browser was away, has nothing more to say.
            guard seen.state == .running else {
                try await writer.write(ByteBuffer(string: "event: ended\ndata: 0\n\n"))
                return try await writer.finish(nil)
            }
            var quiet = Duration.zero
            var points = await losses.points(of: run)
            // What changed between the page and this request must not be missed.
            try await writer.write(ByteBuffer(string: Self.everything))
            var (newLosses, sinceLosses) = (false, Duration.zero)
            var count = 0
            while !Task.isCancelled, !Task.isShuttingDownGracefully {
                // Whoever ends the studio or goes away ends this, and the writer is still told.
                guard (try? await Task.sleep(for: interval)) != nil else { break }
                let now = RunMoment(run)
                var text = ""
                if now.figures != seen.figures { text += "event: figures\ndata: \(count)\n\n" }
                if now.events != seen.events || now.status != seen.status {
                    text += "event: progress\ndata: \(count)\n\n"
                }
                newLosses = newLosses || now.events != seen.events
                sinceLosses += interval
                if newLosses, sinceLosses >= settings.lossesInterval {
                    // Most of what is logged is no step: probes, checkpoints, notes.
                    let latest = await losses.points(of: run)
                    if latest != points { text += "event: losses\ndata: \(count)\n\n" }
                    (points, newLosses, sinceLosses) = (latest, false, .zero)
                }
                if now.state != .running { text += "event: ended\ndata: \(count)\n\n" }
                quiet += interval
                // A line now and then finds out that nobody reads any more.
                if text.isEmpty, quiet >= .seconds(10) { text = ": still here\n\n" }
                seen = now
                count += 1
                guard !text.isEmpty else { continue }
                quiet = .zero
                try await writer.write(ByteBuffer(string: text))
                if now.state != .running { break }
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "text/event-stream; charset=utf-8"], body: body)
    }

    /// Asks for all parts of a page.
    private static let everything =
        "retry: 1000\n" + ["progress", "figures", "losses"].map { "event: \($0)\ndata: 0\n\n" }.joined()

    private struct Asked: Decodable {
        struct Turn: Decodable {
            var role: String
            var content: String
        }

        var partner: String
        var turns: [Turn]
    }

    /// A line of the answer's stream.
    private struct Piece: Encodable {
        var text: String?
        var done: Bool?
        var error: String?
    }

    /// Asks one model and sends its answer as it grows: a line of JSON for each piece, each with all so far.
    func talk(_ request: Request, _ run: RunDirectory) async throws -> Response {
        guard request.headers[.contentType]?.hasPrefix("application/json") == true else {
            throw Refusal(status: .unsupportedMediaType, text: "The chat takes JSON.")
        }
        let bytes = try await body(request)
        guard let chat, let asked = try? JSONDecoder().decode(Asked.self, from: Data(bytes.readableBytesView)) else {
            throw Refusal(status: .badRequest, text: "That is no question.")
        }
        let messages = asked.turns.compactMap { turn -> Message? in
            switch turn.role {
            case "user": Message(.user, turn.content)
            case "assistant": Message(.assistant, turn.content)
            default: nil
            }
        }
        guard messages.count == asked.turns.count, messages.last?.role == .user,
            chat.partners(of: run).contains(where: { $0.id == asked.partner })
        else { throw Refusal(status: .badRequest, text: "That is no question, or nobody of that name is here.") }
        let conversation = Chat(messages)
        let body = ResponseBody { writer in
            nonisolated(unsafe) var writer = writer
            try await Self.stream(to: &writer) { partial in
                try await chat.answer(conversation, by: asked.partner, in: run, partial: partial)
            }
            try await writer.finish(nil)
        }
        return Response(status: .ok, headers: [.contentType: "application/x-ndjson; charset=utf-8"], body: body)
    }

    private static func line(_ piece: Piece) -> ByteBuffer {
        var bytes = (try? JSONEncoder().encode(piece)) ?? Data("{}".utf8)
        bytes.append(0x0A)
        return ByteBuffer(bytes: bytes)
    }

    /// Writes what `answer` says so far ten times a second, then the whole. Where nobody reads any more, it is left.
    private static func stream(
        to writer: inout any ResponseBodyWriter,
        answer: @escaping @Sendable (@escaping @Sendable (String) -> Void) async throws -> String
    ) async throws {
        let growing = Growing()
        let task = Task {
            do {
                let text = try await answer { growing.grow(to: $0) }
                growing.end(.success(text))
            } catch {
                growing.end(.failure(error))
            }
        }
        defer { task.cancel() }
        var sent = ""
        while true {
            let (text, end) = growing.now
            switch end {
            case .success(let whole): return try await writer.write(line(Piece(text: whole, done: true)))
            case .failure(let error): return try await writer.write(line(Piece(error: "\(error)")))
            case nil: break
            }
            if text != sent {
                sent = text
                try await writer.write(line(Piece(text: text)))
            }
            guard (try? await Task.sleep(for: .milliseconds(100))) != nil, !Task.isShuttingDownGracefully else {
                return
            }
        }
    }

    /// An answer while it is written.
    private final class Growing: Sendable {
        private let state = Locked<(text: String, end: Result<String, any Error>?)>(("", nil))

        var now: (text: String, end: Result<String, any Error>?) { state.withLock { $0 } }
        func grow(to text: String) { state.withLock { $0.text = text } }
        func end(_ result: Result<String, any Error>) { state.withLock { $0.end = result } }
    }
}
