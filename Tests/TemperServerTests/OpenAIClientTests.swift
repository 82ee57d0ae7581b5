import Foundation
import TemperText
import Testing

@testable import TemperServer

/// OpenAI's own Python client, unchanged, against the guard.
///
/// `TEMPER_TEST_OPENAI_PYTHON` names a Python that has the package `openai`; without it the test is skipped, and says so.
@Suite struct OpenAIClientTests {
    private static let python = ProcessInfo.processInfo.environment["TEMPER_TEST_OPENAI_PYTHON"]

    private static let script = #"""
        import sys, openai
        client = openai.OpenAI(base_url=sys.argv[1], api_key="first", max_retries=0)
        def ask(text, **more):
            return client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}], **more)
        answer = ask("clean")
        assert answer.choices[0].message.content == "Clean words, and more of them.", answer
        assert answer.choices[0].finish_reason == "stop" and answer.usage.total_tokens == 7, answer
        refused = ask("project heron")
        assert refused.choices[0].message.content == "This is refused.", refused
        assert refused.choices[0].finish_reason == "content_filter", refused
        pieces = [piece.choices[0] for piece in ask("clean", stream=True) if piece.choices]
        assert "".join(p.delta.content or "" for p in pieces) == "Clean words, and more of them.", pieces
        assert pieces[-1].finish_reason == "stop", pieces
        pieces = [piece.choices[0] for piece in ask("bad answer", stream=True)]
        assert "heron" not in "".join(p.delta.content or "" for p in pieces), pieces
        assert pieces[-1].finish_reason == "content_filter", pieces
        try:
            list(ask("broken", stream=True))
            assert False, "a broken stream has to raise"
        except openai.APIError as error:
            assert error.code == "upstream_malformed", error
        try:
            client.with_options(api_key="wrong").models.list()
            assert False, "a wrong key has to raise"
        except openai.AuthenticationError as error:
            assert error.code == "invalid_api_key", error
        assert [m.id for m in client.models.list()] == ["m"]
        result = client.moderations.create(input=["clean", "project heron"]).results
        assert [r.flagged for r in result] == [False, True], result
        assert result[0].categories.self_harm_intent is False, result
        print("all of it")
        """#

    @Test(.enabled(if: python != nil, "TEMPER_TEST_OPENAI_PYTHON names no Python with the package openai"))
    func itWorksUnchanged() async throws {
        let python = try #require(Self.python)
        let upstream = try await ScriptedUpstream { asked in
            if asked.path == "/v1/models" { return ScriptedUpstream.json(#"{"data": [{"id": "m"}]}"#) }
            let text = "Clean words, and more of them."
            guard asked.body["stream"]?.bool == true else { return ScriptedUpstream.answer(text) }
            switch asked.body["messages"]?.array?.last?["content"]?.string {
            case "clean": return ScriptedUpstream.stream(text)
            case "broken": return ScriptedUpstream.lines([ScriptedUpstream.piece("Half an answer"), "data: {\n\n"])
            default: return ScriptedUpstream.stream(text + " On project heron.")
            }
        }
        defer { upstream.stop() }
        let keys = ServerKeys(variable: "K", environment: ["K": "first"])
        try await GuardScene.with(.endpoint(upstream.url, key: nil), settings: { $0.keys = keys }) { scene in
            let process = Process()
            process.executableURL = URL(fileURLWithPath: python)
            process.arguments = ["-c", Self.script, "http://127.0.0.1:\(scene.port)/v1"]
            let output = Pipe()
            process.standardOutput = output
            process.standardError = output
            try process.run()
            let text = try await Task.detached {
                String(decoding: try output.fileHandleForReading.readToEnd() ?? Data(), as: UTF8.self)
            }.value
            process.waitUntilExit()
            #expect(process.terminationStatus == 0 && text.contains("all of it"), "\(text)")
        }
    }
}
