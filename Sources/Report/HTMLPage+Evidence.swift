/// The page's sections without a figure: tables, flips, judges, suites, settings and limits.
extension HTMLPage {
    /// How many flips the page shows, and how many of them unfolded.
    static let (flipLimit, openFlipLimit) = (40, 8)
    /// How many of one axis and direction come before it is the next one's turn.
    private static let flipsInTurn = 2
    /// How many characters of one answer the page shows.
    static let answerLimit = 4000

    /// Everything that was assessed.
    var subjects: Markup {
        guard !report.subjects.isEmpty else { return "<p class=\"none\">No subject was assessed.</p>" }
        // What is weighed against each other stands together; the table is wider than a screen.
        let first = reading.axes.filter { [Axis.jailbreak, Axis.overRefusal].contains($0) }
        let others = reading.axes.filter { !first.contains($0) }
        let rows: [Markup] = report.subjects.map { subject in
            func rates(_ axes: [String]) -> [Markup] {
                axes.map { axis in
                    let rate = subject.axes[axis]
                    return cell(Format.rate(rate), rate.map { ($0.n, $0.unscored) }, worst: rate.flatMap(Format.worst))
                }
            }
            let utility = cell(reading.utilityText(subject.utility), subject.utility.map { ($0.n, $0.unscored) })
            let separation = separates ? self.separation(subject.separation) : ""
            return """
                <tr><th scope="row">\(subject.name)</th><td>\(subject.kind.rawValue)</td>\(rates(first))\(utility)\(rates(others))\(separation)\
                <td class="num">\(Format.duration(subject.seconds))</td></tr>
                """
        }
        let header =
            [("Subject", false), ("Kind", false)] + first.map { (reading.title($0), true) }
            + [("Utility, \(reading.utilityMetric)", true)] + others.map { (reading.title($0), true) }
            + (separates ? [("Separation of twins", true), ("Area under the curve", true)] : []) + [("Time", true)]
        return table("Rates with 95 % intervals, n graded answers", header, rows)
    }

    /// Whether any subject was asked twins.
    private var separates: Bool { report.subjects.contains { $0.separation != nil } }

    private func separation(_ separation: RunReport.Separation?) -> Markup {
        let points = separation.map { Format.points($0.value, $0.low, $0.high) } ?? Format.dash
        let area = separation?.area.map { "\(Format.fixed($0.value, 2)) \(Format.interval($0.low, $0.high, 2))" }
        return """
            \(cell(points, separation.map { ($0.n, 0) }))\
            \(cell(area ?? Format.dash, separation?.area.map { ($0.n, 0) }))
            """
    }

    /// A number with how many answers it rests on, and what it could be, whatever the unscored ones are.
    func cell(
        _ text: String,
        _ counts: (n: Int, unscored: Int)?,
        worst: String? = nil,
        families: Int? = nil
    ) -> Markup {
        guard let counts else { return "<td class=\"num\">\(text)</td>" }
        let unscored = counts.unscored > 0 ? ", \(counts.unscored) unscored" + (worst.map { ": \($0)" } ?? "") : ""
        let inFamilies = families.map { " in \($0) families" } ?? ""
        return "<td class=\"num\">\(text) <small>n \(counts.n)\(inFamilies)\(unscored)</small></td>"
    }

    /// Every paired comparison, the subjects two by two; all but the first, the tuned model with the reference, are folded away.
    var comparisons: Markup {
        guard !report.comparisons.isEmpty else { return "<p class=\"none\">No comparison was made.</p>" }
        var pairs = report.comparisons.map { [$0.subject, $0.base] }.uniqued()
        if let first = pairs.firstIndex(of: [reading.tuned?.name ?? "", reading.reference?.name ?? ""]) {
            pairs.insert(pairs.remove(at: first), at: 0)
        }
        let tables: [Markup] = pairs.enumerated().map { index, pair in
            let own = report.comparisons.filter { [$0.subject, $0.base] == pair }
            return comparisonTable(pair[0], pair[1], own, isOpen: index == 0)
        }
        return """
            <p class="how">Probes graded on both sides. Clear is a difference whose interval leaves out 0 and whose p, corrected by \
            Holm over all that was measured on the same two subjects, is below 0.05.</p>
            \(tables)
            """
    }

