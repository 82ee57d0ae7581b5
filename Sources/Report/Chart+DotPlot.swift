extension Chart {
    /// Dots with whiskers, one row per subject, with the numbers written beside: a forest plot.
    struct DotPlot {
        /// One estimate of a row.
        struct Mark {
            let estimate: Estimate
            let tone: Tone
            let marker: Marker
            let hollow: Bool
        }

        /// One row.
        struct Row {
            let label: String
            let isStrong: Bool
            let marks: [Mark]
            /// One text per column; a line break starts a second line.
            let notes: [String]
            let tooltip: String
            /// What stands in the marks' place where there are none.
            var missing = "not measured"
            /// Which lines of the last column are strong; where nil, all of the row is as strong as its label.
            var strongLines: [Bool]?

            /// Whether a line of a column is strong.
            func emphasizes(line: Int, ofLastColumn isLast: Bool) -> Bool {
                guard let strongLines else { return isStrong }
                return isLast && strongLines.indices.contains(line) && strongLines[line]
            }
        }

        /// A column of text right of the plot.
        struct Column {
            let title: String
            let width: Double
        }

        let frame: Frame
        let heading: String
        let rows: [Row]
        let columns: [Column]
        let scale: LinearScale
        let axisTitle: String
        let tick: (Double) -> String
        /// Where the dashed line stands.
        let reference: Double?
        /// Explains marks when a row has two of them.
        let key: [(mark: Mark, label: String)]

        /// Whether a line is strong for what it says, not for its row.
        var hasStrongLines: Bool { rows.contains { $0.strongLines?.contains(true) == true } }

        /// Whether a mark stands at the left edge in place of a value beyond it.
        var hasMarksBelow: Bool { rows.contains { $0.marks.contains { $0.estimate.value < scale.lower } } }

        /// Labels left, plot in the middle, numbers right.
        func wide(width: Double, labelWidth: Double, rowHeight: Double = 36) -> Markup {
            let header = header(width: width)
            let top = 52.0 + header.more
            let right = width - columns.reduce(0) { $0 + $1.width }
            let bottom = top + Double(rows.count) * rowHeight
            let scale = self.scale.spanning(labelWidth, right - 20)
            var parts = header.parts + grid(scale, top: top, bottom: bottom)
            var columnX = right
            for column in columns {
                parts.append(Chart.text(column.title, x: columnX, y: top - 10, style: "small muted"))
                columnX += column.width
            }
            for (index, row) in rows.enumerated() {
                let y = top + (Double(index) + 0.5) * rowHeight
                if index > 0 {
                    parts.append(Chart.line(0, y - rowHeight / 2, width, y - rowHeight / 2, style: "hairline"))
                }
                let style = row.isStrong ? "label strong" : "label"
                let limit = Int((labelWidth - 12) / 7)
                parts.append(Chart.text(Format.abridged(row.label, to: limit), x: 0, y: y + 4, style: style))
                parts.append(marks(of: row, scale: scale, y: y))
                var x = right
                for (place, (column, note)) in zip(columns, row.notes).enumerated() {
                    let lines = note.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
                    for (line, text) in lines.enumerated() {
                        let offset = (Double(line) - Double(lines.count - 1) / 2) * 16
                        let isStrong = row.emphasizes(line: line, ofLastColumn: place == columns.count - 1)
                        parts.append(
                            Chart.text(text, x: x, y: y + 4 + offset, style: isStrong ? "number strong" : "number")
                        )
                    }
                    x += column.width
                }
            }
            return Chart.svg(frame, width: width, height: bottom + 44, variant: "wide", parts)
        }

        /// Label and numbers above the plot of each row, for small screens.
        func narrow(width: Double = 400) -> Markup {
            let header = header(width: width)
            let top = 40.0 + header.more
            // Every line of every column is one here, and marks stand below them, one below the other.
            let lines = rows.map { $0.notes.flatMap { $0.split(separator: "\n") }.count }.max() ?? 0
            let textHeight = 16.0 * Double(max(1, lines))
            let markHeight = Self.markGap * Double(max(1, rows.map(\.marks.count).max() ?? 0) - 1)
            let rowHeight = textHeight + 30 + markHeight
            let bottom = top + Double(rows.count) * rowHeight
            let scale = self.scale.spanning(8, width - 8)
            var parts = header.parts + grid(scale, top: top, bottom: bottom)
            for (index, row) in rows.enumerated() {
                let y = top + Double(index) * rowHeight
                let style = row.isStrong ? "label strong" : "label"
                // Grid and reference must not run through the text above the marks.
                parts.append(
                    "<rect class=\"cover\" x=\"0\" y=\"\(y - 3)\" width=\"\(width)\" height=\"\(textHeight + 7)\"/>"
                )
                parts.append(Chart.text(Format.abridged(row.label, to: 24), x: 0, y: y + 16, style: style))
                let notes = row.notes.flatMap { $0.split(separator: "\n").map(String.init) }
                let strongLines = row.strongLines ?? []
                // The last column's lines are the last ones.
                let before = notes.count - strongLines.count
                for (line, note) in notes.enumerated() {
                    let isStrong = strongLines.indices.contains(line - before) && strongLines[line - before]
                    let style = isStrong ? "number strong" : line == 0 ? "number" : "number muted"
                    parts.append(Chart.text(note, x: width, y: y + 16 + Double(line) * 16, anchor: "end", style: style))
                }
                parts.append(marks(of: row, scale: scale, y: y + textHeight + 13 + markHeight / 2))
            }
            return Chart.svg(frame, width: width, height: bottom + 44, variant: "narrow", parts)
        }

        /// Heading and key: beside each other, or where there is no room for that the key below, which takes `more`.
        private func header(width: Double) -> (parts: [Markup], more: Double) {
            var parts = [Chart.text(heading, x: 0, y: 15, style: "heading")]
            let widths = key.map { Chart.width(of: $0.label) + 31 }
            let all = widths.reduce(0, +)
            let isBeside = Double(heading.count) * 8 + all <= width
            var (x, y) = isBeside ? (width - all, 15.0) : (0, 35.0)
            for (entry, own) in zip(key, widths) {
                if x > 0, x + own - 20 > width { (x, y) = (0, y + 18) }
                let mark = entry.mark
                parts.append(
                    Chart.mark(mark.marker, x: x + (isBeside ? 20 : 6), y: y - 4, tone: mark.tone, hollow: mark.hollow)
                )
                parts.append(Chart.text(entry.label, x: x + (isBeside ? 31 : 17), y: y, style: "small muted"))
                x += own
            }
            return (parts, y - 15)
        }

        /// Between the marks of one row.
        private static let markGap = 15.0

        private func grid(_ scale: LinearScale, top: Double, bottom: Double) -> [Markup] {
            var parts: [Markup] = []
            let ticks = scale.ticks(abs(scale.end - scale.start) > 330 ? 5 : 4)
            for value in ticks {
                let x = scale.position(value)
                parts.append(Chart.line(x, top, x, bottom, style: "grid"))
                parts.append(Chart.text(tick(value), x: x, y: bottom + 17, anchor: "middle", style: "small muted"))
            }
            let middle = (scale.start + scale.end) / 2
            parts.append(Chart.text(axisTitle, x: middle, y: bottom + 36, anchor: "middle", style: "small muted"))
            if let reference {
                let x = scale.position(reference)
                parts.append(Chart.line(x, top, x, bottom, style: "reference"))
            }
            return parts
        }

        private func marks(of row: Row, scale: LinearScale, y: Double) -> Markup {
            var parts: [Markup] = ["<title>\(row.tooltip)</title>"]
            for (index, mark) in row.marks.enumerated() {
                let y = y + (Double(index) - Double(row.marks.count - 1) / 2) * Self.markGap
                let low = scale.position(mark.estimate.low)
                let high = scale.position(mark.estimate.high)
                let style = "whisker tone-\(mark.tone.rawValue)"
                parts.append(Chart.line(low, y, high, y, style: style))
                parts.append(Chart.line(low, y - 3.5, low, y + 3.5, style: style))
                parts.append(Chart.line(high, y - 3.5, high, y + 3.5, style: style))
                parts.append(
                    Chart.mark(
                        mark.marker,
                        x: scale.position(mark.estimate.value),
                        y: y,
                        tone: mark.tone,
                        hollow: mark.hollow
                    )
                )
            }
            if row.marks.isEmpty {
                parts.append(Chart.text(row.missing, x: scale.start + 6, y: y + 4, style: "small muted"))
            }
            return "<g>\(parts)</g>"
        }
    }
}
