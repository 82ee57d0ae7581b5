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
            let (left, right, top) = (compact ? 34.0 : 40.0, width - 10, 58.0)
            let places = positions(from: left + 24, to: right - 24)
            let names = labels(at: places, width: width, compact: compact)
            let bottom = height - 47 - 15 * Double(names.compactMap { $0?.row }.max() ?? 0)
            let y = LinearScale.share.spanning(bottom, top)
            let values = values(at: places, y, width: width, compact: compact)
            var parts: [Markup] = [Chart.text(yTitle, x: 0, y: 14, style: "small muted")] + key(y: 36)
            for value in y.ticks(4) {
                parts.append(Chart.line(left, y.position(value), right, y.position(value), style: "grid"))
                let text = Format.fixed(value * 100, 0)
                parts.append(
                    Chart.text(text, x: left - 8, y: y.position(value) + 4, anchor: "end", style: "small muted")
                )
            }
            parts.append(Chart.line(left, bottom, right, bottom, style: "axis"))
            let titles = groupTitles.sorted { $0.key < $1.key }.compactMap {
                (group, title) -> (text: String, centre: Double)? in
                let own = columns.indices.filter { columns[$0].group == group }.map { places[$0] }
                guard let first = own.first, let last = own.last else { return nil }
                return (text: title, centre: (first + last) / 2)
            }
            for (title, x) in zip(titles, Chart.apart(titles, within: 0...width)) {
                parts.append(Chart.text(title.text, x: x, y: height - 6, anchor: "middle", style: "small muted"))
            }
            for index in columns.indices {
                var marks = [column(index, places, y)]
                if let value = values[index] { marks.append(value) }
                if let name = names[index] {
                    let row = bottom + 19 + 15 * Double(name.row)
                    marks.append(Chart.text(name.text, x: name.centre, y: row, anchor: "middle", style: "small"))
                }
                parts.append("<g class=\"beat\" data-beat=\"\(firstBeat + index)\">\(marks)</g>")
            }
            return Chart.svg(frame, width: width, height: height, variant: compact ? "narrow" : "wide", parts)
        }

        /// What is written below each column.
        func labels(at places: [Double], width: Double, compact: Bool) -> [PlacedLabel?] {
            let labels = zip(columns, places).map { column, place in
                AxisLabel(text: column.label, centre: place, isName: column.group != joined)
            }
            return Chart.placed(labels, rows: 3, limit: compact ? 12 : 18, within: 0...width)
        }

        /// Where a mark stands: those that no line tells apart stand beside each other.
        private func place(_ mark: Mark, _ index: Int, _ places: [Double]) -> Double {
            let step = Double(mark.series) - Double(looks.count - 1) / 2
            return places[index] + (columns[index].group == joined ? 0 : 8 * step)
        }

        private func column(_ index: Int, _ places: [Double], _ y: LinearScale) -> Markup {
            let column = columns[index]
            var parts: [Markup] = []
            for mark in column.marks {
                let x = place(mark, index, places)
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
            return Markup(joining: parts)
        }

        /// The first series' value beside each of its marks, out of the way of those that are there already.
        private func values(at places: [Double], _ y: LinearScale, width: Double, compact: Bool) -> [Markup?] {
            var taken: [Box] = []
            return columns.indices.map { index in
                let column = columns[index]
                guard let mark = column.marks.first(where: { $0.series == 0 }) else { return nil }
                let (x, height) = (place(mark, index, places), y.position(mark.estimate.value))
                let text = Format.fixed(mark.estimate.value * 100, 0)
                // Left of a line that rises is room, and beside its end.
                let rises = column.group == joined
                // Where there is little room, the values on the way are there only while their beat is.
                let isEnd = [index - 1, index + 1].contains {
                    !columns.indices.contains($0) || columns[$0].group != joined
                }
                let isLast = rises && (index + 1 == columns.count || columns[index + 1].group != joined)
                let passes = compact && (rises ? !isEnd : column.group > joined)
                let goesRight = isLast || column.group < joined
                let isAbove = rises && !isLast && height > y.end + 24
                let wish = Spot(goesRight ? 9 : -9, isAbove ? -12 : 4)
                let spots = [wish, Spot(-9, 4), Spot(9, 4), Spot(0, -12), Spot(0, 20), Spot(-9, 20), Spot(9, 20)]
                let free = spots.first { spot in
                    let box = spot.box(of: text, x, height)
                    // Below the axis stand the columns' names.
                    let isInside = box.left >= 0 && box.right <= width && box.bottom <= y.start + 8
                    return isInside && !taken.contains { $0.overlaps(box) }
                }
                let spot = free ?? wish
                if !passes { taken.append(spot.box(of: text, x, height)) }
                return Chart.text(
                    text,
                    x: x + spot.across,
                    y: height + spot.down,
                    anchor: spot.across == 0 ? "middle" : spot.across > 0 ? "start" : "end",
                    style: passes ? "number strong passing" : "number strong"
                )
            }
        }

        /// Where a value stands beside its mark: to the right, to the left or, at 0 across, in the middle.
        private struct Spot {
            let across: Double
            let down: Double

            init(_ across: Double, _ down: Double) {
                (self.across, self.down) = (across, down)
            }

            /// What it takes up beside a mark at `x` and `y`.
            func box(of text: String, _ x: Double, _ y: Double) -> Box {
                let width = Double(text.count) * 8
                let left = x + across - (across == 0 ? width / 2 : across > 0 ? 0 : width)
                return Box(left: left, top: y + down - 11, right: left + width, bottom: y + down + 3)
            }
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
