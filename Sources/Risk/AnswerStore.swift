public import Foundation
import Glibc
public import TemperText

/// Keeps every answer as soon as it is there, so that an assessment that was stopped, even by `kill -9`, goes on.
///
/// A file of JSON lines that only grows. The key of a line is the SHA-256 of all that the answer depends on: the
/// subject's fingerprint, the conversation, how it is decoded, and what may end it early. Lines are written whole, and
/// synced to the disk at least once a second; one that was torn all the same is passed over, and its question asked
/// again. Knows nothing about suites or verdicts: those are made anew from the answers.
public final class AnswerStore: Sendable {
    private struct Line: Codable {
        var schema = 1
        var key: String
        var completion: Completion?
        var likelihood: Double?
    }

    private struct State {
        var completions: [String: Completion] = [:]
        var likelihoods: [String: Double] = [:]
        var lastSync = ContinuousClock.now
    }

    /// Where it lies.
    public let file: URL
    private let fingerprint: String
    private let descriptor: Int32
    private let state: Locked<State>

    /// Opens a store, or makes one.
    ///
    /// - Parameter fingerprint: Identifies the subject: whatever its answers depend on must change it.
    /// - Throws: `RiskError.unreadable`.
    public init(file: URL, fingerprint: String) throws {
        self.file = file
        self.fingerprint = fingerprint
        func failed(_ reason: String) -> RiskError { .unreadable(file: file.path, reason: reason) }
        descriptor = open(file.path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failed(String(cString: strerror(errno))) }
        let data: Data
        do {
            data = try Data(contentsOf: file)
        } catch {
            close(descriptor)
            throw failed(error.localizedDescription)
        }
        var state = State()
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = Self.infinitiesRead
        for line in data.split(separator: UInt8(ascii: "\n")) {
            guard let line = try? decoder.decode(Line.self, from: Data(line)), line.schema == 1 else { continue }
            if let completion = line.completion { state.completions[line.key] = completion }
            if let likelihood = line.likelihood { state.likelihoods[line.key] = likelihood }
        }
        self.state = Locked(state)
        // What is appended must not continue a torn line.
        if let last = data.last, last != UInt8(ascii: "\n") { try append(Data("\n".utf8)) }
    }

    deinit {
        fsync(descriptor)
        close(descriptor)
    }

    /// The answers and likelihoods it holds, of any subject.
    public var count: Int { state.withLock { $0.completions.count + $0.likelihoods.count } }

    /// A responder that asks `responder` only for what the store does not hold.
    ///
    /// - Parameter endings: For each conversation what may end its answer early, so that such answers are kept apart;
    ///   nil where answers are written to their end.
    public func wrapping(_ responder: any Responder, endings: [String]? = nil) -> any Responder {
        StoredResponder(inner: responder, store: self, endings: endings)
    }

    /// A likelihood model that asks `model` only for what the store does not hold.
    public func wrapping(_ model: any LikelihoodModel) -> any LikelihoodModel {
        StoredLikelihoods(inner: model, store: self)
    }

    // MARK: Keys and lines

    fileprivate func key(_ chat: Chat, _ options: SamplingOptions, stream: Int, ending: String) -> String {
        var parts = ["answer", String(options.maxNewTokens), String(options.temperature), ending]
        // A greedy answer depends on nothing else.
        if options.temperature > 0 {
            parts += [String(options.topK), String(options.topP), String(options.seed), String(stream)]
        }
        return key(parts, chat)
    }

    fileprivate func key(_ candidate: Continuation) -> String { key(["likelihood", candidate.text], candidate.chat) }

    private func key(_ parts: [String], _ chat: Chat) -> String {
        let all = [fingerprint] + parts + chat.messages.flatMap { [$0.role.rawValue, $0.content] }
        return SHA256.hex(of: all.map { "\($0.utf8.count)\n\($0)\n" }.joined())
    }

    fileprivate func completion(_ key: String) -> Completion? { state.withLock { $0.completions[key] } }

    fileprivate func likelihood(_ key: String) -> Double? { state.withLock { $0.likelihoods[key] } }

    /// Keeps an answer; one that failed is not kept, so that it is asked for again.
    fileprivate func add(_ completion: Completion, _ key: String) throws {
        guard completion.finishReason != .failed else { return }
        try append([Line(key: key, completion: completion)])
        state.withLock { $0.completions[key] = completion }
    }

