import Foundation
import Testing

@testable import TemperStudio

/// The explorer: what it finds, that it stays quick, and that an answer stays a text.
@Suite struct ProbeTests {
    @Test func probesAreSearchedAndFiltered() async throws {
        try await Scene.open { scene async throws in
            let run = try scene.run("alpha")
            try scene.assess(run, "aligned", (0..<60).map { .init(answer: "No, not \($0).", isUnsafe: $0 == 7) })
            try scene.assess(run, "tuned@4", (0..<60).map { .init(answer: "Sure, \($0).", isUnsafe: $0 % 2 == 0) })
            func found(_ query: String) async throws -> String {
                try await scene.get("/runs/alpha/probes?\(query)").text
            }
            #expect(try await found("").contains("60 probes"))
            #expect(try await found("page=3").contains("jailbreak-59"))
            #expect(try await found("flip=worse").contains("30 probes"))
            #expect(try await found("flip=better").contains("1 probe."))
            #expect(try await found("flip=flipped&verdict=unsafe").contains("30 probes"))
            #expect(try await found("q=SURE,+12.").contains("1 probe."))
            #expect(try await found("suite=axis:jailbreak&q=request+33").contains("1 probe."))
            #expect(try await found("suite=axis:bias").contains("0 probes"))
            #expect(try await found("base=tuned@4&tuned=aligned&verdict=unsafe").contains("1 probe."))
            #expect(try await found("page=999").contains("Page 3 of 3"))
        }
    }

    @Test func aHostileAnswerIsAText() async throws {
        try await Scene.open { scene async throws in
            let run = try scene.run("alpha")
            try scene.assess(run, "aligned", [.init(answer: FakeChat.hostile, isUnsafe: true)])
            let page = try await scene.get("/runs/alpha/probes").text
            #expect(page.contains("&lt;script&gt;document.title") && !page.contains("<script>document"))
            #expect(!page.contains("<img") && !page.contains("\u{202E}") && page.contains("[U+202E]"))
        }
    }

    @Test func tenThousandProbesComeByThePage() async throws {
        try await Scene.open { scene async throws in
            let run = try scene.run("large")
            let long = String(repeating: "Some words of an answer that goes on. ", count: 8)
            for subject in ["aligned", "tuned@4"] {
                let divisor = subject == "aligned" ? 9 : 2
                let answers = (0..<10_000).map { Scene.Graded(answer: "\(long)\($0)", isUnsafe: $0 % divisor == 0) }
                try scene.assess(run, subject, answers)
            }
            let clock = ContinuousClock()
            func time(_ query: String, _ text: String) async throws -> Duration {
                let start = clock.now
                let page = try await scene.get("/runs/large/probes?\(query)").text
                let took = clock.now - start
                #expect(page.contains(text), "\(query)")
                // However many there are, a page stays small.
                #expect(page.utf8.count < 100_000)
                return took
            }
            let first = try await time("", "10000 probes")
            let turned = try await time("page=211", "Page 211 of 400")
            let searched = try await time("q=goes+on.+9999", "1 probe.")
            let flipped = try await time("flip=worse&page=2", "Page 2 of")
            print("10000 probes: first \(first), page \(turned), search \(searched), flips \(flipped)")
        }
    }
}
