import Foundation

/// The panel of Figure 1 that holds all axes: how many times the reference's rate each subject has, on a scale of doublings.
///
/// It draws the report's own ratios and intervals and computes none.
extension Figures {
    /// Ratios of the tuned model, alone and behind a guard, and of the best defence by axis; nil where jailbreaks and
    /// refusals are all that was measured.
    var axesPanel: Chart.DotPlot? {
        let axes = reading.axes
        guard let reference = reading.reference, let tuned = reading.tuned,
            axes.contains(where: { $0 != Axis.jailbreak && !reading.refusalAxes.contains($0) })
        else { return nil }
        var looks: [(subject: RunReport.Subject, tone: Chart.Tone, marker: Chart.Marker)] = [(tuned, .risk, .circle)]
        if let guarded = reading.guarded { looks.append((guarded, .ordinary, .triangle)) }
        if let best = findings.bestDefence { looks.append((best.subject, .utility, .diamond)) }
        let rows = axes.map { axis in
            let compared = looks.map { look in (look, reading.comparison(of: look.subject, on: axis)) }
            let rates = [reference] + looks.map(\.subject)
            return Chart.DotPlot.Row(
                label: reading.suiteName(axis),
                isStrong: false,
                marks: compared.compactMap { look, comparison in
                    estimate(comparison).map {
                        .init(estimate: $0, tone: look.tone, marker: look.marker, hollow: false)
                    }
                },
                notes: [
                    Format.course(rates.map { reading.rate(of: $0, on: axis)?.rate }),
                    compared.map { $0.1.flatMap { $0.ratio == nil ? nil : Format.ratio($0) } ?? Format.dash }
                        .joined(separator: "\n"),
                ],
                tooltip: "\(reading.title(axis)): "
                    + compared.map { "\($0.0.subject.name) \($0.1.map { Format.ratio($0) } ?? "not compared")" }
                    .joined(separator: ", "),
                missing: Self.missing(compared.compactMap(\.1)),
                strongLines: compared.map { $0.1?.isClear == true }
            )
        }
        let example = Chart.Estimate(value: 0, low: 0, high: 0)
        return Chart.DotPlot(
            frame: Chart.Frame(
                id: "figure-1-axes",
                title: "Risk ratio by axis",
                description:
                    "How many times the rate of \(reference.name) each subject has on every axis, with 95 % intervals."
            ),
            heading: "Risk ratio by axis",
            rows: rows,
            columns: [
                .init(
                    title: (["before"]
                        + looks.map { $0.tone == .risk ? "tuned" : $0.tone == .utility ? "defended" : "guarded" })
                        .joined(
                            separator: " → "
                        ),
                    width: looks.count > 2 ? 250 : 186
                ),
                .init(title: "ratio [95 % interval]", width: 150),
            ],
            scale: Self.doublings(around: rows.flatMap(\.marks).map(\.estimate)),
            axisTitle: "rate over the rate of \(Format.shortened(reference.name, to: 18)) (lower is better)",
            tick: { Format.ratio(exp2($0)) },
            reference: 0,
            key: looks.map {
                (
                    .init(estimate: example, tone: $0.tone, marker: $0.marker, hollow: false),
                    Format.shortened($0.subject.name, to: 18)
                )
            }
        )
    }

    /// Why an axis has no marks.
    private static func missing(_ comparisons: [RunReport.Comparison]) -> String {
        guard comparisons.contains(where: { $0.n > 0 }) else { return "not measured" }
        let hasRatio = comparisons.contains { $0.ratio != nil }
        return hasRatio ? "too few hits for an interval" : "no hits in the reference"
    }

    /// A ratio in doublings.
    private func estimate(_ comparison: RunReport.Comparison?) -> Chart.Estimate? {
        guard let comparison, let ratio = comparison.ratio, let low = comparison.ratioLow,
            let high = comparison.ratioHigh
        else { return nil }
        return Chart.Estimate(value: log2(ratio), low: log2(low), high: min(64, log2(high)))
    }

    /// Whole doublings around the ratios; a ratio of 0 stands at the edge.
    private static func doublings(around estimates: [Chart.Estimate]) -> Chart.LinearScale {
        let ends = estimates.flatMap { [$0.value, $0.low, $0.high] }.filter(\.isFinite)
        return Chart.LinearScale(
            lower: min(-1, max(-5, (ends.min() ?? 0).rounded(.down))),
            upper: max(1, min(6, (ends.max() ?? 0).rounded(.up))),
            start: 0,
            end: 1
        )
    }
}
