import ArgumentParser
import Foundation
import TemperGuard
import TemperPipeline
import TemperRisk
import TemperTune

/// Makes the adapter with which a sentence encoder reads for a guard.
struct GuardAdaptCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "adapt",
        abstract: "Tunes a sentence encoder (LoRA) for the labels of the guard's classifiers.",
        discussion:
            "Afterwards make the heads: `temper guard train LABEL --encoder FOLDER --reader FOLDER --data FOLDER`."
    )

    @Option(help: "The encoder's folder, as `temper model pull all-minilm-l6-v2` makes it.", completion: .directory)
    var encoder: String
    @Option(help: "The folder of data sets.", completion: .file())
    var data: String
    @Option(help: "The reader's folder, where the adapter goes.", completion: .directory)
    var reader: String
    @Option(help: "How often the rows are seen.")
    var epochs = EncoderTuning.settings.numTrainEpochs
    @Option(help: "The seed of the matrices and of the order of the rows.")
    var seed: UInt64 = 1

    func run() async throws {
        let rows = try GuardClassifier.readerRows(
            in: URL(fileURLWithPath: data),
            and: AlignmentPrompts.carried()
        )
        var settings = EncoderTuning.settings
        settings.numTrainEpochs = epochs
        let folder = URL(fileURLWithPath: reader)
        try await EncoderTuning.tune(
            URL(fileURLWithPath: encoder),
            on: rows,
            labels: GuardClassifier.allCases.map(\.rawValue),
            settings: settings,
            seed: seed,
            to: folder
        ) { report, steps in
            guard report.step.isMultiple(of: 20) || report.step == steps else { return }
            let loss = decimal(report.loss, 4)
            Console.error("step \(report.step) of \(steps), loss \(loss)")
        }
        let file = folder.appendingPathComponent("adapter_model.safetensors")
        Console.print("trained on \(rows.count) rows")
        Console.print("\(file.relativePath): sha256 \(try SHA256.hex(contentsOf: file))")
    }
}
