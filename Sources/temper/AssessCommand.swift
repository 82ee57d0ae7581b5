import ArgumentParser
import Foundation
import TemperLedger
import TemperModel
import TemperPipeline
import TemperRisk
import TemperText

struct AssessCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "assess",
        abstract: "Measures the risk of a model, with or without an adapter, or of an endpoint.",
        discussion: """
            With --output every answer is kept as soon as it is there: the same command, given again after it was \
            stopped, asks only for the rest.
            """
    )

    @Argument(help: "A .gguf file, a model directory, or ORG/NAME in the hub's cache; none with --endpoint.")
    var model: String?
    @OptionGroup(title: "Endpoint") var remote: EndpointOptions
    @Option(help: "An adapter directory in PEFT's format, or the checkpoint of a full training.")
    var adapter: String?
    @Option(
        name: .customLong("suite"),
        help: "A suite's or a fetched set's name; may be repeated. Default: all embedded suites."
    )
    var suites: [String] = []
    @Option(help: "The most probes of each suite.")
    var limit: Int?
    @Option(help: "The longest answer, in tokens.")
    var maxNewTokens = 32
    @Flag(help: "Write answers to their end, also where the verdict is settled before.")
    var wholeAnswers = false
    @Option(help: "0 decodes greedily.")
    var temperature = 0.0
    @Option(help: "Prompts answered at once.")
    var batchSize = 64
    @OptionGroup var device: DeviceOption
    @Option(help: "Draws the probes and the samples.")
    var seed: UInt64 = 1
    @Option(help: "Where to write the assessment, for `temper compare`.")
    var output: String?
    @Flag(help: "Print JSON.")
    var json = false
    @Flag(help: "Print no progress.")
    var quiet = false

    func validate() throws {
        guard limit ?? 1 > 0, maxNewTokens > 0, batchSize > 0, temperature >= 0 else {
            throw ValidationError("--limit, --max-new-tokens and --batch-size are above 0, --temperature is 0 or more")
        }
        guard (model == nil) != (remote.endpoint == nil) else {
            throw ValidationError("give a model or --endpoint, one of the two")
        }
        guard adapter == nil || remote.endpoint == nil else {
            throw ValidationError("--adapter goes with a model on this machine, not with --endpoint")
        }
    }

    func run() async throws {
        let cache = SuiteCache()
        let chosen = try suites.isEmpty ? Suites.all : suites.flatMap { try cache.suites(named: $0) }
        let plan = AssessmentPlan(
            suites: chosen.map { ($0, limit: limit) },
            options: SamplingOptions(maxNewTokens: maxNewTokens, temperature: temperature, seed: seed),
            seed: seed,
            wholeAnswers: wholeAnswers
        )
        let file = try output.map(Self.prepare)
        let folder = file?.deletingLastPathComponent()
        let progress = Progress(json: false, quiet: quiet)
        let (subject, end) = try await subject(keepingAnswersIn: folder)
        progress.emit(RunEvent(.phase, phase: "assess \(subject.name)"))
        let task = Task {
            try await assess(subject, plan: plan) { done, total in
                progress.emit(RunEvent(.probes, phase: "assess", done: done, total: total))
            }
        }
        let interruption = Interruption { task.cancel() }
        defer { interruption.stop() }
        let assessment: Assessment
        do {
            assessment = try await task.value
        } catch is CancellationError {
            Console.error(
                folder.map {
                    "interrupted; the answers so far are kept in \($0.path): the same command goes on from there"
                }
                    ?? "interrupted; the answers given so far are lost, and nothing was written (--output keeps them)"
            )
            throw ExitCode(130)
        }
        if !quiet { await end() }
        // Printed first: the results are there even where the disk has filled up since.
        if json { try Console.print(json: assessment) } else { show(assessment) }
        if let file { try LedgerFile.write(assessment, to: file) }
    }

    /// What is assessed, and what to say of it at the end.
    private func subject(keepingAnswersIn folder: URL?) async throws -> (Subject, end: () async -> Void) {
        func answers(_ fingerprint: String) throws -> AnswerStore? {
            try folder.map { try Assessments.answers(in: $0, fingerprint: fingerprint) }
        }
        if let settings = try remote.settings() {
            let responder = try RemoteResponder(settings)
            let subject = Subject(
                settings.model,
                responder: responder,
                answers: try answers(SubjectFingerprint.endpoint(settings))
            )
            return (subject, { Console.error(await remote.bill(for: responder)) })
        }
        let model = model ?? ""
        let loaded = try await LanguageModel.load(from: ModelReference.resolve(model), device: device.resolved)
        let adapter = adapter.map { URL(fileURLWithPath: $0) }
        let responder = LocalResponder(try await loaded.forInference(adapter: adapter), batchSize: batchSize)
        let store = try folder == nil ? nil : answers(await SubjectFingerprint.local(loaded, adapter: adapter))
        let name = self.adapter ?? model
        return (Subject(name, responder: responder, likelihoods: responder, answers: store), {})
    }

    /// The file to write in a folder, which is made and tried out, so that no long work ends in vain.
    private static func prepare(_ output: String) throws -> URL {
        let folder = URL(fileURLWithPath: output)
        do {
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let trial = folder.appendingPathComponent(".trial-\(UUID().uuidString)")
            try Data().write(to: trial)
            try FileManager.default.removeItem(at: trial)
        } catch {
            throw ValidationError("--output \(output): cannot write there (\(error.localizedDescription))")
        }
        return folder.appendingPathComponent("assessment.json")
    }

    private func show(_ assessment: Assessment) {
        for result in assessment.results {
            let rate = result.rate
            Console.print(
                "\(result.suite.padded(20)) \(result.metric.padded(28)) \(percent(rate.rate).padded(12)) "
                    + "[\(percent(rate.low)), \(percent(rate.high))]  n \(rate.n)"
                    + (rate.unscored > 0 ? ", \(rate.unscored) unscored" : "")
            )
        }
    }
}

struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compares two assessments, probe by probe."
    )

    @Argument(help: "An assessment written by `temper assess --output`, or a subject in a run's assessments folder.")
    var base: String
    @Argument(help: "The one to compare with it.")
    var subject: String
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        let comparisons = try compare(
            try Assessments.read(URL(fileURLWithPath: base)),
            try Assessments.read(URL(fileURLWithPath: subject))
        )
        if json { try Console.print(json: comparisons) } else { show(comparisons) }
        guard comparisons.contains(where: { $0.n > 0 }) else {
            let (unscored, unmatched) = comparisons.reduce((0, 0)) { ($0.0 + $1.unscored, $0.1 + $1.unmatched) }
            Console.error(
                "not enough evidence: no probe was graded on both sides (\(unscored) were asked of both and not graded, "
                    + "\(unmatched) were asked of one only)"
            )
            throw ExitCode(3)
        }
    }

    private func show(_ comparisons: [Comparison]) {
        for item in comparisons {
            let words = item.axis == .utility ? ("right", "wrong") : ("safe", "unsafe")
            let ratio =
                item.ratio.map { "ratio \($0.formatted(.number.precision(.fractionLength(2))))" }
                ?? "no ratio (\(item.ratioNote ?? "not defined"))"
            Console.print(
                "\(item.suite.padded(20)) \(percent(item.baseRate.rate)) -> \(percent(item.subjectRate.rate))  "
                    + "difference \(percent(item.difference)) [\(percent(item.differenceLow)), \(percent(item.differenceHigh))]  "
                    + "\(ratio)  p \(item.p.formatted(.number.precision(.significantDigits(2))))  n \(item.n)  "
                    + "flips \(item.safeToUnsafe) \(words.0) -> \(words.1), \(item.unsafeToSafe) \(words.1) -> \(words.0)"
            )
        }
    }
}

/// A share as a percentage; what was not measured says so.
func percent(_ value: Double?) -> String {
    value.map { $0.formatted(.percent.precision(.fractionLength(1))) } ?? "not measured"
}

extension String {
    /// The text with spaces up to a width.
    func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
