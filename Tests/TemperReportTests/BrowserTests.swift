import Foundation
import TemperTestSupport
import Testing

@testable import TemperReport

/// The page in a real browser: its figures against `report.json`, silence, no way out, small screens, and a reader with
/// a keyboard or a screen reader.
///
/// `TEMPER_TEST_REPORT` names the `report.json` of a run to look at as well; `TEMPER_TEST_SHOTS` a folder for pictures.
@Suite(.serialized, .enabled(if: Browser.program != nil, "needs Chromium; set TEMPER_CHROMIUM"))
struct BrowserTests {
    static var reports: [RunReport] {
        get throws {
            let file = ProcessInfo.processInfo.environment["TEMPER_TEST_REPORT"]
            let real = try file.map { try RunReport(json: Data(contentsOf: URL(fileURLWithPath: $0))) }
            // What is read back is what a reader has.
            return try [RunReport(json: Sample.report.json()), Sample.guarded] + [real].compactMap { $0 }
        }
    }

    @Test func thePage() throws {
        let browser = try Browser()
        defer { browser.close() }
        for report in try Self.reports {
            let page = FileManager.default.temporaryDirectory.appendingPathComponent("report-\(UUID().uuidString).html")
            try HTMLReport.render(report).write(to: page, atomically: true, encoding: .utf8)
            defer { try? FileManager.default.removeItem(at: page) }
            let audit = PageAudit(browser)
            for (width, dark) in [(1280, false), (1280, true), (400, false), (400, true)] {
                try browser.emulate(width: width, dark: dark, reducedMotion: true)
                try browser.open(page)
                #expect(try audit.overflow() <= 0, "\(report.name) at \(width) px")
                #expect(try audit.structure() == [])
                #expect(try audit.collisions(marksIn: "figure-1-axes") == [], "\(report.name) at \(width) px")
                // All of the story, so that nothing of it is left out.
                try browser.evaluate("document.querySelector('#story .stage')?.focus()")
                try browser.press("End")
                #expect(try audit.collisions() == [], "\(report.name) at \(width) px, with its story")
                #expect(try audit.contrast() == [], "\(report.name) at \(width) px, dark: \(dark)")
                #expect(browser.complaints == [])
                #expect(browser.requests.filter { $0 != page.absoluteString } == [])
                try shoot(browser, "\(report.name)-\(width)-\(dark ? "dark" : "light")")
            }
            try browser.emulate(width: 1280, reducedMotion: true)
            try browser.open(page)
            try figures(of: report, in: browser)
            let order = try audit.keyboardOrder(limit: 12)
            #expect(order.first == "a Skip to the report", "\(order)")
            try browser.emulate(width: 800, print: true)
            let onPaper = "getComputedStyle(document.getElementById('story') || document.querySelector('nav')).display"
            #expect(try browser.evaluate(onPaper) as? String == "none")
            try shoot(browser, "\(report.name)-print")
        }
    }

    /// Figure 1's notes are the report's rates, and Figure 2's points stand where the report's numbers are.
    private func figures(of report: RunReport, in browser: Browser) throws {
        let reading = Reading(report)
        let texts = try browser.evaluate(
            "Array.from(document.querySelector('svg[aria-labelledby^=\"figure-1-risk-wide\"]').querySelectorAll('text'))"
                + ".map(t => t.textContent)"
        )
        let notes = try #require(texts as? [String])
        for subject in reading.principal where reading.rate(of: subject) != nil {
            #expect(notes.contains(Format.rate(reading.rate(of: subject))), "\(subject.name): \(notes)")
        }
        guard let plot = Figures(report).two else { return }
        #expect(!plot.series.isEmpty)
        for series in plot.series {
            // The axis is read from its own labels, then every point of the line by it.
            let read = try browser.evaluate(
                """
                (() => {
                  const svg = document.querySelector('svg[aria-labelledby^="figure-2-wide"]');
                  const ticks = Array.from(svg.querySelectorAll('text[text-anchor=end]'))
                    .map(t => [Number(t.textContent), Number(t.getAttribute("y")) - 4]);
                  const [a, b] = [ticks[0], ticks[ticks.length - 1]];
                  const value = y => a[0] + (y - a[1]) * (b[0] - a[0]) / (b[1] - a[1]);
                  return svg.querySelector("polyline.tone-\(series.tone.rawValue)").getAttribute("points").split(" ")
                    .map(p => value(Number(p.split(",")[1])) / 100);
                })()
                """
            )
            let values = try #require(read as? [Any]).compactMap { ($0 as? NSNumber)?.doubleValue }
            #expect(values.count == series.points.count)
            for (value, point) in zip(values, series.points) {
                #expect(abs(value - point.estimate.value) < 0.001, "\(series.name), step \(point.step)")
            }
        }
    }

