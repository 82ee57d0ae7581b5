/// The page's section about the guard: the model alone, the guard alone, and both.
extension HTMLPage {
    /// The table of residual risk, and what the guard costs.
    var guarding: Markup {
        guard let guarding = report.guarding else {
            return """
                <p class="none">No guard was assessed in this run; the recipe's key <code>guard</code> asks for it.</p>
                """
        }
        let subject = report.subjects.first { $0.name == guarding.subject }
        let alone = report.subjects.first { $0.name == guarding.alone }
        let rows: [Markup] = guarding.lines.map { line in
            let rails = line.rails.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            let shares = rails.map { "\($0.key) \($0.value)" }.joined(separator: ", ")
            return """
                <tr><th scope="row">\(line.key == Axis.utility ? reading.utilityMetric : reading.title(line.key))</th>\
                \(rate(line.key, of: alone))\
                \(cell(Format.rate(line.refused), (line.refused.n, line.refused.unscored)))\
                \(rate(line.key, of: subject))<td>\(shares.isEmpty ? Format.dash : shares)</td>\
                <td class="num">\(line.answers == 0 ? Format.dash : "\(line.answersRefused) of \(line.answers)")</td></tr>
                """
        }
        let times: [Markup] = [("question", guarding.questions), ("answer", guarding.answers)].compactMap {
            what,
            time in
            time.map {
                """
                <tr><th scope="row">\(what)</th><td class="num">\(Format.fixed($0.p50, 2))</td>\
                <td class="num">\(Format.fixed($0.p95, 2))</td><td class="num">\(Format.fixed($0.p99, 2))</td>\
                <td class="num">\($0.n)</td></tr>
                """
            }
        }
        let latency: Markup =
            times.isEmpty
            ? ""
            : table(
                "Milliseconds that the guard adds, on this machine while it did other work",
                [("Text", false), ("p50", true), ("p95", true), ("p99", true), ("n", true)],
                times
            )
        let sentence: Markup = findings.guarding.map { "<p class=\"takeaway\">\(prose($0))</p>" } ?? ""
        return """
            \(sentence)<p class="how">The guard's policy is \(guarding.policy). A question that it refuses never reaches the \
            model; of what is refused alone, a model that did all it is asked would be left with the rest. On harmless \
            suites a refusal is the failure.</p>
            \(table(
                "\(guarding.alone) alone, the guard alone, and both",
                [
                    ("Measured", false), ("Model alone", true), ("Questions refused by the guard alone", true),
                    ("Both", true), ("By which rail", false), ("Answers refused", true),
                ],
                rows
            ))
            \(latency)
            """
    }

    private func rate(_ key: String, of subject: RunReport.Subject?) -> Markup {
        if key == Axis.utility {
            return cell(reading.utilityText(subject?.utility), subject?.utility.map { ($0.n, $0.unscored) })
        }
        let rate = subject?.axes[key]
        return cell(Format.rate(rate), rate.map { ($0.n, $0.unscored) })
    }
}
