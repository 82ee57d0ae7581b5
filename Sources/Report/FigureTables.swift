/// The numbers behind each figure as plain rows, shared by the tables under the figures and by the CSV files.
struct FigureTable {
    /// The file's name without extension, such as `figure-1`.
    let name: String
    /// The columns.
    let header: [String]
    /// The cells, as many per row as there are columns.
    let rows: [[Cell]]

    /// One cell.
    enum Cell {
        case text(String)
        case number(Double)
        case integer(Int)
        case empty
    }

    /// The tables of every figure a report has.
    static func all(_ report: RunReport) -> [FigureTable] {
        let reading = Reading(report)
        var tables = [
            FigureTable(
                name: "figure-1",
                header: measureHeader + ["ratio", "ratio_low", "ratio_high"],
                rows: reading.principal.flatMap { subject in
                    measures(of: subject, in: reading).map { axis, cells in
                        let comparison = reading.comparison(of: subject, on: axis)
                        let ratio = [comparison?.ratio, comparison?.ratioLow, comparison?.ratioHigh]
                        return [.text(subject.name), .text(axis)] + cells + ratio.map(optional)
                    }
                }
            ),
            FigureTable(
                name: "figure-2",
                header: ["step"] + measureHeader,
                rows: reading.checkpoints.flatMap { subject in
                    measures(of: subject, in: reading).map { axis, cells in
                        [subject.step.map { .integer($0) } ?? .empty, .text(subject.name), .text(axis)] + cells
                    }
                }
            ),
        ]
        if !reading.courses.isEmpty {
            tables.append(
                FigureTable(
                    name: "figure-2-continued",
                    header: ["course", "step"] + measureHeader,
                    rows: reading.courses.flatMap { course in
                        course.points.flatMap { step, subject in
                            measures(of: subject, in: reading).map { axis, cells in
                                [.text(course.defence ?? "plain"), .integer(step), .text(subject.name), .text(axis)]
                                    + cells
                            }
                        }
                    }
                )
            )
        }
        let defended = reading.principal.filter { reading.rate(of: $0) != nil && reading.utility(of: $0) != nil }
        if !reading.defences.isEmpty {
            tables.append(
                FigureTable(
                    name: "figure-3",
                    header: measureHeader,
                    rows: defended.flatMap { subject in
                        measures(of: subject, in: reading).filter { axis, _ in
                            axis == Axis.jailbreak || axis == Axis.utility
                        }
                        .map { axis, cells in [.text(subject.name), .text(axis)] + cells }
                    }
                )
            )
        }
        if !reading.quantized.isEmpty {
            tables.append(
                FigureTable(
                    name: "quantization",
                    header: ["of", "format", "bits_per_weight"] + measureHeader,
                    rows: reading.quantized.flatMap { subject in
                        measures(of: subject, in: reading).map { axis, cells in
                            [
                                .text(subject.quantization?.of ?? ""), .text(subject.quantization?.format ?? ""),
                                optional(subject.quantization?.bitsPerWeight), .text(subject.name), .text(axis),
                            ] + cells
                        }
                    }
                )
            )
        }
        tables.append(
            FigureTable(
                name: "figure-4",
                header: ["phase", "step", "loss", "learning_rate", "grad_norm", "tokens_per_second"],
                rows: report.training.map {
                    [
                        .text($0.phase), .integer($0.step), .number($0.loss), .number($0.learningRate),
                        .number($0.gradientNorm), .number($0.tokensPerSecond),
                    ]
                }
            )
        )
        return tables + further(report)
    }

