import Foundation
import Hummingbird
import NIOHTTP1
import TemperGuard
import TemperText
import Testing

@testable import TemperServer

/// Questions and answers through the guard: what reaches the upstream, and what leaves.
@Suite(.serialized) struct ProxyTests {
    @Test func aCleanQuestionAndItsAnswerPass() async throws {
        let upstream = try await ScriptedUpstream { _ in ScriptedUpstream.answer("A clean answer.") }
        defer { upstream.stop() }
        try await GuardScene.with(.endpoint(upstream.url, key: "k1")) { scene in
            let answer = try await scene.chat("A clean question?", [("temperature", 0.5), ("logprobs", true)])
            #expect(answer.status == 200 && answer.content == "A clean answer.")
            #expect(answer.json["usage"]?["total_tokens"]?.int == 7)
            #expect(answer.headers.first(name: "x-temper-guard") == "test@1")
            // What nobody checked does not leave: log-probabilities, fingerprints, fields of no name.
            #expect(!answer.text.contains("secret place") && !answer.text.contains("another"))
            let asked = try #require(upstream.asked.first)
            #expect(asked.path == "/v1/chat/completions" && asked.authorization == "Bearer k1")
            #expect(asked.body["temperature"]?.number == 0.5 && asked.body["logprobs"] == nil)
            #expect(asked.body["messages"]?.array?.first?["content"]?.string == "A clean question?")
        }
    }

    @Test(arguments: [1, 3, 500]) func aCleanStreamPasses(length: Int) async throws {
        let text = (0..<60).map { "Sentence \($0) with ünïcode 🦅.\n" }.joined()
        let upstream = try await ScriptedUpstream { _ in ScriptedUpstream.stream(text, pieces: length) }
        defer { upstream.stop() }
        try await GuardScene.with(.endpoint(upstream.url, key: nil)) { scene in
            let answer = try await scene.chat("A question?", stream: true)
            #expect(answer.streamed() == text && answer.reasons() == ["stop"])
            #expect(answer.headers.first(name: "content-type")?.hasPrefix("text/event-stream") == true)
            #expect(answer.text.hasSuffix("data: [DONE]\n\n"))
            #expect(answer.events.first?["choices"]?.array?.first?["delta"]?["role"]?.string == "assistant")
        }
    }

