import Foundation
import FoundationNetworking
public import TemperText

/// A model behind an OpenAI-compatible endpoint.
///
/// Requests that may yet succeed (status 408, 409, 425, 429 and 5xx, broken connections, answers that are no JSON) are
/// repeated with exponential back-off and jitter; a `Retry-After` header is obeyed. A request that fails for good
/// becomes a completion that says so, and its probe goes unscored: it never counts as safe. What condemns every
/// request, such as a wrong key or an unknown model, is thrown. Redirections are not followed, so the key stays with
/// its host.
public struct RemoteResponder: Responder {
    private let settings: EndpointSettings
    private let url: URL
    private let pace: EndpointPace
    /// Whether the endpoint wants the limit of tokens under its newer name.
    private let usesNewName = Flag()

    private final class Flag: Sendable {
        private let value = Locked(false)
        var isSet: Bool { value.withLock { $0 } }
        func set() { value.withLock { $0 = true } }
    }

    /// Prepares to ask; nothing is sent yet.
    ///
    /// - Throws: `EndpointError` where the settings cannot work, or would give the key away.
    public init(_ settings: EndpointSettings) throws {
        self.settings = settings
        url = try settings.address()
        guard settings.key?.isUsable ?? true else {
            throw EndpointError.settings("the key holds spaces or characters that no header can carry")
        }
        pace = EndpointPace(settings)
    }

    /// Tokens read and written so far, as the endpoint counts them.
    public var tokensUsed: (input: Int, output: Int) {
        get async {
            let spent = await pace.spent
            return (spent.input, spent.output)
        }
    }

    /// Answers each conversation.
    public func respond(to chats: [Chat], options: SamplingOptions) async throws -> [Completion] {
        try await respond(to: chats, options: options, watch: AnswerWatch())
    }

    /// Answers each conversation, to its end, and hands each answer over as soon as it is there.
    public func respond(to chats: [Chat], options: SamplingOptions, watch: AnswerWatch) async throws -> [Completion] {
        var completions = [Completion?](repeating: nil, count: chats.count)
        try await withThrowingTaskGroup(of: (Int, Completion).self) { group in
            var next = 0
            func start() {
                guard next < chats.count else { return }
                let index = next
                next += 1
                group.addTask {
                    let stream = watch.streams?[index] ?? index
                    let completion = try await answer(to: chats[index], options: options, stream: stream)
                    try watch.finished?(index, completion)
                    return (index, completion)
                }
            }
            for _ in 0..<settings.concurrency { start() }
            while let (index, completion) = try await group.next() {
                completions[index] = completion
                start()
            }
        }
        if let reason = completions.lazy.compactMap({ $0?.failure }).last {
            try await pace.giveUp(after: 1, reason: reason)
        }
        return completions.compactMap { $0 }
    }

    // MARK: One question

    /// How one try ended.
    private enum Outcome {
        case answer(Completion)
        case failed(String)
        /// After so many seconds, where the endpoint says how many.
        case again(String, after: Double?)
    }

    private func answer(to chat: Chat, options: SamplingOptions, stream: Int) async throws -> Completion {
        var reason = ""
        for attempt in 0...settings.retries {
            switch try await outcome(of: chat, options: options, stream: stream) {
            case .answer(let completion):
                await pace.succeeded()
                return completion
            case .failed(let why): return try await failure(why)
            case .again(let why, let seconds):
                reason = why
                guard attempt < settings.retries else { break }
                if let seconds {
                    guard seconds <= settings.longestWait else {
                        return try await failure("\(why); it asks to wait for \(Int(min(seconds, 1e9))) s")
                    }
                    await pace.pause(for: .seconds(seconds))
                    try await Task.sleep(for: .seconds(seconds))
                } else {
                    let longest = min(settings.backoff * Double(1 << min(attempt, 20)), settings.longestWait)
                    try await Task.sleep(for: .seconds(longest * Double.random(in: 0.5...1)))
                }
            }
        }
        return try await failure("\(reason), \(settings.retries + 1) times")
    }

    private func failure(_ reason: String) async throws -> Completion {
        try await pace.failed(reason)
        return Completion(failure: reason)
    }

    /// One try.
    private func outcome(of chat: Chat, options: SamplingOptions, stream: Int) async throws -> Outcome {
        // Others that are on their way may find the new name out meanwhile.
        let renamed = usesNewName.isSet
        let body = try question(chat, options: options, stream: stream, renamed: renamed)
        // The most it can come to, where the endpoint does not count: hardly any text has a token for two bytes.
        let estimate = EndpointPace.Usage(
            input: chat.messages.reduce(8) { $0 + $1.content.utf8.count / 2 + 8 },
            output: options.maxNewTokens
        )
        try await pace.enter(estimate)
        // A request that broke off may be on the bill.
        var actual: EndpointPace.Usage? = estimate
        let outcome: Outcome
        do {
            (outcome, actual) = try await exchange(body, estimate: estimate, renamed: renamed)
        } catch {
            await pace.leave(estimate, actual: actual)
            throw error
        }
        await pace.leave(estimate, actual: actual)
        return outcome
    }