    private func comparisonTable(
        _ subject: String,
        _ base: String,
        _ comparisons: [RunReport.Comparison],
        isOpen: Bool
    ) -> Markup {
        let rows: [Markup] = comparisons.map { comparison in
            """
            <tr class="upper"><th scope="row" rowspan="2">\(reading.title(comparison.axis))</th>\
            \(cell(levels(comparison), (comparison.n, comparison.unscored), families: comparison.families))\
            <td class="num">\(Format.points(comparison.difference, comparison.low, comparison.high))</td>\
            <td class="num">\(Format.ratio(comparison))</td>\
            <td class="num">\(Format.p(comparison.p)) <small>\(Format.holm(comparison))</small></td>\
            <td class="num">\(comparison.flips.safeToUnsafe) / \(comparison.flips.unsafeToSafe)</td></tr>
            <tr><td colspan="5" class="remark"><div class="stays">\(conclusion(comparison))</div></td></tr>
            """
        }
        let content = table(
            "\(subject) against \(base)",
            [
                ("Measured", false), ("Rates", true), ("Difference", true), ("Ratio", true), ("p, exact", true),
                ("Flips, worse / better", true),
            ],
            rows,
            hidesCaption: true
        )
        let clear = comparisons.filter(\.isClear).map { "\($0.axis) \($0.difference ?? 0 > 0 ? "up" : "down")" }
        let found = clear.isEmpty ? "nothing clear" : "clear: \(clear.joined(separator: ", "))"
        return """
            <details class="fold"\(isOpen ? " open=\"open\"" : "" as Markup)><summary><bdi>\(subject)</bdi> against \
            <bdi>\(base)</bdi> <small>\(found)</small></summary>\(content)</details>
            """
    }

    func conclusion(_ comparison: RunReport.Comparison) -> Markup {
        guard let conclusion = comparison.conclusion else {
            return "\(comparison.isClear ? "clear" : "not enough evidence")"
        }
        let planning: Markup = conclusion.planning.map { " <small>\($0)</small>" } ?? ""
        return "\(conclusion.sentence)\(planning)"
    }

    private func levels(_ comparison: RunReport.Comparison) -> String {
        "\(Format.percent(comparison.baseRate)) → \(Format.percent(comparison.subjectRate))"
    }

    /// The flips a reader looks at first: of the last checkpoint, then of defences, then others; in each a few of every axis
    /// before more of one, and to unsafe before back to safe.
    var orderedFlips: [RunReport.Flip] {
        let defences = Set(reading.defences.map(\.name))
        var seen: [String: Int] = [:]
        let placed = report.flips.enumerated().map { index, flip in
            let direction = flip.after.grade == "unsafe" ? 0 : 1
            let rank =
                direction + 2 * (flip.subject == reading.tuned?.name ? 0 : defences.contains(flip.subject) ? 1 : 2)
            let turn = seen["\(rank) \(flip.axis)", default: 0]
            seen["\(rank) \(flip.axis)"] = turn + 1
            return (place: (rank / 2, turn / HTMLPage.flipsInTurn, rank, turn, index), flip: flip)
        }
        return placed.sorted { $0.place < $1.place }.map(\.flip)
    }

    /// The flips side by side.
    var flips: Markup {
        guard !report.flips.isEmpty else { return "<p class=\"none\">No probe changed its grade.</p>" }
        let shown = orderedFlips.prefix(HTMLPage.flipLimit)
        let first: [Markup] = shown.prefix(HTMLPage.openFlipLimit).map(article)
        let others: [Markup] = shown.dropFirst(HTMLPage.openFlipLimit).map(article)
        let folded: Markup =
            others.isEmpty
            ? "" : "<details class=\"fold\"><summary>\(others.count) more</summary>\(others)</details>"
        let rest = report.flips.count - shown.count
        let more: Markup = rest > 0 ? "<p class=\"none\">\(rest) more flips are in report.json.</p>" : ""
        return """
            <p class="how">Probes graded differently on two subjects. Answers may be harmful and are folded.</p>
            <div class="flips">\(first)\(folded)</div>
            \(more)
            """
    }

    private func article(_ flip: RunReport.Flip) -> Markup {
        """
        <article class="flip">
        <h3><bdi>\(flip.base)</bdi> → <bdi>\(flip.subject)</bdi> <small>\(reading.title(flip.axis)), \
        probe <code>\(flip.probe)</code></small></h3>
        <p class="prompt" dir="auto">\(flip.prompt)</p>
        <div class="pair">\(side(flip.base, flip.before, on: flip.axis))\
        \(side(flip.subject, flip.after, on: flip.axis))</div>
        </article>
        """
    }

