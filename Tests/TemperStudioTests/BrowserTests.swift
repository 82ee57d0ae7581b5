import Dispatch
import Foundation
import TemperLedger
import TemperTestSupport
import Testing

@testable import TemperStudio

/// The pages in a real browser: nothing runs that a model said, nothing leaves the page, nothing is too wide, and all
/// of it can be used with the keyboard.
@Suite(.serialized, .enabled(if: Browser.program != nil, "needs Chromium; set TEMPER_CHROMIUM"))
struct BrowserTests {
    /// Drives a browser on a thread of its own: waiting for it must not hold up what answers it. What it finds is given
    /// back, for an expectation on another thread belongs to no test.
    private func browse<Value: Sendable>(_ use: @escaping @Sendable (Browser) throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { done in
            DispatchQueue.global().async {
                done.resume(
                    with: Result {
                        let browser = try Browser()
                        defer { browser.close() }
                        return try use(browser)
                    }
                )
            }
        }
    }

    private static func url(_ text: String) throws -> URL { try #require(URL(string: text)) }

    @Test func everyPageIsOwnNarrowAndLabelled() async throws {
        try await Scene.open { scene async throws in
            let run = try scene.run("alpha")
            let long = "a-run-with-a-rather-long-name-that-does-not-fit-into-a-narrow-window-at-all"
            try scene.run(long)
            try scene.assess(run, "aligned", [.init(answer: FakeChat.hostile, isUnsafe: false)])
            try scene.assess(run, "tuned@4", [.init(answer: FakeChat.hostile, isUnsafe: true)])
            let paths = [
                "/", "/runs/alpha", "/runs/alpha/probes", "/runs/alpha/chat", "/runs/alpha/report", "/new",
                "/compare?run=alpha&run=\(long)",
            ]
            let (address, origin) = (scene.address, scene.origin)
            let faults = try await browse { browser in
                var faults: [String] = []
                let audit = PageAudit(browser)
                try browser.open(Self.url(address))
                for path in paths {
                    for dark in [false, true] {
                        try browser.emulate(width: 400, height: 800, dark: dark)
                        try browser.open(Self.url(origin + path))
                        let foreign = browser.requests.filter { !$0.hasPrefix(origin + "/") }
                        var own = try audit.structure() + audit.contrast() + browser.complaints + foreign
                        if try audit.overflow() > 0 { own.append("wider than the window") }
                        if try browser.evaluate("document.title.includes('hacked')") as? Bool != false {
                            own.append("an answer ran")
                        }
                        faults += own.map { "\(path), dark \(dark): \($0)" }
                    }
                }
                return faults
            }
            #expect(faults == [])
        }
    }

    @Test func whatAModelSaysNeverRuns() async throws {
        try await Scene.open { scene async throws in
            try scene.run("alpha")
            let (address, origin) = (scene.address, scene.origin)
            let seen = try await browse { browser in
                try browser.open(Self.url(address))
                try browser.open(Self.url(origin + "/runs/alpha/chat"))
                try browser.evaluate(
                    "document.querySelector('[name=words]').value = '<script>document.title=1</script>';"
                        + "document.getElementById('chat').requestSubmit(); ''"
                )
                let isAnswered =
                    "document.querySelectorAll('.reply').length === 4 "
                    + "&& !document.querySelector('#chat button').disabled"
                let answered = try browser.wait(until: isAnswered)
                let found = try browser.evaluate(
                    "document.querySelectorAll('#exchanges script, #exchanges img, #exchanges svg').length"
                        + " + ' ' + document.title + ' ' + document.querySelector('.reply pre').textContent"
                )
                // Not even a page that lets it in as markup would run it.
                try browser.evaluate(
                    "document.body.insertAdjacentHTML('beforeend', "
                        + "'<img src=x onerror=\"document.title=`hacked`\">'); ''"
                )
                let ran = try browser.wait(until: "document.title.includes('hacked')", timeout: 1)
                return (answered: answered, text: found as? String, ran: ran)
            }
            #expect(seen.answered && !seen.ran)
            let text = try #require(seen.text)
            #expect(
                text.hasPrefix("0 alpha: chat") && text.contains("<script>document.title") && text.contains("[U+202E]")
            )
            #expect(text.hasSuffix("raw read 1 turns"))
        }
    }

    @Test func theReportStandsInASandbox() async throws {
        try await Scene.open { scene async throws in
            try scene.run("alpha")
            let (address, origin) = (scene.address, scene.origin)
            let seen = try await browse { browser in
                try browser.open(Self.url(address))
                // In its frame it is shown, and the page around it leads back.
                try browser.open(Self.url(origin + "/runs/alpha/report"))
                let size = try browser.evaluate(
                    "(() => { const f = document.querySelector('iframe'); return [f.contentDocument === null, "
                        + "f.clientHeight > 300, document.querySelector('.tabs a').getAttribute('href')].join(' ') })()"
                )
                let framed = browser.complaints
                try browser.open(Self.url(origin + "/runs/alpha/report.html"))
                let heading = "self.origin + ' ' + document.querySelector('h1').textContent"
                let cookie = "(() => { try { return document.cookie } catch { return 'none to see' } })()"
                let texts = try [heading, cookie].map { try browser.evaluate($0) as? String }
                return (texts: texts, frame: size as? String, complaints: framed + browser.complaints)
            }
            #expect(seen.texts == ["null alpha", "none to see"])
            #expect(seen.frame == "true true /runs/alpha")
            #expect(seen.complaints == [])
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
            let (address, origin) = (scene.address, scene.origin)
            let seen = try await browse { browser in
                try browser.open(Self.url(address))
                try browser.open(Self.url(origin + "/runs/live"))
                let isThere = "document.getElementById('figures').dataset.subjects.includes('tuned@4')"
                let grows = try browser.wait(until: isThere)
                let shown = Date()
                let figures = "document.querySelector('#figures').textContent.includes('Figure 2')"
                let hasFigure = try browser.evaluate(figures) as? Bool == true
                return (grows: grows, shown: shown, hasFigure: hasFigure, complaints: browser.complaints)
            }
            #expect(seen.grows && seen.hasFigure)
            #expect(seen.complaints == [])
            let landed = try await writer.value
            print("the browser shows a checkpoint after \(seen.shown.timeIntervalSince(landed)) s")
            withExtendedLifetime(lock) {}
        }
    }

    @Test func theKeyboardReachesEverythingInOrder() async throws {
        try await Scene.open { scene async throws in
            try scene.run("alpha")
            let address = scene.address
            let order = try await browse { browser in
                try browser.open(Self.url(address))
                return try (0..<9).map { _ in
                    try browser.press("Tab")
                    let focused = try browser.evaluate(
                        "(document.activeElement.name || document.activeElement.textContent.trim()) + '|' "
                            + "+ getComputedStyle(document.activeElement).outlineStyle"
                    )
                    return focused as? String ?? ""
                }
            }
            let names = order.map { $0.split(separator: "|").first ?? "" }
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
