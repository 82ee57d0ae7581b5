package import TemperModel
import TemperText
import TemperTorch

/// How far a training moved what a model says at each of an answer's first tokens, after harmful and harmless requests.
///
/// Qi et al., "Safety Alignment Should Be Made More Than Just a Few Tokens Deep" (arXiv 2406.05946, section 2.3): where
/// alignment, and what undoes it, lies in the first tokens, there the Kullback-Leibler divergence `KL(reference ||
/// tuned)` of the next token's distribution is large, and it falls behind them. Variant: the paper reads along harmful
/// answers; here both models read the reference's own answer, its likeliest token at each place, so that none is
/// needed: after harmful requests a refusal, if the reference refuses. Knows nothing about what the answers say.
package struct OpeningDivergence: Codable, Sendable, Hashable {
    /// The answer's token, from 1.
    package var position: Int
    /// Mean divergence after harmful requests, in nats.
    package var harmful: Double
    /// Answers that are this long.
    package var harmfulCount: Int
    /// The same after harmless requests.
    package var harmless: Double
    /// Answers that are this long.
    package var harmlessCount: Int

    /// Measures two copies for inference.
    ///
    /// - Parameters:
    ///   - tokens: Tokens of each answer.
    ///   - count: Harmful requests, and as many harmless ones.
    @TorchActor
    package static func between(
        _ reference: LanguageModel,
        _ tuned: LanguageModel,
        tokens: Int,
        count: Int,
        seed: UInt64
    ) throws -> [OpeningDivergence] {
        let prompts = try RefusalDirection.Prompts(count: count, seed: seed)
        let harmful = try divergences(of: prompts.harmful, reference, tuned, tokens: tokens)
        let harmless = try divergences(of: prompts.harmless, reference, tuned, tokens: tokens)
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(max(1, values.count)) }
        return zip(harmful, harmless).enumerated().map { index, values in
            OpeningDivergence(
                position: index + 1,
                harmful: mean(values.0),
                harmfulCount: values.0.count,
                harmless: mean(values.1),
                harmlessCount: values.1.count
            )
        }
    }

    /// The divergences at each place, one a request whose answer is that long.
    @TorchActor
    private static func divergences(
        of chats: [Chat],
        _ reference: LanguageModel,
        _ tuned: LanguageModel,
        tokens: Int
    ) throws -> [[Double]] {
        let tokenizer = try reference.requireTokenizer()
        let room = max(1, reference.configuration.contextLength - tokens)
        let prompts = try chats.map { Array(tokenizer.encode(try reference.promptText($0)).suffix(room)) }
        let answers = try Generator(reference.network, batchSize: 32).generate(
            prompts,
            options: SamplingOptions(maxNewTokens: tokens, temperature: 0),
            endIDs: tokenizer.endOfTurnIDs
        ).map(\.ids)
        var places = [[Double]](repeating: [], count: tokens)
        for (prompt, answer) in zip(prompts, answers) {
            try Task.checkCancellation()
            // The end of the answer is the last of its tokens.
            let count = min(tokens, answer.count)
            guard count > 0 else { continue }
            let ids = prompt + answer.prefix(count - 1)
            let values = try withoutGradients { () throws(TorchError) in
                let rows = (0..<count).map { prompt.count - 1 + $0 }
                return try divergence(
                    of: scores(of: ids, rows: rows, in: tuned),
                    from: scores(of: ids, rows: rows, in: reference)
                )
            }
            for (place, value) in values.enumerated() { places[place].append(value) }
        }
        return places
    }

    /// Log-probabilities of the next token in the given rows, [n, v].
    @TorchActor
    private static func scores(of ids: [Int], rows: [Int], in model: LanguageModel) throws(TorchError) -> Tensor {
        let batch = try PackedBatch([ids], device: model.device)
        let hidden = try model.network.hiddenStates(batch).selected(0, Tensor(rows, device: model.device))
        return try model.network.logits(hidden).to(.float32).logSoftmax(along: 1)
    }

    /// `KL(p || q)` of each row from log-probabilities [n, v], in nats.
    @TorchActor
    static func divergence(of q: Tensor, from p: Tensor) throws(TorchError) -> [Double] {
        try p.exponential().multiplied(by: p.adding(q, times: -1)).sum(along: 1).floats().map(Double.init)
    }
}
