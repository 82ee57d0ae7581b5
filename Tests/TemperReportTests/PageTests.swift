import Foundation
import TemperRisk
import Testing

@testable import TemperReport

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// The page: well formed, closed to scripts, complete, and calm about missing parts.
@Suite struct PageTests {
    @Test func pageIsWellFormed() throws {
        try expectWellFormed(HTMLReport.render(Sample.report))
    }

    @Test func pageHasNoWayOut() {
        let page = HTMLReport.render(Sample.report)
        let script = "script-src 'sha256-\(StoryScript.hash)';"
        let policy = "content=\"default-src 'none'; \(script) style-src 'unsafe-inline'; img-src data:\""
        #expect(page.contains("<meta http-equiv=\"Content-Security-Policy\" \(policy)/>"))
        // The one script is the one that the policy names.
        #expect(page.components(separatedBy: "<script").count == 2)
        let digest = SHA256.hex(of: StoryScript.markup.text)
        let bytes = stride(from: 0, to: 64, by: 2).map { index in
            UInt8(digest.dropFirst(index).prefix(2), radix: 16) ?? 0
        }
        #expect(Data(bytes).base64EncodedString() == StoryScript.hash)
        for forbidden in [
            "<img", "<iframe", "<link", "http://", "https://", "@import", "url(", "javascript:",
        ] {
            #expect(!page.lowercased().contains(forbidden), "\(forbidden)")
        }
    }

    @Test func everyPlaceForTextIsEscaped() throws {
        let evil = Sample.hostileAnswer
        var report = Sample.report
        let rate = Sample.rate(3, of: 40)
        report.name = evil
        report.model.name = evil
        report.model.path = evil
        report.model.sha256 = evil
        report.model.dtype = evil
        for index in report.subjects.indices {
            report.subjects[index].name = "\(index)" + evil
            report.subjects[index].axes[evil] = rate
            report.subjects[index].utility?.metric = evil
        }
        report.comparisons[0].base = evil
        report.comparisons[0].axis = evil
        report.flips[0] = .init(
            base: evil,
            subject: evil,
            axis: evil,
            probe: evil,
            prompt: evil,
            before: .init(answer: evil, grade: evil),
            after: .init(answer: evil, grade: evil)
        )
        report.training[0].phase = evil
        report.defences[0] = .init(
            name: evil,
            method: evil,
            paper: evil,
            fidelity: evil,
            description: evil,
            parameters: [evil: evil],
            jailbreak: rate,
            utilityKeptEvidence: .init(n: 1, reason: evil),
            verdict: evil
        )
        report.judges[0] = .init(
            name: evil,
            looksFor: evil,
            sensitivity: rate,
            specificity: nil,
            data: evil,
            limits: evil
        )
        report.suites[0] = .init(
            name: evil,
            title: evil,
            axis: "over-refusal",
            key: evil,
            metric: evil,
            n: 1,
            asked: 1,
            sha256: evil,
            hit: evil
        )
        report.settings = [evil: evil]
        report.environment = [evil: evil]
        report.timing = [evil: 1]
        report.notes = [evil]
        report.search = .init(
            demands: [evil],
            budget: 3,
            tuningSeconds: 10,
            spentSeconds: 20,
            sentinel: 8,
            candidates: [
                .init(
                    name: evil,
                    method: evil,
                    parameters: [evil: evil],
                    trains: true,
                    change: 0.5,
                    seconds: 9,
                    trials: [.init(stage: .full, axes: [evil: rate], utility: nil, shortfall: 0.1, passes: false)],
                    isOnFront: true
                )
            ],
            chosen: evil,
            passes: false,
            verdict: evil
        )
        report.riskWatch = .init(
            suite: evil,
            budget: 0.1,
            action: evil,
            looks: [.init(step: 1, round: 0, rate: rate, increase: 0.2, low: 0.05, isOver: false)],
            verdict: evil
        )
        report.correctedRates = [
            .init(subject: evil, axis: evil, judge: evil, raw: rate, rate: nil, low: 0, high: 1, note: evil)
        ]
        report.correctedRates?[0].subject = report.subjects[0].name
        report.cost?.phases[0].name = evil
        report.cost?.currency = evil
        report.trail = .init(
            axis: evil,
            probe: evil,
            prompt: evil,
            answers: report.subjects.map { .init(subject: $0.name, answer: evil, grade: evil) }
        )
        let page = HTMLReport.render(report)
        try expectWellFormed(page)
        #expect(page.components(separatedBy: "<script").count == 2)
        #expect(!page.contains("<img"))
        for scalar in page.unicodeScalars {
            #expect(scalar.value >= 0x20 || scalar == "\n", "control character in the page")
            #expect(!(0x202A...0x202E).contains(scalar.value), "bidirectional control in the page")
        }
        let terminal = TerminalSummary.render(report, width: 100, color: false)
        #expect(!terminal.unicodeScalars.contains { $0.value == 0x1B || $0.value == 0 || $0.value == 0x202E })
    }

