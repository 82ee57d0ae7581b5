import Foundation
import NIOHTTP1
import Synchronization
import TemperLedger
import TemperReport
import Testing

@testable import TemperStudio

/// The list, a run's page, the comparison, and the form of a new run.
@Suite struct RunTests {
    @Test func theListShowsFiltersAndPages() async throws {
        try await Scene.open { scene async throws in
            try scene.run("alpha")
            try scene.run("beta", .failed, steps: nil, error: "the <loss> is not a number")
            // It says that it runs, and no process does.
            try scene.run("gamma", .running, steps: nil)
            let all = try await scene.get("/").text
            for text in [
                "alpha", "beta", "gamma", "5.0 %".replacing(" ", with: "\u{A0}"), "&lt;loss&gt;", "state-stopped",
            ] {
                #expect(all.contains(text), "\(text)")
            }
            let failed = try await scene.get("/?state=failed").text
            #expect(failed.contains("/runs/beta") && !failed.contains("/runs/alpha"))
            let found = try await scene.get("/?q=TINY+alp").text
            #expect(found.contains("/runs/alpha") && !found.contains("/runs/beta"))
            // One that says nothing readable of itself is there all the same, and says how to mend that.
            try Data("{".utf8).write(to: scene.run("delta", steps: nil).status)
            #expect(try await scene.get("/?state=damaged").text.contains("state-damaged"))
            let page = try await scene.get("/runs/delta").text
            #expect(page.contains("status.json cannot be read") && page.contains("temper run "), "\(page)")
            // Its report, which is written last, counts as before.
            let epsilon = try scene.run("epsilon", steps: [1, 2])
            try Data("{".utf8).write(to: epsilon.status)
            let whole = try await scene.get("/runs/epsilon/report.html")
            #expect(whole.status == 200 && whole.text.contains("figure-2"))
            #expect(try await scene.get("/?q=%22%3E%3Cscript%3E").text.contains("&quot;&gt;&lt;script&gt;"))
        }
    }

