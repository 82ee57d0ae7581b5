/// Turns a report into the charts of the page: which subject goes where, in which colour, with which numbers beside it.
///
/// It knows how a report reads and how charts are asked for, but nothing about pixels, pages or statistics.
struct Figures {
    let reading: Reading
    let findings: Findings

    init(_ report: RunReport) {
        reading = Reading(report)
        findings = Findings(reading: reading)
    }

    /// The three panels of Figure 1: risk, over-refusal and utility of the principal subjects.
    var one: (risk: Chart.DotPlot, refusal: Chart.DotPlot?, utility: Chart.DotPlot?) {
        (riskPanel, refusalPanel, utilityPanel)
    }

    private var riskPanel: Chart.DotPlot {
        let rows = reading.principal.map { subject in
            let rate = reading.rate(of: subject)
            return Chart.DotPlot.Row(
                label: subject.name,
                isStrong: subject.name == reading.tuned?.name,
                marks: rate.map { [mark($0, .risk, .circle, of: subject)] } ?? [],
                notes: [Format.rate(rate), ratioNote(subject)],
                tooltip: "\(subject.name): \(Format.rate(rate)), n \(rate?.n ?? 0)"
            )
        }
        return Chart.DotPlot(
            frame: Chart.Frame(
                id: "figure-1-risk",
                title: "Jailbreak rate by subject",
                description: findings.figureOne
            ),
            heading: "Risk",
            rows: rows,
            columns: [
                .init(title: "rate [95 % interval]", width: 166),
                .init(
                    title: "ratio to \(Format.shortened(reading.reference?.name ?? "reference", to: 18))",
                    width: 190
                ),
            ],
            scale: .share,
            axisTitle: "jailbreak rate, % of graded answers (lower is better)",
            tick: { Format.fixed($0 * 100, 0) },
            reference: reading.rate(of: reading.reference)?.rate,
            key: []
        )
    }

    private func ratioNote(_ subject: RunReport.Subject) -> String {
        if subject.name == reading.reference?.name { return "reference" }
        return reading.comparison(of: subject).map { Format.ratio($0) } ?? "not compared"
    }

    private var refusalPanel: Chart.DotPlot? {
        let courses = refusalCourses
        guard
            reading.principal.contains(where: { subject in
                courses.contains { reading.rate(of: subject, on: $0.axis) != nil }
            })
        else { return nil }
        let example = Chart.Estimate(value: 0, low: 0, high: 0)
        let key: [(mark: Chart.DotPlot.Mark, label: String)] = courses.map {
            (.init(estimate: example, tone: $0.tone, marker: $0.marker, hollow: false), $0.short)
        }
        let rows = reading.principal.map { subject in
            let rates = courses.map { reading.rate(of: subject, on: $0.axis) }
            let marks = zip(rates, courses)
                .compactMap { rate, look in rate.map { mark($0, look.tone, look.marker, of: subject) } }
            let spoken = zip(courses, rates).map { "\($0.short) \(Format.rate($1))" }.joined(separator: ", ")
            return Chart.DotPlot.Row(
                label: subject.name,
                isStrong: subject.name == reading.tuned?.name,
                marks: marks,
                notes: [rates.map(Format.rate).joined(separator: "\n")],
                tooltip: "\(subject.name): \(spoken)"
            )
        }
        return Chart.DotPlot(
            frame: Chart.Frame(
                id: "figure-1-refusal",
                title: "Over-refusal by subject",
                description: "Share of harmless requests each subject refuses, with 95 % intervals."
            ),
            heading: "Over-refusal",
            rows: rows,
            columns: [.init(title: "rate [95 % interval]", width: 146)],
            scale: .share,
            axisTitle: "refused, % (lower is better)",
            tick: { Format.fixed($0 * 100, 0) },
            reference: nil,
            key: key
        )
    }

