import ArgumentParser
import Foundation
import TemperRisk

struct JudgeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "judge",
        abstract: "Trains and measures the judges that the package carries.",
        subcommands: [Train.self, Measure.self]
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
            abstract: "Measures a judge, on rows it was never trained on."
        )

        @Argument(help: "\(MeasuredJudge.allCases.map(\.rawValue).joined(separator: ", "))")
        var name: MeasuredJudge
        @Option(help: "The folder of data sets.")
        var data: String

        func run() async throws {
            for measurement in try JudgeMeasurement.all(of: name, in: URL(fileURLWithPath: data)) {
                Console.print("\(measurement.what): \(measurement.agreement.description)")
            }
        }
    }
}

extension TrainedClassifier: ExpressibleByArgument {}
extension MeasuredJudge: ExpressibleByArgument {}