    @Test func aRunShowsBothFiguresOfItsReport() async throws {
        try await Scene.open { scene async throws in
            try scene.run("alpha", steps: [1, 2, 4])
            let page = try await scene.get("/runs/alpha").text
            for text in ["figure-1-risk-wide", "figure-2", "50.0\u{A0}%", "tuned@4"] {
                #expect(page.contains(text), "\(text)")
            }
            // A finished run has nothing to wait for.
            #expect(!page.contains("data-events"))
            let compared = try await scene.get("/compare?run=alpha&run=missing").text
            #expect(compared.contains("Choose two runs") && compared.contains("Not found: missing."))
            try scene.run("beta", steps: [1, 8])
            let both = try await scene.get("/compare?run=alpha&run=zeta&run=beta").text
            #expect(both.contains("Not found: zeta."))
            #expect(
                both.contains("tuned, jailbreak") && !both.contains("tuned@8, jailbreak") && both.contains("run_name")
            )
            #expect(!both.contains("<th scope=\"row\">seed"))
        }
    }

    @Test func aThousandRunsAreListedInAMoment() async throws {
        let scene = try Scene()
        defer { scene.remove() }
        let start = Date(timeIntervalSince1970: 1_780_000_000)
        for index in 0..<1000 {
            try scene.run(
                "run-\(index)",
                started: start.addingTimeInterval(Double(index)),
                steps: index % 10 == 0 ? [1, 2] : nil
            )
        }
        let clock = ContinuousClock()
        let made = RunIndex(scene.directory).entries()
        #expect(made.count == 1000)
        #expect(made.first?.name == "run-999")
        #expect(made.count { $0.headline != nil } == 100)
        // A studio that starts anew has the file beside the runs.
        let index = RunIndex(scene.directory)
        var entries: [RunEntry] = []
        let first = clock.measure { entries = index.entries() }
        #expect(entries == made)
        var page = ""
        // The quickest of some: the machine does other things, too.
        let again =
            (0..<5).map { _ in
                clock.measure { page = RunsPage(entries: index.entries(), query: Query("page=3")).page.text }
            }.min() ?? .seconds(9)
        #expect(page.contains("run-899") && !page.contains("run-999"))
        print("1000 runs: first list \(first), with page \(again)")
        // The folders are the truth: the file may go or be damaged, and what changes in a folder counts.
        let file = scene.directory.appendingPathComponent(RunIndex.fileName)
        try Data("{ no".utf8).write(to: file)
        #expect(RunIndex(scene.directory).entries() == made)
        try FileManager.default.removeItem(at: scene.directory.appendingPathComponent("run-999"))
        try scene.run("run-0", .failed, started: start, steps: [1, 2, 4, 8])
        let changed = RunIndex(scene.directory).entries()
        #expect(changed.count == 999)
        #expect(changed.last?.status.state == .failed)
        #expect(changed.last?.headline?.after?.subject == "tuned@8")
    }

    @Test func aStudioThatOnlyShowsDoesNotOfferNewRuns() async throws {
        try await Scene.open(readOnly: true) { scene async throws in
            #expect(try await !scene.get("/").text.contains("\"/new\""))
            try scene.run("alpha")
            for path in ["/", "/runs/alpha", "/runs/alpha/probes", "/nowhere"] {
                #expect(try await !scene.get(path).text.contains("\"/new\""), "\(path)")
            }
            #expect(try await scene.get("/new").status == 404)
            // Nor what models would say.
            for path in ["/runs/alpha", "/runs/alpha/probes", "/runs/alpha/report"] {
                let page = try await scene.get(path).text
                #expect(page.contains("Full report</a>") && !page.contains("/chat"), "\(path)")
            }
            #expect(try await scene.get("/runs/alpha/chat").status == 404)
            // HEAD says what GET would, without the body.
            let head = try await scene.send("HEAD", "/runs/alpha")
            #expect(head.status == 200 && head.text.isEmpty)
        }
    }

    @Test func onlyAFinishedRunLeadsToItsReport() async throws {
        try await Scene.open { scene async throws in
            try scene.run("alpha")
            try scene.run("beta", .failed, steps: nil)
            #expect(try await scene.get("/runs/alpha").text.contains("/runs/alpha/report\""))
            #expect(try await !scene.get("/runs/beta").text.contains("/runs/beta/report\""))
            for path in ["/runs/beta/report", "/runs/beta/report.html"] {
                #expect(try await scene.get(path).status == 404, "\(path)")
            }
        }
    }

    @Test func aRunThatWasAskedToEndOffersNoSecondTime() throws {
        let scene = try Scene()
        defer { scene.remove() }
        let run = try scene.run("alpha", .running, steps: nil)
        let status = RunStatus(state: .running, phase: "tune", started: Date())
        func progress(isEnding: Bool) -> String {
            let shown = RunReports.Shown(report: nil, isFinished: false, problem: nil)
            return RunPage(
                run: run,
                status: status,
                shown: shown,
                training: [],
                isOwn: true,
                isEnding: isEnding,
                output: ""
            ).progress.text
        }
        #expect(progress(isEnding: false).contains("End after this step"))
        #expect(progress(isEnding: true).contains("Ending:") && !progress(isEnding: true).contains("<button"))
    }

    /// What has no folder yet is no error while its process is there.
    @Test func aRunThatHasNoFolderYetIsStarting() async throws {
        try await Scene.open { scene async throws in
            scene.launcher.slow.withLock { $0["slow"] = true }
            let page = try await scene.get("/runs/slow")
            #expect(page.status == 200 && page.text.contains("starting</span>") && page.text.contains("&lt;tiny&gt;"))
            #expect(page.text.contains("http-equiv=\"refresh\"") && !page.text.contains("role=\"alert\""))
            #expect(try await scene.get("/").text.contains("Starting: <a href=\"/runs/slow\">"))
            scene.launcher.slow.withLock { $0["slow"] = false }
            let ended = try await scene.get("/runs/slow").text
            #expect(ended.contains("ended before it began") && !ended.contains("http-equiv=\"refresh\""))
            #expect(try await scene.get("/runs/other").status == 404)
            // With a folder it is a run like any other, and says so while nothing has happened.
            scene.launcher.slow.withLock { $0["slow"] = true }
            let run = try scene.run("slow", .running, steps: nil)
            let lock = try #require(try RunLock(run))
            let begun = try await scene.get("/runs/slow").text
            #expect(begun.contains("It is starting") && !begun.contains("http-equiv=\"refresh\""))
            #expect(try await !scene.get("/").text.contains("Starting:"))
            withExtendedLifetime(lock) {}
        }
    }

    @Test func aFormWritesARecipeThatIsCheckedAndStarted() async throws {
        try await Scene.open { scene async throws in
            let form = try await scene.get("/new").text
            #expect(form.contains("Harmful &lt;requests&gt;") && form.contains("embedded:domain"))
            let body = "name=mine&model=tiny.gguf&suite=jailbreak&defence=halfway&align=yes&steps=8"
            let written = try await scene.send("POST", "/new", body: body).text
            #expect(written.contains("run_name: mine") && written.contains("Start the run"))
            let filled = scene.launcher.forms.withLock { $0.last }
            #expect(filled?.suites == ["jailbreak"] && filled?.defences == ["halfway"] && filled?.aligns == true)
            // The way back to the form keeps what was typed.
            let back = "name=mine&amp;model=tiny.gguf&amp;suite=jailbreak&amp;defence=halfway&amp;align=yes&amp;steps=8"
            #expect(written.contains("href=\"/new?\(back)\""))
            let again = try await scene.get("/new?\(body)").text
            #expect(again.contains("value=\"mine\"") && again.contains("value=\"halfway\" checked=\"\""))
            let refused = try await scene.send("POST", "/start", body: "recipe=run_name%3A+%0A%3C%2Ftextarea%3E")
            #expect(refused.text.contains("role=\"alert\"") && refused.text.contains("found &lt;nothing&gt;"))
            #expect(refused.text.contains("&lt;/textarea&gt;"))
            let started = try await scene.send("POST", "/start", body: "recipe=run_name%3A+mine%0A")
            #expect(started.status == 303)
            #expect(started.headers.first(name: "location") == "/runs/mine")
            let twice = try await scene.send("POST", "/start", body: "recipe=run_name%3A+mine%0A").text
            #expect(twice.contains("There is a run mine already"))
            // Every entry that is wrong says so, and what was typed stays.
            let typed = "name=mine&model=%22%3E&steps=many&suite=jailbreak"
            let faulty = try await scene.send("POST", "/new", body: typed).text
            for text in [
                "To be mended: Name of the run, Model, Most steps.",
                "id=\"problem-name\">There is a run of that name already",
                "value=\"&quot;&gt;\"", "id=\"problem-model\">no &lt;model&gt;",
                "value=\"many\"", "aria-invalid=\"true\" aria-describedby=\"problem-steps\"",
                "value=\"jailbreak\" checked=\"\"",
            ] {
                #expect(faulty.contains(text), "\(text)")
            }
            #expect(!faulty.contains("problem-data") && !faulty.contains("value=\"yes\" checked"))
            let large = String(repeating: "a", count: 1 << 19)
            #expect(try await scene.send("POST", "/new", body: "name=\(large)").status == 413)
        }
    }
}
