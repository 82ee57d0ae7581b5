/// The page's sections that hold a figure: risk, training course, defences and loss.
extension HTMLPage {
    /// Figure 1 and its numbers.
    var figureOne: Markup {
        guard !reading.principal.isEmpty else { return "<p class=\"none\">No subject was assessed.</p>" }
        let panels = figures.one
        let ratios = figures.axesPanel
        let axes: Markup =
            ratios.map { panel in
                // A line of ratios for each look of the key.
                let height = panel.key.count > 2 ? 56.0 : 42
                return "\(panel.wide(width: 1000, labelWidth: 150, rowHeight: height))\(panel.narrow())"
            } ?? ""
        var lower: [Markup] = []
        for panel in [panels.refusal, panels.utility].compactMap({ $0 }) {
            lower.append(
                "<div class=\"panel\">\(panel.wide(width: 484, labelWidth: 126, rowHeight: 42))\(panel.narrow())</div>"
            )
        }
        let content: Markup = """
            \(axes)
            \(panels.risk.wide(width: 1000, labelWidth: 150))
            \(panels.risk.narrow())
            <div class="panels">\(lower)</div>
            """
        return figure(
            "Figure 1",
            findings.figureOne,
            "Dots are rates, whiskers 95 % intervals; the dashed line is the reference. Hollow dots are untuned models."
                + (ratios.map(remarks) ?? ""),
            content,
            table: "figure-1"
        )
    }

    /// What is to be known of the ratios by axis besides.
    private func remarks(on ratios: Chart.DotPlot) -> String {
        let remarks = [
            ratios.hasStrongLines ? "those in bold are clear" : nil,
            ratios.hasMarksBelow ? "marks at the left edge lie below it, down to 0" : nil,
        ].compactMap { $0 }
        return remarks.isEmpty ? "" : " Risk ratio by axis: " + remarks.joined(separator: "; ") + "."
    }

    /// Figure 2 and its numbers, and what came after the tuning.
    var figureTwo: Markup {
        guard let plot = figures.two else { return "<p class=\"none\">No checkpoint was assessed.</p>" }
        var content: [Markup] = [
            plot.draw(width: 1000, height: 420, compact: false), plot.draw(width: 400, height: 380, compact: true),
        ]
        if let utility = figures.twoUtility {
            content.append(utility.draw(width: 1000, height: 240, compact: false))
            content.append(utility.draw(width: 400, height: 240, compact: true))
        }
        let plotted = figure(
            "Figure 2",
            findings.figureTwo,
            "Bands are 95 % intervals. The dashed line is the jailbreak rate of the reference.",
            "\(content)",
            table: "figure-2"
        )
        return "\(plotted)\(continued)\(watched)"
    }

    /// Figure 3 and the table of defences.
    var defences: Markup {
        guard !report.defences.isEmpty || !reading.defences.isEmpty else {
            return "<p class=\"none\">No defence was tried in this run.</p>\(searched)"
        }
        var content: [Markup] = []
        if let plot = figures.three {
            content.append(
                figure(
                    "Figure 3",
                    findings.figureThree,
                    "Whiskers are 95 % intervals. The upper left corner is safe and useful.",
                    """
                    \(plot.draw(width: 700, height: 360, compact: false))
                    \(plot.draw(width: 400, height: 340, compact: true))
                    """,
                    table: "figure-3",
                    style: "medium"
                )
            )
        }
        let rows: [Markup] = report.defences.map { defence in
            """
            <tr><th scope="row">\(defence.name)</th>
            <td class="num">\(Format.rate(defence.jailbreak))</td>
            \(share(defence.riskRemoved, defence.riskRemovedEvidence))
            <td class="num">\(reading.utilityText(defence.utility))</td>
            \(share(defence.utilityKept, defence.utilityKeptEvidence))
            <td class="num">\(Format.rate(defence.overRefusal))</td></tr>
            """
        }
        if !rows.isEmpty {
            content.append(
                table(
                    "Residual risk and utility kept",
                    [
                        ("Defence", false), ("Residual jailbreak rate", true), ("Added risk removed", true),
                        ("Utility", true), ("Gained utility kept", true), ("Over-refusal", true),
                    ],
                    rows
                )
            )
        }
        content += report.defences.map(card)
        return "\(content)\(searched)"
    }

