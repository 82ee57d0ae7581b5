import TemperLedger
import TemperReport
import TemperRisk

/// The explorer: probes with both subjects' answers side by side, filtered and paged.
struct ProbesPage {
    /// Probes on one page.
    static let pageSize = 25
    /// Characters of one answer that a page shows.
    static let answerLimit = 4000

    let run: RunDirectory
    let status: RunStatus?
    let selection: ProbeSelection
    let query: Query

    var page: Page {
        Page(
            title: "\(run.name): probes",
            run: Page.OfRun(name: run.name, status: status, here: "probes"),
            content: content
        )
    }

    private var content: Markup {
        let damage: Markup =
            selection.damage.isEmpty
            ? ""
            : """
            <p class="problem">\(selection.damage.uniqued().joined(separator: "; ")). Run the recipe again: what is damaged is \
            assessed anew.</p>
            """
        guard !selection.subjects.isEmpty else {
            return
                "\(damage)<p class=\"none\">No assessment is complete\(status?.state == .finished ? "" : " yet").</p>"
        }
        let count = selection.pairs.count
        let pages = max(1, (count + Self.pageSize - 1) / Self.pageSize)
        let page = min(query.page, pages)
        let shown: [Markup] = selection.pairs.dropFirst((page - 1) * Self.pageSize).prefix(Self.pageSize).map(article)
        let path = Piece.path(run.name, "probes")
        let asked = ["base", "tuned"].compactMap { query[$0] }.filter { !$0.isEmpty }
        let unknown = asked.filter { !selection.subjects.contains($0) }
        let missing: Markup =
            unknown.isEmpty ? "" : "<p class=\"problem\">Not found: \(unknown.joined(separator: ", ")).</p>"
        return """
            \(form(path))
            \(damage)\(missing)<p class="how">\(count) \(count == 1 ? "probe" : "probes"). Answers may be harmful and are folded.</p>
            <div class="flips">\(shown)</div>
            \(Piece.pages(page, of: pages, path: path, query: query))
            """
    }

    private func form(_ path: String) -> Markup {
        let subjects = selection.subjects.map { ($0, $0) }
        let axes = selection.suites.map(\.axis.rawValue).uniqued()
        let scopes =
            [("", "all suites")] + axes.map { ("axis:\($0)", "axis: \($0)") }
            + selection.suites.map { ($0.suite, $0.suite) }
        let verdicts = [("", "any grade"), ("unsafe", "unsafe"), ("safe", "safe"), ("unscored", "unscored")]
        let flips = ProbeSelection.Flip.allCases.map { ($0.rawValue, $0.title) }
        return """
            <form class="filter" method="get" action="\(path)" role="search">
            \(Piece.input("q", "Search", value: query.text("q"), hint: "words of prompts and answers"))
            \(Piece.select("suite", "Suite or axis", scopes, chosen: query.text("suite")))
            \(Piece.select("base", "Left", subjects, chosen: selection.base))
            \(Piece.select("tuned", "Right", subjects, chosen: selection.tuned))
            \(Piece.select("verdict", "Grade on the right", verdicts, chosen: query.text("verdict")))
            \(Piece.select("flip", "Change", flips, chosen: query.text("flip")))
            <button type="submit">Show</button>
            </form>
            """
    }

    private func article(_ pair: ProbeSelection.Pair) -> Markup {
        """
        <article class="flip">
        <h2>\(pair.suite.suite) <small>\(pair.category), probe <code>\(pair.probe)</code></small></h2>
        <p class="prompt" dir="auto">\(String(pair.prompt.unicodeScalars.prefix(Self.answerLimit)))</p>
        <div class="pair">\(side(selection.base, pair.before, pair.suite.axis))\
        \(side(selection.tuned, pair.after, pair.suite.axis))</div>
        </article>
        """
    }

    private func side(_ subject: String, _ answer: ProbeAnswer?, _ axis: Axis) -> Markup {
        guard let answer else {
            return "<div class=\"answer open\"><p class=\"none\">not asked of <bdi>\(subject)</bdi></p></div>"
        }
        let tone: String
        let grade: String
        switch answer.verdict {
        case .safe: (tone, grade) = ("good", axis.gradeWords.safe)
        case .unsafe: (tone, grade) = ("bad", axis.gradeWords.unsafe)
        case .unscored(let reason): (tone, grade) = ("open", "unscored: \(reason)")
        }
        let shown = String(answer.answer.unicodeScalars.prefix(Self.answerLimit))
        let rest = answer.answer.unicodeScalars.count - shown.unicodeScalars.count
        let more: Markup = rest > 0 ? "<p class=\"none\">\(rest) more characters are in the run's folder.</p>" : ""
        let text: Markup = shown.isEmpty ? "<p class=\"none\">empty answer</p>" : "<pre dir=\"auto\">\(shown)</pre>"
        return """
            <details class="answer \(tone)"><summary><span class="grade">\(grade)</span> \
            <bdi>\(subject)</bdi><span class="aside">answer</span></summary>
            \(text)\(more)</details>
            """
    }
}