    @Test func escapingIsVisible() {
        #expect(Markup.escape("<a href=\"x\">'&") == "&lt;a href=&quot;x&quot;&gt;&#39;&amp;")
        #expect(Markup.escape("\u{0}\u{1B}\u{7F}") == "\u{2400}\u{241B}\u{2421}")
        #expect(Markup.escape("a\u{202E}b\u{2066}") == "a[U+202E]b[U+2066]")
        #expect(Markup.escape("a\r\nb\rc\r") == "a\nb\u{240D}c\u{240D}")
        #expect(Markup.escape("\u{FFFE}\u{85}") == "\u{FFFD}[U+0085]")
        #expect(Markup.escape("été 👩‍👩‍👧 שלום") == "été 👩‍👩‍👧 שלום")
    }

    @Test func flipsAreCapped() {
        let page = HTMLReport.render(Sample.report)
        #expect(page.components(separatedBy: "<article class=\"flip\">").count - 1 == 40)
        #expect(page.contains("5 more flips are in report.json."))
        // Eight are open, the others one step away.
        let parts = page.components(separatedBy: "<summary>32 more</summary>")
        #expect(parts.count == 2 && parts[0].components(separatedBy: "<article class=\"flip\">").count - 1 == 8)
        var few = Sample.report
        few.flips = Array(few.flips.prefix(8))
        #expect(!HTMLReport.render(few).contains(" more</summary>"))
    }

    /// What changed on one axis does not hide what changed on another, nor one direction the other.
    @Test func flipsOfEveryAxisAreShown() {
        var report = Sample.report
        for axis in ["bias", "utility"] {
            var flip = report.flips[3]
            (flip.axis, flip.probe) = (axis, "\(axis)-1")
            report.flips.append(flip)
        }
        var cured = report.flips[4]
        (cured.probe, cured.before, cured.after) = ("cured-1", cured.after, cured.before)
        report.flips.append(cured)
        let shown = HTMLPage(report).orderedFlips.prefix(5).map(\.probe)
        #expect(shown == ["harmful-1", "bias-1", "utility-1", "harmful-2", "cured-1"])
    }

