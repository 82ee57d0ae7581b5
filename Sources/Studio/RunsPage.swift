import TemperLedger
import TemperReport

/// The list of runs: filtered, paged, and the way to compare some of them.
struct RunsPage {
    /// Runs on one page.
    static let pageSize = 50

    let entries: [RunEntry]
    let query: Query
    /// Whether new runs can be started here.
    var offersRuns = true
    /// Runs that were started here and have no folder yet.
    var starting: [String] = []

    var page: Page {
        Page(title: "Runs", place: .runs, content: content)
    }

    private var filtered: [RunEntry] {
        let words = query.text("q").lowercased().split(separator: " ")
        let state = query.text("state")
        return entries.filter { entry in
            (state.isEmpty || entry.status.state.rawValue == state)
                && words.allSatisfy { word in
                    "\(entry.name) \(entry.headline?.model ?? "") \(entry.status.phase)".lowercased().contains(word)
                }
        }
    }

    private var content: Markup {
        guard !entries.isEmpty else {
            let way: Markup = offersRuns ? "<a href=\"/new\">Start one</a>, or write" : "Write"
            return """
                <h1>Runs</h1>
                \(startingRuns)
                <p class="lead">There is no run yet.</p>
                <p>\(way) a recipe and call <code>temper run RECIPE</code>.</p>
                """
        }
        let runs = filtered
        let pages = max(1, (runs.count + Self.pageSize - 1) / Self.pageSize)
        let page = min(query.page, pages)
        let shown = runs.dropFirst((page - 1) * Self.pageSize).prefix(Self.pageSize)
        let rows: [Markup] = shown.map(row)
        let states = [("", "any state")] + RunStatus.State.allCases.map { ($0.rawValue, $0.rawValue) }
        let list: Markup =
            rows.isEmpty
            ? "<p class=\"none\">No run matches.</p>"
            : """
            <form method="get" action="/compare">
            <ul class="runs">\(rows)</ul>
            <p class="actions"><button type="submit">Compare the chosen runs</button></p>
            </form>
            """
        return """
            <h1>Runs</h1>
            \(startingRuns)
            <form class="filter" method="get" action="/" role="search">
            \(Piece.input("q", "Search", value: query.text("q"), hint: "name, model or phase"))
            \(Piece.select("state", "State", states, chosen: query.text("state")))
            <button type="submit">Filter</button>
            </form>
            <p class="how">\(runs.count) of \(entries.count) runs. The line shows the jailbreak rate: hollow before tuning, \
            filled after, a diamond for the best defence; left is 0 %, right 100 %. A ratio (×) is that of the probes graded for both.</p>
            \(list)
            \(Piece.pages(page, of: pages, path: "/", query: query))
            """
    }

    private var startingRuns: Markup {
        let links: [Markup] = starting.map { "<a href=\"\(Piece.path($0))\">\($0)</a> " }
        return links.isEmpty ? "" : "<p class=\"how\">Starting: \(links)</p>"
    }

    private func row(_ entry: RunEntry) -> Markup {
        """
        <li class="run">
        <label class="choose"><input type="checkbox" name="run" value="\(entry.name)"/>\
        <span class="unseen">Compare \(entry.name)</span></label>
        <div class="who"><a href="\(Piece.path(entry.name))">\(entry.name)</a>\
        <small>\(entry.headline?.model ?? entry.status.phase)</small></div>
        <div class="stands">\(Piece.state(entry.status.state))<small>\(Piece.time(entry.status.updated))</small></div>
        <div class="numbers">\(numbers(entry))</div>
        </li>
        """
    }

    private func numbers(_ entry: RunEntry) -> Markup {
        guard let headline = entry.headline else {
            let error = entry.status.error.map { $0.count > 160 ? $0.prefix(160) + " …" : $0 }
            return "<small>\(error ?? "no report yet")</small>"
        }
        let before: Markup = headline.before.map { "\($0.text)" } ?? "–"
        let after: Markup = headline.after.map { " → <b>\($0.text)</b>" } ?? ""
        let ratio: Markup = headline.ratioText.map { " <span class=\"ratio\">\($0)</span>" } ?? ""
        let defended: Markup = headline.defended.map { "<small>\($0.subject) \($0.text)</small>" } ?? ""
        return "\(Self.line(headline))<div>\(before)\(after)\(ratio)\(defended)</div>"
    }

    /// The rates on one line from 0 to 100 %.
    static func line(_ headline: Headline) -> Markup {
        func place(_ value: Double) -> Double { 8 + min(1, max(0, value)) * 144 }
        var marks: [Markup] = []
        if let before = headline.before, let after = headline.after {
            marks.append(
                """
                <line class="way" x1="\(place(before.value))" x2="\(place(after.value))" y1="10" y2="10"/>
                """
            )
        }
        if let defended = headline.defended {
            let x = place(defended.value)
            marks.append("<path class=\"defended\" d=\"M\(x) 4 l6 6 l-6 6 l-6 -6 z\"/>")
        }
        if let before = headline.before {
            marks.append("<circle class=\"before\" cx=\"\(place(before.value))\" cy=\"10\" r=\"5\"/>")
        }
        if let after = headline.after {
            marks.append("<circle class=\"after\" cx=\"\(place(after.value))\" cy=\"10\" r=\"5.5\"/>")
        }
        return """
            <svg class="line" viewBox="0 0 160 20" width="160" height="20" aria-hidden="true">\
            <line class="track" x1="8" x2="152" y1="10" y2="10"/>\(marks)</svg>
            """
    }
}
