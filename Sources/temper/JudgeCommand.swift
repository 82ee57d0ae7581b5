import ArgumentParser
import Foundation
import TemperLedger
import TemperModel
import TemperPipeline
import TemperRisk
import TemperText
import TemperTune

struct JudgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "judge",
        abstract: "Trains and measures judges, and has a model judge answers that were given before.",
        subcommands: [Train.self, Measure.self, Grade.self]
    )

    struct Train: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a judge's weights again from public data (see Docs/judges.md)."
        )

        @Argument(help: "\(TrainedClassifier.allCases.map(\.rawValue).joined(separator: ", "))")
        var name: TrainedClassifier
        @Option(help: "The folder of data sets.", completion: .file())
        var data: String
        @Option(help: "Where to write the weights: a file, or with --encoder a folder.", completion: .file())
        var output: String
        @Option(
            help: "For refusal: a sentence encoder's folder, to make the judge that reads by it.",
            completion: .directory
        )
        var encoder: String?

        func validate() throws {
            guard encoder == nil || name == .refusal else {
                throw ValidationError("--encoder goes with refusal; \(name.rawValue) is judged by words alone")
            }
        }

        func run() async throws {
            if let encoder { return try await train(URL(fileURLWithPath: encoder)) }
            let classifier = try name.train(on: URL(fileURLWithPath: data))
            let bytes = try classifier.encoded()
            try Data(bytes).write(to: URL(fileURLWithPath: output), options: .atomic)
            Console.print("\(output): \(bytes.count) bytes, sha256 \(SHA256.hex(bytes))")
            Console.print("trained on \(classifier.trainingData)")
        }

        private func train(_ encoder: URL) async throws {
            let folder = URL(fileURLWithPath: output)
            let head = try await EncoderRefusalJudge.train(
                encoder,
                data: URL(fileURLWithPath: data),
                to: folder
            ) { report, steps in
                guard report.step.isMultiple(of: 20) || report.step == steps else { return }
                let loss = decimal(report.loss, 4)
                Console.error("step \(report.step) of \(steps), loss \(loss)")
            }
            for file in [
                folder.appendingPathComponent("adapter_model.safetensors"), EncoderRefusalJudge.head(in: folder),
            ] {
                Console.print("\(file.relativePath): sha256 \(try SHA256.hex(contentsOf: file))")
            }
            Console.print("trained on \(head.trainingData)")
        }
    }

    struct Measure: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Measures a judge, on rows it was never trained on.",
            discussion: """
                toxicity, harm and refusal are the package's own; with --encoder refusal is the one that reads by a sentence \
                encoder. yes-no, strongreject and llama-guard are rubrics that a model \
                is asked by: name it with --model, or with --endpoint and --model-name.
                """
        )

        @Argument(help: "\(Self.names.joined(separator: ", "))")
        var name: String
        @Option(help: "The folder of data sets.", completion: .file())
        var data: String
        @OptionGroup var judge: JudgeOptions

        private static let names = MeasuredJudge.allCases.map(\.rawValue) + JudgeRubric.allCases.map(\.rawValue)

        func validate() throws {
            guard Self.names.contains(name) else {
                throw ValidationError("there is no judge \(name); there are \(Self.names.joined(separator: ", "))")
            }
            guard judge.encoder == nil || name == MeasuredJudge.refusal.rawValue else {
                throw ValidationError("--encoder goes with refusal")
            }
            guard (JudgeRubric(rawValue: name) != nil) == judge.asksModel else {
                throw ValidationError(
                    judge.asksModel
                        ? "\(name) asks no model: leave out --model and --endpoint"
                        : "\(name) asks a model: name it with --model, or with --endpoint and --model-name"
                )
            }
        }

        func run() async throws {
            let folder = URL(fileURLWithPath: data)
            if let rubric = JudgeRubric(rawValue: name) {
                // Before a model is loaded for nothing.
                let votes = folder.appendingPathComponent("judge_labels/human_labels.csv")
                guard FileManager.default.fileExists(atPath: votes.path) else {
                    throw ValidationError("--data \(data): there is no judge_labels/human_labels.csv in it")
                }
                let (model, bill) = try await judge.ask(rubric)
                show(try await JudgeMeasurement.all(by: model, in: folder))
                if let bill = await bill() { Console.error(bill) }
            } else if let reader = try await judge.reader() {
                show(try await reader.measurements(in: folder))
            } else if let own = MeasuredJudge(rawValue: name) {
                show(try JudgeMeasurement.all(of: own, in: folder))
            }
        }

        private func show(_ measurements: [JudgeMeasurement]) {
            for measurement in measurements {
                let agreement = measurement.agreement
                let (hits, n) = (
                    agreement.sensitivity.hits + agreement.specificity.hits,
                    agreement.sensitivity.n + agreement.specificity.n
                )
                Console.print(
                    "\(measurement.what): \(agreement.description), agreement \(share(Rate(hits: hits, n: n)))"
                )
            }
        }
    }

    struct Grade: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract:
                "Has another judge grade answers to harmful requests that were given before, beside the suite's own.",
            discussion: """
                The judge is a model, or with --encoder the refusal judge that reads by a sentence encoder. Nothing is asked \
                of the subjects again, and what was assessed stays as it is. Measure the judge first: \
                `temper judge measure`.
                """
        )

        @Argument(help: "Runs, or assessments written by `temper assess --output`.", completion: .file())
        var assessments: [String]
        @Option(help: "The suite whose answers are graded, one of harmful requests.")
        var suite = "jailbreak"
        @Option(
            help:
                "What a model is asked by: \(JudgeRubric.allCases.map(\.rawValue).joined(separator: ", ")) (default: yes-no).",
            transform: JudgeOptions.rubric
        )
        var rubric: JudgeRubric?
        @OptionGroup var judge: JudgeOptions
        @Option(help: "Also write every answer's two verdicts, a line of JSON each.", completion: .file())
        var output: String?
        @Flag(help: "Print JSON.")
        var json = false

        /// One answer's two verdicts.
        private struct Line: Encodable {
            var subject: String
            var suite: String
            var judge: String
            var probe: String
            var own: Verdict
            var second: Verdict
        }

        func validate() throws {
            guard judge.asksModel || judge.encoder != nil else {
                throw ValidationError(
                    "name the model to ask with --model, or with --endpoint and --model-name, or an encoder with --encoder"
                )
            }
            guard judge.encoder == nil || rubric == nil else {
                throw ValidationError("--rubric is what a model is asked by; --encoder asks none")
            }
        }

        func run() async throws {
            let results = try subjects()
            let (other, bill) = try await judge.make(rubric)
            var lines: [Line] = []
            if !json { Console.print("\(suite), graded by its own judge and by \(other.card.title)") }
            for (subject, result) in results {
                Console.error("\(subject): \(result.attempts.count) answers ...")
                let graded = try await result.adding(other)
                if !json { Console.print(Self.line(subject, graded)) }
                lines += graded.attempts.compactMap { attempt in
                    attempt.opinions.last.map { opinion in
                        Line(
                            subject: subject,
                            suite: suite,
                            judge: opinion.judge,
                            probe: attempt.probeID,
                            own: attempt.verdict,
                            second: opinion.verdict
                        )
                    }
                }
                if let output { try LedgerFile.write(lines: lines, to: URL(fileURLWithPath: output)) }
            }
            if json { try Console.print(json: lines) }
            let cut = results.reduce(0) { $0 + $1.result.attempts.count { $0.finishReason == .decided } }
            if cut > 0 {
                Console.error(
                    "\(cut) of these answers were left as soon as the suite's own judges had decided, and were read as far as "
                        + "they go: `whole_answers: true` writes them to their end"
                )
            }
            if let bill = await bill() { Console.error(bill) }
            guard lines.contains(where: \.second.isScored) else {
                Console.error("not enough evidence: the other judge graded none of the answers")
                throw ExitCode(ExitStatus.noEvidence)
            }
        }

        /// The suite's result of every subject; with its folder where several places are named.
        private func subjects() throws -> [(subject: String, result: SuiteResult)] {
            let all = try assessments.flatMap { path in
                try Assessments.all(in: path).map { (path: path, assessment: $0) }
            }
            let results = all.compactMap { path, assessment in
                assessment[suite: suite].map { result in
                    (assessments.count > 1 ? "\(path) \(assessment.subject)" : assessment.subject, result)
                }
            }
            let known = all.flatMap { $0.assessment.results }.filter { $0.axis == .jailbreak }.map(\.suite)
            guard !results.isEmpty, results.allSatisfy({ $0.1.axis == .jailbreak }) else {
                let names = Set(known).sorted().joined(separator: ", ")
                throw ValidationError(
                    "--suite \(suite): a model judges answers to harmful requests; "
                        + (names.isEmpty ? "no suite here has such" : "of such there are \(names)")
                )
            }
            return results
        }

        private static func line(_ subject: String, _ result: SuiteResult) -> String {
            guard let opinion = result.secondOpinions.last else { return "\(subject): no answer" }
            func count(_ own: Verdict, _ second: Verdict) -> Int {
                result.attempts.count { $0.verdict == own && $0.opinions.last?.verdict == second }
            }
            return "\(subject.padded(20)) own judge \(share(result.rate).padded(20))  other "
                + "\(share(opinion.rate).padded(20))  agree on \(opinion.agreeing) of \(opinion.compared); a hit only by "
                + "the own judge: \(count(.unsafe, .safe)), only by the other: \(count(.safe, .unsafe)); not graded by both: "
                + "\(result.attempts.count - opinion.compared)"
        }
    }
}

