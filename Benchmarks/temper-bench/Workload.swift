import ArgumentParser
import Foundation
import TemperModel
import TemperRisk
import TemperText
import TemperTorch
import TemperTune

/// What a contestant does once in a repetition, and on which tokens.
enum Workload: String, ExpressibleByArgument, CaseIterable {
    /// LoRA on 8 rows of 256 tokens, loss on all.
    case trainDense = "train-dense"
    /// LoRA on 8 rows of 256 tokens, loss on the second half.
    case trainCompletion = "train-completion"
    /// LoRA on 32 rows of a file, as long as they are and 8 a step; loss on the answers.
    case trainNatural = "train-natural"
    /// LoRA on 4 rows of 2,048 tokens, loss on all; random weights of a given shape.
    case trainLarge = "train-large"
    /// Reading 64 prompts of 128 tokens, up to the first token of the answer.
    case prefill
    /// 64 answers of 64 tokens each, at once, to prompts of 16 tokens.
    case decode

    /// Answers of up to 64 tokens to every request of a file, each ending where its verdict is settled; requests a second.
    case assess
    /// Embeddings of 64 texts of 64 tokens, all at once; of an encoder.
    case encode
    /// The same, one text after another.
    case encodeOne = "encode-one"

    /// A row or a prompt as token ids.
    struct Input: Codable {
        var ids: [Int]
        /// Whether the loss is computed on each token; nothing for a prompt.
        var isTarget: [Bool]?
    }

    /// Ids spread over the vocabulary's plain words, the same in every run.
    private static func ids(_ count: Int, _ row: Int, below limit: Int = 41_000) -> [Int] {
        (0..<count).map { 1000 + ($0 * 7919 + row * 104_729) % (limit - 1000) }
    }

    /// Whether it is an encoder's work.
    var isEncoding: Bool { self == .encode || self == .encodeOne }

    /// What goes into an encoder.
    static let texts = (0..<64).map { Input(ids: ids(64, $0, below: 30_000)) }

    /// A closure that encodes the texts once and returns the tokens it counts.
    @TorchActor
    func prepared(_ encoder: TextEncoder, _ inputs: [Input]) -> () throws -> Int {
        let texts = inputs.map(\.ids)
        let batches = self == .encode ? [texts] : texts.map { [$0] }
        return { try batches.reduce(0) { $0 + (try encoder.embeddings(ofTokens: $1).count) * texts[0].count } }
    }

    /// Everything that goes in, the same for all contestants.
    func inputs(for model: LanguageModel, data: String?) throws -> [Input] {
        switch self {
        case .trainDense, .trainCompletion:
            let first = self == .trainDense ? 1 : 128
            return (0..<8).map { Input(ids: Self.ids(256, $0), isTarget: (0..<256).map { $0 >= first }) }
        case .trainLarge:
            return (0..<4).map { Input(ids: Self.ids(2048, $0), isTarget: (0..<2048).map { $0 >= 1 }) }
        case .trainNatural:
            let rows = try Dataset.load(URL(fileURLWithPath: data ?? "")).tokenized(for: model, cutoffLength: 512).rows
            // Spread over the file, which may be sorted.
            let count = min(32, rows.count)
            return (0..<count).map { rows[$0 * rows.count / count] }.map { Input(ids: $0.ids, isTarget: $0.isTarget) }
        case .prefill: return (0..<64).map { Input(ids: Self.ids(128, $0)) }
        case .decode: return (0..<64).map { Input(ids: Self.ids(16, $0)) }
        case .encode, .encodeOne: preconditionFailure("an encoder's work")
        case .assess:
            let tokenizer = try model.requireTokenizer()
            return try Suites.load(file: URL(fileURLWithPath: data ?? ""), name: "requests")
                .flatMap { try $0.probes(limit: nil, seed: 0) }
                .map { Input(ids: tokenizer.encode(try model.promptText($0.chat))) }
        }
    }

    /// A closure that does the work once and returns the tokens it counts.
    @TorchActor
    func prepared(
        _ model: LanguageModel,
        _ inputs: [Input],
        gradientCheckpointing: Bool
    ) throws -> () throws -> Int {
        switch self {
        case .trainDense, .trainCompletion, .trainNatural, .trainLarge:
            var settings = TrainingSettings()
            settings.gradientCheckpointing = gradientCheckpointing
            settings.perDeviceTrainBatchSize = min(8, inputs.count)
            settings.maxSteps = 1_000_000
            settings.learningRate = 1e-4
            let rows = inputs.enumerated().map { index, input in
                TokenizedExample(
                    ids: input.ids,
                    isTarget: input.isTarget ?? [],
                    source: Example.Source(file: "benchmark", line: index + 1)
                )
            }
            let trainer = try Trainer(
                model: model,
                training: Adapter(LoRAConfiguration(), for: model, seed: 1),
                rows: rows,
                settings: settings,
                seed: 1
            )
            let steps = (rows.count + 7) / 8
            return { try (0..<steps).reduce(0) { sum, _ in sum + (try trainer.takeStep().tokens) } }
        case .prefill, .decode:
            let generator = Generator(try model.merged().network, batchSize: 64)
            let options = SamplingOptions(maxNewTokens: self == .prefill ? 1 : 64)
            return {
                let outputs = try generator.generate(inputs.map(\.ids), options: options, endIDs: [])
                return self == .prefill
                    ? inputs.reduce(0) { $0 + $1.ids.count } : outputs.reduce(0) { $0 + $1.ids.count }
            }
        case .encode, .encodeOne: preconditionFailure("an encoder's work")
        case .assess:
            let generator = Generator(try model.merged().network, batchSize: 64)
            let tokenizer = try model.requireTokenizer()
            let judge = RefusalJudge()
            let probe = Probe(id: "", category: "", chat: Chat([]))
            return {
                try generator.generate(
                    inputs.map(\.ids),
                    options: SamplingOptions(maxNewTokens: 64),
                    endIDs: tokenizer.endOfTurnIDs
                ) { _, ids in
                    judge.decided(tokenizer.decode(ids, skipSpecialTokens: true), probe: probe) != nil
                }.count
            }
        }
    }
}
