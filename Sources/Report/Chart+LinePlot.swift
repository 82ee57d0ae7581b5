extension Chart {
    /// Lines with markers and interval bands over steps, each named where it ends.
    struct LinePlot {
        /// One line.
        struct Series {
            let name: String
            let shortName: String
            let tone: Tone
            let marker: Marker
            let points: [(step: Int, estimate: Estimate)]
        }

        /// A dashed level with its name.
        struct Level {
            let name: String
            let shortName: String
            let value: Double
        }

        let frame: Frame
        let series: [Series]
        let levels: [Level]
        let scale: LinearScale
        let xTitle: String
        let yTitle: String
        let format: (Double) -> String
        /// Writes an interval beside a value.
        let range: (Estimate) -> String
        let tick: (Double) -> String

        /// Draws at a width; the compact form has shorter names at the line ends.
        func draw(width: Double, height: Double, compact: Bool) -> Markup {
            let left = compact ? 42.0 : 52.0
            let right = width - (compact ? 122 : 208)
            let top = 34.0
            let bottom = height - 50
            let y = scale.spanning(bottom - 2, top)
            let steps = series.flatMap { $0.points.map(\.step) }
            let x = OrdinalScale(steps, start: left + 18, end: right - 14)
            var parts: [Markup] = [Chart.text(yTitle, x: 0, y: 14, style: "small muted")]
            for value in y.ticks() {
                let position = y.position(value)
                parts.append(Chart.line(left, position, right, position, style: "grid"))
                parts.append(Chart.text(tick(value), x: left - 8, y: position + 4, anchor: "end", style: "small muted"))
            }
            let digits = steps.map { String($0).count }.max() ?? 1
            for step in x.labelled(minimumGap: max(compact ? 24 : 34, Double(digits) * 8 + 4)) {
                let position = x.position(step)
                parts.append(Chart.line(position, bottom, position, bottom + 4, style: "axis"))
                parts.append(
                    Chart.text(String(step), x: position, y: bottom + 19, anchor: "middle", style: "small muted")
                )
            }
            parts.append(Chart.line(left, bottom, right, bottom, style: "axis"))
            parts.append(
                Chart.text(xTitle, x: (left + right) / 2, y: height - 8, anchor: "middle", style: "small muted")
            )
            for level in levels {
                parts.append(
                    Chart.line(left, y.position(level.value), right, y.position(level.value), style: "reference")
                )
            }
            parts += series.map { band(of: $0, x: x, y: y) }
            parts += series.map { line(of: $0, x: x, y: y) }
            parts += endLabels(y: y, right: right, compact: compact)
            return Chart.svg(frame, width: width, height: height, variant: compact ? "narrow" : "wide", parts)
        }

        private func band(of series: Series, x: OrdinalScale, y: LinearScale) -> Markup {
            guard series.points.count > 1 else { return "" }
            let upper = series.points.map { (x.position($0.step), y.position($0.estimate.high)) }
            let lower = series.points.reversed().map { (x.position($0.step), y.position($0.estimate.low)) }
            return Chart.polygon(upper + lower, style: "band tone-\(series.tone.rawValue)")
        }

        private func line(of series: Series, x: OrdinalScale, y: LinearScale) -> Markup {
            let points = series.points.map { (x.position($0.step), y.position($0.estimate.value)) }
            var parts = [Chart.polyline(points, style: "line tone-\(series.tone.rawValue)")]
            for (step, estimate) in series.points {
                let position = x.position(step)
                let style = "whisker tone-\(series.tone.rawValue)"
                let mark = Chart.mark(series.marker, x: position, y: y.position(estimate.value), tone: series.tone)
                // One lone checkpoint has no band, so its interval is drawn as a whisker.
                let whisker =
                    series.points.count > 1
                    ? ""
                    : Chart.line(position, y.position(estimate.low), position, y.position(estimate.high), style: style)
                let text = "\(series.name), step \(step): \(format(estimate.value))"
                parts.append("<g><title>\(text)</title>\(whisker)\(mark)</g>")
            }
            return Markup(joining: parts)
        }

        private func endLabels(y: LinearScale, right: Double, compact: Bool) -> [Markup] {
            struct Label {
                let position: Double
                let name: String
                let value: String
                let series: Series?
            }
            var labels: [Label] = []
            for entry in series {
                guard let last = entry.points.last?.estimate else { continue }
                let interval = compact ? "" : " " + range(last)
                let name = compact ? entry.shortName : entry.name
                labels.append(
                    Label(
                        position: y.position(last.value),
                        name: name,
                        value: format(last.value) + interval,
                        series: entry
                    )
                )
            }
            for level in levels {
                let name = compact ? level.shortName : Format.abridged(level.name, to: 24)
                labels.append(
                    Label(position: y.position(level.value), name: name, value: format(level.value), series: nil)
                )
            }
            let placed = Chart.spread(
                labels.map(\.position),
                gap: 37,
                within: min(y.start, y.end) + 6...max(y.start, y.end) - 8
            )
            var parts: [Markup] = []
            for (label, position) in zip(labels, placed) {
                let tone = label.series?.tone ?? .neutral
                parts.append(
                    Chart.line(right + 2, label.position, right + 12, position, style: "leader tone-\(tone.rawValue)")
                )
                if let series = label.series {
                    parts.append(Chart.mark(series.marker, x: right + 19, y: position, tone: tone))
                } else {
                    parts.append(Chart.line(right + 12, position, right + 26, position, style: "reference"))
                }
                parts.append(Chart.text(label.name, x: right + 31, y: position, style: "label strong"))
                parts.append(Chart.text(label.value, x: right + 31, y: position + 15, style: "number muted"))
            }
            return parts
        }
    }

    /// A small line of a quantity over training, without intervals.
    struct Trace {
        let frame: Frame
        let heading: String
        let points: [(step: Int, value: Double)]
        let xTitle: String
        let yTitle: String

        /// Draws at a fixed small size.
        func draw(width: Double = 320, height: Double = 190) -> Markup {
            let finite = points.filter { $0.value.isFinite }
            let scale = LinearScale.around(finite.map(\.value))
            let y = scale.spanning(height - 44, 50)
            let first = Double(points.first?.step ?? 0)
            let last = Double(points.last?.step ?? 1)
            let x = LinearScale(lower: first, upper: max(last, first + 1), start: 46, end: width - 12)
            var parts: [Markup] = [
                Chart.text(heading, x: 0, y: 14, style: "heading"),
                Chart.text(yTitle, x: 0, y: 31, style: "small muted"),
            ]
            for value in y.ticks(4) {
                parts.append(Chart.line(46, y.position(value), width - 12, y.position(value), style: "grid"))
                let text = Format.plain(value)
                parts.append(Chart.text(text, x: 38, y: y.position(value) + 4, anchor: "end", style: "small muted"))
            }
            let steps = last > first ? [points.first?.step ?? 0, points.last?.step ?? 0] : [points.first?.step ?? 0]
            for step in steps {
                parts.append(
                    Chart.text(
                        String(step),
                        x: x.position(Double(step)),
                        y: height - 26,
                        anchor: "middle",
                        style: "small muted"
                    )
                )
            }
            parts.append(
                Chart.text(xTitle, x: (46 + width - 12) / 2, y: height - 8, anchor: "middle", style: "small muted")
            )
            for run in Trace.unbroken(Trace.thinned(points, to: 240)) {
                let line = run.map { (x.position(Double($0.step)), y.position($0.value)) }
                parts.append(Chart.polyline(line, style: "line tone-neutral"))
                if run.count == 1, let point = line.first {
                    parts.append(Chart.mark(.circle, x: point.0, y: point.1, tone: .neutral))
                }
            }
            if finite.count < points.count {
                let text = "\(points.count - finite.count) steps without a finite loss"
                parts.append(Chart.text(text, x: width - 12, y: 56, anchor: "end", style: "small strong"))
            }
            return Chart.svg(frame, width: width, height: height, variant: "", parts)
        }

        /// At most about `limit` points, the last one kept.
        static func thinned(_ points: [(step: Int, value: Double)], to limit: Int) -> [(step: Int, value: Double)] {
            guard points.count > limit, limit > 0 else { return points }
            let stride = (points.count + limit - 1) / limit
            let last = points.count - 1
            return points.indices.filter { (last - $0) % stride == 0 || !points[$0].value.isFinite }.map { points[$0] }
        }

        /// Splits where a value is not finite, so a diverged stretch is a gap and not a line.
        static func unbroken(_ points: [(step: Int, value: Double)]) -> [[(step: Int, value: Double)]] {
            points.split { !$0.value.isFinite }.map(Array.init)
        }
    }
}
