/// Renders an explanation as one HTML file in the report's looks: no network, no fonts, no scripts.
///
/// Users' rows are escaped by `Markup` and folded.
public enum ExplanationPage {
    /// Rows that the page holds.
    private static let shown = 100

    /// The whole page.
    public static func render(_ explanation: Explanation) -> String {
        let sections: [HTMLDocument.Section] =
            [
                ("findings", "Findings", findings(explanation)),
                ("direction", "The refusal direction", direction(explanation)),
                ("drift", "How far the layers moved", drift(explanation)),
                ("openings", "The first tokens of an answer", openings(explanation)),
                ("rows", "Rows that pushed most against refusal", rows(explanation)),
            ] + (explanation.retraining.map { [("retraining", "Trained again without them", retraining($0))] } ?? [])
            + [("method", "Method and limits", method(explanation))]
        return HTMLDocument(
            title: "\(explanation.run): why safety changed",
            skip: "Skip to the findings",
            header: """
                <header>
                <p class="eyebrow">Temper: why safety changed</p>
                <h1>\(explanation.run)</h1>
                <p class="meta"><span>\(explanation.tuned) against \(explanation.reference)</span> \
                <span>\(explanation.model)</span></p>
                </header>
                """,
            sections: sections,
            footer: "Made by Temper from explain.json, schema \(explanation.schema)."
        ).text
    }

    private static func findings(_ explanation: Explanation) -> Markup {
        let sentences: [Markup] = (explanation.findings + explanation.notes).map { "<li>\($0)</li>" }
        return "<ul class=\"summary\">\(sentences)</ul>"
    }

    // MARK: Charts

    private typealias Line = (name: String, tone: Chart.Tone, marker: Chart.Marker, values: [(Int, Double)])

    private static func chart(
        _ id: String,
        _ title: String,
        _ takeaway: String,
        x: String,
        y: String,
        decimals: Int,
        _ lines: [Line]
    ) -> Markup {
        let series = lines.map { line in
            Chart.LinePlot.Series(
                name: line.name,
                shortName: line.name,
                tone: line.tone,
                marker: line.marker,
                points: line.values.map { (step: $0.0, estimate: .init(value: $0.1, low: $0.1, high: $0.1)) }
            )
        }
        let values = lines.flatMap { $0.values.map(\.1) }
        let plot = Chart.LinePlot(
            frame: Chart.Frame(id: id, title: title, description: takeaway),
            series: series,
            levels: [],
            scale: .around(values + [0]),
            xTitle: x,
            yTitle: y,
            format: { Format.fixed($0, decimals) },
            range: { _ in "" },
            tick: { Format.plain($0) }
        )
        return """
            <figure><figcaption><p class="takeaway">\(takeaway)</p></figcaption>
            \(plot.draw(width: 960, height: 330, compact: false))
            \(plot.draw(width: 420, height: 300, compact: true))
            </figure>
            """
    }

    private static func direction(_ explanation: Explanation) -> Markup {
        let layers = explanation.layers
        guard layers.contains(where: { $0.separationBefore != 0 }) else { return "<p class=\"none\">Not measured.</p>" }
        return chart(
            "separation",
            "Harmful and harmless requests along the refusal direction",
            "How far harmful and harmless requests lie apart along the reference's refusal direction, in units of their "
                + "spread, at the prompt's last token.",
            x: "layer",
            y: "spreads apart",
            decimals: 1,
            [
                ("before", .refusal, .circle, layers.map { ($0.layer, $0.separationBefore) }),
                ("after", .risk, .square, layers.map { ($0.layer, $0.separationAfter) }),
            ]
        )
    }

    private static func drift(_ explanation: Explanation) -> Markup {
        let modules = explanation.modules.prefix(10).map { [$0.name, Format.percent($0.drift)] }
        let figure = chart(
            "update",
            "Update of each layer",
            "The Frobenius norm of each layer's update, in percent of its weights'.",
            x: "layer",
            y: "percent",
            decimals: 2,
            [("update", .neutral, .circle, explanation.layers.map { ($0.layer, $0.drift * 100) })]
        )
        return """
            \(figure)
            \(table("The modules that moved most", ["Module", "Update"], Array(modules)))
            \(table(
                "All layers",
                ["Layer", "Update", "Cosine of directions", "Apart before", "Apart after"],
                explanation.layers.map {
                    ["\($0.layer)", Format.percent($0.drift), Format.fixed($0.cosine, 2),
                        Format.fixed($0.separationBefore, 1), Format.fixed($0.separationAfter, 1)]
                }
            ))
            """
    }

