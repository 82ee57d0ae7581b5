import ArgumentParser
import Foundation
import TemperGuard
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

    @Argument(
        help: "A .gguf file, a model directory, or ORG/NAME in the hub's cache; none with --endpoint.",
        completion: .file()
    )
    var model: String?
    @OptionGroup(title: "Endpoint") var remote: EndpointOptions
    @Option(help: "An adapter directory in PEFT's format, or the checkpoint of a full training.", completion: .file())
    var adapter: String?
    @Option(
        name: .customLong("guard"),
        help:
            "Assess the model behind a guard with this policy, a file or `standard`; compare it with the model alone.",
        completion: .file()
    )
    var shield: String?
    @OptionGroup var encoder: EncoderOption
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
    @Option(help: "Where to write the assessment, for `temper compare`.", completion: .file())
    var output: String?
    @Flag(help: "Print JSON.")
    var json = false
    @Flag(help: "Print no progress.")
    var quiet = false
    @Flag(help: "Show Jeffreys' intervals beside Wilson's.")
    var jeffreys = false
    @Flag(help: "Leave out the control that needs the model: a copy that has lost its refusals.")
    var scriptedControlsOnly = false

    func validate() throws {
        guard limit ?? 1 > 0, maxNewTokens > 0, batchSize > 0, temperature >= 0 else {
            throw ValidationError("--limit, --max-new-tokens and --batch-size are above 0, --temperature is 0 or more")
        }
        guard (model == nil) != (remote.endpoint == nil) else {
            throw ValidationError("give a model or --endpoint, one of the two")
        }
        guard encoder.encoder == nil || shield != nil else { throw ValidationError("--encoder goes with --guard") }
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
        let (subject, model, end) = try await subject(keepingAnswersIn: folder)
        progress.emit(RunEvent(.phase, phase: "assess \(subject.name)"))
        let task = Task {
            let assessment = try await assess(subject, plan: plan) { done, total in
                progress.emit(RunEvent(.probes, phase: "assess", done: done, total: total))
            }
            progress.emit(RunEvent(.phase, phase: "controls"))
            let controls =
                if let model, !scriptedControlsOnly {
                    try await Controls.all(beside: model, assessed: assessment, plan: plan, batchSize: batchSize)
                } else {
                    try await Controls.scripted(plan)
                }
            return (assessment, controls)
        }
        let interruption = Interruption { task.cancel() }
        defer { interruption.stop() }
        let (assessment, controls): (Assessment, [ControlResult])
        do {
            (assessment, controls) = try await task.value
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
        if json { try Console.print(json: assessment, asInItsFile: true) } else { show(assessment, controls) }
        if let file {
            try LedgerFile.write(assessment, to: file)
            let folder = file.deletingLastPathComponent()
            try LedgerFile.write(controls, to: folder.appendingPathComponent("controls.json"))
            // An assessment that is asked for again is made again: an endpoint may have another model by then.
            Assessments.removeAnswers(in: folder)
        }
        let empty = assessment.results.filter { $0.rate.n == 0 }.map { "no answer on \($0.suite) was graded" }
        let failed = controls.filter { $0.outcome == .failed }.map { "the control '\($0.name)' failed: \($0.found)" }
        guard empty.isEmpty, failed.isEmpty else {
            for reason in failed + empty { Console.error("not enough evidence: \(reason)") }
            throw ExitCode(ExitStatus.noEvidence)
        }
    }

    /// What is assessed, and what to say of it at the end.
    private func subject(keepingAnswersIn folder: URL?) async throws -> (
        Subject, model: LanguageModel?, end: () async -> Void
    ) {
        func answers(_ fingerprint: String) throws -> AnswerStore? {
            try folder.map { try Assessments.answers(in: $0, fingerprint: fingerprint) }
        }
        let policy = try shield.map { try PolicyFile.load($0) }
        if let settings = try remote.settings() {
            let responder = try RemoteResponder(settings)
            let resources = try await encoder.resources()
            let shield = try policy.map { try Guard($0, resources: resources) }
            let subject = Subject(
                named(settings.model),
                responder: shield.map { GuardedResponder(responder, $0) } ?? responder,
                answers: try answers(
                    SubjectFingerprint.guarded(
                        SubjectFingerprint.endpoint(settings),
                        by: policy,
                        encoder: encoder.fingerprint()
                    )
                )
            )
            return (subject, nil, { Console.error(await remote.bill(for: responder)) })
        }
        let model = model ?? ""
        let loaded = try await LanguageModel.load(from: ModelReference.resolve(model), device: device.resolved)
        let adapter = adapter.map { URL(fileURLWithPath: $0) }
        let inference = try await loaded.forInference(adapter: adapter)
        let responder = LocalResponder(inference, batchSize: batchSize).served(beside: adapter)
        let fingerprint = try folder == nil ? nil : await SubjectFingerprint.local(loaded, adapter: adapter)
        let store = try fingerprint.flatMap {
            try answers(SubjectFingerprint.guarded($0, by: policy, encoder: encoder.fingerprint()))
        }
        let name = named(self.adapter ?? model)
        guard let policy else {
            return (Subject(name, responder: responder, likelihoods: responder, answers: store), inference, {})
        }
        // The control that needs the model is about the model alone.
        let guarded = try await GuardedResponder(responder, Guard(policy, resources: encoder.resources()))
        return (Subject(name, responder: guarded, likelihoods: responder, answers: store), nil, {})
    }

    /// The subject's name in records: with the guard's policy, where there is one.
    private func named(_ name: String) -> String { shield.map { "\(name) + guard \($0)" } ?? name }

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

    private func show(_ assessment: Assessment, _ controls: [ControlResult]) {
        for result in assessment.results {
            let rate = result.rate
            var line = "\(result.suite.padded(20)) \(result.metric.padded(28)) "
            line += "\(share(rate).padded(22))  n \(rate.n)"
            if jeffreys { line += "  Jeffreys \(interval(rate.jeffreys.low, rate.jeffreys.high))" }
            if rate.unscored > 0 {
                let (low, high) = rate.worstCase
                line += ", \(rate.unscored) unscored: \(percent(low)) to \(percent(high)) if they count either way"
            }
            Console.print(line)
        }
        if let separation = assessment.separation { Console.print(text(of: separation)) }
        for control in controls {
            Console.print("control \(control.name): \(control.outcome.rawValue) (\(control.found))")
        }
    }
}

