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
            return (tokens.map(\.id), start)
        }
        return try await score(sequences)
    }

    @TorchActor
    private func score(_ sequences: [(ids: [Int], start: Int)]) throws -> [Double] {
        var scores: [Double] = []
        for start in stride(from: 0, to: sequences.count, by: batchSize) {
            let batch = sequences[start..<min(start + batchSize, sequences.count)]
            let packed = try PackedBatch(batch.map(\.ids), device: model.device)
            var rows: [Int] = []
            var targets: [Int] = []
            for (index, sequence) in batch.enumerated() {
                for position in sequence.start..<sequence.ids.count {
                    rows.append(packed.row(of: position - 1, in: index))
                    targets.append(sequence.ids[position])
                }
            }
            let values = try withoutGradients { () throws(TorchError) in
                let hidden = try model.network.hiddenStates(packed)
                return try Layers.linearLogProbability(
                    hidden: hidden.selected(0, Tensor(rows, device: model.device)),
                    head: try model.network.outputHead(),
                    targets: Tensor(targets, device: model.device)
                ).floats()
            }
            var cursor = 0
            for sequence in batch {
                let count = sequence.ids.count - sequence.start
                scores.append(values[cursor..<(cursor + count)].reduce(0) { $0 + Double($1) })
                cursor += count
            }
        }
        return scores
    }
}
