import AsyncHTTPClient
import Foundation
import NIOCore
import NIOHTTP1
import TemperLedger
import TemperReport
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

    /// A step is shown without an assessment, and of the log only what is new is read.
    @Test func lossesGrowAsTheyAreWritten() async throws {
        try await Scene.open { scene async throws in
            let run = try scene.run("live", .running, steps: nil)
            let lock = try #require(try RunLock(run))
            let log = try EventLog(run.events)
            func take(_ step: Int, _ loss: Double) {
                var event = RunEvent(.step, phase: "tune", done: step, total: 8)
                event.loss = loss
                log.emit(event)
            }
            take(1, 2.5)
            #expect(try await scene.get("/runs/live").text.contains("data-losses=\"/runs/live/losses\""))
            var events = try await scene.execute("GET", "/runs/live/events").body.makeAsyncIterator()
            #expect(try await events.next().map { String(buffer: $0) }?.contains("event: losses") == true)
            #expect(try await scene.get("/runs/live/losses").text.contains("over 1 logged steps"))
            take(2, 1.25)
            var seen = ""
            while !seen.contains("event: losses"), let piece = try await events.next() { seen += String(buffer: piece) }
            #expect(!seen.contains("event: figures"))
            #expect(try await scene.get("/runs/live/losses").text.contains("from 2.50 to 1.25 over 2 logged steps"))
            withExtendedLifetime(lock) {}
        }
    }

    @Test func ofALogOnlyWholeNewLinesAreRead() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let run = try scene.run("live", .running, steps: nil)
        func line(_ step: Int, _ loss: Double) -> String {
            #"{"done":\#(step),"kind":"step","loss":\#(loss),"phase":"tune","time":"2026-01-01T00:00:00Z"}"# + "\n"
        }
        func append(_ text: String) throws {
            let handle = try FileHandle(forUpdating: run.events)
            try handle.seekToEnd()
            try handle.write(contentsOf: Data(text.utf8))
            try handle.close()
        }
        let losses = RunLosses()
        #expect(await losses.points(of: run).isEmpty)
        try Data(line(1, 3).utf8).write(to: run.events)
        #expect(await losses.points(of: run).map(\.loss) == [3])
        // What was read is not read again: that it is damaged since then is not seen.
        let damaged = try FileHandle(forUpdating: run.events)
        try damaged.write(contentsOf: Data("#".utf8))
        try damaged.close()
        try append(line(2, 2) + line(3, 1.5).prefix(20))
        #expect(await losses.points(of: run).map(\.loss) == [3, 2])
        // The rest of the line, and a step that is taken again.
        try append(String(line(3, 1.5).dropFirst(20)) + line(2, 2.25))
        #expect(await losses.points(of: run).map(\.loss) == [3, 2.25, 1.5])
        try Data(line(1, 9).utf8).write(to: run.events)
        #expect(await losses.points(of: run).map(\.loss) == [9])
        // A long log costs its length once.
        try append((2...20_000).map { line($0, 1) }.joined())
        let clock = ContinuousClock()
        var count = 0
        let first = await clock.measure { count = await losses.points(of: run).count }
        try append(line(20_001, 1))
        let again = await clock.measure { count += await losses.points(of: run).count }
        print("20 000 losses: first \(first), one more \(again)")
        #expect(count == 40_001 && again < first)
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
