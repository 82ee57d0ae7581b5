import Foundation
public import TemperText
import TemperTorch

/// A model in this process as a `Responder` and a `LikelihoodModel`.
public struct LocalResponder: Responder, LikelihoodModel {
    private let model: LanguageModel
    private let batchSize: Int

    /// Answers with `model`, up to `batchSize` conversations at a time.
    public init(_ model: LanguageModel, batchSize: Int = 64) {
        self.model = model
        self.batchSize = batchSize
    }

    /// Answers each conversation by the model's own chat template.
    public func respond(to chats: [Chat], options: SamplingOptions) async throws -> [Completion] {
        try await respond(to: chats, options: options, watch: AnswerWatch())
    }

    /// Answers each conversation, and leaves an answer as soon as enough of it is there.
    public func respond(
        to chats: [Chat],
        options: SamplingOptions,
        until isEnough: @escaping @Sendable (_ index: Int, _ partial: String) -> Bool
    ) async throws -> [Completion] {
        try await respond(to: chats, options: options, watch: AnswerWatch(isEnough: isEnough))
    }

    /// Answers each conversation, and hands each answer over as soon as it is there.
    public func respond(to chats: [Chat], options: SamplingOptions, watch: AnswerWatch) async throws -> [Completion] {
        let tokenizer = try model.requireTokenizer()
        let limit = model.configuration.contextLength
        guard options.maxNewTokens <= limit else {
            throw ModelError.contextLength(tokens: options.maxNewTokens, limit: limit)
        }
        let prompts = try chats.map { chat in
            let ids = tokenizer.encode(try model.promptText(chat))
            guard !ids.isEmpty else { throw ModelError.emptyPrompt(path: model.url.path) }
            return ids
        }
        @Sendable func completion(_ output: Generator.Output) -> Completion {
            let shown = output.finishReason == .stop ? Array(output.ids.dropLast()) : output.ids
            let text = tokenizer.decode(shown, skipSpecialTokens: true)
            return Completion(
                text: output.finishReason == .decided ? Self.wholeCharacters(text) : text,
                tokenCount: output.ids.count,
                finishReason: output.finishReason
            )
        }
        let outputs = try await generate(prompts, options: options, endIDs: tokenizer.endOfTurnIDs, watch: watch) {
            Self.wholeCharacters(tokenizer.decode($0, skipSpecialTokens: true))
        } completion: {
            completion($0)
        }
        return outputs.map(completion)
    }

    /// - Throws: `ModelError.contextLength` where the model has no room for a conversation and its answer.
    func checkRoom(for chat: Chat, options: SamplingOptions) throws {
        let tokens = try model.requireTokenizer().encode(model.promptText(chat)).count + options.maxNewTokens
        let limit = model.configuration.contextLength
        guard tokens <= limit else { throw ModelError.contextLength(tokens: tokens, limit: limit) }
    }

    @TorchActor
    private func generate(
        _ prompts: [[Int]],
        options: SamplingOptions,
        endIDs: Set<Int>,
        watch: AnswerWatch,
        partial: @escaping @Sendable ([Int]) -> String,
        completion: @escaping @Sendable (Generator.Output) -> Completion
    ) throws -> [Generator.Output] {
        let isEnough = watch.isEnough.map { isEnough -> @Sendable (Int, [Int]) -> Bool in
            { isEnough($0, partial($1)) }
        }
        let finished = watch.finished.map { finished -> @Sendable (Int, Generator.Output) throws -> Void in
            { try finished($0, completion($1)) }
        }
        return try Generator(model.network, batchSize: batchSize).generate(
            prompts,
            options: options,
            endIDs: endIDs,
            streams: watch.streams,
            isEnough: isEnough,
            finished: finished
        )
    }

    /// A text whose last character is not cut: the tokens so far may end inside one.
    private static func wholeCharacters(_ text: String) -> String {
        var text = text
        while text.unicodeScalars.last == "\u{FFFD}" { text.unicodeScalars.removeLast() }
        return text
    }

