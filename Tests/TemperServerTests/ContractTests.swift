import Foundation
import NIOHTTP1
import Synchronization
import TemperGuard
import TemperRisk
import TemperText
import Testing

@testable import TemperServer

/// The contracts of gateways, the records, and the reading of a new policy.
@Suite(.serialized) struct ContractTests {
    private struct HazardRail: Rail {
        let card = RailCard(name: "hazards", looksFor: "a test", labels: ["S9", "self_harm", "other"], limits: [])
        func findings(in passage: Passage) async throws -> [Finding] {
            card.labels.filter { passage.text.contains($0) }.map { Finding($0, score: 0.75) }
        }
    }

    @Test func moderationsHaveEveryKey() async throws {
        try await GuardScene.with(.none, try GuardScene.shield(.flag, rails: [HazardRail()])) { scene in
            let inputs: TemplateValue = ["input": ["clean", "S9 and self_harm", "other", "project heron"]]
            let answer = try await scene.post("/v1/moderations", inputs)
            let results = try #require(answer.json["results"]?.array)
            #expect(results.map { $0["flagged"]?.bool } == [false, true, true, true])
            let keys = Categories.moderation
            #expect(keys.count == 13 && results.allSatisfy { $0["categories"]?.pairs.map(\.key) == keys })
            let found = keys.filter { results[1]["categories"]?[$0]?.bool == true }
            #expect(found == ["illicit/violent", "self-harm"])
            #expect(results[1]["category_scores"]?["self-harm"]?.number == 0.75)
            #expect(results[1]["temper"]?["llama_guard"]?["verdict"]?.string == "unsafe\nS9,S11")
            #expect(results[2]["temper"]?["llama_guard"]?["verdict"]?.string == "safe")
            #expect(results[2]["temper"]?["labels"]?["other"]?.number == 0.75)
            let parts: TemplateValue = ["input": [["type": "text", "text": "clean"]]]
            #expect(try await scene.post("/v1/moderations", parts).status == 200)
            let image: TemplateValue = ["input": [["type": "image_url", "image_url": ["url": "x"]]]]
            #expect(try await scene.post("/v1/moderations", image).code == "unsupported_content")
            #expect(try await scene.chat("x").code == "no_upstream")
        }
    }

    @Test func theGuardrailOfLiteLLM() async throws {
        func ask(_ action: Policy.Action, _ body: TemplateValue) async throws -> TemplateValue {
            nonisolated(unsafe) var result = TemplateValue.null
            try await GuardScene.with(.none, try GuardScene.shield(action)) { scene in
                result = try await scene.post("/beta/litellm_basic_guardrail_api", body).json
            }
            return result
        }
        let forbidden: TemplateValue = ["texts": ["fine", "on project heron"], "input_type": "request"]
        #expect(try await ask(.refuse, ["texts": ["fine"], "input_type": "response"])["action"]?.string == "NONE")
        let blocked = try await ask(.refuse, forbidden)
        #expect(blocked["action"]?.string == "BLOCKED" && blocked["blocked_reason"]?.string == GuardScene.message)
        let changed = try await ask(.redact, forbidden)
        #expect(changed["action"]?.string == "GUARDRAIL_INTERVENED")
        #expect(changed["texts"]?.array?.compactMap(\.string) == ["fine", "on [KEYWORD]"])
        let image: TemplateValue = ["texts": ["fine"], "images": ["data:x"], "input_type": "request"]
        #expect(try await ask(.refuse, image)["action"]?.string == "BLOCKED")
        let call: TemplateValue = [
            "tool_calls": [["function": ["arguments": "{\"a\":\"project heron\"}"]]], "input_type": "response",
        ]
        #expect(try await ask(.refuse, call)["action"]?.string == "BLOCKED")
        #expect(try await ask(.refuse, ["texts": ["fine"]])["error"]?["code"]?.string == "invalid_request")
    }

    @Test func checksAsNeMoHasThem() async throws {
        func body(_ text: String, _ role: String = "user") -> TemplateValue {
            ["messages": [["role": .string(role), "content": .string(text)]]]
        }
        try await GuardScene.with(.none) { scene in
            let passed = try await scene.post("/v1/checks", body("fine"))
            #expect(passed.json["status"]?.string == "passed" && passed.json["content"]?.string == "fine")
            let blocked = try await scene.post("/v1/checks", body("project heron", "assistant"))
            #expect(blocked.json["status"]?.string == "blocked" && blocked.json["rail"]?.string == "keywords")
        }
        try await GuardScene.with(.none, try GuardScene.shield(.redact)) { scene in
            let modified = try await scene.post("/v1/checks", body("project heron"))
            #expect(modified.json["status"]?.string == "modified" && modified.json["content"]?.string == "[KEYWORD]")
        }
        try await GuardScene.with(.none, try GuardScene.shield(rails: [BrokenRail()])) { scene in
            let failed = try await scene.post("/v1/checks", body("fine"))
            #expect(failed.status == 422)
        }
    }

