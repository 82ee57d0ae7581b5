/// Renders a report for a terminal: one compact table, the takeaway, and the risk along training as a sparkline.
///
/// It returns text and prints nothing. Names are stripped of control characters, so none can move the cursor.
public enum TerminalSummary {
    /// The summary, at most `width` columns wide; `color` allows ANSI colours.
    public static func render(_ report: RunReport, width: Int = 80, color: Bool = false) -> String {
        let reading = Reading(report)
        let findings = Findings(reading: reading)
        let width = max(40, width)
        var lines = [style(clean(report.name), .bold, color)]
        for reason in report.invalidity {
            lines += wrapped("This run is invalid. " + reason, width: width).map { style($0, .red, color) }
        }
        lines += wrapped(findings.takeaway, width: width)
        if let controls = report.controls, !controls.isEmpty {
            let outcomes = controls.map { "\($0.name): \($0.outcome.rawValue)" }
            lines += wrapped("Controls: " + outcomes.joined(separator: ", ") + ".", width: width)
        }
        if !reading.principal.isEmpty {
            lines.append("")
            lines += table(reading, width: width, color: color)
        }
        if let spark = sparkline(reading, width: width, color: color) {
            lines.append("")
            lines += spark
        }
        return lines.map { $0.replacing("\u{A0}", with: " ") }.joined(separator: "\n") + "\n"
    }

    private enum Style: String {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
    }

    private static func style(_ text: String, _ style: Style, _ color: Bool) -> String {
        color ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    private static func clean(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars where scalar.properties.generalCategory != .control {
            if scalar.properties.generalCategory != .format { result.unicodeScalars.append(scalar) }
        }
        return result
    }

    private static func table(_ reading: Reading, width: Int, color: Bool) -> [String] {
        let subjects = reading.principal
        var columns: [[String]] = [
            ["subject"] + subjects.map { Format.shortened(clean($0.name), to: 20) },
            ["jailbreak"] + subjects.map { Format.rate(reading.rate(of: $0)) },
            ["ratio"]
                + subjects.map { subject in
                    guard subject.name != reading.reference?.name else { return "reference" }
                    return reading.comparison(of: subject).map { comparison in
                        comparison.ratio == nil ? Format.dash : Format.ratio(comparison)
                    } ?? Format.dash
                },
        ]
        let more: [[String]] = [
            ["n"] + subjects.map { reading.rate(of: $0).map { String($0.n) } ?? Format.dash },
            ["over-refusal"] + subjects.map { Format.rate(reading.rate(of: $0, on: Axis.overRefusal)) },
            ["utility"] + subjects.map { reading.utilityText(reading.utility(of: $0)) },
        ]
        func length(_ columns: [[String]]) -> Int {
            columns.reduce(0) { $0 + ($1.map(\.count).max() ?? 0) } + 2 * (columns.count - 1)
        }
        for column in more where column.dropFirst().contains(where: { $0 != Format.dash }) {
            if length(columns + [column]) <= width { columns.append(column) }
        }
        while length(columns) > width, columns.count > 2 { columns.removeLast() }
        let widths = columns.map { $0.map(\.count).max() ?? 0 }
        return (0...subjects.count).map { row in
            var line = ""
            for (index, column) in columns.enumerated() {
                let padding = String(repeating: " ", count: widths[index] - column[row].count)
                var cell = index == 0 ? column[row] + padding : "  " + padding + column[row]
                if row > 0, index == 1, let tone = tone(of: subjects[row - 1], reading) {
                    cell = style(cell, tone, color)
                }
                line += cell
            }
            return row == 0 ? style(line, .dim, color) : line
        }
    }

    /// Red when clearly above the reference, green when clearly below.
    private static func tone(of subject: RunReport.Subject, _ reading: Reading) -> Style? {
        guard let comparison = reading.comparison(of: subject), comparison.isClear else { return nil }
        return comparison.rises ? .red : .green
    }

    private static func sparkline(_ reading: Reading, width: Int, color: Bool) -> [String]? {
        let points = reading.checkpoints.compactMap { subject in
            reading.rate(of: subject)?.rate.map { (step: subject.step ?? 0, rate: $0) }
        }
        guard points.count > 1, let first = points.first, let last = points.last else { return nil }
        let blocks = Array("▁▂▃▄▅▆▇█")
        let room = max(8, width - 44)
        let stride = (points.count + room - 1) / room
        let kept = points.indices.filter { (points.count - 1 - $0) % stride == 0 }
        let bars = String(
            kept.map { blocks[min(max(Int((points[$0].rate * 7).rounded()), 0), blocks.count - 1)] }
        )
        return [
            "risk  \(Format.percent(first.rate)) \(style(bars, .bold, color)) \(Format.percent(last.rate))",
            style("      step \(first.step) to \(last.step), scale 0 to 100 %", .dim, color),
        ]
    }

    private static func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in clean(text).split(separator: " ") {
            if !line.isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            line += line.isEmpty ? String(word) : " " + word
        }
        return line.isEmpty ? lines : lines + [line]
    }
}
