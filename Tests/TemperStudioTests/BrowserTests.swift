import Dispatch
import Foundation
import TemperLedger
import Testing

@testable import TemperStudio

/// The pages in a real browser: nothing runs that a model said, nothing leaves the page, nothing is too wide, and all
/// of it can be used with the keyboard.
@Suite(.serialized, .enabled(if: Browser.isThere, "needs chromium and python3 on the PATH"))
struct BrowserTests {
    @Test func everyPageIsOwnNarrowAndLabelled() async throws {
        try await Scene.open { scene async throws in
            let run = try scene.run("alpha")
            try scene.run("a-run-with-a-rather-long-name-that-does-not-fit-into-a-narrow-window-at-all")
            try scene.assess(run, "aligned", [.init(answer: FakeChat.hostile, isUnsafe: false)])
            try scene.assess(run, "tuned@4", [.init(answer: FakeChat.hostile, isUnsafe: true)])
            var steps: [[String: Any]] = [["do": "open", "url": scene.address]]
            let paths = [
                "/", "/runs/alpha", "/runs/alpha/probes", "/runs/alpha/chat", "/new",
                "/compare?run=alpha&run="
                    + "a-run-with-a-rather-long-name-that-does-not-fit-into-a-narrow-window-at-all",
            ]
            for path in paths {
                for dark in [false, true] {
                    steps.append(["do": "size", "width": 400, "height": 800, "dark": dark])
                    steps.append(["do": "open", "url": scene.origin + path])
                    steps.append(["do": "evaluate", "js": Self.faults])
                }
            }
            let seen = try await Browser.run(steps)
            for (path, faults) in zip(paths.flatMap { [$0, $0] }, seen.texts) { #expect(faults == "", "\(path)") }
            #expect(seen.texts.count == paths.count * 2)
            #expect(seen.errors == [])
            #expect(seen.requests.allSatisfy { $0.hasPrefix(scene.origin + "/") })
        }
    }

    /// What is wrong with a page, in words; empty where nothing is.
    private static let faults = """
        (() => {
          const faults = [];
          const width = document.documentElement.scrollWidth;
          if (width > 400) faults.push("it is " + width + " wide");
          if (document.title.includes("hacked")) faults.push("an answer ran");
          if (!document.documentElement.lang || document.querySelectorAll("h1").length !== 1) faults.push("no one heading");
          document.querySelectorAll("input, select, textarea").forEach((field) => {
            if (!field.labels.length) faults.push("no label: " + field.name);
          });
          document.querySelectorAll("a, button").forEach((link) => {
            if (!link.textContent.trim() && !link.ariaLabel) faults.push("no words in a link");
          });
          document.querySelectorAll("[tabindex]").forEach((one) => {
            if (one.tabIndex > 0) faults.push("an order of its own");
          });
          const ids = [...document.querySelectorAll("[id]")].map((one) => one.id);
          if (new Set(ids).size !== ids.length) faults.push("an id twice");
          // Contrast of texts with what is behind them (WCAG 2, 4.5 for ordinary text).
          const parse = (colour) => colour.match(/[\\d.]+/g).map(Number);
          const light = ([r, g, b]) => [r, g, b].map((v) => v / 255)
            .map((v) => v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
            .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
          const behind = (one) => {
            for (; one; one = one.parentElement) {
              const colour = parse(getComputedStyle(one).backgroundColor);
              if (colour.length === 3 || colour[3] > 0) return colour;
            }
            return [255, 255, 255];
          };
          document.querySelectorAll("main *, .masthead *").forEach((one) => {
            if (one.closest("svg") || ![...one.childNodes].some((n) => n.nodeType === 3 && n.data.trim())) return;
            const style = getComputedStyle(one);
            if (style.opacity < 1 || style.visibility === "hidden") return;
            const [a, b] = [light(parse(style.color)), light(behind(one))];
            const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            if (ratio < 4.5) faults.push("contrast " + ratio.toFixed(1) + ": " + one.textContent.trim().slice(0, 20));
          });
          return [...new Set(faults)].join("; ");
        })()
        """

    @Test func whatAModelSaysNeverRuns() async throws {
        try await Scene.open { scene async throws in
            try scene.run("alpha")
            let seen = try await Browser.run([
                ["do": "open", "url": scene.address],
                ["do": "open", "url": scene.origin + "/runs/alpha/chat"],
                [
                    "do": "evaluate",
                    "js": "document.querySelector('[name=words]').value = '<script>document.title=1</script>';"
                        + "document.getElementById('chat').requestSubmit(); ''",
                ],
                [
                    "do": "wait",
                    "js": "document.querySelectorAll('.reply').length === 4 "
                        + "&& !document.querySelector('#chat button').disabled",
                ],
                [
                    "do": "evaluate",
                    "js": "document.querySelectorAll('#exchanges script, #exchanges img, #exchanges svg').length"
                        + " + ' ' + document.title + ' ' + document.querySelector('.reply pre').textContent",
                ],
                // Not even a page that lets it in as markup would run it.
                [
                    "do": "evaluate",
                    "js": "document.body.insertAdjacentHTML('beforeend', "
                        + "'<img src=x onerror=\"document.title=`hacked`\">'); ''",
                ],
                ["do": "wait", "js": "document.title.includes('hacked')", "seconds": 1],
            ])
            #expect(seen.results[3] == "true")
            let text = try #require(seen.results[4])
            #expect(
                text.hasPrefix("0 alpha: chat") && text.contains("<script>document.title") && text.contains("[U+202E]")
            )
            #expect(text.hasSuffix("raw read 1 turns"))
            #expect(seen.results[6] == "false")
        }
    }

