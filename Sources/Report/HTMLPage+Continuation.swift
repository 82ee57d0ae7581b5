/// The page's part about a tuning that went on after its end: whether safety held.
extension HTMLPage {
    /// The courses side by side; nothing where the tuning did not go on.
    var continued: Markup {
        guard let continuation = report.continuation else { return "" }
        let plots: [Markup] = figures.continued.flatMap {
            [$0.draw(width: 1000, height: 250, compact: false), $0.draw(width: 400, height: 250, compact: true)]
        }
        guard !plots.isEmpty else { return "" }
        let data = continuation.data.uniqued()
        let chain = data.count > 1 ? ", by turns on \(data.joined(separator: ", "))" : ""
        let rounds = "\(continuation.rounds) round\(continuation.rounds == 1 ? "" : "s")"
        return figure(
            "Figure 2, continued",
            findings.continued ?? "The courses were not compared.",
            "Up to step \(continuation.firstStep) the tuning, then \(rounds) of \(continuation.roundSteps) steps\(chain). "
                + "Bands are 95 % intervals; the dashed line is the reference.",
            "\(plots)",
            table: "figure-2-continued"
        )
    }
}