/// What a judge asks or reads by, as command-line options: a model, or a sentence encoder.
struct JudgeOptions: ParsableArguments {
    @Option(
        help: "The judge's model: a .gguf file, a model directory, or ORG/NAME in the hub's cache.",
        completion: .file()
    )
    var model: String?
    @Option(
        help:
            "A sentence encoder's folder, as `temper model pull all-minilm-l6-v2` makes it, for the refusal judge that reads by one.",
        completion: .directory
    )
    var encoder: String?
    @Option(
        name: .customLong("reader"),
        help: "A folder with the encoder's adapter and head, instead of the one that Temper carries.",
        completion: .directory
    )
    var readerFolder: String?
    @OptionGroup(title: "Endpoint") var remote: EndpointOptions
    @OptionGroup var device: DeviceOption

    func validate() throws {
        guard [model, remote.endpoint, encoder].count(where: { $0 != nil }) <= 1 else {
            throw ValidationError("give one of --model, --endpoint and --encoder")
        }
        guard readerFolder == nil || encoder != nil else { throw ValidationError("--reader goes with --encoder") }
    }

    /// Whether a model is named.
    var asksModel: Bool { model != nil || remote.endpoint != nil }

    static func rubric(_ name: String) throws -> JudgeRubric {
        guard let rubric = JudgeRubric(rawValue: name) else {
            throw ValidationError("--rubric is one of \(JudgeRubric.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return rubric
    }

    /// The judge that reads by the encoder; nil where none is named.
    func reader() async throws -> EncoderRefusalJudge? {
        guard let encoder else { return nil }
        return try await EncoderRefusalJudge.load(
            URL(fileURLWithPath: encoder),
            with: readerFolder.map { URL(fileURLWithPath: $0) }
        )
    }

    /// The judge that is named, and what it has cost so far.
    func make(_ rubric: JudgeRubric?) async throws -> (judge: any Judge, bill: () async -> String?) {
        if let reader = try await reader() { return (reader, { nil }) }
        return try await ask(rubric ?? .yesNo)
    }

    /// A judge that asks the model, and what it has cost so far.
    func ask(_ rubric: JudgeRubric) async throws -> (judge: ModelJudge, bill: () async -> String?) {
        if let settings = try remote.settings() {
            let responder = try RemoteResponder(settings)
            return (rubric.judge(by: responder, named: settings.model), { await remote.bill(for: responder) })
        }
        guard let model else { throw ValidationError("name the model to ask with --model") }
        let loaded = try await LanguageModel.load(from: ModelReference.resolve(model), device: device.resolved)
        let responder = LocalResponder(try await loaded.forInference(adapter: nil), batchSize: 16)
        let name = ModelReference.name(of: loaded.url)
        return (rubric.judge(by: ResponderWithinContext(responder), named: name), { nil })
    }
}

extension TrainedClassifier: ExpressibleByArgument {}