    @Test func decisionsAreRecordedWithoutTheText() async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("audit-\(UUID().uuidString).jsonl")
        defer { try? FileManager.default.removeItem(at: file) }
        let upstream = try await ScriptedUpstream { _ in ScriptedUpstream.stream("An answer on project heron.") }
        defer { upstream.stop() }
        try await GuardScene.with(.endpoint(upstream.url, key: nil), settings: { $0.audit = file }) { scene in
            let answer = try await scene.chat("A question?", stream: true)
            let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
            let records = try lines.map { try TemplateValue(json: Array($0.utf8)) }
            #expect(records.map { $0["stage"]?.string } == ["input", "output"])
            #expect(records.map { $0["decision"]?.string } == ["allow", "refuse"])
            #expect(records[0]["time"]?.string.map { $0.count >= 23 && $0.hasPrefix("20") } == true)
            #expect(records[0]["sha256"]?.string == SHA256.hex(of: "A question?"))
            #expect(records[1]["rails"]?.array?.first?["labels"]?.array?.first?.string == "keyword")
            #expect(records[0]["request"]?.string == answer.headers.first(name: "x-request-id"))
            #expect(!lines.joined().contains("heron") && !lines.joined().contains("question"))
            let metrics = try await scene.get("/metrics").text
            #expect(metrics.contains(#"temper_decisions_total{stage="output",action="refuse"} 1"#))
            #expect(metrics.contains(#"temper_requests_total{path="/v1/chat/completions",status="200"} 1"#))
            #expect(metrics.contains(#"temper_rail_milliseconds_bucket{rail="keywords",le="+Inf"}"#))
        }
        let folder = FileManager.default.temporaryDirectory
        #expect(throws: ServerError.self) { try AuditLog(folder) }
    }

    @Test func aNewPolicyIsReadAndABrokenOneIsNot() async throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("policy-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try "heron".write(to: file, atomically: true, encoding: .utf8)
        struct Broken: Error {}
        let source = try await GuardSource(file: file) {
            let word = try String(contentsOf: file, encoding: .utf8)
            guard word != "broken" else { throw Broken() }
            let policy = Policy(name: word, rules: [.init("keywords")])
            return .init(try Guard(policy, rails: [KeywordRail(phrases: [word])]), name: word)
        }
        func until(_ scene: GuardScene, _ line: String) async throws -> Bool {
            for _ in 0..<100 {
                if try await scene.get("/metrics").text.contains(line) { return true }
                try await Task.sleep(for: .milliseconds(50))
            }
            return false
        }
        func isFlagged(_ scene: GuardScene, _ text: String) async throws -> Bool? {
            let answer = try await scene.post("/v1/moderations", ["input": .string(text)])
            return answer.json["results"]?.array?.first?["flagged"]?.bool
        }
        try await GuardScene.with(.none, source: source) { scene in
            #expect(try await isFlagged(scene, "heron") == true)
            try "stork".write(to: file, atomically: true, encoding: .utf8)
            #expect(try await until(scene, #"temper_policy_reloads_total{outcome="read"} 1"#))
            #expect(try await isFlagged(scene, "heron") == false)
            #expect(try await isFlagged(scene, "stork") == true)
            try "broken".write(to: file, atomically: true, encoding: .utf8)
            #expect(try await until(scene, #"temper_policy_reloads_total{outcome="kept_old"} 1"#))
            #expect(try await isFlagged(scene, "stork") == true)
            #expect(try await scene.get("/health").json["policy"]?.string == "stork")
        }
    }

    /// A reading that was begun earlier and ends later does not bring an old policy back.
    @Test func theLastReadingCounts() async throws {
        let (ends, release) = AsyncStream<Void>.makeStream()
        final class Readings: Sendable { let count = Mutex(0) }
        let readings = Readings()
        let source = try await GuardSource {
            let number = readings.count.withLock { count in
                count += 1
                return count
            }
            // The second one waits until the third is over.
            if number == 2 { _ = await ends.first { _ in true } }
            let policy = Policy(name: "p", rules: [.init("keywords")])
            return .init(try Guard(policy, rails: [KeywordRail(phrases: ["x"])]), name: "\(number)")
        }
        #expect(source.current.name == "1")
        async let slow: Void = source.reload()
        while readings.count.withLock({ $0 }) < 2 { await Task.yield() }
        try await source.reload()
        #expect(source.current.name == "3")
        release.yield()
        try await slow
        #expect(source.current.name == "3")
    }

    @Test func eventsAreReadWhateverTheSplits() throws {
        let text =
            "\u{FEFF}: a comment\r\nevent: x\r\ndata: {\"a\":\rdata: 1}\r\n\r\ndata:[2]\n\n\n\rid: 7\rdata: \"🦅\"\r\rdata: [DONE]\n\n"
        let bytes = Array(text.utf8)
        for length in 1...bytes.count {
            var reader = EventStreamReader(longestEvent: 100)
            var found: [String] = []
            for start in stride(from: 0, to: bytes.count, by: length) {
                for event in try reader.take(bytes[start..<min(bytes.count, start + length)]) {
                    if case .data(let value) = event { found.append(value.json) } else { found.append("done") }
                }
            }
            #expect(found == [#"{"a":1}"#, "[2]", "\"🦅\"", "done"] && !reader.hasRest, "pieces of \(length)")
        }
        var reader = EventStreamReader(longestEvent: 10)
        #expect(throws: EventStreamReader.Malformed.self) { _ = try reader.take("data: 12345678901".utf8) }
    }

    @Test func jsonIsWrittenAsItWasRead() throws {
        let text = #"{"b":[1,-2.5,true,null,"\"\\\n\u0001é🦅"],"a":{"x":{}}}"#
        let value = try TemplateValue(json: Array(text.utf8))
        #expect(value.json == text)
    }
}