    private func share(_ value: Double?, _ evidence: RunReport.ShareEvidence?) -> Markup {
        cell(Format.share(value, evidence), value == nil ? nil : evidence.map { ($0.n, 0) })
    }

    /// The small charts of the loss.
    var losses: Markup {
        guard !report.training.isEmpty else { return "<p class=\"none\">Nothing was trained in this run.</p>" }
        let charts: [Markup] = figures.losses.map { "<div class=\"small-chart\">\($0.draw())</div>" }
        let ends =
            "Loss per phase. " + figures.losses.map { "\($0.heading): \($0.frame.description)" }.joined(separator: " ")
        return figure(
            "Figure 4",
            ends,
            "Mean loss per logged step; every phase has its own scale.",
            "<div class=\"small-charts\">\(charts)</div>",
            table: "figure-4"
        )
    }

    private func card(_ defence: RunReport.Defence) -> Markup {
        let facts =
            [("Method", defence.method), ("Paper", defence.paper), ("Fidelity", defence.fidelity)].filter {
                !$0.1.isEmpty
            }
            + defence.parameters.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        let list: [Markup] = facts.map { "<div><dt>\($0.0)</dt><dd>\($0.1)</dd></div>" }
        return """
            <details class="card"><summary><strong>\(defence.name)</strong>: \(prose(defence.verdict))</summary>
            <p>\(prose(defence.description))</p><dl class="facts">\(list)</dl></details>
            """
    }

    func figure(
        _ label: String,
        _ takeaway: String,
        _ reading: String,
        _ content: Markup,
        table name: String,
        style: String = ""
    ) -> Markup {
        let data = tables.first { $0.name == name }
        let shown = (data?.rows ?? []).prefix(400)
        let rows: [Markup] = shown.map { cells in
            let columns: [Markup] = cells.map { cell in
                if case .text(let text) = cell { return "<td>\(text)</td>" }
                return "<td class=\"num\">\(cell.display)</td>"
            }
            return "<tr>\(columns)</tr>"
        }
        let header: [(String, Bool)] = zip(data?.header ?? [], 0...).map { name, column in
            guard let first = data?.rows.first, case .text = first[column] else { return (name, true) }
            return (name, false)
        }
        let rest = (data?.rows.count ?? 0) - shown.count
        let more: Markup = rest > 0 ? "<p class=\"none\">\(rest) more rows are in \(name).csv.</p>" : ""
        return """
            <figure class="\(style)">
            <figcaption><p class="takeaway"><span class="figure-label">\(label)</span> \(prose(takeaway))</p>
            <p class="how">\(prose(reading))</p></figcaption>
            \(content)
            <details class="data"><summary>Data of \(label)</summary>
            \(table("Data of \(label)", header, rows, hidesCaption: true))\(more)</details>
            </figure>
            """
    }

    /// A table that scrolls sideways on its own when the window is too narrow.
    func table(
        _ caption: String,
        _ header: [(name: String, isNumber: Bool)],
        _ rows: [Markup],
        hidesCaption: Bool = false
    ) -> Markup {
        let cells: [Markup] = header.map { column in
            let style = column.isNumber ? "num" : "word"
            return "<th scope=\"col\" class=\"\(style)\">\(column.name)</th>"
        }
        let style = hidesCaption ? "hidden" : "shown"
        return """
            <div class="scroll" role="region" aria-label="\(caption)" tabindex="0"><table>
            <caption class="\(style)">\(caption)</caption>
            <thead><tr>\(cells)</tr></thead>
            <tbody>\(rows)</tbody></table></div>
            """
    }
}
