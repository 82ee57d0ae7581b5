/// The panels of Figure 2 that follow the tuning after its end: risk, refusals and utility of the plain course and of that
/// with a defence.
///
/// It draws the report's own rates and intervals and computes none.
extension Figures {
    /// One panel for the risk, one for each rate of refusals, one for the utility; empty where the tuning did not go on.
    var continued: [Chart.LinePlot] {
        guard !reading.courses.isEmpty else { return [] }
        let rates = ([Axis.jailbreak] + reading.refusalAxes).enumerated().map { index, axis in
            continuedPanel(
                index + 1,
                axis,
                title: axis == Axis.jailbreak ? "Jailbreak rate" : "Refused, \(reading.suiteName(axis))",
                unit: "% (lower is better)"
            ) { subject in reading.rate(of: subject, on: axis).map { estimate($0) } }
        }
        let utility = continuedPanel(
            rates.count + 1,
            Axis.utility,
            title: "Utility, \(Format.shortened(reading.utilityMetric, to: 24))",
            unit: "\(reading.utilityIsShare ? "% " : "")(higher is better)"
        ) { subject in reading.utility(of: subject).map { estimate($0) } }
        return (rates + [utility]).compactMap { $0 }
    }

    private func continuedPanel(
        _ number: Int,
        _ axis: String,
        title: String,
        unit: String,
        estimate: (RunReport.Subject) -> Chart.Estimate?
    ) -> Chart.LinePlot? {
        let series = reading.courses.compactMap { course -> Chart.LinePlot.Series? in
            let points = course.points.compactMap { point in estimate(point.subject).map { (point.step, $0) } }
            guard !points.isEmpty else { return nil }
            let isPlain = course.defence == nil
            return .init(
                name: Format.abridged(course.name, to: 24),
                shortName: isPlain ? "plain" : "defended",
                tone: isPlain ? .risk : .utility,
                marker: isPlain ? .circle : .diamond,
                points: points
            )
        }
        guard !series.isEmpty else { return nil }
        let isShare = axis != Axis.utility || reading.utilityIsShare
        let level = reading.reference.flatMap { reference in
            estimate(reference).map {
                Chart.LinePlot.Level(
                    name: Format.abridged(reference.name, to: 14),
                    shortName: "reference",
                    value: $0.value
                )
            }
        }
        return Chart.LinePlot(
            frame: Chart.Frame(
                id: "figure-2-continued-\(number)",
                title: "\(title) while the tuning goes on",
                description: findings.continued ?? ""
            ),
            series: series,
            levels: [level].compactMap { $0 },
            scale: isShare ? .share : utilityScale,
            xTitle: "optimiser step of tuning (evenly spaced)",
            yTitle: "\(title), \(unit)",
            format: { isShare ? Format.percent($0) : Format.plain($0) },
            range: {
                isShare
                    ? Format.interval($0.low * 100, $0.high * 100, 1)
                    : "[" + Format.plain($0.low) + ", " + Format.plain($0.high) + "]"
            },
            tick: { isShare ? Format.fixed($0 * 100, 0) : Format.plain($0) }
        )
    }
}
