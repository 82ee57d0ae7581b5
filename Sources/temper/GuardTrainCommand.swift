import ArgumentParser
import Foundation
import TemperAlign
import TemperGuard
import TemperRisk
import TemperText
import TemperTune

struct GuardTrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Makes a rail's classifier again from public data, or measures the one that is carried."
    )

    @Argument(help: "\(GuardClassifier.allCases.map(\.rawValue).joined(separator: ", "))")
    var label: GuardClassifier
    @Option(help: "The folder of data sets.")
    var data: String
    @Option(help: "Where to write the weights.")
    var output: String?
    @Flag(help: "Measure the carried classifier on held-out rows instead.")
    var measure = false

    func validate() throws {
        guard measure != (output != nil) else { throw ValidationError("give --output or --measure, one of the two") }
    }

    func run() async throws {
        let folder = URL(fileURLWithPath: data)
        func prompts(_ set: AlignmentData) throws -> [String] {
            try set.load().examples.compactMap { $0.chat.messages.last { $0.role == .user }?.content }
        }
        let alignment = AlignmentPrompts(
            harmful: try prompts(.refusals),
            harmless: try prompts(.twins) + prompts(.ordinary)
        )
        guard let output else {
            for measurement in try GuardMeasurement.all(of: label, in: folder, and: alignment) {
                Console.print(measurement.line)
            }
            return
        }
        let classifier = try label.train(in: folder, and: alignment)
        let bytes = try classifier.encoded()
        try Data(bytes).write(to: URL(fileURLWithPath: output), options: .atomic)
        Console.print("\(output): \(bytes.count) bytes, sha256 \(SHA256.hex(bytes))")
        Console.print("trained on \(classifier.trainingData)")
    }
}

extension GuardClassifier: ExpressibleByArgument {}