/// How well a subject tells harmful requests from their twins, as a line.
private func text(of separation: Separation) -> String {
    var text =
        "separation of \(separation.harmful) from \(separation.harmless): \(points(separation.value)) points "
        + "[\(points(separation.low)), \(points(separation.high))], \(separation.n) twin pairs"
    if let area = separation.area {
        text +=
            "; area under the curve \(decimal(area.value, 2)) [\(decimal(area.low, 2)), \(decimal(area.high, 2))], "
            + "\(area.pairs) pairs"
    }
    return text
}

struct CompareCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compares two assessments, probe by probe.",
        discussion: """
            Exit codes: 0 compared, whatever was found (`temper gate` judges); 2 the two cannot be compared; 3 the evidence \
            does not decide, because no probe was graded on both sides, or because on a suite nothing is clear and a \
            twentieth of the pairs or more has no grade.
            """
    )

    @Argument(
        help: "An assessment written by `temper assess --output`, or a subject in a run's assessments folder.",
        completion: .file()
    )
    var base: String
    @Argument(help: "The one to compare with it.", completion: .file())
    var subject: String
    @Flag(help: "Print JSON.")
    var json = false

    /// A comparison and what it supports.
    private struct Reading: Encodable {
        var comparison: Comparison
        var conclusion: Conclusion

        private enum CodingKeys: String, CodingKey { case conclusion }

        func encode(to encoder: any Encoder) throws {
            try comparison.encode(to: encoder)
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(conclusion, forKey: .conclusion)
        }
    }

    func run() async throws {
        let folders = [base, subject].map(URL.init(fileURLWithPath:))
        let pair = try folders.map(Assessments.read)
        if Set(folders.map { $0.resolvingSymlinksInPath().standardizedFileURL.path }).count == 1 {
            Console.error("\(base) and \(subject) are one and the same assessment")
        }
        let comparisons = try compare(pair[0], pair[1])
        let readings = zip(comparisons, Conclusion.of(comparisons)).map { Reading(comparison: $0, conclusion: $1) }
        if json {
            try Console.print(json: readings)
        } else {
            for reading in readings { show(reading) }
            if let count = readings.first?.conclusion.holmOver, count > 0 {
                Console.print(
                    "Holm's correction runs over what is compared here (\(count)), as in a run's report"
                )
            }
            for assessment in pair {
                if let separation = assessment.separation {
                    Console.print("\(assessment.subject): \(text(of: separation))")
                }
            }
        }
        guard comparisons.contains(where: { $0.n > 0 }) else {
            let (unscored, unmatched) = comparisons.reduce((0, 0)) { ($0.0 + $1.unscored, $0.1 + $1.unmatched) }
            Console.error(
                "not enough evidence: no probe was graded on both sides (\(unscored) were asked of both and not graded, "
                    + "\(unmatched) were asked of one only)"
            )
            throw undecided()
        }
        let unread = readings.filter(\.conclusion.isUnread).map(\.comparison)
        guard unread.isEmpty else {
            for item in unread {
                Console.error(
                    "not enough evidence on \(item.suite): \(item.unscored) of \(item.n + item.unscored) probes "
                        + "were not graded on both sides"
                )
            }
            throw undecided()
        }
    }

    /// Says what the exit code means, for whoever sees it in a workflow.
    private func undecided() -> ExitCode {
        Console.error(
            "exit code \(ExitStatus.noEvidence): the evidence does not decide, which is neither a pass nor a failure; assess "
                + "both again with the same suites, with more probes (--limit) or longer answers (--max-new-tokens)"
        )
        return ExitCode(ExitStatus.noEvidence)
    }

    /// One suite in five lines: rates, change, flips, test, conclusion.
    private func show(_ reading: Reading) {
        let (item, conclusion) = (reading.comparison, reading.conclusion)
        func number(_ value: Double?) -> String {
            value.map { decimal($0, 2) } ?? "no bound"
        }
        let ratio =
            item.ratio.map { "ratio \(number($0)) [\(number(item.ratioLow)), \(number(item.ratioHigh))]" }
            ?? "no ratio (\(item.ratioNote ?? "not defined"))"
        guard item.n > 0 else {
            return Console.print(
                "\(item.suite)  \(item.metric)\n  \(conclusion.sentence) (\(item.unscored) asked of both and not graded, "
                    + "\(item.unmatched) of one only)"
            )
        }
        let words = item.axis.gradeWords
        let unscored = item.unscored > 0 ? ", \(item.unscored) unscored" : ""
        let families = item.families.map { " in \($0) families" } ?? ""
        var lines = [
            "\(item.suite)  \(item.metric)",
            "  \(share(item.baseRate)) → \(share(item.subjectRate))  n \(item.n)\(families)\(unscored)",
            "  difference \(points(item.difference)) points [\(points(item.differenceLow)), "
                + "\(points(item.differenceHigh))]  \(ratio)",
            "  flips \(item.safeToUnsafe) \(words.safe) → \(words.unsafe), \(item.unsafeToSafe) "
                + "\(words.unsafe) → \(words.safe)"
                + (conclusion.p.map { "  p \(Conclusion.text(p: $0)) (Holm over \(conclusion.holmOver))" } ?? ""),
            "  \(conclusion.sentence)",
        ]
        if let planning = conclusion.planning { lines.append("  \(planning)") }
        Console.print(lines.joined(separator: "\n"))
    }
}

extension String {
    /// The text with spaces up to a width.
    func padded(_ width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
