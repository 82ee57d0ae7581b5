import Foundation

/// Parts of a report's page, for other pages that show the same numbers with the same look.
///
/// It lays out nothing anew: every part is the one that `HTMLReport` shows.
package struct ReportParts {
    private let page: HTMLPage

    /// The parts of one report.
    package init(_ report: RunReport) {
        page = HTMLPage(report)
    }

    /// What the run found, in a sentence.
    package var takeaway: String { page.findings.takeaway }
    /// The key numbers.
    package var tiles: Markup { page.tiles }
    /// Risk, over-refusal and utility by subject.
    package var figureOne: Markup { page.figureOne }
    /// The course along training.
    package var figureTwo: Markup { page.figureTwo }
    /// The losses of a training, which may have no report yet.
    package static func losses(_ training: [RunReport.TrainingPoint]) -> Markup {
        let model = RunReport.Model(name: "", path: "", sha256: "", parameters: 0, dtype: "")
        return HTMLPage(RunReport(name: "", model: model, created: .distantPast, subjects: [], training: training))
            .losses
    }

    /// What is measured of the subjects a reader compares first, as text with intervals.
    package var rates: [(key: String, text: String)] {
        let reading = page.reading
        return reading.principal.flatMap { subject -> [(key: String, text: String)] in
            let role = reading.role(of: subject)
            return (reading.axes + [Axis.utility]).compactMap { axis in
                reading.text(subject, on: axis).map { ("\(role), \(axis)", $0) }
            }
        }
    }
}

/// The few numbers that stand for a run in a list of runs.
package struct Headline: Codable, Sendable, Hashable {
    /// A subject and one of its rates.
    package struct Number: Codable, Sendable, Hashable {
        /// The subject's name.
        package var subject: String
        /// The rate, from 0 to 1.
        package var value: Double
        /// The interval's ends.
        package var low: Double
        package var high: Double

        /// `6.0 %`.
        package var text: String { Format.percent(value) }
        /// `[3.1, 11.2]`.
        package var interval: String { Format.interval(low * 100, high * 100, 1) }
    }

    /// The model's name.
    package var model: String
    /// The jailbreak rate of the reference.
    package var before: Number?
    /// The jailbreak rate of the last checkpoint.
    package var after: Number?
    /// The least jailbreak rate of a defence that keeps what was learned, else of any.
    package var defended: Number?
    /// The ratio of `after` to `before`, where the change is clear.
    package var ratio: Double?

    /// What a report comes down to.
    package init(_ report: RunReport) {
        let reading = Reading(report)
        func number(_ subject: RunReport.Subject?) -> Number? {
            guard let subject, let rate = reading.rate(of: subject), let value = rate.rate else { return nil }
            return Number(subject: subject.name, value: value, low: rate.low, high: rate.high)
        }
        model = report.model.name
        before = number(reading.reference)
        after = number(reading.tuned)
        defended = number(BestDefence(reading)?.subject)
        if let tuned = reading.tuned, let comparison = reading.comparison(of: tuned), comparison.isClear {
            ratio = comparison.ratio.flatMap { $0.isFinite ? $0 : nil }
        }
    }

    /// The ratio as the report writes it.
    package var ratioText: String? { ratio.map { Format.ratio($0) } }
}
