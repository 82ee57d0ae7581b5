extension Chart {
    /// Columns that appear one after another: lines that grow along the middle group, lone marks before and after it.
    ///
    /// Each column is a group with the number of its beat; whoever shows the chart reveals them in that order.
    struct StoryPlot {
        /// One column with a mark for each series.
        struct Column {
            let label: String
            /// Columns of one group stand together; those of the joined group are joined by lines.
            let group: Int
            let marks: [Mark]
        }

        /// One mark.
        struct Mark {
            let series: Int
            let estimate: Estimate
        }

        /// How a series looks.
        struct Look {
            let name: String
            let tone: Tone
            let marker: Marker
        }

        let frame: Frame
        let looks: [Look]
        let columns: [Column]
        /// The group whose columns are joined.
        let joined: Int
        /// What stands below each group.
        let groupTitles: [Int: String]
        let yTitle: String
        /// The beat of the first column.
        let firstBeat: Int

        /// Draws at a width; the compact form is for small screens.
        func draw(width: Double, height: Double, compact: Bool) -> Markup {
            let (left, right, top, bottom) = (compact ? 34.0 : 40.0, width - 10, 58.0, height - 62)
            let y = LinearScale.share.spanning(bottom, top)
            let places = positions(from: left + 24, to: right - 24)
            var parts: [Markup] = [Chart.text(yTitle, x: 0, y: 14, style: "small muted")] + key(y: 36)
            for value in y.ticks(4) {
                parts.append(Chart.line(left, y.position(value), right, y.position(value), style: "grid"))
                let text = Format.fixed(value * 100, 0)
                parts.append(
                    Chart.text(text, x: left - 8, y: y.position(value) + 4, anchor: "end", style: "small muted")
                )
            }
            parts.append(Chart.line(left, bottom, right, bottom, style: "axis"))
            for (group, title) in groupTitles.sorted(by: { $0.key < $1.key }) {
                let own = columns.indices.filter { columns[$0].group == group }.map { places[$0] }
                guard let first = own.first, let last = own.last else { continue }
                parts.append(
                    Chart.text(title, x: (first + last) / 2, y: height - 6, anchor: "middle", style: "small muted")
                )
            }
            for index in columns.indices {
                parts.append(column(index, places, y, bottom: bottom, compact: compact))
            }
            return Chart.svg(frame, width: width, height: height, variant: compact ? "narrow" : "wide", parts)
        }

        private func column(
            _ index: Int,
            _ places: [Double],
            _ y: LinearScale,
            bottom: Double,
            compact: Bool
        ) -> Markup {
            let column = columns[index]
            var parts: [Markup] = []
            // Marks that no line tells apart stand beside each other.
            func place(_ mark: Mark) -> Double {
                let step = Double(mark.series) - Double(looks.count - 1) / 2
                return places[index] + (column.group == joined ? 0 : 8 * step)
            }
            for mark in column.marks {
                let x = place(mark)
                let look = looks[mark.series]
                let tone = "tone-\(look.tone.rawValue)"
                if column.group == joined, index > 0, columns[index - 1].group == joined,
                    let before = columns[index - 1].marks.first(where: { $0.series == mark.series })
                {
                    parts.append(
                        """
                        <line class="line grow \(tone)" pathLength="1" x1="\(places[index - 1])" \
                        y1="\(y.position(before.estimate.value))" x2="\(x)" y2="\(y.position(mark.estimate.value))"/>
                        """
                    )
                }
                parts.append(
                    Chart.line(
                        x,
                        y.position(mark.estimate.low),
                        x,
                        y.position(mark.estimate.high),
                        style: "whisker faint \(tone)"
                    )
                )
                parts.append(Chart.mark(look.marker, x: x, y: y.position(mark.estimate.value), tone: look.tone))
            }
            // The first series' value is written beside its mark.
            if let mark = column.marks.first(where: { $0.series == 0 }) {
                // Left of a line that rises is room, and beside its end.
                let rises = column.group == joined
                // Where there is little room, the values on the way are there only while their beat is.
                let isEnd = [index - 1, index + 1].contains {
                    !columns.indices.contains($0) || columns[$0].group != joined
                }
                let isLast = rises && (index + 1 == columns.count || columns[index + 1].group != joined)
                let passes = compact && (rises ? !isEnd : column.group > joined)
                let goesRight = isLast || column.group < joined
                let above = rises && !isLast && y.position(mark.estimate.value) > y.end + 24
                parts.append(
                    Chart.text(
                        Format.fixed(mark.estimate.value * 100, 0),
                        x: place(mark) + (goesRight ? 9 : -9),
                        y: y.position(mark.estimate.value) + (above ? -12 : 4),
                        anchor: goesRight ? "start" : "end",
                        style: passes ? "number strong passing" : "number strong"
                    )
                )
            }
            // Names are longer than steps and take turns on two lines.
            let row = column.group == joined || index % 2 == 0 ? 0.0 : 15.0
            let name = Format.shortened(column.label, to: compact ? 10 : 18)
            parts.append(Chart.text(name, x: places[index], y: bottom + 19 + row, anchor: "middle", style: "small"))
            return "<g class=\"beat\" data-beat=\"\(firstBeat + index)\">\(parts)</g>"
        }

        private func key(y: Double) -> [Markup] {
            var x = 6.0
            return looks.flatMap { look -> [Markup] in
                defer { x += 26 + Double(look.name.count) * 7 }
                return [
                    Chart.mark(look.marker, x: x, y: y - 4, tone: look.tone),
                    Chart.text(look.name, x: x + 10, y: y, style: "small"),
                ]
            }
        }

        /// Even steps, with a wider one between groups; names need more room than steps do.
        private func positions(from start: Double, to end: Double) -> [Double] {
            var offsets: [Double] = []
            var place = 0.0
            for (index, column) in columns.enumerated() {
                if index > 0 {
                    let isNew = column.group != columns[index - 1].group
                    place += isNew ? 1.8 : column.group == joined ? 1 : 1.7
                }
                offsets.append(place)
            }
            guard place > 0 else { return offsets.map { _ in (start + end) / 2 } }
            return offsets.map { start + (end - start) * $0 / place }
        }
    }
}