    private func question(_ chat: Chat, options: SamplingOptions, stream: Int, renamed: Bool) throws -> Data {
        let question = ChatCompletion.Question(
            model: settings.model,
            messages: chat.messages.map { .init(role: $0.role.rawValue, content: $0.content) },
            max_tokens: renamed ? nil : options.maxNewTokens,
            max_completion_tokens: renamed ? options.maxNewTokens : nil,
            temperature: options.temperature,
            top_p: options.topP < 1 ? options.topP : nil,
            top_k: options.topK > 0 ? options.topK : nil,
            seed: options.temperature > 0 ? Self.seed(options.seed, stream: stream) : nil
        )
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return try encoder.encode(question)
    }

    /// A seed of its own for each answer, as a local model's sampler has; 31 bits, which every endpoint takes.
    private static func seed(_ seed: UInt64, stream: Int) -> Int {
        var seeds = SplitMix64(seed: seed)
        var streams = SplitMix64(seed: seeds.next() &+ UInt64(truncatingIfNeeded: stream))
        return Int(streams.next() >> 33)
    }

    private func exchange(
        _ question: Data,
        estimate: EndpointPace.Usage,
        renamed: Bool
    ) async throws -> (Outcome, EndpointPace.Usage?) {
        var request = URLRequest(url: url, timeoutInterval: settings.timeout)
        request.httpMethod = "POST"
        request.httpBody = question
        request.setValue("application/json", forHTTPHeaderField: "Content-Type")
        request.setValue("application/json", forHTTPHeaderField: "Accept")
        if let key = settings.key { request.setValue(key.authorization, forHTTPHeaderField: "Authorization") }
        let body = HTTPTransfer.Body(limit: 1 << 25)
        let response: HTTPTransfer.Response
        do {
            response = try await HTTPTransfer.send(
                request,
                deadline: .seconds(settings.timeout),
                receiver: body.receiver
            )
        } catch let error as URLError {
            return (try Self.outcome(of: error, settings), error.code == .timedOut ? estimate : nil)
        }
        let data = cleaned(body.data)
        guard response.status == 200 else { return (try outcome(of: response, data, renamed: renamed), nil) }
        do {
            switch try ChatCompletion.reply(data) {
            case .answer(var completion, let usage):
                let counted = usage ?? EndpointPace.Usage(input: estimate.input, output: completion.text.utf8.count / 2)
                if usage == nil { completion.tokenCount = min(estimate.output, completion.text.utf8.count / 4 + 1) }
                return (.answer(completion), counted)
            case .withheld(let reason, let usage): return (.failed(reason), usage ?? estimate)
            }
        } catch is DecodingError {
            return (
                .again("the answer is no chat completion: \(ChatCompletion.error(data).message)", after: nil), estimate
            )
        }
    }

    /// What came in, without the key, should it have come back.
    private func cleaned(_ data: Data) -> Data {
        guard let key = settings.key else { return data }
        return Data(key.removed(from: String(decoding: data, as: UTF8.self)).utf8)
    }

    /// What a connection that failed means.
    private static func outcome(of error: URLError, _ settings: EndpointSettings) throws -> Outcome {
        switch error.code {
        case .timedOut: return .again("there was no answer within \(settings.timeout) s", after: nil)
        case .badURL, .unsupportedURL, .secureConnectionFailed, .serverCertificateUntrusted,
            .serverCertificateHasBadDate, .serverCertificateHasUnknownRoot, .serverCertificateNotYetValid:
            throw EndpointError.unusable(endpoint: settings.shownAddress, reason: error.localizedDescription)
        default: return .again("the connection failed (\(error.localizedDescription))", after: nil)
        }
    }

    /// What an answer other than 200 means.
    private func outcome(of response: HTTPTransfer.Response, _ data: Data, renamed: Bool) throws -> Outcome {
        let (message, code) = ChatCompletion.error(data)
        let said = "it answered \(response.status)" + (message.isEmpty ? "" : ": \(message)")
        func condemned(_ remedy: String) -> EndpointError {
            .unusable(endpoint: settings.shownAddress, reason: "\(said); \(remedy)")
        }
        switch response.status {
        case 300..<400:
            throw condemned(
                "redirections are not followed, so that the key stays with its host: give the final address"
            )
        case 401:
            throw condemned(
                settings.key == nil ? "it wants a key: name its variable with --key-env" : "is the key right?"
            )
        case 402: throw condemned("the account has to be paid for")
        case 404, 405: throw condemned("are the address and the model's name '\(settings.model)' right?")
        case 429 where code == "insufficient_quota": throw condemned("the account has no quota left")
        case 400 where message.contains("max_completion_tokens") && !renamed:
            usesNewName.set()
            return .again(said, after: 0)
        case 408, 409, 425, 429, 500...599: return .again(said, after: Self.wait(response.headers["retry-after"]))
        default: return .failed(said)
        }
    }

    /// Seconds of a `Retry-After` header: a number, or a date (RFC 9110, section 10.2.3).
    static func wait(_ header: String?, now: Date = Date()) -> Double? {
        guard let header = header?.trimmingCharacters(in: .whitespaces) else { return nil }
        if let seconds = Double(header) { return seconds.isFinite ? max(0, seconds) : nil }
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.timeZone = TimeZone(secondsFromGMT: 0)
        format.dateFormat = "EEE, dd MMM yyyy HH:mm:ss zzz"
        return format.date(from: header).map { max(0, $0.timeIntervalSince(now)) }
    }
}
