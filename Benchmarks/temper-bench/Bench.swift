import ArgumentParser
import Foundation
import TemperModel
import TemperTorch
import TemperTune

/// What Temper's benchmarks run.
@main
struct Bench: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "temper-bench",
        abstract: "Measures Temper.",
        subcommands: [Measure.self, LossCurve.self, PlantedRows.self],
        defaultSubcommand: Measure.self
    )
}

/// One workload, repeated in one process: a warm-up, then one line of JSON for each repetition.
///
/// `Benchmarks/run` starts it and the peers, and lets them work in turn, so that a drift of the machine's clock meets
/// all of them. The peers read the same inputs: `--write-inputs` puts them down as token ids.
struct Measure: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Repeats one workload; what is meant where nothing is named."
    )

    struct Result: Encodable {
        /// Tokens that were read in training and prefill, or written in decoding, never padding; or requests assessed.
        var tokens: Int
        var seconds: Double
        /// Seconds of processor time, all threads together.
        var processorSeconds: Double
        /// The largest resident size of the process so far, in bytes; on an accelerator, the most that tensors took there.
        var peakMemory: Int
    }

    @Argument(help: "What to run.") var workload: Workload
    @Argument(help: "The model; for train-large a folder whose config.json says its shape.") var model: String
    @Option(help: "Rows for train-natural, or requests for assess: a file that temper reads.") var data: String?
    @Option(help: "An adapter directory, added into the weights.") var adapter: String?
    @Option(help: "Measured repetitions.") var repetitions = 5
    @Flag(help: "Take one repetition for each line on standard input instead, and end with it.") var interactive = false
    @Option(help: "Write the inputs into this file, one JSON object a line, and do nothing else.") var writeInputs:
        String?
    @Option(help: "auto, float32 or bfloat16.") var dtype = "auto"
    @Option(help: "auto, cpu, cuda or cuda:INDEX.") var device = "cpu"
    @Option(help: "Processor threads; 0 takes all.") var threads = 0
    @Flag(help: "Training computes each layer again for the gradients.") var gradientCheckpointing = false

    func validate() throws {
        guard ["auto", "float32", "bfloat16"].contains(dtype) else {
            throw ValidationError("--dtype is auto, float32 or bfloat16, not \(dtype)")
        }
        if [.trainNatural, .assess].contains(workload), data == nil {
            throw ValidationError("\(workload.rawValue) needs --data FILE")
        }
    }

    func run() async throws { try await measure() }

    @TorchActor
    private func measure() async throws {
        if threads > 0 { Torch.setThreads(threads) }
        guard let device = Device(named: device), device.absence == nil else {
            throw ValidationError("no device \(device) here")
        }
        let (url, dtype) = (URL(fileURLWithPath: model), DType(rawValue: dtype))
        if workload.isEncoding {
            let encoder = try await TextEncoder.load(from: url, dtype: dtype, device: device)
            return try measure(Workload.texts, on: device) { workload.prepared(encoder, $0) }
        }
        var model =
            workload == .trainLarge
            ? try LanguageModel.drawn(shape: url, seed: 1, dtype: dtype, device: device)
            : try await LanguageModel.load(from: url, dtype: dtype, device: device)
        if let adapter { model = try model.forInference(adapter: URL(fileURLWithPath: adapter)) }
        try measure(workload.inputs(for: model, data: data), on: device) {
            try workload.prepared(model, $0, gradientCheckpointing: gradientCheckpointing)
        }
    }

    @TorchActor
    private func measure(
        _ inputs: [Workload.Input],
        on device: Device,
        _ prepare: ([Workload.Input]) throws -> () throws -> Int
    ) throws {
        if let writeInputs {
            let lines = try inputs.map { String(decoding: try Self.encoder.encode($0), as: UTF8.self) + "\n" }
            return try Data(lines.joined().utf8).write(to: URL(fileURLWithPath: writeInputs))
        }
        let repetition = try prepare(inputs)
        _ = try repetition()
        if interactive {
            try Self.show(["ready": true])
            while readLine() != nil { try Self.show(try Self.timed(repetition, on: device)) }
        } else {
            for _ in 0..<repetitions { try Self.show(try Self.timed(repetition, on: device)) }
        }
    }

    @TorchActor
    private static func timed(_ repetition: () throws -> Int, on device: Device) throws -> Result {
        let clock = ContinuousClock()
        let (start, processor) = (clock.now, processorSeconds)
        let tokens = try repetition()
        let peak = device == .cpu ? usage.ru_maxrss * 1024 : try Torch.peakMemory(of: device)
        let elapsed = clock.now - start
        return Result(
            tokens: tokens,
            seconds: elapsed.inSeconds,
            processorSeconds: processorSeconds - processor,
            peakMemory: peak
        )
    }

    private static var encoder: JSONEncoder {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        encoder.keyEncodingStrategy = .convertToSnakeCase
        return encoder
    }

    /// At once, for whoever waits at the other end of a pipe.
    private static func show(_ value: some Encodable) throws {
        FileHandle.standardOutput.write(try encoder.encode(value) + Data("\n".utf8))
    }

    private static var usage: rusage {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        return usage
    }

    private static var processorSeconds: Double {
        [usage.ru_utime, usage.ru_stime].reduce(0) { $0 + Double($1.tv_sec) + Double($1.tv_usec) * 1e-6 }
    }
}
