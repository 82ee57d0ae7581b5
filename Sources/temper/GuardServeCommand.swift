import ArgumentParser
import Foundation
import Logging
import TemperGuard
import TemperModel
import TemperPipeline
import TemperRisk
import TemperServer
import TemperText

struct GuardServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serves OpenAI's API with a guard in front of an endpoint or a model.",
        discussion: """
            With neither --upstream nor --model it only checks texts (/v1/moderations, /v1/checks, LiteLLM's guardrail). \
            The policy is read anew when its file changes, or on SIGHUP; SIGTERM ends the server after the requests that \
            are under way.
            """
    )

    @OptionGroup var policy: PolicyOption
    @OptionGroup var encoder: EncoderOption
    @Option(help: "The address of an OpenAI-compatible endpoint, such as http://127.0.0.1:8000/v1.")
    var upstream: String?
    @Option(help: "The environment variable with the upstream's key; without it no key is sent.")
    var upstreamKeyEnv: String?
    @Option(
        help: "A .gguf file, a model directory, or ORG/NAME in the hub's cache, instead of --upstream.",
        completion: .file()
    )
    var model: String?
    @Option(help: "An adapter directory in PEFT's format, for --model.", completion: .file())
    var adapter: String?
    @OptionGroup var device: DeviceOption
    @Option(help: "The most tokens of one answer of --model.")
    var maxNewTokens = 512

    @Option(help: "The address to listen at.")
    var host = "127.0.0.1"
    @Option(help: "The port; 0 takes a free one.")
    var port = 8400
    @Flag(help: "Listen where other machines reach it; that also needs keys.")
    var allowRemote = false
    @Option(help: "The environment variable with the keys that clients send, separated by commas.")
    var keysEnv: String?
    @Flag(help: "Answer a question that is refused with an error of status 400, not with the policy's message.")
    var refuseWithError = false
    @Flag(help: "Do not check system turns. Whoever reaches the server can write them.")
    var trustSystemTurns = false
    @Option(help: "Record decisions, without the texts, in this file (JSON lines).", completion: .file())
    var audit: String?

    @Option(help: "Requests worked on at a time; more are turned away with status 429.")
    var concurrency = 64
    @Option(help: "The most bytes of a request.")
    var maxBody = 1 << 20
    @Option(help: "Seconds that the upstream may be silent.")
    var timeout = 60.0
    @Option(help: "Seconds for requests under way after SIGTERM.")
    var drain = 30.0
    @Option(help: "Characters of a stream that leave at a time.")
    var window = 200
    @Option(help: "Characters of a stream that wait for the next window: the longest phrase that is caught whole.")
    var overlap = 120
    @Flag(help: "Log warnings only.")
    var quiet = false

    func validate() throws {
        guard upstream == nil || model == nil else { throw ValidationError("give --upstream or --model, not both") }
        guard adapter == nil || model != nil else { throw ValidationError("--adapter goes with --model") }
        guard window > 0, overlap >= 0, maxNewTokens > 0 else {
            throw ValidationError("--window and --max-new-tokens are above 0, --overlap is 0 or more")
        }
    }

    func run() async throws {
        let file = policy.policy == Policy.standard.name ? nil : URL(fileURLWithPath: policy.policy)
        let resources = try await encoder.resources()
        let source = try await GuardSource(file: file) { [policy] in
            let read = try policy.load()
            let digest = SHA256.hex(of: PolicyFile.yaml(read))
            return GuardSource.Version(try Guard(read, resources: resources), name: "\(read.name)@\(digest.prefix(12))")
        }
        var logger = Logger(label: "temper.guard", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = quiet ? .warning : .info
        let server = try GuardServer(try settings(), guard: source, backend: try await backend(), logger: logger)
        try await server.run { [host] port in
            Console.error("guard '\(source.current.name)' listens at http://\(host):\(port)/v1")
        }
    }

    private func settings() throws -> ServerSettings {
        var settings = ServerSettings()
        settings.host = host
        settings.port = port
        settings.allowsRemote = allowRemote
        if let keysEnv {
            guard let keys = ServerKeys(variable: keysEnv) else {
                throw ServerError.settings("--keys-env \(keysEnv): the variable is not set, or empty")
            }
            settings.keys = keys
        }
        settings.refusal = refuseWithError ? .error : .answer
        settings.trustsSystemTurns = trustSystemTurns
        settings.audit = audit.map { URL(fileURLWithPath: $0) }
        settings.concurrency = concurrency
        settings.maximumBody = maxBody
        settings.silence = timeout
        settings.drain = drain
        settings.windows = StreamGate.Windows(stride: window, overlap: overlap)
        return settings
    }

    private func backend() async throws -> GuardServer.Backend {
        if let upstream {
            guard let url = URL(string: upstream) else {
                throw ServerError.settings(
                    "--upstream is no address: write http:// or https://, a host and a path such as /v1"
                )
            }
            let key = upstreamKeyEnv.flatMap { ProcessInfo.processInfo.environment[$0] }
            if let upstreamKeyEnv, key?.isEmpty ?? true {
                throw ServerError.settings("--upstream-key-env \(upstreamKeyEnv): the variable is not set, or empty")
            }
            return .endpoint(url, key: key)
        }
        guard let model else { return .none }
        let loaded = try await LanguageModel.load(from: ModelReference.resolve(model), device: device.resolved)
        let inference = try await loaded.forInference(adapter: adapter.map { URL(fileURLWithPath: $0) })
        let name = URL(fileURLWithPath: model).deletingPathExtension().lastPathComponent
        return .model(LocalResponder(inference), name: name, maximumTokens: maxNewTokens)
    }
}
