import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TemperLedger
import Testing

@testable import TemperStudio

/// A run that goes on while somebody watches, and the models that answer while somebody reads.
@Suite struct LiveTests {
    @Test func aCheckpointIsShownOnceItHasLanded() async throws {
        try await Scene.open { scene async throws in
            let run = try scene.run("live", .running, steps: nil)
            let lock = try #require(try RunLock(run))
            let log = try EventLog(run.events)
            try scene.assess(run, "raw", [.init(answer: "a", isUnsafe: true)])
            let page = try await scene.get("/runs/live").text
            #expect(page.contains("data-events=\"/runs/live/events\"") && page.contains("state-running"))
            let stream = try await scene.execute("GET", "/runs/live/events")
            #expect(stream.headers.first(name: "content-type")?.hasPrefix("text/event-stream") == true)
            var events = stream.body.makeAsyncIterator()
            // The first piece asks for everything, so that nothing between page and stream is missed.
            let first = try await events.next().map { String(buffer: $0) }
            #expect(first?.contains("event: figures") == true)
            try await Task.sleep(for: .milliseconds(600))

            let clock = ContinuousClock()
            let landed = clock.now
            var step = RunEvent(.checkpoint, phase: "tune", done: 4, total: 8)
            step.loss = 1.5
            log.emit(step)
            try scene.assess(run, "tuned@4", [.init(answer: "b", isUnsafe: true)])
            var seen = ""
            while !seen.contains("event: figures"), let piece = try await events.next() {
                seen += String(buffer: piece)
            }
            let figures = try await scene.get("/runs/live/figures").text
            let took = clock.now - landed
            print("a checkpoint is shown after \(took)")
            #expect(figures.contains("tuned@4") && figures.contains("figure-2"))
            #expect(try await scene.get("/runs/live/progress").text.contains("checkpoint at step 4 of 8"))

            // The end of the run ends the waiting, too.
            try LedgerFile.write(RunStatus(state: .finished, phase: "report", started: Date()), to: run.status)
            while !seen.contains("event: ended"), let piece = try await events.next() { seen += String(buffer: piece) }
            #expect(seen.contains("event: ended"))
            withExtendedLifetime(lock) {}
        }
    }

    @Test func whoComesAfterTheEndIsToldOfIt() async throws {
        try await Scene.open { scene async throws in
            try scene.run("over")
            // The answer ends, too: it is read whole.
            let answer = try await scene.get("/runs/over/events")
            #expect(answer.text.contains("event: ended"))
        }
    }

    @Test func anAnswerComesInPieces() async throws {
        try await Scene.open { scene async throws in
            try scene.run("alpha")
            func ask(_ body: String, type: String = "application/json") async throws -> Scene.Answer {
                try await scene.send("POST", "/runs/alpha/chat", headers: ["content-type": type], body: body)
            }
            let turns =
                #"[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]"#
            let answer = try await ask(#"{"partner":"raw","turns":\#(turns)}"#)
            let lines = try answer.text.split(separator: "\n").map {
                try #require(try JSONSerialization.jsonObject(with: Data($0.utf8)) as? [String: Any])
            }
            #expect(lines.first?["text"] as? String == "<script>" && lines.first?["done"] == nil)
            #expect((lines.last?["text"] as? String)?.hasSuffix("raw read 3 turns") == true)
            #expect(lines.last?["done"] as? Bool == true)
            let broken = try await ask(#"{"partner":"raw","turns":[{"role":"user","content":"break"}]}"#).text
            #expect(broken.contains("the model is broken"))
            #expect(try await ask(#"{"partner":"../raw","turns":\#(turns)}"#).status == 400)
            #expect(try await ask(#"{"partner":"raw","turns":[]}"#).status == 400)
            #expect(try await ask(#"{"partner":"raw","turns":[{"role":"system","content":"a"}]}"#).status == 400)
            // What a form of another page could send is not taken.
            #expect(try await ask(#"{"partner":"raw","turns":\#(turns)}"#, type: "text/plain").status == 415)
        }
    }
}
