import Foundation
import TemperRisk
import TemperText
import Testing

@testable import TemperPipeline

/// The real program, `temper assess`, on endpoints of this machine.
@Suite(.serialized, .enabled("the program is built") { FileManager.default.isExecutableFile(atPath: Program.url.path) })
struct EndpointProgramTests {
    private static let secret = "sk-never-written-0815"

    private static func prompt(_ request: LoopbackServer.Request) -> String {
        struct Question: Decodable { var messages: [Message] }
        return (try? JSONDecoder().decode(Question.self, from: request.body))?.messages.last?.content ?? ""
    }

    /// Answers slowly, and answers the same to the same question.
    private func server(delay: Double) throws -> LoopbackServer {
        try LoopbackServer { request in
            let refuses = Self.prompt(request).utf8.count.isMultiple(of: 2)
            let text = refuses ? "I can't help with that." : "Sure: \(Self.prompt(request).prefix(20))"
            let body: [String: Any] = [
                "choices": [["message": ["content": text], "finish_reason": "stop"] as [String: Any]],
                "usage": ["prompt_tokens": 10, "completion_tokens": 5],
            ]
            let data = (try? JSONSerialization.data(withJSONObject: body, options: .sortedKeys)) ?? Data()
            return LoopbackServer.Answer(body: data, delay: delay)
        }
    }

    private func process(_ server: LoopbackServer, _ folder: URL, _ more: String...) -> Process {
        let process = Program.process(
            [
                "assess", "--endpoint", "http://127.0.0.1:\(server.port)/v1", "--model-name", "m", "--key-env",
                "SECRET",
                "--suite", "jailbreak", "--limit", "20", "--concurrency", "2", "--output", folder.path,
            ] + more
        )
        process.environment = ProcessInfo.processInfo.environment.merging(["SECRET": Self.secret]) { $1 }
        return process
    }

    /// Everything the program wrote into the folder.
    private func files(_ folder: URL) throws -> [String: String] {
        var texts: [String: String] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
            texts[name] = String(decoding: try Data(contentsOf: folder.appending(path: name)), as: UTF8.self)
        }
        return texts
    }

    @Test(.timeLimit(.minutes(2)))
    func killedAndTakenUp() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let server = try server(delay: 0.1)
        defer { server.stop() }
        let (whole, killed) = (scene.folder.appending(path: "whole"), scene.folder.appending(path: "killed"))

        let undisturbed = process(server, whole)
        let errors = Pipe()
        undisturbed.standardError = errors
        try undisturbed.run()
        let said = String(decoding: try errors.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
        undisturbed.waitUntilExit()
        #expect(undisturbed.terminationStatus == 0 && server.requests.count == 20, "\(said)")
        #expect(said.contains("200 tokens read and 100 written"))

        let first = process(server, killed, "--quiet")
        try first.run()
        while first.isRunning, server.requests.count < 28 { usleep(2000) }
        kill(first.processIdentifier, SIGKILL)
        first.waitUntilExit()
        #expect(first.terminationReason == .uncaughtSignal)
        let kept = try #require(files(killed)[".answers.jsonl"]).split(separator: "\n").count
        #expect(kept >= 4 && kept < 20)
        // What was on its way when it was killed may still be counted by the server.
        usleep(300_000)
        let before = server.requests.count
        let second = process(server, killed, "--quiet")
        try second.run()
        second.waitUntilExit()
        #expect(second.terminationStatus == 0)
        #expect(server.requests.count - before == 20 - kept)
        #expect(server.requests.allSatisfy { $0.headers["authorization"] == "Bearer \(Self.secret)" })

        let (one, other) = try (Assessments.read(whole), Assessments.read(killed))
        #expect(one.results[0].attempts.map(\.answer) == other.results[0].attempts.map(\.answer))
        #expect(one.results[0].attempts.map(\.verdict) == other.results[0].attempts.map(\.verdict))
        for (name, text) in try files(whole).merging(files(killed), uniquingKeysWith: +) {
            #expect(!text.contains(Self.secret), "\(name)")
        }
        #expect(!said.contains(Self.secret))

        // Whole answers are other answers.
        let third = process(server, killed, "--quiet", "--whole-answers", "--max-total-tokens", "60")
        try third.run()
        third.waitUntilExit()
        #expect(third.terminationStatus == 4)
    }

    @Test func mistakes() throws {
        let neither = try Program.run("assess")
        #expect(neither.status == 2 && neither.errors.contains("--endpoint"), "\(neither)")
        let both = try Program.run("assess", "m", "--endpoint", "http://localhost:1", "--model-name", "x")
        #expect(both.status == 2 && both.errors.contains("one of the two"), "\(both)")
        let half = try Program.run("assess", "--endpoint", "http://localhost:1")
        #expect(half.status == 2 && half.errors.contains("--model-name"), "\(half)")
        let address = try Program.run("assess", "--endpoint", "here", "--model-name", "x")
        #expect(address.status == 2 && address.errors.contains("no address"), "\(address)")
    }
}
