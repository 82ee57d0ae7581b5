/// The page's part about what was searched for and watched: the candidates of a search, and the looks of a risk budget.
extension HTMLPage {
    /// The candidates with their numbers; nothing where nothing was searched.
    var searched: Markup {
        guard let search = report.search else { return "" }
        let tried = search.candidates.filter { !$0.trials.isEmpty }
        let rows: [Markup] = tried.map { candidate in
            let trial = candidate.trials.last
            let refused = reading.refusalAxes.map { "\(Format.rate(trial?.axes[$0]))" }.joined(separator: "; ")
            let stage: String =
                switch trial?.stage {
                case .full: "full suites"
                case .whole: "sentinel"
                case .part: candidate.trains ? "sentinel, a part of its training" : "half the sentinel"
                case nil: Format.dash
                }
            let outcome =
                candidate.name == search.chosen
                ? search.passes ? "chosen" : "nearest" : trial?.passes == true ? "passes" : "falls short"
            return """
                <tr><th scope="row">\(candidate.name)</th><td>\(stage)</td>
                <td class="num">\(Format.rate(trial?.axes[Axis.jailbreak]))</td>
                <td class="num">\(refused)</td>
                <td class="num">\(reading.utilityText(trial?.utility))</td>
                <td class="num">\(trial.map { Format.fixed($0.shortfall * 100, 1) } ?? Format.dash)</td>
                <td class="num">\(candidate.change.map { Format.fixed($0, 2) } ?? Format.dash)</td>
                <td class="num">\(Format.duration(candidate.seconds))</td>
                <td>\(candidate.isOnFront ? "yes" : "no")</td><td>\(outcome)</td></tr>
                """
        }
        let left = search.candidates.count - tried.count
        let more: Markup = left > 0 ? "<p class=\"none\">\(left) more candidates were not tried.</p>" : ""
        let demands: [Markup] = search.demands.map { "<li>\(prose($0))</li>" }
        let body = table(
            "Candidates of the search, each as it was last measured",
            [
                ("Candidate", false), ("Measured on", false), ("Jailbreak rate", true), ("Refused", true),
                ("Utility", true), ("Falls short by, points", true), ("Change", true), ("Time", true),
                ("On the front", false), ("Outcome", false),
            ],
            rows
        )
        return """
            <h3>Search</h3>
            <p>\(prose(search.verdict))</p>
            <p>What is demanded:</p><ul>\(demands)</ul>
            \(body)\(more)
            <p class="note">Change is the norm of what a candidate changes of the tuned update over that update's; a training \
            that starts anew is a large change even where it behaves alike. On the front is what none measured as \
            thoroughly beats on risk, refusals, utility and time together.</p>
            """
    }

    /// The looks of a risk budget; nothing where there was none.
    var watched: Markup {
        guard let watch = report.riskWatch else { return "" }
        let rows: [Markup] = watch.looks.map { look in
            """
            <tr><td class="num">\(look.step)</td><td class="num">\(look.round)</td>
            <td class="num">\(Format.rate(look.rate))</td>
            <td class="num">\(look.increase.map { Format.fixed($0 * 100, 1) } ?? Format.dash)</td>
            <td class="num">\(Format.fixed(look.low * 100, 1))</td><td>\(look.isOver ? "yes" : "no")</td></tr>
            """
        }
        let rate =
            watch.looksAtOpenings ? "Safe answers to \(watch.suite) begun otherwise" : "Rate of \(watch.suite)"
        let body = table(
            "What the risk budget saw",
            [
                ("Step", true), ("Went back before", true), (rate, true), ("Rise, points", true),
                ("Lower end", true), ("Budget spent", false),
            ],
            rows
        )
        return "<h3>Risk budget</h3><p>\(prose(findings.watched ?? watch.verdict))</p>\(body)"
    }
}