    @Test func theReportStandsInASandbox() async throws {
        try await Scene.open { scene async throws in
            try scene.run("alpha")
            let seen = try await Browser.run([
                ["do": "open", "url": scene.address],
                ["do": "open", "url": scene.origin + "/runs/alpha/report"],
                ["do": "evaluate", "js": "self.origin + ' ' + document.querySelector('h1').textContent"],
                [
                    "do": "evaluate",
                    "js": "(() => { try { return document.cookie } catch { return 'none to see' } })()",
                ],
            ])
            #expect(seen.texts == ["null alpha", "none to see"])
            #expect(seen.errors == [])
        }
    }

    @Test func aLivePageGrowsByItself() async throws {
        try await Scene.open { scene async throws in
            let run = try scene.run("live", .running, steps: nil)
            let lock = try #require(try RunLock(run))
            try scene.assess(run, "raw", [.init(answer: "a", isUnsafe: true)])
            let writer = Task {
                try await Task.sleep(for: .seconds(4))
                try scene.assess(run, "tuned@4", [.init(answer: "b", isUnsafe: true)])
                return Date()
            }
            let seen = try await Browser.run([
                ["do": "open", "url": scene.address],
                ["do": "open", "url": scene.origin + "/runs/live"],
                [
                    "do": "wait", "js": "document.getElementById('figures').dataset.subjects.includes('tuned@4')",
                    "seconds": 300,
                ],
                ["do": "evaluate", "js": "Date.now() / 1000"],
                ["do": "evaluate", "js": "document.querySelector('#figures').textContent.includes('Figure 2')"],
            ])
            let landed = try await writer.value
            #expect(seen.results[2] == "true")
            let shown = try #require(seen.results[3].flatMap { Double($0) })
            print("the browser shows a checkpoint after \(shown - landed.timeIntervalSince1970) s")
            #expect(shown - landed.timeIntervalSince1970 < 2)
            #expect(seen.results[4] == "true")
            #expect(seen.errors == [])
            withExtendedLifetime(lock) {}
        }
    }

    @Test func theKeyboardReachesEverythingInOrder() async throws {
        try await Scene.open { scene async throws in
            try scene.run("alpha")
            var steps: [[String: Any]] = [["do": "open", "url": scene.address]]
            for _ in 0..<9 {
                steps.append(["do": "key", "key": "Tab"])
                steps.append([
                    "do": "evaluate",
                    "js": "(document.activeElement.name || document.activeElement.textContent.trim()) + '|' "
                        + "+ getComputedStyle(document.activeElement).outlineStyle",
                ])
            }
            let order = try await Browser.run(steps).texts
            let names = order.map { $0.split(separator: "|")[0] }
            #expect(
                names == [
                    "Skip to the content", "Temper studio", "Runs", "New run", "q", "state", "Filter", "run", "alpha",
                ]
            )
            // Where one is can be seen.
            #expect(order.allSatisfy { !$0.hasSuffix("|none") })
        }
    }
}

/// Headless Chromium, driven by `browser.py` beside this file.
enum Browser {
    struct Seen: Sendable {
        /// One for each step: what it gave, or nil where it gives nothing.
        var results: [String?]
        var errors: [String]
        var requests: [String]

        /// What the steps gave that give something.
        var texts: [String] { results.compactMap { $0 } }
    }

    static var isThere: Bool {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        return ["chromium", "python3"].allSatisfy { name in
            folders.contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(name)") }
        }
    }

    /// Takes the steps on a thread of its own: waiting for a process must not hold up what answers it.
    static func run(_ steps: [[String: Any]]) async throws -> Seen {
        let data = try JSONSerialization.data(withJSONObject: steps)
        return try await withCheckedThrowingContinuation { done in
            DispatchQueue.global().async { done.resume(with: Result { try run(data) }) }
        }
    }

    private static func run(_ steps: Data) throws -> Seen {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let script = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("browser.py")
        process.arguments = ["python3", script.path]
        let (input, output) = (Pipe(), Pipe())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
        try input.fileHandleForWriting.write(contentsOf: steps)
        try input.fileHandleForWriting.close()
        let data = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        let seen = try #require(try JSONSerialization.jsonObject(with: data) as? [String: Any])
        return Seen(
            results: (seen["results"] as? [Any] ?? []).map { $0 as? String },
            errors: seen["errors"] as? [String] ?? [],
            requests: seen["requests"] as? [String] ?? []
        )
    }
}
