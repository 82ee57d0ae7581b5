/// What differs between two runs: settings that are not the same, and the rates of subjects that are the same to both.
///
/// The rates stand side by side, without a test: two runs may have asked different probes.
public struct RunDifference: Sendable {
    /// One of the two runs.
    public struct Side: Sendable {
        /// Its name.
        public var name: String
        /// Its settings, by their path in the recipe.
        public var settings: [String: String]
        /// Its report, where it has come that far.
        public var report: RunReport?

        /// Creates a side.
        public init(name: String, settings: [String: String], report: RunReport?) {
            self.name = name
            self.settings = settings
            self.report = report
        }
    }

    /// A line: what it is about, and what the two runs have there.
    private struct Row {
        var key: String
        var first: String
        var second: String
    }

    private let names: (String, String)
    private let settings: [Row]
    private let rates: [Row]

    /// Compares two runs.
    public init(_ first: Side, _ second: Side) {
        names = (first.name, second.name)
        settings = Set(first.settings.keys).union(second.settings.keys).sorted().compactMap { key in
            let values = (first.settings[key] ?? Format.dash, second.settings[key] ?? Format.dash)
            return values.0 == values.1 ? nil : Row(key: key, first: values.0, second: values.1)
        }
        let readings = (first.report.map(Reading.init), second.report.map(Reading.init))
        let subjects = [readings.0, readings.1].compactMap { $0 }.flatMap { $0.principal.map($0.role) }
        let axes = [readings.0, readings.1].compactMap { $0?.axes }.joined()
        func text(_ reading: Reading?, _ subject: String, _ axis: String) -> String {
            guard let reading, let found = reading.principal.first(where: { reading.role(of: $0) == subject }) else {
                return Format.dash
            }
            return reading.text(found, on: axis) ?? Format.dash
        }
        rates = subjects.uniqued().flatMap { subject in
            (axes.uniqued() + [Axis.utility]).compactMap { axis in
                let row = Row(
                    key: "\(subject) \(axis)",
                    first: text(readings.0, subject, axis),
                    second: text(readings.1, subject, axis)
                )
                return row.first == Format.dash && row.second == Format.dash ? nil : row
            }
        }
    }

    /// The two tables for a terminal.
    public func table(width: Int = 100) -> String {
        var lines = settings.isEmpty ? ["the settings are the same"] : table("setting", settings, width)
        if !rates.isEmpty { lines += [""] + table("subject and measure", rates, width) }
        return lines.joined(separator: "\n") + "\n"
    }

    private func table(_ title: String, _ rows: [Row], _ width: Int) -> [String] {
        let all = ([Row(key: title, first: names.0, second: names.1)] + rows).map { row in
            [row.key, row.first, row.second].map { TerminalSummary.clean($0.replacing("\u{A0}", with: " ")) }
        }
        let room = max(12, (max(40, width) - 4) / 3)
        let widths = (0..<3).map { column in min(room, all.map { $0[column].count }.max() ?? 0) }
        return all.map { cells in
            zip(cells, widths).map { cell, width in
                let short = Format.shortened(cell, to: width)
                return short + String(repeating: " ", count: width - short.count)
            }.joined(separator: "  ").trimmingTrailingSpaces
        }
    }

    /// The same as JSON.
    public var json: String {
        func text(_ value: String) -> JSONText {
            value == Format.dash ? .null : .string(value.replacing("\u{A0}", with: " "))
        }
        func list(_ rows: [Row]) -> JSONText {
            .list(rows.map { ["key": .string($0.key), "first": text($0.first), "second": text($0.second)] })
        }
        let document: JSONText = [
            "first": .string(names.0), "second": .string(names.1), "settings": list(settings), "rates": list(rates),
        ]
        return document.text
    }
}

extension String {
    fileprivate var trimmingTrailingSpaces: String {
        var result = self[...]
        while result.hasSuffix(" ") { result.removeLast() }
        return String(result)
    }
}
