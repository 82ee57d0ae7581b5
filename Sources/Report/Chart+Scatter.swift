extension Chart {
    /// Points with whiskers in both directions, each named beside itself.
    struct Scatter {
        /// One point.
        struct Point {
            let label: String
            let x: Estimate
            let y: Estimate
            let tone: Tone
            let marker: Marker
            let hollow: Bool
            let tooltip: String
        }

        let frame: Frame
        let points: [Point]
        let xScale: LinearScale
        let yScale: LinearScale
        let xTitle: String
        let yTitle: String
        let xTick: (Double) -> String
        let yTick: (Double) -> String

        /// Draws at a width; the compact form is for small screens.
        func draw(width: Double, height: Double, compact: Bool) -> Markup {
            let left = compact ? 42.0 : 52.0
            let right = width - 16
            let bottom = height - 50
            let x = xScale.spanning(left + 6, right - 6)
            let y = yScale.spanning(bottom - 6, 36)
            var parts: [Markup] = [Chart.text(yTitle, x: 0, y: 14, style: "small muted")]
            for value in y.ticks(4) {
                parts.append(Chart.line(left, y.position(value), right, y.position(value), style: "grid"))
                let text = yTick(value)
                parts.append(
                    Chart.text(text, x: left - 8, y: y.position(value) + 4, anchor: "end", style: "small muted")
                )
            }
            for value in x.ticks(compact ? 4 : 5) {
                parts.append(Chart.line(x.position(value), 30, x.position(value), bottom, style: "grid"))
                parts.append(
                    Chart.text(
                        xTick(value),
                        x: x.position(value),
                        y: bottom + 19,
                        anchor: "middle",
                        style: "small muted"
                    )
                )
            }
            parts.append(Chart.line(left, bottom, right, bottom, style: "axis"))
            parts.append(
                Chart.text(xTitle, x: (left + right) / 2, y: height - 8, anchor: "middle", style: "small muted")
            )
            parts.append(Chart.text("better: up and to the left", x: right, y: 14, anchor: "end", style: "small muted"))
            for point in points {
                let style = "whisker faint tone-\(point.tone.rawValue)"
                let centre = (x.position(point.x.value), y.position(point.y.value))
                let across = Chart.line(
                    x.position(point.x.low),
                    centre.1,
                    x.position(point.x.high),
                    centre.1,
                    style: style
                )
                let down = Chart.line(
                    centre.0,
                    y.position(point.y.low),
                    centre.0,
                    y.position(point.y.high),
                    style: style
                )
                let mark = Chart.mark(point.marker, x: centre.0, y: centre.1, tone: point.tone, hollow: point.hollow)
                parts.append("<g><title>\(point.tooltip)</title>\(across)\(down)\(mark)</g>")
            }
            parts += labels(x: x, y: y, bounds: Box(left: left, top: 22, right: right + 8, bottom: bottom))
            return Chart.svg(frame, width: width, height: height, variant: compact ? "narrow" : "wide", parts)
        }

        private func labels(x: LinearScale, y: LinearScale, bounds: Box) -> [Markup] {
            let centres = points.map { (x.position($0.x.value), y.position($0.y.value)) }
            var taken = centres.map { Box(left: $0.0 - 7, top: $0.1 - 7, right: $0.0 + 7, bottom: $0.1 + 7) }
            var whiskers: [Box] = []
            for point in points {
                let (px, py) = (x.position(point.x.value), y.position(point.y.value))
                whiskers.append(
                    Box(left: x.position(point.x.low), top: py - 1, right: x.position(point.x.high), bottom: py + 1)
                )
                whiskers.append(
                    Box(left: px - 1, top: y.position(point.y.high), right: px + 1, bottom: y.position(point.y.low))
                )
            }
            var parts: [Markup] = []
            for (point, centre) in zip(points, centres) {
                // Where there is no room a name is shortened before it touches another, or a mark.
                let spots = [22, 12, 8, 5].lazy.compactMap { limit -> (text: String, box: Box)? in
                    let text = Format.abridged(point.label, to: limit)
                    let width = Double(text.count) * 7.2
                    return Scatter.place(width: width, at: centre, avoiding: taken, whiskers, within: bounds).map {
                        (text, $0)
                    }
                }
                guard let (text, box) = spots.first else { continue }
                taken.append(box)
                let isFar = abs((box.top + box.bottom) / 2 - centre.1) > 24
                if isFar {
                    let x = min(max(centre.0, box.left), box.right)
                    let edge = box.top > centre.1 ? box.top + 2 : box.bottom - 2
                    parts.append(Chart.line(centre.0, centre.1, x, edge, style: "leader tone-neutral"))
                }
                parts.append(Chart.text(text, x: box.left, y: box.bottom - 4, style: "label strong halo"))
            }
            return parts
        }

        /// A free spot for a label: beside the point first, then ever further above and below. Where there is none it may
        /// lie on `whiskers`; nil where it would touch another label or a mark, too.
        static func place(
            width: Double,
            at centre: (Double, Double),
            avoiding taken: [Box],
            _ whiskers: [Box] = [],
            within bounds: Box
        ) -> Box? {
            let height = 16.0
            var candidates: [Box] = []
            for lift in [12.0, -12, 0, 26, -26, 42, -42, 58, -58, 74, -74, 90, -90] {
                for left in [centre.0 + 9, centre.0 - 9 - width, centre.0 - width / 2] {
                    let top = centre.1 - lift - height / 2
                    candidates.append(Box(left: left, top: top, right: left + width, bottom: top + height))
                }
            }
            let free = candidates.filter { candidate in
                bounds.contains(candidate) && !taken.contains { $0.overlaps(candidate) }
            }
            return free.first { candidate in !whiskers.contains { $0.overlaps(candidate) } } ?? free.first
        }
    }

    /// A rectangle, for keeping labels apart.
    struct Box {
        let left: Double
        let top: Double
        let right: Double
        let bottom: Double

        /// True when the two share any area.
        func overlaps(_ other: Box) -> Bool {
            left < other.right && other.left < right && top < other.bottom && other.top < bottom
        }

        /// True when the other lies inside.
        func contains(_ other: Box) -> Bool {
            left <= other.left && top <= other.top && right >= other.right && bottom >= other.bottom
        }
    }
}