    @Test func whatIsRefusedNeverReachesTheUpstream() async throws {
        let upstream = try await ScriptedUpstream { _ in ScriptedUpstream.answer("never") }
        defer { upstream.stop() }
        let turn: (String, String) -> TemplateValue = { ["role": .string($0), "content": .string($1)] }
        let forbidden = "Tell me of Project\nHeron."
        try await GuardScene.with(.endpoint(upstream.url, key: nil)) { scene in
            let whole = try await scene.chat(forbidden)
            #expect(whole.status == 200 && whole.content == GuardScene.message)
            #expect(whole.text.contains("content_filter"))
            let streamed = try await scene.chat(forbidden, stream: true)
            #expect(streamed.streamed() == GuardScene.message && streamed.reasons() == ["content_filter"])
            for role in ["system", "developer", "assistant", "tool", "function"] {
                let body: TemplateValue = ["model": "m", "messages": [turn(role, forbidden), turn("user", "Go on.")]]
                let answer = try await scene.post("/v1/chat/completions", body)
                #expect(answer.content == GuardScene.message, "\(role)")
            }
            // In two parts of one turn, in a tool's description, and behind an escape inside a call's arguments.
            let bodies: [TemplateValue] = [
                [
                    "messages": [
                        [
                            "role": "user",
                            "content": [["type": "text", "text": "project"], ["type": "text", "text": " heron"]],
                        ]
                    ]
                ],
                [
                    "messages": [turn("user", "Hello.")],
                    "tools": [["type": "function", "function": ["name": "f", "description": "For project heron"]]],
                ],
                [
                    "messages": [
                        turn("user", "Hello."),
                        [
                            "role": "assistant", "content": nil,
                            "tool_calls": [
                                ["id": "1", "function": ["name": "f", "arguments": #"{"a":"project \u0068eron"}"#]]
                            ],
                        ],
                    ]
                ],
            ]
            for body in bodies {
                let answer = try await scene.post("/v1/chat/completions", body)
                #expect(answer.content == GuardScene.message)
            }
            let prompt = try await scene.post("/v1/completions", ["model": "m", "prompt": ["Fine.", "project heron"]])
            #expect(prompt.json["choices"]?.array?.count == 2 && prompt.text.contains(GuardScene.message))
        }
        #expect(upstream.asked.isEmpty)
        try await GuardScene.with(.endpoint(upstream.url, key: nil), settings: { $0.refusal = .error }) { scene in
            let answer = try await scene.chat(forbidden)
            #expect(answer.status == 400 && answer.code == "content_filter")
        }
        #expect(upstream.asked.isEmpty)
    }

    @Test func aStreamEndsWhereItIsRefused() async throws {
        let start = String(repeating: "Some clean words. ", count: 12)
        // The upstream would go on for ever; the server hangs up.
        let pieces = (start + "The project he").map { ScriptedUpstream.piece(String($0)) }
        let upstream = try await ScriptedUpstream { _ in
            ScriptedUpstream.lines(pieces + [ScriptedUpstream.piece("ron is here. And more.")], isEndless: true)
        }
        defer { upstream.stop() }
        try await GuardScene.with(.endpoint(upstream.url, key: nil)) { scene in
            let answer = try await scene.chat("A question?", stream: true)
            let text = answer.streamed()
            #expect(text.hasSuffix("\n\n" + GuardScene.message) && answer.reasons() == ["content_filter"])
            #expect((start + "The ").hasPrefix(text.dropLast(GuardScene.message.count + 2)))
            #expect(!text.contains("project") && text.hasPrefix("Some clean words. "))
            #expect(answer.text.hasSuffix("data: [DONE]\n\n"))
        }
    }

    @Test func replacementsReachTheUpstreamAndTheClient() async throws {
        let text =
            String(repeating: "Of this, that. ", count: 9) + "Project Heron flies. "
            + String(repeating: "On. ", count: 30)
        let expected = text.replacingOccurrences(of: "Project Heron", with: "[KEYWORD]")
        let upstream = try await ScriptedUpstream { asked in
            asked.body["stream"]?.bool == true ? ScriptedUpstream.stream(text) : ScriptedUpstream.answer(text)
        }
        defer { upstream.stop() }
        try await GuardScene.with(.endpoint(upstream.url, key: nil), try GuardScene.shield(.redact)) { scene in
            let whole = try await scene.chat("What is project heron?")
            let streamed = try await scene.chat("What is project heron?", stream: true)
            #expect(whole.content == expected && streamed.streamed() == expected)
        }
        for asked in upstream.asked {
            #expect(asked.body["messages"]?.array?.first?["content"]?.string == "What is [KEYWORD]?")
        }
        #expect(upstream.asked.count == 2)
    }

    @Test func placeholdersBecomeTheClientsOwnWordsAgain() async throws {
        let upstream = try await ScriptedUpstream { asked in
            let heard = asked.body["messages"]?.array?.last?["content"]?.string ?? ""
            let text = String(repeating: "On. ", count: 20) + "You said: \(heard) And a < b, <EMAIL_7>."
            return asked.body["stream"]?.bool == true
                ? ScriptedUpstream.stream(text, pieces: 1) : ScriptedUpstream.answer(text)
        }
        defer { upstream.stop() }
        let shield = try Guard(Policy(name: "test", rules: [.init("personal-data", .redact, stages: [.input])]))
        let prompt = "Write to jane.roe@example.org and to j.doe@example.org, then to jane.roe@example.org."
        try await GuardScene.with(.endpoint(upstream.url, key: nil), shield) { scene in
            let whole = try await scene.chat(prompt)
            let streamed = try await scene.chat(prompt, stream: true)
            let expected = String(repeating: "On. ", count: 20) + "You said: \(prompt) And a < b, <EMAIL_7>."
            #expect(whole.content == expected)
            #expect(streamed.streamed() == expected)
        }
        for asked in upstream.asked {
            let heard = try #require(asked.body["messages"]?.array?.last?["content"]?.string)
            #expect(heard == "Write to <EMAIL_0> and to <EMAIL_1>, then to <EMAIL_0>.")
        }
        #expect(upstream.asked.count == 2)
    }

    @Test func eachOfManyAnswersIsJudgedAlone() async throws {
        let upstream = try await ScriptedUpstream { asked in
            guard asked.body["stream"]?.bool == true else { return ScriptedUpstream.answer("Fine.", "Project heron.") }
            return ScriptedUpstream.lines([
                ScriptedUpstream.piece("Project ", 1), ScriptedUpstream.piece("Fi", 0),
                ScriptedUpstream.piece("heron", 1),
                ScriptedUpstream.piece("ne.", 0), ScriptedUpstream.end(1), ScriptedUpstream.end(0),
                ScriptedUpstream.done,
            ])
        }
        defer { upstream.stop() }
        try await GuardScene.with(.endpoint(upstream.url, key: nil)) { scene in
            let whole = try await scene.chat("Two answers.", [("n", 2)])
            let choices = try #require(whole.json["choices"]?.array)
            #expect(choices[0]["message"]?["content"]?.string == "Fine.")
            #expect(choices[1]["message"]?["content"]?.string == GuardScene.message)
            #expect(choices[1]["finish_reason"]?.string == "content_filter")
            let streamed = try await scene.chat("Two answers.", stream: true, [("n", 2)])
            #expect(streamed.streamed(0) == "Fine." && streamed.streamed(1) == GuardScene.message)
        }
    }

    @Test func callsOfToolsPassAsTheyAreOrNotAtAll() async throws {
        let call: @Sendable (String) -> TemplateValue = { arguments in
            [
                [
                    "index": 0, "id": "c", "type": "function",
                    "function": ["name": "find", "arguments": .string(arguments)],
                ]
            ]
        }
        let upstream = try await ScriptedUpstream { asked in
            let isClean = asked.body["messages"]?.array?.first?["content"]?.string == "clean"
            let arguments = isClean ? #"{"for": "a bird"}"# : #"{"for": "project \u0068eron"}"#
            guard asked.body["stream"]?.bool == true else {
                let message: TemplateValue = ["role": "assistant", "content": nil, "tool_calls": call(arguments)]
                let answer: TemplateValue = ["choices": [["message": message, "finish_reason": "tool_calls"]]]
                return ScriptedUpstream.json(answer.json)
            }
            // The arguments come in pieces of four characters.
            let pieces = stride(from: 0, to: arguments.count, by: 4).map { start -> String in
                let part = String(arguments.dropFirst(start).prefix(4))
                let piece: TemplateValue = ["choices": [["index": 0, "delta": ["tool_calls": call(part)]]]]
                return "data: \(piece.json)\n\n"
            }
            return ScriptedUpstream.lines(pieces + [ScriptedUpstream.end(0, "tool_calls"), ScriptedUpstream.done])
        }
        defer { upstream.stop() }
        try await GuardScene.with(.endpoint(upstream.url, key: nil)) { scene in
            let whole = try await scene.chat("clean")
            let kept = whole.json["choices"]?.array?.first?["message"]?["tool_calls"]?.array?.first?["function"]
            #expect(kept?["arguments"]?.string == #"{"for": "a bird"}"#)
            let streamed = try await scene.chat("clean", stream: true)
            let parts = streamed.events.compactMap {
                $0["choices"]?.array?.first?["delta"]?["tool_calls"]?.array?.first?["function"]?["arguments"]?.string
            }
            #expect(parts.joined() == #"{"for": "a bird"}"# && streamed.reasons() == ["tool_calls"])
            #expect(try await scene.chat("other").content == GuardScene.message)
            let refused = try await scene.chat("other", stream: true)
            #expect(refused.streamed() == GuardScene.message && !refused.text.contains("tool_calls"))
        }
    }

    /// A custom tool's input is no JSON; in a stream it comes in pieces, none of which is forbidden.
    @Test func theInputOfACustomToolIsReadAsAWhole() async throws {
        let call: @Sendable (String) -> TemplateValue = { input in
            [["index": 1, "id": "c", "type": "custom", "custom": ["name": "run", "input": .string(input)]]]
        }
        let upstream = try await ScriptedUpstream { asked in
            let isClean = asked.body["messages"]?.array?.first?["content"]?.string == "clean"
            let parts = (isClean ? "echo a bird" : "echo project heron").map { part -> String in
                let piece: TemplateValue = ["choices": [["index": 0, "delta": ["tool_calls": call(String(part))]]]]
                return "data: \(piece.json)\n\n"
            }
            return ScriptedUpstream.lines(parts + [ScriptedUpstream.end(0, "tool_calls"), ScriptedUpstream.done])
        }
        defer { upstream.stop() }
        try await GuardScene.with(.endpoint(upstream.url, key: nil)) { scene in
            let clean = try await scene.chat("clean", stream: true)
            let parts = clean.events.compactMap {
                $0["choices"]?.array?.first?["delta"]?["tool_calls"]?.array?.first?["custom"]?["input"]?.string
            }
            #expect(parts.joined() == "echo a bird" && clean.reasons() == ["tool_calls"])
            let refused = try await scene.chat("other", stream: true)
            #expect(refused.streamed() == GuardScene.message && !refused.text.contains("tool_calls"))
        }
    }

    /// What a tool is called with is for the client: its own words are in it again, in JSON as JSON writes them.
    @Test func callsHaveTheClientsOwnWords() async throws {
        let upstream = try await ScriptedUpstream { asked in
            let heard = asked.body["messages"]?.array?.last?["content"]?.string ?? ""
            let arguments = "{\"to\": \"\(heard)\", \"a\": 1.50}"
            let calls: @Sendable (String, String) -> TemplateValue = { arguments, input in
                [
                    ["index": 0, "function": ["name": "<EMAIL_0>", "arguments": .string(arguments)]],
                    ["index": 1, "custom": ["name": "run", "input": .string(input)]],
                ]
            }
            guard asked.body["stream"]?.bool == true else {
                let message: TemplateValue = ["role": "assistant", "tool_calls": calls(arguments, heard)]
                let answer: TemplateValue = ["choices": [["message": message, "finish_reason": "tool_calls"]]]
                return ScriptedUpstream.json(answer.json)
            }
            // One character a piece; the input ends in the middle of what could be a placeholder.
            let input = heard + "<EM"
            let pieces = (0..<max(arguments.count, input.count)).map { place -> String in
                let parts = [arguments, input].map { String($0.dropFirst(place).prefix(1)) }
                let delta = calls(parts[0], parts[1])
                let piece: TemplateValue = ["choices": [["index": 0, "delta": ["tool_calls": delta]]]]
                return "data: \(piece.json)\n\n"
            }
            return ScriptedUpstream.lines(pieces + [ScriptedUpstream.end(0, "tool_calls"), ScriptedUpstream.done])
        }
        defer { upstream.stop() }
        let shield = try Guard(Policy(name: "test", rules: [.init("personal-data", .redact, stages: [.input])]))
        let prompt = "jane.roe@example.org, j.doe@example.org"
        try await GuardScene.with(.endpoint(upstream.url, key: nil), shield) { scene in
            let whole = try await scene.chat(prompt)
            let kept = whole.json["choices"]?.array?.first?["message"]?["tool_calls"]?.array
            #expect(kept?.first?["function"]?["arguments"]?.string == "{\"to\": \"\(prompt)\", \"a\": 1.50}")
            #expect(kept?.first?["function"]?["name"]?.string == "<EMAIL_0>")
            #expect(kept?.last?["custom"]?["input"]?.string == prompt)
            let streamed = try await scene.chat(prompt, stream: true)
            let calls = streamed.events.flatMap {
                $0["choices"]?.array?.first?["delta"]?["tool_calls"]?.array ?? []
            }
            let arguments = calls.compactMap { $0["function"]?["arguments"]?.string }.joined()
            #expect(arguments == "{\"to\": \"\(prompt)\", \"a\": 1.50}")
            #expect(calls.compactMap { $0["custom"]?["input"]?.string }.joined() == prompt + "<EM")
        }
        #expect(upstream.asked.allSatisfy { !$0.body.json.contains("example.org") })
        var redaction = Redaction()
        let said = #"a "b" c"#
        let found = Finding("name", range: 2..<5, replacement: "NAME", isReversible: true)
        #expect(redaction.apply([found], to: said) == "a <NAME_0> c")
        let delta: TemplateValue = ["function_call": ["arguments": #"{"x": "<NAME_0>"}"#]]
        let restored = CallTexts.restored([delta], redaction).first?["function_call"]?["arguments"]?.string
        #expect(restored == #"{"x": "\"b\""}"#)
    }

    @Test func completionsPassThroughTheSameGate() async throws {
        let upstream = try await ScriptedUpstream { asked in
            let isStream = asked.body["stream"]?.bool == true
            let choice = #"{"choices":[{"index":0,"text":"Project heron","finish_reason":"stop"}]}"#
            return isStream
                ? ScriptedUpstream.lines(["data: \(choice)\n\n", ScriptedUpstream.done]) : ScriptedUpstream.json(choice)
        }
        defer { upstream.stop() }
        try await GuardScene.with(.endpoint(upstream.url, key: nil)) { scene in
            for stream in [false, true] {
                let body: TemplateValue = ["model": "m", "prompt": "Once", "stream": .bool(stream)]
                let answer = try await scene.post("/v1/completions", body)
                #expect(answer.text.contains(GuardScene.message) && !answer.text.contains("heron"))
            }
            #expect(try await scene.post("/v1/completions", ["prompt": [1, 2, 3]]).status == 400)
        }
    }

    private struct Parrot: Responder {
        func respond(to chats: [Chat], options: SamplingOptions) async throws -> [Completion] {
            chats.map { chat in
                let text = chat.lastUserText == "secret" ? "It is project heron." : "Heard: \(chat.lastUserText)"
                return Completion(text: text, tokenCount: options.maxNewTokens, finishReason: .stop)
            }
        }
    }

    @Test func aLocalModelStandsBehindTheSameGate() async throws {
        try await GuardScene.with(.model(Parrot(), name: "parrot", maximumTokens: 50)) { scene in
            let answer = try await scene.chat("hello", [("max_tokens", 7)])
            #expect(answer.content == "Heard: hello" && answer.json["usage"]?["completion_tokens"]?.int == 7)
            #expect(try await scene.chat("hello", stream: true).streamed() == "Heard: hello")
            #expect(try await scene.chat("secret").content == GuardScene.message)
            #expect(try await scene.chat("secret", stream: true).streamed() == GuardScene.message)
            #expect(try await scene.chat("hello", [("max_tokens", 51)]).status == 400)
            #expect(try await scene.get("/v1/models").json["data"]?.array?.first?["id"]?.string == "parrot")
        }
    }

    @Test func aBrokenRailLetsNothingThrough() async throws {
        let upstream = try await ScriptedUpstream { _ in ScriptedUpstream.answer("never") }
        defer { upstream.stop() }
        let shield = try GuardScene.shield(rails: [BrokenRail()])
        try await GuardScene.with(.endpoint(upstream.url, key: nil), shield) { scene in
            let answer = try await scene.chat("A clean question?")
            let metrics = try await scene.get("/metrics").text
            #expect(answer.content == GuardScene.message)
            #expect(metrics.contains(#"temper_rail_failures_total{rail="broken"} 1"#))
        }
        #expect(upstream.asked.isEmpty)
    }
}
