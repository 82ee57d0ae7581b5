import ArgumentParser
import Foundation
import TemperModel
import TemperPipeline
import TemperRisk
import TemperText
import TemperTorch
import TemperTune

/// One workload, repeated in one process: a warm-up, then one line of JSON for each repetition.
///
/// `Benchmarks/run` starts it and the peers in turn, so that a drift of the machine's clock meets all of them.
@main
struct Bench: AsyncParsableCommand {
    enum Workload: String, ExpressibleByArgument, CaseIterable {
        /// LoRA on 8 rows of 256 tokens, loss on all.
        case trainDense = "train-dense"
        /// LoRA on 8 rows of 256 tokens, loss on the second half.
        case trainCompletion = "train-completion"
        /// LoRA on rows of a JSONL file, as long as they are; loss on the answers.
        case trainNatural = "train-natural"
        /// Reading 64 prompts of 128 tokens.
        case prefill
        /// 64 answers of 64 tokens each, at once.
        case decode
    }

    struct Result: Encodable {
        var workload: String
        /// Tokens a second: those read in training and prefill, those written in decoding.
        var tokensPerSecond: Double
        var tokens: Int
        var seconds: Double
        /// Seconds of processor time, all threads together.
        var processorSeconds: Double
        var peakMemory: Int
    }

    @Argument(help: "What to run.") var workload: Workload
    @Argument(help: "The model.") var model: String
    @Option(help: "Rows for train-natural.") var data: String?
    @Option(help: "Measured repetitions.") var repetitions = 5
    @Option(help: "auto, float32 or bfloat16.") var dtype = "auto"
    @Option(help: "Processor threads; 0 takes all.") var threads = 0

    func run() async throws {
        for result in try await Self.measure(self) {
            let encoder = JSONEncoder()
            encoder.outputFormatting = [.sortedKeys]
            encoder.keyEncodingStrategy = .convertToSnakeCase
            print(String(decoding: try encoder.encode(result), as: UTF8.self))
        }
    }

    @TorchActor
    private static func measure(_ bench: Bench) async throws -> [Result] {
        if bench.threads > 0 { Torch.setThreads(bench.threads) }
        let model = try await LanguageModel.load(
            from: URL(fileURLWithPath: bench.model),
            dtype: DType(rawValue: bench.dtype)
        )
        let repeated = try bench.prepared(model)
        var results: [Result] = []
        for repetition in 0...bench.repetitions {
            let clock = ContinuousClock()
            let (start, processor) = (clock.now, processorSeconds)
            let tokens = try repeated()
            let elapsed = clock.now - start
            let seconds = Double(elapsed.components.seconds) + Double(elapsed.components.attoseconds) * 1e-18
            guard repetition > 0 else { continue }
            results.append(
                Result(
                    workload: bench.workload.rawValue,
                    tokensPerSecond: Double(tokens) / seconds,
                    tokens: tokens,
                    seconds: seconds,
                    processorSeconds: processorSeconds - processor,
                    peakMemory: peakMemory
                )
            )
        }
        return results
    }

    /// A closure that does the work once and returns the tokens it counts.
    @TorchActor
    private func prepared(_ model: LanguageModel) throws -> () throws -> Int {
        // The peers draw the same ids: a linear congruence over the vocabulary's plain words.
        func ids(_ count: Int, _ row: Int) -> [Int] { (0..<count).map { 1000 + ($0 * 7919 + row * 104_729) % 40_000 } }
        func trainer(_ rows: [TokenizedExample]) throws -> Trainer {
            var settings = TrainingSettings()
            settings.perDeviceTrainBatchSize = 8
            settings.maxSteps = 1_000_000
            settings.learningRate = 1e-4
            let adapter = try Adapter(LoRAConfiguration(), for: model, seed: 1)
            return try Trainer(model: model, adapter: adapter, rows: rows, settings: settings, seed: 1)
        }
        switch workload {
        case .trainDense, .trainCompletion:
            let first = workload == .trainDense ? 1 : 128
            let rows = (0..<8).map { row in
                TokenizedExample(
                    ids: ids(256, row),
                    isTarget: (0..<256).map { $0 >= first },
                    source: Example.Source(file: "synthetic", line: row)
                )
            }
            let trainer = try trainer(rows)
            return { try trainer.takeStep().tokens }
        case .trainNatural:
            let rows = try Dataset.load(URL(fileURLWithPath: data ?? "")).tokenized(for: model, cutoffLength: 512)
                .rows
            let trainer = try trainer(rows)
            return { try (0..<8).reduce(0) { sum, _ in sum + (try trainer.takeStep().tokens) } }
        case .prefill, .decode:
            let merged = try model.merged()
            let (length, new) = workload == .prefill ? (128, 1) : (16, 64)
            let prompts = (0..<64).map { ids(length, $0) }
            let generator = Generator(merged.network, batchSize: 64)
            return {
                let outputs = try generator.generate(
                    prompts,
                    options: SamplingOptions(maxNewTokens: new),
                    endIDs: []
                )
                return workload == .prefill ? 64 * length : outputs.reduce(0) { $0 + $1.ids.count }
            }
        }
    }

    private static var usage: rusage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage
    }

    private static var processorSeconds: Double {
        [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) * 1e-6 }
    }

    private static var peakMemory: Int { usage.ru_maxrss * 1024 }
}