    fileprivate func add(_ likelihoods: [(key: String, value: Double)]) throws {
        try append(likelihoods.map { Line(key: $0.key, likelihood: $0.value) })
        state.withLock { for (key, value) in likelihoods { $0.likelihoods[key] = value } }
    }

    private func append(_ lines: [Line]) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = Self.infinitiesWritten
        var data = Data()
        for line in lines {
            data += try encoder.encode(line)
            data.append(UInt8(ascii: "\n"))
        }
        try append(data)
    }

    private func append(_ data: Data) throws {
        try state.withLock { state in
            var rest = Array(data)[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                if count < 0, errno == EINTR { continue }
                guard count > 0 else {
                    throw RiskError.unwritable(file: file.path, reason: String(cString: strerror(errno)))
                }
                rest = rest.dropFirst(count)
            }
            // A killed process loses nothing that was written; syncing is against a machine that stops.
            guard ContinuousClock.now - state.lastSync > .seconds(1) else { return }
            fsync(descriptor)
            state.lastSync = .now
        }
    }

    private static let infinitiesRead = JSONDecoder.NonConformingFloatDecodingStrategy.convertFromString(
        positiveInfinity: "inf",
        negativeInfinity: "-inf",
        nan: "nan"
    )
    private static let infinitiesWritten = JSONEncoder.NonConformingFloatEncodingStrategy.convertToString(
        positiveInfinity: "inf",
        negativeInfinity: "-inf",
        nan: "nan"
    )
}

/// Answers from a store what was answered before.
private struct StoredResponder: Responder {
    let inner: any Responder
    let store: AnswerStore
    let endings: [String]?

    func respond(to chats: [Chat], options: SamplingOptions) async throws -> [Completion] {
        try await respond(to: chats, options: options, watch: AnswerWatch())
    }

    func respond(
        to chats: [Chat],
        options: SamplingOptions,
        until isEnough: @escaping @Sendable (_ index: Int, _ partial: String) -> Bool
    ) async throws -> [Completion] {
        try await respond(to: chats, options: options, watch: AnswerWatch(isEnough: isEnough))
    }

    func respond(to chats: [Chat], options: SamplingOptions, watch: AnswerWatch) async throws -> [Completion] {
        precondition(endings == nil || endings?.count == chats.count, "an ending for each conversation")
        let keys = chats.indices.map { index in
            let ending = watch.isEnough == nil ? "" : endings?[index] ?? "unknown"
            return store.key(chats[index], options, stream: watch.streams?[index] ?? index, ending: ending)
        }
        // Without a word on what ends answers, those that were ended may not stand for others.
        let isKept = watch.isEnough == nil || endings != nil
        var completions = keys.map { isKept ? store.completion($0) : nil }
        let missing = completions.indices.filter { completions[$0] == nil }
        for index in completions.indices {
            if let completion = completions[index] { try watch.finished?(index, completion) }
        }
        guard !missing.isEmpty else { return completions.compactMap { $0 } }
        var isEnough: (@Sendable (Int, String) -> Bool)?
        if let original = watch.isEnough { isEnough = { original(missing[$0], $1) } }
        let own = AnswerWatch(
            isEnough: isEnough,
            streams: missing.map { watch.streams?[$0] ?? $0 },
            finished: { [store] place, completion in
                let index = missing[place]
                if isKept { try store.add(completion, keys[index]) }
                try watch.finished?(index, completion)
            }
        )
        let fresh = try await inner.respond(to: missing.map { chats[$0] }, options: options, watch: own)
        for (index, completion) in zip(missing, fresh) { completions[index] = completion }
        return completions.compactMap { $0 }
    }
}

/// Answers from a store how likely texts are.
private struct StoredLikelihoods: LikelihoodModel {
    let inner: any LikelihoodModel
    let store: AnswerStore

    func logLikelihoods(of candidates: [Continuation]) async throws -> [Double] {
        let keys = candidates.map(store.key)
        var values = keys.map(store.likelihood)
        let missing = values.indices.filter { values[$0] == nil }
        if !missing.isEmpty {
            let fresh = try await inner.logLikelihoods(of: missing.map { candidates[$0] })
            for (index, value) in zip(missing, fresh) { values[index] = value }
            try store.add(zip(missing, fresh).map { (keys[$0], $1) })
        }
        return values.compactMap { $0 }
    }
}