    private var utilityPanel: Chart.DotPlot? {
        let utilities = reading.principal.compactMap { reading.utility(of: $0) }
        guard !utilities.isEmpty else { return nil }
        let rows = reading.principal.map { subject in
            let utility = reading.utility(of: subject)
            let marks = utility.map {
                [
                    Chart.DotPlot.Mark(
                        estimate: estimate($0),
                        tone: .utility,
                        marker: .diamond,
                        hollow: isHollow(subject)
                    )
                ]
            }
            return Chart.DotPlot.Row(
                label: subject.name,
                isStrong: subject.name == reading.tuned?.name,
                marks: marks ?? [],
                notes: [reading.utilityText(utility)],
                tooltip: "\(subject.name): \(reading.utilityText(utility)), n \(utility?.n ?? 0)"
            )
        }
        let unit = reading.utilityIsShare ? ", %" : ""
        return Chart.DotPlot(
            frame: Chart.Frame(
                id: "figure-1-utility",
                title: "Utility by subject",
                description: "\(reading.utilityMetric) of each subject, with 95 % intervals."
            ),
            heading: "Utility",
            rows: rows,
            columns: [.init(title: "value [95 % interval]", width: 146)],
            scale: utilityScale,
            axisTitle: "\(Format.shortened(reading.utilityMetric, to: 24))\(unit) (higher is better)",
            tick: utilityTick,
            reference: reading.utility(of: reading.reference)?.value,
            key: []
        )
    }

    /// Figure 2: the course along training; utility only when it is a share and so fits the same axis.
    var two: Chart.LinePlot? {
        guard !reading.checkpoints.isEmpty else { return nil }
        var series: [Chart.LinePlot.Series] = []
        for look in courses {
            let points = reading.checkpoints.compactMap { subject in
                reading.rate(of: subject, on: look.axis).map { (step: subject.step ?? 0, estimate: estimate($0)) }
            }
            if !points.isEmpty {
                series.append(
                    .init(name: look.name, shortName: look.short, tone: look.tone, marker: look.marker, points: points)
                )
            }
        }
        if reading.utilityIsShare, let utility = utilityCourse { series.append(utility) }
        guard !series.isEmpty else { return nil }
        var levels: [Chart.LinePlot.Level] = []
        if let reference = reading.reference, let rate = reading.rate(of: reference) {
            levels.append(
                .init(
                    name: "\(Format.shortened(reference.name, to: 14)) jailbreak",
                    shortName: "reference",
                    value: rate.rate ?? .nan
                )
            )
        }
        return Chart.LinePlot(
            frame: Chart.Frame(
                id: "figure-2",
                title: "Risk, over-refusal and utility along training",
                description: findings.figureTwo
            ),
            series: series,
            levels: levels,
            scale: .share,
            xTitle: "optimiser step of tuning (evenly spaced)",
            yTitle: "share of answers, %; bands are 95 % intervals",
            format: Format.percent,
            range: { Format.interval($0.low * 100, $0.high * 100, 1) },
            tick: { Format.fixed($0 * 100, 0) }
        )
    }

    /// The utility along training on its own axis, when it is not a share.
    var twoUtility: Chart.LinePlot? {
        guard !reading.utilityIsShare, let utility = utilityCourse else { return nil }
        return Chart.LinePlot(
            frame: Chart.Frame(
                id: "figure-2-utility",
                title: "Utility along training",
                description: "\(reading.utilityMetric) at each assessed step, with 95 % intervals."
            ),
            series: [utility],
            levels: [],
            scale: utilityScale,
            xTitle: "optimiser step of tuning (evenly spaced)",
            yTitle: reading.utilityMetric,
            format: Format.plain,
            range: { "[" + Format.plain($0.low) + ", " + Format.plain($0.high) + "]" },
            tick: utilityTick
        )
    }

