import AsyncHTTPClient
import Foundation
import Hummingbird
import HummingbirdCore
import NIOCore
import NIOHTTP1
import TemperGuard
import TemperText
import Testing

@testable import TemperServer

/// What goes wrong, on either side: each ends in a clear error, is counted, and lets nothing through unchecked.
@Suite(.serialized) struct FailureTests {
    private enum Failure: String, CaseIterable, CustomTestStringConvertible {
        case hang, gone, status, redirection, noJSON, noChoices, tooLong, wrongType
        var testDescription: String { rawValue }
    }

    private static func answer(_ failure: Failure) async throws -> Response {
        switch failure {
        case .hang:
            try await Task.sleep(for: .seconds(20))
            return ScriptedUpstream.answer("late")
        case .gone: return ScriptedUpstream.answer("never asked")
        case .status:
            return ScriptedUpstream.json(#"{"error":{"message":"project heron"}}"#, status: .internalServerError)
        case .redirection:
            return Response(status: .temporaryRedirect, headers: [.location: "/elsewhere"], body: ResponseBody())
        case .noJSON: return ScriptedUpstream.json("{\"choices\": [")
        case .noChoices: return ScriptedUpstream.json("{\"choices\": []}")
        case .tooLong: return ScriptedUpstream.answer(String(repeating: "long ", count: 5000))
        case .wrongType: return Response(status: .ok, headers: [.contentType: "text/html"], body: ResponseBody())
        }
    }

    @Test(arguments: Failure.allCases, [false, true])
    private func upstreamsThatFailEndInAnError(_ failure: Failure, stream: Bool) async throws {
        let upstream = try await ScriptedUpstream { _ in try await Self.answer(failure) }
        var url = upstream.url
        if failure == .gone { url = try #require(URL(string: "http://127.0.0.1:1/v1")) }
        defer { upstream.stop() }
        try await GuardScene.with(.endpoint(url, key: nil)) {
            $0.silence = failure == .hang ? 5 : 60
            $0.maximumAnswer = 10_000
        } _: { scene in
            let answer = try await scene.chat("A question?", stream: stream)
            #expect(answer.status == (failure == .hang ? 504 : 502))
            #expect(answer.code?.hasPrefix("upstream_") == true && answer.json["error"]?["message"]?.string != nil)
            #expect(!answer.text.contains("heron") && !answer.text.contains("long long"))
            #expect(try await scene.get("/metrics").text.contains("temper_upstream_failures_total{reason="))
        }
        #expect(upstream.asked.count == (failure == .gone ? 0 : 1))
    }

    private static let clean = String(repeating: "Some clean words. ", count: 8)

    @Test(arguments: [
        "data: {\"choices\": [\n\n", "no event at all\n\n", "data: {\"error\":{\"message\":\"project heron\"}}\n\n",
        "data: {\"choices\":[{\"index\":9,\"delta\":{\"content\":\"x\"}}]}\n\n", "data: [1]\n\n", "",
        "data: {\"choices\":[{\"delta\":{\"content\":[\"project heron\"]}}]}\n\n",
    ])
    func aStreamThatBreaksOffEndsInAnErrorAndKeepsWhatWasHeld(_ last: String) async throws {
        let held = "and the end that nobody judged"
        let lines = Self.clean.split(separator: " ").map { ScriptedUpstream.piece($0 + " ") }
        let upstream = try await ScriptedUpstream { _ in
            ScriptedUpstream.lines(lines + [ScriptedUpstream.piece(held), last])
        }
        defer { upstream.stop() }
        try await GuardScene.with(.endpoint(upstream.url, key: nil)) { scene in
            let answer = try await scene.chat("A question?", stream: true)
            #expect(answer.status == 200 && answer.events.last?["error"]?["code"]?.string == "upstream_malformed")
            #expect(
                !answer.text.contains("[DONE]") && !answer.text.contains("judged") && !answer.text.contains("heron")
            )
            #expect(Self.clean.hasPrefix(answer.streamed()) && !answer.streamed().isEmpty)
            let metrics = try await scene.get("/metrics").text
            #expect(metrics.contains(#"temper_upstream_failures_total{reason="malformed"} 1"#))
        }
    }

    @Test func aStreamThatHangsEndsInAnError() async throws {
        let upstream = try await ScriptedUpstream { _ in
            ScriptedUpstream.lines([ScriptedUpstream.piece(Self.clean)], pause: .seconds(20))
        }
        defer { upstream.stop() }
        try await GuardScene.with(.endpoint(upstream.url, key: nil), settings: { $0.silence = 3 }) { scene in
            let answer = try await scene.chat("A question?", stream: true)
            #expect(answer.events.last?["error"]?["code"]?.string == "upstream_timeout")
        }
    }

    // MARK: Clients

    @Test func requestsThatCannotBeCheckedAreErrors() async throws {
        let upstream = try await ScriptedUpstream { _ in ScriptedUpstream.answer("never") }
        defer { upstream.stop() }
        let image = #"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"http://x"}}]}]}"#
        let bodies = [
            ("{", "invalid_json"), ("[]", "invalid_request"), ("{}", "invalid_request"),
            (#"{"messages":[]}"#, "invalid_request"),
            (#"{"messages":[{"role":"wizard","content":"x"}]}"#, "invalid_request"),
            (#"{"messages":[{"role":"user","content":7}]}"#, "invalid_request"), (image, "unsupported_content"),
            (#"{"messages":[{"role":"user","content":"x"}],"chat_template":"x"}"#, "unsupported_parameter"),
            (#"{"messages":[{"role":"user","content":"x"}],"n":99}"#, "invalid_request"),
            (#"{"messages":[{"role":"user","content":"x"}],"stream":"yes"}"#, "invalid_request"),
            (#"{"messages":[{"role":"user","content":"x"}],"model":"a","model":"b"}"#, "invalid_request"),
            (#"{"messages":[{"role":"user","content":"x"}],"modalities":["audio"]}"#, "unsupported_content"),
            (String(repeating: "[", count: 5000), "invalid_json"),
        ]
        try await GuardScene.with(.endpoint(upstream.url, key: nil), settings: { $0.maximumBody = 20_000 }) { scene in
            for (body, code) in bodies {
                let answer = try await scene.post("/v1/chat/completions", text: body)
                #expect(answer.status == 400 && answer.code == code, "\(body.prefix(80))")
            }
            let long = try await scene.chat(String(repeating: "x", count: 30_000))
            #expect(long.status == 413 && long.code == "request_too_large")
            #expect(try await scene.get("/v1/other").status == 404)
            #expect(try await scene.get("/v1/chat/completions").status == 405)
            var request = scene.request("/health")
            request.headers.add(name: "x-long", value: String(repeating: "x", count: 40_000))
            let headers = try? await scene.send(request)
            #expect(headers?.status ?? 431 >= 400)
            #expect(try await scene.get("/health").json["status"]?.string == "ok")
        }
        #expect(upstream.asked.isEmpty)
    }

    @Test func aBodyThatDoesNotArriveIsNotWaitedForLong() async throws {
        try await GuardScene.with(.none, settings: { $0.bodyTimeout = 0.3 }) { scene in
            var request = scene.request("/v1/moderations")
            request.method = .POST
            let (bytes, source) = AsyncStream<ByteBuffer>.makeStream()
            source.yield(ByteBuffer(string: "{\"input\": "))
            request.body = .stream(bytes, length: .unknown)
            let answer = try? await scene.send(request)
            source.finish()
            #expect(answer?.status ?? 408 == 408)
            let health = try await scene.get("/health")
            #expect(health.status == 200)
        }
    }

    @Test func onlyWhoHasAKeyMayAsk() async throws {
        let keys = try #require(ServerKeys(variable: "K", environment: ["K": "first, second"]))
        #expect(
            ServerKeys(variable: "K", environment: ["K": " , "]) == nil
                && ServerKeys(variable: "K", environment: [:]) == nil
        )
        #expect(keys.admit("Bearer first") && keys.admit("bearer second"))
        #expect(!keys.admit("Bearer firs") && !keys.admit("first") && !keys.admit("Bearer ") && !keys.admit(nil))
        #expect(!"\(keys)".contains("first") && !String(reflecting: keys).contains("first"))
        for (key, status) in [(nil, 401), ("wrong", 401), ("second", 200)] {
            try await GuardScene.with(.none, key: key, settings: { $0.keys = keys }) { scene in
                let answer = try await scene.post("/v1/moderations", ["input": "x"])
                #expect(answer.status == status && (status == 200 || answer.code == "invalid_api_key"))
                #expect(try await scene.get("/metrics").status == status)
                #expect(try await scene.get("/health").status == 200)
            }
        }
    }

    @Test func itListensElsewhereOnlyWhereThatIsMeant() throws {
        var settings = ServerSettings()
        #expect(throws: Never.self) { try settings.validate() }
        settings.host = "0.0.0.0"
        #expect(throws: ServerError.self) { try settings.validate() }
        settings.allowsRemote = true
        #expect(throws: ServerError.self) { try settings.validate() }
        settings.keys = ServerKeys(variable: "K", environment: ["K": "x"])
        #expect(throws: Never.self) { try settings.validate() }
    }

    @Test func moreThanItCanDoIsTurnedAway() async throws {
        let upstream = try await ScriptedUpstream { _ in
            try await Task.sleep(for: .seconds(4))
            return ScriptedUpstream.answer("Fine.")
        }
        defer { upstream.stop() }
        try await GuardScene.with(.endpoint(upstream.url, key: nil), settings: { $0.concurrency = 2 }) { scene in
            let answers = try await withThrowingTaskGroup(of: GuardScene.Answer.self) { group in
                for _ in 0..<6 { group.addTask { try await scene.chat("A question?") } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count { $0.status == 200 } == 2)
            for answer in answers where answer.status != 200 {
                #expect(answer.status == 429 && answer.headers.first(name: "retry-after") == "1")
            }
            // A place is free again as soon as its answer has left.
            #expect(try await scene.chat("A question?").status == 200)
        }
    }

    @Test func fiftyClientsGetTheirOwnAnswers() async throws {
        let upstream = try await ScriptedUpstream { asked in
            let prompt = asked.body["messages"]?.array?.first?["content"]?.string ?? ""
            let text = "Answer to \(prompt). " + String(repeating: "Some more words. ", count: 20)
            let isForbidden = prompt.hasSuffix("7")
            return ScriptedUpstream.stream(isForbidden ? text + "project heron" : text, pieces: 20)
        }
        defer { upstream.stop() }
        try await GuardScene.with(.endpoint(upstream.url, key: nil)) { scene in
            let answers = try await withThrowingTaskGroup(of: (Int, GuardScene.Answer).self) { group in
                for client in 0..<50 {
                    group.addTask {
                        _ = try await scene.chat("client \(client)", stream: true)
                        return (client, try await scene.chat("client \(client)", stream: true))
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(answers.count == 50)
            for (client, answer) in answers {
                #expect(answer.streamed().hasPrefix("Answer to client \(client). ") && !answer.text.contains("heron"))
                #expect(answer.reasons() == [client % 10 == 7 ? "content_filter" : "stop"])
            }
            #expect(try await scene.get("/metrics").text.contains("temper_requests_in_flight 0"))
        }
    }
}
