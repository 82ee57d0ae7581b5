import AsyncHTTPClient
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Synchronization
import TemperLedger
import TemperReport
import TemperText
import Testing

@testable import TemperStudio

/// A studio over a folder of its own, with parts that answer as a test says.
final class Scene: Sendable {
    let directory: URL
    let chat = FakeChat()
    let launcher: FakeLauncher
    private let running = Mutex<Task<Void, any Error>?>(nil)
    private let found = Mutex<(address: String, cookie: String)>(("", ""))
    /// One for all scenes, for as long as the tests run.
    private static let client = HTTPClient(
        eventLoopGroupProvider: .singleton,
        configuration: HTTPClient.Configuration(
            redirectConfiguration: .disallow,
            timeout: .init(connect: .seconds(120))
        )
    )

    /// `http://127.0.0.1:PORT/?token=TOKEN`.
    var address: String { found.withLock { $0.address } }
    var origin: String { String(address.prefix { $0 != "?" }.dropLast()) }
    var cookie: String { found.withLock { $0.cookie } }

    init() throws {
        directory = FileManager.default.temporaryDirectory.appendingPathComponent("studio-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        launcher = FakeLauncher(directory)
    }

    /// Runs `body` against the studio, with a cookie already.
    static func open(readOnly: Bool = false, _ body: (Scene) async throws -> Void) async throws {
        let scene = try Scene()
        try await scene.start(readOnly: readOnly)
        do {
            try await body(scene)
        } catch {
            scene.end()
            throw error
        }
        scene.end()
    }

    private func start(readOnly: Bool) async throws {
        var settings = StudioSettings(directory: directory)
        settings.port = 0
        let studio = Studio(
            settings,
            source: FakeSource(),
            chat: readOnly ? nil : chat,
            launcher: readOnly ? nil : launcher,
            logger: Logger(label: "studio", factory: { _ in SwiftLogNoOpLogHandler() })
        )
        let (addresses, started) = AsyncStream<String>.makeStream()
        let task = Task { try await studio.run(signals: false) { started.yield($0) } }
        running.withLock { $0 = task }
        let address = try #require(await addresses.first { _ in true })
        found.withLock { $0.address = address }
        let welcome = try await send("GET", "/" + address.drop { $0 != "?" }, cookie: nil)
        let cookie = try #require(welcome.headers.first(name: "set-cookie")?.split(separator: ";").first)
        found.withLock { $0.cookie = String(cookie) }
    }

    private func end() {
        running.withLock { $0?.cancel() }
        remove()
    }

    func remove() {
        try? FileManager.default.removeItem(at: directory)
    }

    struct Answer {
        var status: UInt
        var headers: HTTPHeaders
        var text: String
    }

    /// Sends a request; `cookie` of nil sends none.
    func send(
        _ method: String,
        _ path: String,
        cookie: String? = "",
        headers: [String: String] = [:],
        body: String? = nil
    ) async throws -> Answer {
        let reply = try await execute(method, path, cookie: cookie, headers: headers, body: body)
        let bytes = try await reply.body.collect(upTo: 1 << 26)
        return Answer(status: reply.status.code, headers: reply.headers, text: String(buffer: bytes))
    }

    func execute(
        _ method: String,
        _ path: String,
        cookie: String? = "",
        headers: [String: String] = [:],
        body: String? = nil
    ) async throws -> HTTPClientResponse {
        var request = HTTPClientRequest(url: origin + path)
        request.method = .RAW(value: method)
        if let cookie { request.headers.add(name: "cookie", value: cookie.isEmpty ? self.cookie : cookie) }
        if method == "POST", headers["origin"] == nil { request.headers.add(name: "origin", value: origin) }
        for (name, value) in headers { request.headers.replaceOrAdd(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        return try await Self.client.execute(request, timeout: .seconds(180))
    }

    func get(_ path: String) async throws -> Answer { try await send("GET", path) }

    // MARK: Runs

    @discardableResult
    func run(
        _ name: String,
        _ state: RunStatus.State = .finished,
        started: Date = Date(timeIntervalSince1970: 1_780_000_000),
        steps: [Int]? = [1, 2, 4],
        error: String? = nil
    ) throws -> RunDirectory {
        let run = RunDirectory(directory.appendingPathComponent(name))
        var status = RunStatus(state: state, phase: "report", started: started, updated: started)
        status.error = error
        try LedgerFile.write(status, to: run.status)
        try LedgerFile.write(text: "seed: 1\nname: \(name)\n", to: run.recipe)
        if let steps {
            let report = Self.report(name, steps: steps)
            try LedgerFile.write(data: report.json(), to: run.report.appendingPathComponent("report.json"))
        }
        return run
    }

    static func rate(_ value: Double, n: Int = 100) -> RunReport.Rate {
        .init(rate: value, n: n, low: max(0, value - 0.05), high: min(1, value + 0.05))
    }

    /// A report whose jailbreak rate rises with the step.
    static func report(_ name: String, steps: [Int]) -> RunReport {
        func subject(_ name: String, _ kind: RunReport.Subject.Kind, _ step: Int?, _ value: Double) -> RunReport.Subject
        {
            .init(
                name: name,
                kind: kind,
                step: step,
                axes: ["jailbreak": rate(value), "over-refusal": rate(0.2)],
                utility: .init(metric: "exact match", value: 0.5, n: 100, low: 0.4, high: 0.6)
            )
        }
        return RunReport(
            name: name,
            model: .init(name: "tiny", path: "tiny.gguf", sha256: "00", parameters: 1, dtype: "float32"),
            created: Date(timeIntervalSince1970: 1_780_000_000),
            subjects: [subject("raw", .base, nil, 0.9), subject("aligned", .reference, nil, 0.05)]
                + [subject("tuned@0", .checkpoint, 0, 0.05)]
                + steps.map { subject("tuned@\($0)", .checkpoint, $0, min(1, 0.1 + 0.1 * Double($0))) }
        )
    }

    struct Graded {
        var answer: String
        var isUnsafe: Bool
    }

    /// Writes a complete assessment, `metrics.json` last, as a run does.
    func assess(_ run: RunDirectory, _ subject: String, suite: String = "jailbreak", _ answers: [Graded]) throws {
        let folder = run.assessment(of: subject)
        let lines = answers.enumerated().map { index, graded in
            Line(
                suite: suite,
                probeID: "\(suite)-\(index)",
                category: index % 2 == 0 ? "even" : "odd",
                prompt: "Request \(index) of the list",
                answer: graded.answer,
                verdict: ["grade": graded.isUnsafe ? "unsafe" : "safe"]
            )
        }
        try LedgerFile.write(lines: lines, to: folder.appendingPathComponent("\(suite).jsonl"))
        let metrics = ["suites": [["suite": suite, "axis": "jailbreak", "metric": "attack success rate"]]]
        try LedgerFile.write(metrics, to: folder.appendingPathComponent("metrics.json"))
    }

    private struct Line: Encodable {
        var suite: String
        var probeID: String
        var category: String
        var prompt: String
        var answer: String
        var verdict: [String: String]
    }
}

/// The report of an unfinished run: its subjects are the folders with a complete assessment.
struct FakeSource: RunSource {
    func unfinishedReport(of run: RunDirectory) async throws -> RunReport? {
        let names = ProbeStore().subjects(of: run)
        let steps = names.compactMap { $0.hasPrefix("tuned@") ? Int($0.dropFirst(6)) : nil }
        return names.isEmpty ? nil : Scene.report(run.name, steps: steps)
    }

    func settings(of run: RunDirectory) -> [String: String] {
        ["run_name": run.name, "seed": "1"]
    }
}

/// Models that answer what would run, were it taken for markup.
struct FakeChat: ChatPartners {
    static let hostile = """
        <script>document.title = "hacked"</script><img src=x onerror="document.title='hacked'"> \
        <svg onload="document.title='hacked'"></svg> </pre></details> \u{202E}desrever\u{202C}
        """

    func partners(of run: RunDirectory) -> [ChatPartner] {
        ["raw", "tuned@4", "defended", "guarded:tuned@4"].map { ChatPartner(id: $0, title: $0) }
    }

    func answer(
        _ chat: Chat,
        by partner: String,
        in run: RunDirectory,
        partial: @escaping @Sendable (String) -> Void
    ) async throws -> String {
        struct Broken: Error, CustomStringConvertible { var description = "the model is broken" }
        if chat.messages.last?.content == "break" { throw Broken() }
        partial("<script>")
        try await Task.sleep(for: .milliseconds(250))
        return "\(Self.hostile) \(partner) read \(chat.messages.count) turns"
    }
}

/// Starts nothing; a started run is a folder that says that it is finished.
final class FakeLauncher: RunLauncher {
    private let directory: URL
    let forms = Mutex<[RecipeForm]>([])
    /// Runs without a folder, and whether their process is still there.
    let slow = Mutex<[String: Bool]>([:])

    init(_ directory: URL) {
        self.directory = directory
    }

    let choices = RecipeChoices(
        models: ["tiny.gguf"],
        data: ["embedded:domain"],
        suites: [.init(name: "jailbreak", title: "Harmful <requests>")],
        defences: [.init(name: "halfway", title: "Half of the update")]
    )

    func problems(in form: RecipeForm) -> [RecipeForm.Field: String] {
        var problems: [RecipeForm.Field: String] = [:]
        if form.model != "tiny.gguf" { problems[.model] = "no <model>" }
        if !form.steps.isEmpty, Int(form.steps) == nil { problems[.steps] = "no number" }
        return problems
    }

    func recipe(of form: RecipeForm) -> String {
        forms.withLock { $0.append(form) }
        return "run_name: \(form.name)\nsuites: [\(form.suites.joined(separator: ", "))]\n"
    }

    func check(_ yaml: String) throws -> String {
        struct Wrong: Error, CustomStringConvertible { var description = "recipe.yaml:1: `run_name`: found <nothing>" }
        let name = yaml.split(separator: "\n").first { $0.hasPrefix("run_name: ") }?.dropFirst(10) ?? ""
        guard !name.isEmpty else { throw Wrong() }
        return String(name)
    }

    func start(_ yaml: String) async throws -> String {
        let name = try check(yaml)
        let status = RunStatus(state: .finished, phase: "report", started: Date())
        try LedgerFile.write(status, to: RunDirectory(directory.appendingPathComponent(name)).status)
        return name
    }

    var running: [String] { slow.withLock { $0.filter(\.value).map(\.key) } }
    func isRunning(_ name: String) -> Bool { slow.withLock { $0[name] ?? false } }
    func isEnding(_ name: String) -> Bool { false }
    func stop(_ name: String) {}
    func output(of name: String) -> String? { slow.withLock { $0[name] == nil ? nil : "reading <tiny>" } }
}