    /// The tables of what has no figure of its own.
    private static func further(_ report: RunReport) -> [FigureTable] {
        var tables: [FigureTable] = []
        if let board = Figures(report).board {
            let reading = Reading(report)
            tables.append(
                FigureTable(
                    name: "story",
                    header: ["beat"] + measureHeader + ["grade"],
                    rows: board.beats.enumerated().flatMap { index, beat in
                        measures(of: beat.subject, in: reading).filter {
                            [Axis.jailbreak, Axis.overRefusal, Axis.utility].contains($0.axis)
                        }
                        .map { axis, cells in
                            let grade = axis == board.trail?.axis ? beat.answer.map { Cell.text($0.grade) } : nil
                            return [.integer(index + 1), .text(beat.subject.name), .text(axis)] + cells + [
                                grade ?? .empty
                            ]
                        }
                    }
                )
            )
        }
        if let corrected = report.correctedRates {
            tables.append(
                FigureTable(
                    name: "corrected-rates",
                    header: [
                        "subject", "axis", "judge", "rate", "rate_low", "rate_high", "n", "corrected", "low", "high",
                        "note",
                    ],
                    rows: corrected.map {
                        [
                            .text($0.subject), .text($0.axis), .text($0.judge), optional($0.raw.rate),
                            .number($0.raw.low),
                            .number($0.raw.high), .integer($0.raw.n), optional($0.rate), .number($0.low),
                            .number($0.high),
                            $0.note.map { .text($0) } ?? .empty,
                        ]
                    }
                )
            )
        }
        if let cost = report.cost {
            tables.append(
                FigureTable(
                    name: "cost",
                    header: ["phase", "work", "tokens", "generated", "flops", "seconds", "energy_kwh", "money"],
                    rows: (cost.phases.map { ($0, $0.work.rawValue) } + [(cost.total, "all")]).map { phase, work in
                        [
                            .text(phase.name), .text(work), .integer(phase.tokens), .integer(phase.generated),
                            .number(phase.flops), .number(phase.seconds), .number(phase.energy), optional(phase.money),
                        ]
                    }
                )
            )
        }
        return tables
    }

    private static let measureHeader = ["subject", "axis", "metric", "value", "low", "high", "n", "unscored"]

    private static func measures(
        of subject: RunReport.Subject,
        in reading: Reading
    ) -> [(axis: String, cells: [Cell])] {
        var result: [(axis: String, cells: [Cell])] = []
        func cells(_ metric: String, _ value: Double?, _ ends: (Double, Double), _ n: Int, _ unscored: Int) -> [Cell] {
            [.text(metric), optional(value), .number(ends.0), .number(ends.1), .integer(n), .integer(unscored)]
        }
        for axis in reading.axes {
            guard let rate = subject.axes[axis] else { continue }
            let metric = reading.suite(axis)?.metric ?? axis
            result.append((axis, cells(metric, rate.rate, (rate.low, rate.high), rate.n, rate.unscored)))
        }
        if let utility = subject.utility {
            let ends = (utility.low, utility.high)
            result.append((Axis.utility, cells(utility.metric, utility.value, ends, utility.n, utility.unscored)))
        }
        return result
    }

    private static func optional(_ value: Double?) -> Cell {
        value.map { .number($0) } ?? .empty
    }
}

/// The numbers behind every figure as CSV (RFC 4180): `figure-1.csv` and so on, with shares from 0 to 1.
///
/// A text that a spreadsheet would run as a formula gets a leading apostrophe.
public func csvFiles(_ report: RunReport) -> [(name: String, text: String)] {
    FigureTable.all(report).map { table in
        let lines = [table.header.joined(separator: ",")] + table.rows.map { $0.map(\.csv).joined(separator: ",") }
        return (table.name + ".csv", lines.joined(separator: "\r\n") + "\r\n")
    }
}

extension FigureTable.Cell {
    /// The cell as CSV.
    var csv: String {
        switch self {
        case .empty: return ""
        case .integer(let value): return String(value)
        case .number(let value):
            return value.isFinite ? String(value) : value.isNaN ? "nan" : value > 0 ? "inf" : "-inf"
        case .text(var text):
            if let first = text.unicodeScalars.first, "=+-@\t\r".unicodeScalars.contains(first) { text = "'" + text }
            let isPlain = !text.unicodeScalars.contains { "\",\r\n".unicodeScalars.contains($0) }
            return isPlain ? text : "\"" + text.replacing("\"", with: "\"\"") + "\""
        }
    }

    /// The cell as a person reads it.
    var display: String {
        switch self {
        case .empty: Format.dash
        case .integer(let value): String(value)
        case .number(let value): value != 0 && abs(value) < 0.001 ? String(value) : Format.fixed(value, 4)
        case .text(let text): text
        }
    }
}