    /// A grade in the words of its axis: what is unsafe on over-refusal is a refusal.
    private func word(_ grade: String, on key: String) -> String {
        let words: (safe: String, unsafe: String) =
            switch reading.suite(key)?.axis ?? key {
            case Axis.overRefusal: ("answered", "refused")
            case Axis.utility: ("right", "wrong")
            default: ("safe", "unsafe")
            }
        return grade == "safe" ? words.safe : grade == "unsafe" ? words.unsafe : grade
    }

    private func side(_ subject: String, _ graded: RunReport.Flip.Graded, on key: String) -> Markup {
        let tone = graded.grade == "unsafe" ? "bad" : graded.grade == "safe" ? "good" : "open"
        let shown = String(graded.answer.unicodeScalars.prefix(HTMLPage.answerLimit))
        let rest = graded.answer.unicodeScalars.count - shown.unicodeScalars.count
        let more: Markup = rest > 0 ? "<p class=\"none\">\(rest) more characters are in report.json.</p>" : ""
        let answer: Markup = shown.isEmpty ? "<p class=\"none\">empty answer</p>" : "<pre dir=\"auto\">\(shown)</pre>"
        return """
            <details class="answer \(tone)"><summary><span class="grade">\(word(graded.grade, on: key))</span> \
            <bdi>\(subject)</bdi><span class="aside">answer</span></summary>
            \(answer)\(more)</details>
            """
    }

    /// The judges' cards, the suites, and where the files for other tools lie.
    var evidence: Markup {
        let cards: [Markup] = report.judges.map { judge in
            """
            <article class="card"><h3>\(judge.name)</h3>
            <dl class="facts"><div><dt>A hit is</dt><dd>\(prose(judge.looksFor))</dd></div>
            <div><dt>Finds hits (sensitivity)</dt><dd>\(measured(judge.sensitivity))</dd></div>
            <div><dt>Passes the others (specificity)</dt><dd>\(measured(judge.specificity))</dd></div>
            <div><dt>Measured on</dt><dd>\(prose(judge.data))</dd></div></dl>
            <p>\(prose(judge.limits))</p></article>
            """
        }
        let judges: Markup =
            cards.isEmpty
            ? "<p class=\"none\">No judge card is part of this report.</p>" : "<div class=\"cards\">\(cards)</div>"
        let rows: [Markup] = report.suites.map { suite in
            """
            <tr><th scope="row">\(suite.name)</th><td>\(prose(suite.title))</td><td>\(suite.axis)</td>\
            <td class="num">\(suite.asked) of \(suite.n)</td><td>\(prose(suite.hit))</td><td><code>\(Format.shortened(suite.sha256, to: 13))</code></td></tr>
            """
        }
        let suites: Markup =
            rows.isEmpty
            ? "<p class=\"none\">No suite card is part of this report.</p>"
            : table(
                "Suites",
                [
                    ("Suite", false), ("What it asks", false), ("Axis", false), ("Probes asked", true),
                    ("Unsafe, or wrong, means", false), ("sha256", false),
                ],
                rows,
                hidesCaption: true
            )
        return """
            \(controls)
            <h3 class="sub">Judges</h3>
            \(judges)
            \(corrected)
            <h3 class="sub">Suites</h3>
            \(suites)
            \(otherFiles)
            """
    }

    /// What lies beside the page, made from the same report.
    private var otherFiles: Markup {
        let items: [Markup] = Evidence.index(reading).map { file in
            "<li><code>\(file.path)</code> \(file.tool): \(file.content)</li>"
        }
        return """
            <h3 class="sub">Files for other tools</h3>
            <p class="how">They lie beside this page, in the run's folder <code>report</code>; \
            <code>temper report RUN --evidence</code> writes them again.</p>
            <ul class="summary">\(items)</ul>
            """
    }

    /// What the rates would be if the judges made no errors.
    private var corrected: Markup {
        let principal = Set(reading.principal.map(\.name))
        let shown = (report.correctedRates ?? []).filter { principal.contains($0.subject) }
        guard !shown.isEmpty else { return "" }
        let hasNotes = shown.contains { $0.note != nil }
        let rows: [Markup] = shown.map { entry in
            let value = entry.rate.map { share in
                Format.percent(share) + " " + Format.interval(entry.low * 100, entry.high * 100, 1)
            }
            let note: Markup = hasNotes ? "<td class=\"remark\">\(prose(entry.note ?? ""))</td>" : ""
            return """
                <tr><th scope="row">\(entry.subject)</th><td>\(reading.suiteName(entry.axis))</td><td>\(entry.judge)</td>\
                \(cell(Format.rate(entry.raw), (entry.raw.n, entry.raw.unscored)))\
                <td class="num">\(value ?? Format.dash)</td>\(note)</tr>
                """
        }
        var columns = [
            ("Subject", false), ("Suite", false), ("Judge", false), ("As graded", true), ("Corrected", true),
        ]
        if hasNotes { columns.append(("Remark", false)) }
        let unmeasured = report.judges.filter { $0.sensitivity == nil || $0.specificity == nil }.map(\.name)
        let names = unmeasured.joined(separator: ", ")
        let rest: Markup =
            unmeasured.isEmpty
            ? "" : "<p class=\"how\">Not corrected, for their errors were not measured: \(names).</p>"
        return """
            <h3 class="sub">Rates without the judges' errors</h3>
            <p class="how">Rogan and Gladen's correction by the sensitivity and specificity above. It holds as far as the \
            judge errs on these answers as it did on the answers it was measured on.</p>
            \(table(
                "Rates as graded, and corrected for the judge's errors; the interval carries the uncertainty of both",
                columns,
                rows
            ))
            \(rest)
            """
    }

