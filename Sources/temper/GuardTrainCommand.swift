import ArgumentParser
import Foundation
import TemperAlign
import TemperGuard
import TemperPipeline
import TemperRisk
import TemperText
import TemperTune

struct GuardTrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "train",
        abstract: "Makes a rail's classifier again from public data, or measures the one that is carried.",
        discussion:
            "With --encoder: the label's head on an encoder's vectors, for what the classifier does not let pass; "
            + "`temper guard adapt` makes the encoder's adapter first."
    )

    @Argument(help: "\(GuardClassifier.allCases.map(\.rawValue).joined(separator: ", "))")
    var label: GuardClassifier
    @Option(help: "The folder of data sets.", completion: .file())
    var data: String
    @Option(help: "Where to write the weights.", completion: .file())
    var output: String?
    @Flag(help: "Measure the carried classifier on held-out rows instead.")
    var measure = false
    @OptionGroup var encoder: EncoderOption

    func validate() throws {
        guard encoder.encoder != nil || measure != (output != nil) else {
            throw ValidationError("give --output or --measure, one of the two")
        }
        guard encoder.encoder == nil || output == nil else {
            throw ValidationError("heads go to the folder that --reader names")
        }
        guard encoder.encoder == nil || measure || encoder.reader != nil else {
            throw ValidationError("name the folder for the heads with --reader; the carried ones are only measured")
        }
    }

    func run() async throws {
        let folder = URL(fileURLWithPath: data)
        let alignment = try AlignmentPrompts.carried()
        if let reader = try await encoder.load() { return try await second(reader, in: folder, and: alignment) }
        guard let output else {
            for measurement in try await GuardMeasurement.all(of: label, in: folder, and: alignment) {
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

    /// Makes the label's head on an encoder's vectors and writes it beside the file's other heads, or measures it.
    private func second(_ encoder: EncoderReader, in folder: URL, and alignment: AlignmentPrompts) async throws {
        let file = EncoderReader.heads(in: self.encoder.readerFolder ?? SecondReader.carried)
        var heads = encoder.noHeads
        if measure || FileManager.default.fileExists(atPath: file.path) {
            let found = try SecondReader.Heads(contentsOf: file)
            guard (found.encoder, found.adapter) == (heads.encoder, heads.adapter) else {
                throw ValidationError(
                    "\(file.path) holds the heads of another encoder or adapter; name another --reader, or remove that file"
                )
            }
            heads = found
        }
        if !measure {
            let rows = try label.rows(in: folder, and: alignment)
            let head = try await SecondReader.Head.train(label, rows: rows, embedding: encoder) { done, total in
                Console.error("\(done) of \(total) rows read")
            }
            heads.heads.removeAll { $0.label == label.rawValue }
            heads.heads.append(head)
        }
        guard let place = heads.heads.firstIndex(where: { $0.label == label.rawValue }) else {
            throw ValidationError("there is no head for \(label.rawValue); make one without --measure")
        }
        let head = heads.heads[place]
        Console.print("threshold \(head.threshold), the encoder is asked from \(head.low) on")
        let pairs = try await ReaderMeasurement.all(of: head, label, in: folder, and: alignment, embedding: encoder)
        let counts = try await GuardMeasurement.all(
            of: label,
            in: folder,
            and: alignment,
            reader: SecondReader([head], embedding: encoder)
        )
        let lines = pairs.map(\.line) + counts.map(\.line)
        for line in lines { Console.print(line) }
        guard !measure else { return }
        heads.heads[place].measured = lines
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(),
            withIntermediateDirectories: true
        )
        let bytes = try heads.encoded()
        try bytes.write(to: file, options: .atomic)
        Console.print("\(file.relativePath): \(bytes.count) bytes, sha256 \(SHA256.hex([UInt8](bytes)))")
    }
}

extension AlignmentPrompts {
    /// The prompts of the alignment sets that the package carries.
    static func carried() throws -> AlignmentPrompts {
        func prompts(_ set: AlignmentData) throws -> [String] {
            try set.load().examples.compactMap { $0.chat.messages.last { $0.role == .user }?.content }
        }
        return AlignmentPrompts(
            harmful: try prompts(.refusals),
            harmless: try prompts(.twins) + prompts(.ordinary)
        )
    }
}

extension GuardClassifier: ExpressibleByArgument {}