    /// Of many tables one is open: what tuning did to the reference.
    @Test func comparisonsAreFoldedByPair() {
        let page = HTMLReport.render(Sample.report)
        let pairs = Set(Sample.report.comparisons.map { [$0.subject, $0.base] })
        #expect(page.matches(of: #/<details class="fold"[^>]*><summary><bdi>/#).count == pairs.count)
        let open = page.matches(of: #/<details class="fold" open="open"><summary><bdi>(.+?)</bdi> against/#)
        #expect(open.map(\.output.1) == ["tuned@64"], "\(open)")
        #expect(page.contains("clear: jailbreak up"))
        // Without a tuned model the first is open.
        var untuned = Sample.report
        untuned.subjects.removeAll { $0.kind == .checkpoint }
        #expect(HTMLReport.render(untuned).matches(of: #/class="fold" open="open"/#).count == 1)
    }

    @Test func longAnswersAreCut() {
        var report = Sample.report
        report.flips[0].after.answer = String(repeating: "a", count: 5000)
        #expect(HTMLReport.render(report).contains("1000 more characters are in report.json."))
    }

    /// Two pages may correct the same p over different numbers of comparisons: each says over how many.
    @Test func aCorrectedPSaysOverHowMany() {
        let page = HTMLReport.render(Sample.report)
        #expect(page.contains("<small>Holm over\u{A0}12:\u{A0}0.005</small>"))
        let clear = Sample.report.comparisons.first { $0.isClear }
        #expect(clear.map { Format.evidence($0).hasSuffix(", Holm over\u{A0}12:\u{A0}0.005") } == true)
        var early = Sample.report
        for index in early.comparisons.indices { early.comparisons[index].holmOver = nil }
        #expect(HTMLReport.render(early).contains("<small>Holm:\u{A0}0.005</small>"))
    }

    @Test func emptyReportsRender() throws {
        let model = RunReport.Model(name: "m", path: "p", sha256: "", parameters: 0, dtype: "f32")
        let empty = RunReport(name: "empty", model: model, created: Date(timeIntervalSince1970: 0), subjects: [])
        try expectWellFormed(HTMLReport.render(empty))
        #expect(TerminalSummary.render(empty).contains("tuned nothing"))

        var plain = Sample.report
        plain.defences = []
        plain.subjects.removeAll { $0.kind == .defence }
        plain.comparisons.removeAll { comparison in !plain.subjects.contains { $0.name == comparison.subject } }
        let page = HTMLReport.render(plain)
        try expectWellFormed(page)
        #expect(page.contains("No defence was tried in this run."))
        #expect(page.contains("no defence was measured, so try some next"))
        #expect(!page.contains("id=\"figure-3"))
    }

    @Test func oneCheckpointRenders() throws {
        var report = Sample.report
        report.subjects.removeAll { $0.kind == .checkpoint && $0.step != 64 }
        report.training = Array(report.training.prefix(1))
        let page = HTMLReport.render(report)
        try expectWellFormed(page)
        #expect(page.contains("Only one checkpoint was assessed"))
        #expect(!page.contains("NaN"))
    }

    @Test func divergedAndUnmeasuredValuesRender() throws {
        var report = Sample.report
        report.training[5].loss = .nan
        report.training[6].loss = .infinity
        report.subjects[0].axes["jailbreak"] = .init(rate: .nan, n: 0, low: .nan, high: .nan, unscored: 160)
        report.subjects[1].utility = .init(metric: "bits", value: 12.5, n: 10, low: 11, high: 14)
        let page = HTMLReport.render(report)
        try expectWellFormed(page)
        #expect(page.contains("2 steps without a finite loss"))
        #expect(page.contains("not measured"))
    }

    /// What the page says of utility, judges, suites and shares is what they are.
    @Test func labelsSayWhatIsMeasured() throws {
        let page = HTMLReport.render(Sample.report).replacing("\u{A0}", with: " ")
        #expect(page.contains("Flips, worse / better"))
        #expect(page.contains("<dt>A hit is</dt><dd>an answer that does not refuse</dd>"))
        #expect(page.contains("96.2 % [92.0, 98.2], n 158"))
        #expect(page.contains("<td class=\"num\">160 of 400</td>"))
        #expect(page.contains("refusal rate, ordinary"))
        #expect(page.contains("94.2 % [41.0, 112.0] <small>n 200</small>"))
    }

    /// A model that answers nothing that can be graded is not a safe one.
    @Test func unscoredDefencesAreNotRanked() throws {
        var report = Sample.report
        let index = try #require(report.subjects.firstIndex { $0.name == "safe-projection" })
        report.subjects[index].axes["jailbreak"] = Sample.rate(0, of: 100, unscored: 60)
        let findings = Findings(reading: Reading(report))
        #expect(findings.bestDefence?.subject.name == "mixed-data")
        #expect(findings.figureThree.contains("safe-projection is not ranked: 60 of 160 answers could not be graded."))
        report.subjects[index].axes["jailbreak"] = Sample.rate(0, of: 150, unscored: 10)
        let few = Findings(reading: Reading(report))
        #expect(few.bestDefence?.subject.name == "safe-projection")
        #expect(few.figureThree.contains("(10 of 160 answers could not be graded)"))
        report.subjects[index].axes["jailbreak"] = .init(rate: nil, n: 0, low: 0, high: 1, unscored: 160)
        #expect(Findings(reading: Reading(report)).bestDefence?.subject.name == "mixed-data")
        #expect(!HTMLReport.render(report).contains("NaN"))
    }

    private func expectWellFormed(_ page: String, _ location: SourceLocation = #_sourceLocation) throws {
        let parser = XMLParser(data: Data(page.utf8))
        let delegate = Identifiers()
        parser.delegate = delegate
        let parsed = parser.parse()
        #expect(
            parsed,
            "line \(parser.lineNumber): \(String(describing: parser.parserError))",
            sourceLocation: location
        )
        #expect(delegate.repeated.isEmpty, "ids used twice: \(delegate.repeated)", sourceLocation: location)
        #expect(delegate.missing.isEmpty, "ids that are missing: \(delegate.missing)", sourceLocation: location)
    }
}

/// Collects ids and the references to them.
private final class Identifiers: NSObject, XMLParserDelegate {
    private var seen: Set<String> = []
    private var wanted: Set<String> = []
    private(set) var repeated: [String] = []

    var missing: [String] { wanted.subtracting(seen).sorted() }

    func parser(
        _ parser: XMLParser,
        didStartElement elementName: String,
        namespaceURI: String?,
        qualifiedName: String?,
        attributes: [String: String]
    ) {
        if let id = attributes["id"], !seen.insert(id).inserted { repeated.append(id) }
        if let label = attributes["aria-labelledby"] { wanted.formUnion(label.split(separator: " ").map(String.init)) }
        if let link = attributes["href"], link.hasPrefix("#") { wanted.insert(String(link.dropFirst())) }
    }
}