    private static func openings(_ explanation: Explanation) -> Markup {
        let openings = explanation.openings
        guard !openings.isEmpty else { return "<p class=\"none\">Not measured.</p>" }
        let figure = chart(
            "divergence",
            "Divergence by token of the answer",
            "How far the tuned model's next token lies from the reference's along the reference's own answers.",
            x: "token of the answer",
            y: "nats",
            decimals: 3,
            [
                ("harmful", .risk, .square, openings.map { ($0.position, $0.harmful) }),
                ("harmless", .ordinary, .circle, openings.map { ($0.position, $0.harmless) }),
            ]
        )
        let rows = openings.map {
            [
                "\($0.position)", Format.fixed($0.harmful, 3), Format.fixed($0.harmless, 3), "\($0.harmfulCount)",
                "\($0.harmlessCount)",
            ]
        }
        return """
            \(figure)
            \(table("In nats", ["Token", "Harmful", "Harmless", "Harmful answers", "Harmless answers"], rows))
            """
    }

    // MARK: Tables

    private static func rows(_ explanation: Explanation) -> Markup {
        guard !explanation.rows.isEmpty else { return "<p class=\"none\">Not measured.</p>" }
        let entries: [Markup] = explanation.rows.prefix(shown).map { row in
            let request: Markup = row.request.map { "<p class=\"how\">Request</p><pre>\($0)</pre>" } ?? ""
            let answer: Markup = row.answer.map { "<p class=\"how\">Answer begins</p><pre>\($0)</pre>" } ?? ""
            return """
                <details class="answer"><summary><span class="grade">\(row.rank)</span> \
                <code>\(row.file):\(row.line)</code> <span class="aside">\(Format.fixed(row.score, 3))</span></summary>
                \(request)\(answer)</details>
                """
        }
        return """
            <p class="note">The number on the right is the cosine of the row's gradient with the direction against \
            refusal; above 0 the row pushes against. Rows are folded; explain.json ranks all \(explanation.rows.count).</p>
            \(entries)
            """
    }

    private static func retraining(_ retraining: Explanation.Retraining) -> Markup {
        let rows = retraining.rates.map { rate in
            [rate.suite, rate.metric]
                + [rate.reference, rate.tuned, rate.predicted, rate.withoutTop, rate.withoutRandom]
                .map { Format.percent($0) }
        }
        let caption =
            "Without the first \(retraining.leftOut) rows, \(Format.percent(retraining.shareOfPush)) of the push, and "
            + "without as many drawn at random; as many steps as the user's training"
        return table(
            caption,
            ["Suite", "Rate", "Reference", "Tuned", "Predicted", "Without them", "Without random ones"],
            rows
        )
    }

    private static func method(_ explanation: Explanation) -> Markup {
        let settings = explanation.settings
        return """
            <p class="how">A row's score is the cosine of its gradient with that of anchors, at \
            \(settings.places.joined(separator: ", ")); on the first \(settings.tokens) tokens of an answer, with \
            \(settings.anchors) anchors of each kind; \(settings.score). Directions and divergences come from \
            \(settings.requests) harmful and as many harmless requests; seed \(String(settings.seed)).</p>
            <p class="how">A score is a first-order statement about one step; rows act together, and a training of many \
            steps can go elsewhere. Training again without the rows is the test of it.</p>
            """
    }

    private static func table(_ caption: String, _ header: [String], _ rows: [[String]]) -> Markup {
        let titles: [Markup] = header.map { "<th scope=\"col\">\($0)</th>" }
        let lines: [Markup] = rows.map { row in
            let cells: [Markup] = row.map { "<td>\($0)</td>" }
            return "<tr>\(cells)</tr>"
        }
        return """
            <div class="scroll"><table><caption>\(caption)</caption><thead><tr>\(titles)</tr></thead>
            <tbody>\(lines)</tbody></table></div>
            """
    }
}