    @Test func theStoryPlaysStepsAndVeils() throws {
        let browser = try Browser()
        defer { browser.close() }
        let page = FileManager.default.temporaryDirectory.appendingPathComponent("story-\(UUID().uuidString).html")
        // One that hurries.
        let board = try #require(Figures(Sample.report).board)
        let quick = HTMLReport.render(Sample.report)
            .replacing("data-dwell=\"\(board.dwell)\"", with: "data-dwell=\"40\"")
        try quick.write(to: page, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: page) }
        func text(_ selector: String) throws -> String? {
            try browser.evaluate("document.querySelector('\(selector)').textContent") as? String
        }
        func frame() throws -> String? { try text("#story .frame:not([hidden])") }
        let count = board.beats.count + 2

        try browser.emulate(width: 1280)
        try browser.open(page)
        #expect(try frame() == board.opening)
        #expect(try text("#story .place") == "1 of \(count)")
        try browser.evaluate("document.querySelector('#story .stage').focus()")
        try browser.press("ArrowRight")
        try browser.press("ArrowRight")
        #expect(try frame() == board.beats[1].caption)
        #expect(try browser.evaluate("document.querySelectorAll('#story .wide .beat.on').length") as? Int == 2)
        try browser.press("ArrowLeft")
        #expect(try frame() == board.beats[0].caption)
        // Veiled for the eye and for the ear, until somebody asks.
        let veil = "getComputedStyle(document.querySelector('#story .told:not([hidden]) pre'))"
        #expect(try browser.evaluate("\(veil).filter") as? String != "none")
        try browser.evaluate("document.querySelector('#story .reveal').click()")
        #expect(try browser.evaluate("\(veil).filter") as? String == "none")
        let spoken = "document.querySelector('#story .told:not([hidden]) pre').getAttribute('aria-hidden')"
        #expect(try browser.evaluate(spoken) as? String == "false")
        // To the end by itself.
        try browser.evaluate("document.querySelector('#story .play').click()")
        #expect(try text("#story .play") == "Pause")
        for _ in 0..<100 where try text("#story .play") == "Pause" { usleep(100_000) }
        #expect(try frame() == board.end)
        #expect(try text("#story .place") == "\(count) of \(count)")
        #expect(try text("#story .play") == "Play again")
        try browser.press("Home")
        #expect(try frame() == board.opening)
        #expect(browser.complaints == [])

        // Who wants no motion steps by hand.
        try browser.emulate(width: 1280, reducedMotion: true)
        try browser.open(page)
        #expect(try browser.evaluate("document.querySelector('#story .play').hidden") as? Bool == true)
        try browser.evaluate("document.querySelector('#story .stage').focus()")
        try browser.press(" ")
        usleep(300_000)
        #expect(try frame() == board.opening)
        try browser.evaluate("document.querySelector('#story .next').click()")
        #expect(try frame() == board.beats[0].caption)
    }

    /// The audit sees what it is there to see.
    @Test func theAuditFindsFaults() throws {
        let browser = try Browser()
        defer { browser.close() }
        let page = FileManager.default.temporaryDirectory.appendingPathComponent("bad-\(UUID().uuidString).html")
        let bad = """
            <!DOCTYPE html><html><head><title>t</title></head><body><main><h1>One</h1><h3>Three</h3>
            <p style="color:#aaa;background:#fff">pale</p><p style="color:#333">fine</p>
            <button></button><input/><div style="width:5000px">wide</div>
            <svg class="chart" viewBox="0 0 90 60" aria-labelledby="plot-title"><text y="20">one</text>
            <text x="2" y="24">two</text><text y="50">three</text><circle class="mark" cx="5" cy="46" r="4"/></svg>
            <script>console.error("no"); fetch("http://127.0.0.1:9/x").catch(() => {});</script></main></body></html>
            """
        try bad.write(to: page, atomically: true, encoding: .utf8)
        defer { try? FileManager.default.removeItem(at: page) }
        try browser.emulate(width: 400)
        try browser.open(page)
        let audit = PageAudit(browser)
        let faults = try audit.structure()
        for fault in ["no language", "a heading skips a level", "a control without a name", "no label"] {
            #expect(faults.contains { $0.hasPrefix(fault) }, "\(fault): \(faults)")
        }
        let pale = try audit.contrast()
        #expect(pale.count == 1 && pale[0].hasSuffix("pale"), "\(pale)")
        #expect(try audit.overflow() > 1000)
        #expect(try audit.collisions() == ["plot: one | two"])
        #expect(try audit.collisions(marksIn: "plot") == ["plot: one | two", "plot: three | a mark"])
        #expect(!browser.complaints.isEmpty && browser.requests.contains("http://127.0.0.1:9/x"))
    }

    private func shoot(_ browser: Browser, _ name: String) throws {
        guard let folder = ProcessInfo.processInfo.environment["TEMPER_TEST_SHOTS"] else { return }
        let url = URL(fileURLWithPath: folder).appendingPathComponent(name.replacing(" ", with: "-") + ".png")
        try browser.screenshot(wholePage: true).write(to: url)
    }
}
