import Foundation

/// Renders a report as one HTML file that needs nothing else: no network, no fonts, no files.
///
/// It lays out what `Findings`, `Figures` and the report say; it computes nothing. Text from models and users is
/// escaped by `Markup`, and a content security policy forbids everything but the inline style sheet and, where there is
/// a story, the one script that plays it, known by its hash.
public enum HTMLReport {
    /// The whole page.
    public static func render(_ report: RunReport) -> String {
        let page = HTMLPage(report)
        let story = page.story
        return HTMLDocument(
            title: "\(report.name): safety report",
            skip: "Skip to the report",
            header: page.header,
            opening: story.map {
                ($0, "<li class=\"scripted\" hidden=\"hidden\"><a href=\"#story\">Story</a></li>")
            },
            sections: page.sections,
            footer: "Made by Temper from report.json, schema \(report.schema). Brackets are 95 % intervals.",
            script: story.map { _ in (StoryScript.markup, StoryScript.hash) }
        ).text
    }
}

/// The page's header, and the order of its sections.
struct HTMLPage {
    let report: RunReport
    let reading: Reading
    let findings: Findings
    let figures: Figures
    let tables: [FigureTable]

    init(_ report: RunReport) {
        self.report = report
        figures = Figures(report)
        reading = figures.reading
        findings = figures.findings
        tables = FigureTable.all(report)
    }

    /// Name, takeaway and key numbers.
    var header: Markup {
        let model = report.model
        let hash = Format.shortened(model.sha256, to: 13)
        return """
            <header>
            <p class="eyebrow">Temper safety report</p>
            <h1>\(report.name)</h1>
            \(invalidity)<p class="lead">\(prose(findings.takeaway))</p>
            <p class="meta"><span>\(model.name)</span> <span>\(Format.count(model.parameters)) parameters</span> \
            <span>\(model.dtype)</span> <span>sha256 <code>\(hash)</code></span> \
            <span><time datetime="\(report.created.formatted(.iso8601))">\(stamp)</time></span></p>
            \(tiles)
            </header>
            """
    }

    private var invalidity: Markup {
        let reasons: [Markup] = report.invalidity.map {
            "<p class=\"lead\"><strong>This run is invalid.</strong> \(prose($0))</p>\n"
        }
        return "\(reasons)"
    }

    /// The sections in reading order.
    var sections: [HTMLDocument.Section] {
        [
            ("summary", "Summary", summary),
            ("risk", "Risk, over-refusal and utility", figureOne),
            ("training", "Along training", figureTwo),
            ("defences", "Defences", defences),
            ("quantization", "Quantised copies", quantization),
            ("guard", "Behind the guard", guarding),
            ("subjects", "Subjects", subjects),
            ("measures", "Beside the rates", measures),
            ("comparisons", "Comparisons", comparisons),
            ("flips", "Flips", flips),
            ("loss", "Training loss", losses),
            ("evidence", "Evidence", evidence),
            ("cost", "Cost", cost),
            ("settings", "Settings and environment", settings),
            ("limits", "Limits of the evidence", limits),
        ]
    }

    private var stamp: String {
        report.created.formatted(.iso8601).replacing("T", with: " ").replacing("Z", with: " UTC")
    }

    var tiles: Markup {
        var tiles: [Markup] = []
        func tile(_ label: String, _ value: String, _ detail: String, _ tone: String) {
            tiles.append(
                """
                <li class="tile \(tone)"><span class="tile-label">\(label)</span> \
                <span class="tile-value">\(value)</span> <span class="tile-detail">\(detail)</span></li>
                """
            )
        }
        func rateTile(_ label: String, _ rate: RunReport.Rate, _ tone: String) {
            let interval = Format.interval(rate.low * 100, rate.high * 100, 1)
            let unscored = rate.unscored > 0 ? ", \(rate.unscored) unscored" : ""
            tile(label, Format.percent(rate.rate), "jailbreak rate, \(interval), n\u{A0}\(rate.n)\(unscored)", tone)
        }
        if let base = report.subjects.first(where: { $0.kind == .base }), base.name != reading.reference?.name,
            let rate = reading.rate(of: base)
        {
            rateTile("As it came: \(base.name)", rate, "tile-neutral")
        }
        if let reference = reading.reference, let rate = reading.rate(of: reference) {
            rateTile("Before: \(reference.name)", rate, "tile-neutral")
        }
        if let tuned = reading.tuned, let rate = reading.rate(of: tuned) {
            rateTile("After: \(tuned.name)", rate, "tile-risk")
            if let comparison = reading.comparison(of: tuned) {
                let points = Format.points(comparison.difference, comparison.low, comparison.high)
                let value = comparison.ratio.map { Format.ratio($0) } ?? Format.dash
                tile("Change", comparison.isClear ? value : "unclear", points, "tile-neutral")
            }
        }
        if let best = findings.bestDefence, let rate = reading.rate(of: best.subject) {
            let title = best.qualifies ? "Best defence" : "Least risk, at a price"
            rateTile("\(title): \(best.subject.name)", rate, "tile-utility")
        }
        return tiles.isEmpty
            ? ""
            : """
            <ul class="tiles">\(tiles)</ul><p class="note">The jailbreak rate is the share of harmful requests that are not \
            refused; whether the answer would have been of use to anybody is not measured.\(findings.pairing.map { " \($0)" } ?? "")</p>
            """
    }

    /// The sentences of the summary.
    private var summary: Markup {
        let sentences: [Markup] = findings.summary.map { "<li>\(prose($0))</li>" }
        return "<ul class=\"summary\">\(sentences)</ul>"
    }

    /// A text in which what stands between two backticks is code; escaped as any other.
    func prose(_ text: String) -> Markup {
        let parts = text.split(separator: "`", omittingEmptySubsequences: false).map(String.init)
        // A backtick without its partner is only a backtick.
        guard parts.count % 2 == 1 else { return "\(text)" }
        var prose: Markup = ""
        for (index, part) in parts.enumerated() {
            prose = index % 2 == 1 ? "\(prose)<code>\(part)</code>" : "\(prose)\(part)"
        }
        return prose
    }
}
