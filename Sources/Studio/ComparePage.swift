import TemperLedger
import TemperReport

/// Some runs side by side: their key numbers, and the settings that are not the same.
///
/// Without a test between them, for two runs may have asked different probes.
struct ComparePage {
    /// Runs that fit on a page.
    static let most = 6

    struct Side {
        var entry: RunEntry
        var settings: [String: String]
        var report: RunReport?
    }

    let sides: [Side]
    /// Names that were asked for and are no run's.
    let unknown: [String]
    /// How many runs more were asked for than fit.
    let omitted: Int

    var page: Page {
        Page(title: "Compare", content: content)
    }

    /// What was asked for and is not shown.
    private var missing: Markup {
        let unknown: Markup =
            unknown.isEmpty ? "" : "<p class=\"problem\">Not found: \(unknown.joined(separator: ", ")).</p>"
        let rest: Markup =
            omitted == 0
            ? "" : "<p class=\"problem\">\(omitted) more were chosen: at most \(Self.most) fit on a page.</p>"
        return "\(unknown)\(rest)"
    }

    private var content: Markup {
        guard sides.count > 1 else {
            return """
                <h1>Compare</h1>
                \(missing)<p class="lead">Choose two runs or more in the list.</p>
                <p><a href="/">To the runs</a></p>
                """
        }
        return """
            <h1>Compare</h1>
            \(missing)<p class="how">Runs may have asked different probes: rates stand side by side, no test is made between them.</p>
            <h2>Rates</h2>
            \(table("Rates with 95 % intervals", rates))
            <h2>Settings that differ</h2>
            \(settings)
            """
    }

    private var settings: Markup {
        let keys = Set(sides.flatMap(\.settings.keys)).sorted()
        let rows: [(String, [Markup])] = keys.compactMap { key in
            let values = sides.map { $0.settings[key] }
            guard Set(values).count > 1 else { return nil }
            return (key, values.map { value in value.map { "\($0)" } ?? "–" })
        }
        return rows.isEmpty ? "<p class=\"none\">The settings are the same.</p>" : table("Settings", rows)
    }

    private var rates: [(String, [Markup])] {
        var rows: [(String, [Markup])] = [
            ("state", sides.map { Piece.state($0.entry.status.state) }),
            ("model", sides.map { "\($0.entry.headline?.model ?? "–")" }),
            ("jailbreak rate on a line", sides.map { $0.entry.headline.map(RunsPage.line) ?? "–" }),
        ]
        let measured = sides.map { side in side.report.map { ReportParts($0).rates } ?? [] }
        for key in measured.joined().map(\.key).uniqued() {
            let cells: [Markup] = measured.map { rates in
                rates.first { $0.key == key }.map { "\($0.text)" } ?? "–"
            }
            rows.append((key, cells))
        }
        return rows
    }

    private func table(_ caption: String, _ rows: [(String, [Markup])]) -> Markup {
        let heads: [Markup] = sides.map { side in
            "<th scope=\"col\"><a href=\"\(Piece.path(side.entry.name))\">\(side.entry.name)</a></th>"
        }
        let body: [Markup] = rows.map { name, cells in
            let columns: [Markup] = cells.map { "<td>\($0)</td>" }
            return "<tr><th scope=\"row\">\(name)</th>\(columns)</tr>"
        }
        return """
            <div class="scroll" role="region" aria-label="\(caption)" tabindex="0"><table>
            <caption class="hidden">\(caption)</caption>
            <thead><tr><td></td>\(heads)</tr></thead><tbody>\(body)</tbody></table></div>
            """
    }
}