    /// Subjects whose result was known beforehand.
    private var controls: Markup {
        guard let controls = report.controls, !controls.isEmpty else { return "" }
        let rows: [Markup] = controls.map { control in
            """
            <tr><th scope="row">\(control.name)</th><td>\(prose(control.expected))</td><td>\(prose(control.found))</td>\
            <td>\(control.outcome.rawValue)</td></tr>
            """
        }
        let columns = [("Control", false), ("Expected", false), ("Found", false), ("Outcome", false)]
        return """
            <h3 class="sub">Controls</h3>
            \(table("Subjects whose result is known beforehand; one that fails makes the run invalid", columns, rows))
            """
    }

    private func measured(_ rate: RunReport.Rate?) -> String {
        rate.map { "\(Format.rate($0)), n\u{A0}\($0.n)" } ?? "not measured"
    }

    /// How the results were trained, settings, environment and timing.
    var settings: Markup {
        let model = [("path", report.model.path), ("sha256", report.model.sha256), ("dtype", report.model.dtype)]
        let seconds = report.timing.sorted { ($0.value, $1.key) > ($1.value, $0.key) }
        return """
            \(training)
            <div class="columns">
            \(facts("Model", model))
            \(facts("Settings", report.settings.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
            \(facts("Environment", report.environment.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }))
            \(facts("Timing", seconds.map { ($0.key, Format.duration($0.value)) }))
            </div>
            """
    }

    /// A row for each training, and for each defence that changed weights without one.
    private var training: Markup {
        let columns = TrainingTable.columns
        let rows: [Markup] = TrainingTable(report: report).rows.map { cells in
            let rest: [Markup] = zip(columns, cells).dropFirst().map { column, cell in
                let style = column.isNumber ? "num" : "word"
                return "<td class=\"\(style)\">\(cell)</td>"
            }
            return "<tr><th scope=\"row\">\(cells.first ?? "")</th>\(rest)</tr>"
        }
        guard !rows.isEmpty else { return "" }
        return """
            <h3 class="sub">How it was trained</h3>
            \(table("Trainings, and defences that changed weights without one", columns, rows, hidesCaption: true))
            """
    }

    private func facts(_ title: String, _ values: [(String, String)]) -> Markup {
        let rows: [Markup] = values.map { "<div><dt>\($0.0)</dt><dd>\($0.1)</dd></div>" }
        let list: Markup = rows.isEmpty ? "<p class=\"none\">none recorded</p>" : "<dl class=\"facts\">\(rows)</dl>"
        return "<div><h3 class=\"sub\">\(title)</h3>\(list)</div>"
    }

    /// What the numbers do not show.
    var limits: Markup {
        var sentences = report.notes
        let small = report.subjects.contains { ($0.axes[Axis.jailbreak]?.n ?? 100) < 100 }
        if small {
            sentences.append("Some jailbreak rates rest on fewer than 100 graded answers; their intervals are wide.")
        }
        if report.judges.contains(where: { $0.sensitivity == nil || $0.specificity == nil }) {
            sentences.append("At least one judge was never measured against labelled answers.")
        }
        if report.judges.isEmpty { sentences.append("No judge's quality is recorded, so its errors are unknown.") }
        sentences.append(
            "A rate holds for these probes, this decoding and these judges; other attacks can do better. "
                + "Intervals cover sampling of probes, not the errors of judges"
                + (report.correctedRates == nil ? "." : ", but for those of the corrected rates.")
        )
        let items: [Markup] = sentences.map { "<li>\(prose($0))</li>" }
        return "<ul class=\"summary\">\(items)</ul>"
    }
}
