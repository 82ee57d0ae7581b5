import ArgumentParser
import Foundation
import TemperLedger
import TemperModel
import TemperPipeline
import TemperRisk
import TemperText

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
        @Option(help: "The folder of data sets.")
        var data: String
        @Option(help: "Where to write the weights.")
        var output: String

        func run() async throws {
            let classifier = try name.train(on: URL(fileURLWithPath: data))
            let bytes = try classifier.encoded()
            try Data(bytes).write(to: URL(fileURLWithPath: output), options: .atomic)
            Console.print("\(output): \(bytes.count) bytes, sha256 \(SHA256.hex(bytes))")
            Console.print("trained on \(classifier.trainingData)")
        }
    }

    struct Measure: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Measures a judge, on rows it was never trained on.",
            discussion: """
                toxicity, harm and refusal are the package's own. yes-no, strongreject and llama-guard are rubrics that a model \
                is asked by: name it with --model, or with --endpoint and --model-name.
                """
        )

        @Argument(help: "\(Self.names.joined(separator: ", "))")
        var name: String
        @Option(help: "The folder of data sets.")
        var data: String
        @OptionGroup var judge: JudgeModelOptions

        private static let names = MeasuredJudge.allCases.map(\.rawValue) + JudgeRubric.allCases.map(\.rawValue)

        func validate() throws {
            guard Self.names.contains(name) else {
                throw ValidationError("there is no judge \(name); there are \(Self.names.joined(separator: ", "))")
            }
            guard (JudgeRubric(rawValue: name) != nil) == judge.isNamed else {
                throw ValidationError(
                    judge.isNamed
                        ? "\(name) asks no model: leave out --model and --endpoint"
                        : "\(name) asks a model: name it with --model, or with --endpoint and --model-name"
                )
            }
        }

        func run() async throws {
            let folder = URL(fileURLWithPath: data)
            let measurements =
                if let rubric = JudgeRubric(rawValue: name) {
                    try await JudgeMeasurement.all(by: judge.make(rubric), in: folder)
                } else {
                    try MeasuredJudge(rawValue: name).map { try JudgeMeasurement.all(of: $0, in: folder) } ?? []
                }
            for measurement in measurements {
                let agreement = measurement.agreement
                let share = agreement.accuracy.map { ", agreement \(decimal($0, 3))" } ?? ""
                Console.print("\(measurement.what): \(agreement.description)\(share)")
            }
        }
    }

    struct Grade: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Has a model grade answers that were given before, beside the suite's own judge.",
            discussion: """
                Nothing is asked of the subjects again, and what was assessed stays as it is. Measure the judge first: \
                `temper judge measure`.
                """
        )

        @Argument(help: "Runs, or assessments written by `temper assess --output`.")
        var assessments: [String]
        @Option(help: "The suite whose answers are graded.")
        var suite = "jailbreak"
        @Option(
            help: "\(JudgeRubric.allCases.map(\.rawValue).joined(separator: ", "))",
            transform: JudgeModelOptions.rubric
        )
        var rubric = JudgeRubric.yesNo
        @OptionGroup var judge: JudgeModelOptions
        @Option(help: "Also write every answer's two verdicts, one subject a line of JSON.")
        var output: String?
        @Flag(help: "Print JSON.")
        var json = false

        func validate() throws {
            guard judge.isNamed else {
                throw ValidationError("name the model to ask with --model, or with --endpoint and --model-name")
            }
        }

        func run() async throws {
            let all = try assessments.flatMap(Assessments.all)
            let model = try await judge.make(rubric)
            var readings: [SecondReading] = []
            for assessment in all {
                Console.error("\(assessment.subject) ...")
                if let reading = try await SecondReading(of: assessment, suite: suite, by: model) {
                    readings.append(reading)
                }
            }
            guard !readings.isEmpty else {
                let known = Set(all.flatMap { $0.results.map(\.suite) }).sorted()
                throw ValidationError(
                    "--suite \(suite): no assessment has it; there are \(known.joined(separator: ", "))"
                )
            }
            if let output { try LedgerFile.write(lines: readings, to: URL(fileURLWithPath: output)) }
            if json { return try Console.print(json: readings) }
            Console.print("\(suite), graded by its own judge and by \(model.card.name) \(model.card.version)")
            for reading in readings {
                let both = [Verdict.unsafe, .safe].map { reading.count(own: $0, second: $0) }.reduce(0, +)
                let parted = (
                    own: reading.count(own: .unsafe, second: .safe), second: reading.count(own: .safe, second: .unsafe)
                )
                let open = reading.answers.count - both - parted.own - parted.second
                Console.print(
                    "\(reading.subject.padded(20)) own \(share(reading.own).padded(20))  model "
                        + "\(share(reading.second).padded(20))  agree on \(both); unsafe by own alone \(parted.own), by the "
                        + "model alone \(parted.second); \(open) without two grades"
                )
            }
        }
    }
}

/// The model that a judge asks, as command-line options.
struct JudgeModelOptions: ParsableArguments {
    @Option(help: "The judge's model: a .gguf file, a model directory, or ORG/NAME in the hub's cache.")
    var model: String?
    @OptionGroup(title: "Endpoint") var remote: EndpointOptions
    @OptionGroup var device: DeviceOption

    func validate() throws {
        guard model == nil || remote.endpoint == nil else {
            throw ValidationError("give --model or --endpoint, one of the two")
        }
    }

    /// Whether a model is named at all.
    var isNamed: Bool { model != nil || remote.endpoint != nil }

    static func rubric(_ name: String) throws -> JudgeRubric {
        guard let rubric = JudgeRubric(rawValue: name) else {
            throw ValidationError("--rubric is one of \(JudgeRubric.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return rubric
    }

    /// A judge that asks the model.
    func make(_ rubric: JudgeRubric) async throws -> ModelJudge {
        if let settings = try remote.settings() {
            return rubric.judge(asking: try RemoteResponder(settings), named: settings.model)
        }
        let url = try ModelReference.resolve(model ?? "")
        let loaded = try await LanguageModel.load(from: url, device: device.resolved)
        let responder = LocalResponder(try await loaded.forInference(adapter: nil), batchSize: 16)
        return rubric.judge(asking: responder, named: url.deletingPathExtension().lastPathComponent)
    }
}

extension TrainedClassifier: ExpressibleByArgument {}
