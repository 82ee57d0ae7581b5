/// Renders a report for a terminal: one compact table, the takeaway, and the course of training as sparklines.
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
            let columns = Layout.all.lazy.map { $0.columns(reading) }.first { length($0) <= width } ?? []
            lines += table(columns, reading, color: color)
            let ratios = columns.first { $0.first == ratioTitle }?.dropFirst() ?? []
            if ratios.contains(where: { $0 != Format.dash && $0 != referenceMark }) {
                let legend =
                    "Ratio to the \(referenceMark) on the probes graded for both; \(clearMark) = clear difference."
                lines += wrapped(legend, width: width).map { style($0, .dim, color) }
            }
        }
        let verdicts = [
            findings.advice, findings.secondJudges, findings.watched, report.search?.verdict, findings.continued,
        ]
        for verdict in verdicts.compactMap({ $0 }) {
            lines += [""] + wrapped(verdict, width: width)
        }
        if let guarding = findings.guarding { lines += [""] + wrapped(guarding, width: width) }
        let curves = curves(reading, width: width, color: color)
        if !curves.isEmpty { lines += [""] + curves }
        if let cost = report.cost { lines += [""] + wrapped("Cost: \(CostText.line(cost)).", width: width) }
        return lines.map { $0.replacing("\u{A0}", with: " ").replacing("\u{202F}", with: " ") }.joined(separator: "\n")
            + "\n"
    }

    enum Style: String {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
    }

    static func style(_ text: String, _ style: Style, _ color: Bool) -> String {
        color ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    static func clean(_ text: String) -> String {
        var result = ""
        for scalar in text.unicodeScalars where scalar.properties.generalCategory != .control {
            if scalar.properties.generalCategory != .format { result.unicodeScalars.append(scalar) }
        }
        return result
    }

    /// The title of the ratios' column, and what follows a ratio that is clear.
    static let (ratioTitle, clearMark) = ("ratio", "*")
    /// What stands there for the subject that the others are compared with.
    static let referenceMark = "reference"

    private static func table(_ columns: [[String]], _ reading: Reading, color: Bool) -> [String] {
        let subjects = reading.principal
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

    private static func length(_ columns: [[String]]) -> Int {
        columns.reduce(0) { $0 + ($1.map(\.count).max() ?? 0) } + 2 * (columns.count - 1)
    }

    /// Red when clearly above the reference, green when clearly below.
    private static func tone(of subject: RunReport.Subject, _ reading: Reading) -> Style? {
        guard let comparison = reading.comparison(of: subject), comparison.isClear else { return nil }
        return comparison.rises ? .red : .green
    }

    static func wrapped(_ text: String, width: Int) -> [String] {
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