    /// Figure 3: risk against utility of reference, tuned model and defences.
    var three: Chart.Scatter? {
        guard !reading.defences.isEmpty else { return nil }
        let points = reading.principal.compactMap { subject -> Chart.Scatter.Point? in
            guard let rate = reading.rate(of: subject), let utility = reading.utility(of: subject) else { return nil }
            let (tone, marker): (Chart.Tone, Chart.Marker) =
                switch subject.kind {
                case .defence: (.utility, .diamond)
                case .checkpoint: (.risk, .circle)
                case .guarded: (.ordinary, .triangle)
                case .retrieval: (.refusal, .square)
                case .base, .reference, .quantized, .continued: (.neutral, .square)
                }
            return Chart.Scatter.Point(
                label: subject.name,
                x: estimate(rate),
                y: estimate(utility),
                tone: tone,
                marker: marker,
                hollow: isHollow(subject),
                tooltip: "\(subject.name): jailbreak \(Format.rate(rate)), utility \(reading.utilityText(utility))"
            )
        }
        guard points.contains(where: { $0.marker == .diamond }) else { return nil }
        let utilities = points.flatMap { [$0.y.low, $0.y.high] }
        let unit = reading.utilityIsShare ? ", %" : ""
        return Chart.Scatter(
            frame: Chart.Frame(
                id: "figure-3",
                title: "Risk against utility of the defences",
                description: findings.figureThree
            ),
            points: points,
            xScale: .share,
            yScale: .around(utilities, within: reading.utilityIsShare ? 0...1 : nil),
            xTitle: "jailbreak rate, % (lower is better)",
            yTitle: "\(Format.shortened(reading.utilityMetric, to: 24))\(unit)",
            xTick: { Format.fixed($0 * 100, 0) },
            yTick: utilityTick
        )
    }

    /// The loss along training, one small chart per phase.
    var losses: [Chart.Trace] {
        phases.enumerated().map { index, phase in
            let points = reading.report.training.filter { $0.phase == phase }.map { (step: $0.step, value: $0.loss) }
            let first = points.first { $0.value.isFinite }?.value ?? .nan
            let last = points.last { $0.value.isFinite }?.value ?? .nan
            return Chart.Trace(
                frame: Chart.Frame(
                    id: "figure-4-\(index + 1)",
                    title: "Training loss, phase \(phase)",
                    description:
                        "from \(Format.plain(first)) to \(Format.plain(last)) over \(points.count) logged steps."
                ),
                heading: Format.shortened(phase, to: 36),
                points: points,
                xTitle: "optimiser step",
                yTitle: "loss, nats per token"
            )
        }
    }

    /// The phases of training in the order they appear.
    var phases: [String] { reading.report.training.map(\.phase).uniqued() }

    private typealias Course = (axis: String, name: String, short: String, tone: Chart.Tone, marker: Chart.Marker)

    /// The rates that are followed along training.
    private var courses: [Course] {
        [(Axis.jailbreak, "Jailbreak rate", "jailbreak", .risk, .circle)] + refusalCourses
    }

    /// The suites on which a refusal is the hit, as many as there are looks; the tables hold the others.
    private var refusalCourses: [Course] {
        let looks = [(Chart.Tone.refusal, Chart.Marker.square), (.ordinary, .triangle)]
        return zip(reading.refusalAxes, looks).map { axis, look in
            let name = Format.shortened(reading.suiteName(axis), to: 14)
            return (axis, "Refused, \(name)", name, look.0, look.1)
        }
    }

    private var utilityCourse: Chart.LinePlot.Series? {
        let points = reading.checkpoints.compactMap { subject in
            reading.utility(of: subject).map { (step: subject.step ?? 0, estimate: estimate($0)) }
        }
        guard !points.isEmpty else { return nil }
        return .init(name: "Utility", shortName: "utility", tone: .utility, marker: .diamond, points: points)
    }

    var utilityScale: Chart.LinearScale {
        guard !reading.utilityIsShare else { return .share }
        return .around(reading.report.subjects.compactMap { reading.utility(of: $0) }.flatMap { [$0.low, $0.high] })
    }

    private var utilityTick: (Double) -> String {
        reading.utilityIsShare ? { Format.fixed($0 * 100, 0) } : { Format.plain($0) }
    }

    private func isHollow(_ subject: RunReport.Subject) -> Bool {
        subject.kind == .base || subject.kind == .reference
    }

    private func mark(
        _ rate: RunReport.Rate,
        _ tone: Chart.Tone,
        _ marker: Chart.Marker,
        of subject: RunReport.Subject
    ) -> Chart.DotPlot.Mark {
        .init(estimate: estimate(rate), tone: tone, marker: marker, hollow: isHollow(subject))
    }

    func estimate(_ rate: RunReport.Rate) -> Chart.Estimate {
        Chart.Estimate(value: rate.rate ?? .nan, low: rate.low, high: rate.high)
    }

    func estimate(_ utility: RunReport.Utility) -> Chart.Estimate {
        Chart.Estimate(value: utility.value ?? .nan, low: utility.low, high: utility.high)
    }
}