    /// The sum of token log-probabilities of each candidate turn.
    public func logLikelihoods(of candidates: [Continuation]) async throws -> [Double] {
        let tokenizer = try model.requireTokenizer()
        let sequences = try candidates.map { candidate in
            let prompt = try model.promptText(candidate.chat)
            let tokens = tokenizer.encodeWithOffsets(prompt + candidate.text)
            let boundary = prompt.utf8.count
            let limit = model.configuration.contextLength
            guard tokens.count <= limit else { throw ModelError.contextLength(tokens: tokens.count, limit: limit) }
            let start = tokens.firstIndex { $0.utf8.upperBound > boundary } ?? tokens.count
            // Without a token before it, the candidate's first token would go unscored.
            guard start > 0 else { throw ModelError.emptyPrompt(path: model.url.path) }
            return Scored(ids: tokens.map(\.id), start: start)
        }
        return try await score(sequences)
    }

    @TorchActor
    private func score(_ sequences: [Scored]) throws -> [Double] {
        let network = model.network
        let groups = Workers.balanced(batches(of: sequences), on: model.device) { batch in
            batch.indices.reduce(batch.shared) { $0 + sequences[$1].ids.count - batch.shared }
        }
        let results = try Workers.run(groups.count) { part in
            var scores: [(index: Int, sum: Double)] = []
            for batch in groups[part] {
                try Workers.checkCancellation()
                let sums = try Self.sums(of: batch.indices.map { sequences[$0] }, by: network)
                scores += zip(batch.indices, sums).map { (index: $0, sum: $1) }
            }
            return scores
        }
        var scores = [Double](repeating: 0, count: sequences.count)
        for (index, sum) in results.joined() { scores[index] = sum }
        return scores
    }

    /// A candidate behind its prompt, and where its first token is.
    private struct Scored {
        var ids: [Int]
        var start: Int
    }

    /// Sequences that are read in one pass, and how many tokens at their beginning are read once for all of them.
    private struct Batch {
        var indices: [Int]
        var shared = 0
    }

    /// On the CPU the candidates of one question are a batch of their own, since its prompt is then read once, and of others
    /// there are a few in each, so that every processor gets some; elsewhere as many as fit.
    private func batches(of sequences: [Scored]) -> [Batch] {
        func pieces(_ indices: [Int], of size: Int) -> [Batch] {
            stride(from: 0, to: indices.count, by: size).map {
                Batch(indices: Array(indices[$0..<min($0 + size, indices.count)]))
            }
        }
        guard model.device == .cpu else { return pieces(Array(sequences.indices), of: batchSize) }
        var batches: [Batch] = []
        var single: [Int] = []
        var next = 0
        while next < sequences.count {
            let prompt = sequences[next].ids.prefix(sequences[next].start)
            let alike = sequences[next...].prefix(batchSize).prefix { $0.ids.prefix($0.start) == prompt }.indices
            if alike.count > 1 {
                batches.append(Batch(indices: Array(alike), shared: prompt.count))
            } else {
                single.append(next)
            }
            next = alike.upperBound
        }
        return batches + pieces(single, of: min(batchSize, Self.singlesAtOnce))
    }

    /// Candidates without a fellow that are read in one pass on the CPU; the same on every machine, as are their values.
    private static let singlesAtOnce = 8

    /// The sum of the log-probabilities of each candidate's tokens, in nats.
    @TorchActor
    private static func sums(of batch: [Scored], by network: DecoderNetwork) throws(TorchError) -> [Double] {
        let packed = try PackedBatch(batch.map(\.ids), device: network.device)
        var rows: [Int] = []
        var targets: [Int] = []
        for (index, sequence) in batch.enumerated() {
            for position in sequence.start..<sequence.ids.count {
                rows.append(packed.row(of: position - 1, in: index))
                targets.append(sequence.ids[position])
            }
        }
        guard !rows.isEmpty else { return batch.map { _ in 0 } }
        let values = try withoutGradients { () throws(TorchError) in
            try Layers.linearLogProbability(
                hidden: network.hiddenStates(packed).selected(0, Tensor(rows, device: network.device)),
                head: network.outputHead(),
                targets: Tensor(targets, device: network.device)
            ).floats()
        }
        var rest = values[...]
        return batch.map { sequence in
            let own = rest.prefix(sequence.ids.count - sequence.start)
            rest = rest.dropFirst(own.count)
            return own.reduce(0) { $0 + Double($1) }
        }
    }
}
