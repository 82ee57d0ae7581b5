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
            for (index, point) in points.enumerated() {
                let centre = centres[index]
                let others = centres.enumerated().filter { $0.offset != index }.map(\.element)
                // Where there is no room a name is shortened before it touches another, or a mark.
                let spots = [22, 12, 8, 5].lazy.compactMap { limit -> (text: String, box: Box)? in
                    let text = Format.abridged(point.label, to: limit)
                    let width = Double(text.count) * 7.2
                    let box = Scatter.place(
                        width: width,
                        at: centre,
                        avoiding: taken,
                        whiskers,
                        of: others,
                        within: bounds
                    )
                    return box.map { (text, $0) }
                }
                guard let (text, box) = spots.first else { continue }
                taken.append(box)
                if !Scatter.isPlain(box, of: centre, among: others) {
                    let end = box.nearest(to: centre)
                    // From the mark's edge.
                    let start = 6.5 / max(6.5, box.distance(to: centre))
                    let (x, y) = (centre.0 + (end.0 - centre.0) * start, centre.1 + (end.1 - centre.1) * start)
                    parts.append(Chart.line(x, y, end.0, end.1, style: "leader tone-neutral"))
                }
                parts.append(Chart.text(text, x: box.left, y: box.bottom - 4, style: "label strong halo"))
            }
            return parts
        }

        /// How far a label may lie from its mark before a line has to lead to it.
        private static let reach = 14.0

        /// Whether one sees without a line whose label it is: its own mark is near, and nearer by far than any other.
        static func isPlain(_ box: Box, of centre: (Double, Double), among others: [(Double, Double)]) -> Bool {
            let own = box.distance(to: centre)
            return own <= reach && others.allSatisfy { box.distance(to: $0) > own + 5 }
        }

        /// Whether a line from the mark to a label further away passes no other mark on its way.
        private static func leads(
            to box: Box,
            from centre: (Double, Double),
            among others: [(Double, Double)]
        ) -> Bool {
            let (end, length) = (box.nearest(to: centre), box.distance(to: centre))
            guard length > reach else { return false }
            let (across, down) = ((end.0 - centre.0) / length, (end.1 - centre.1) / length)
            return others.allSatisfy { other in
                let (x, y) = (other.0 - centre.0, other.1 - centre.1)
                let along = x * across + y * down
                return along < 0 || along > length + 5 || abs(x * down - y * across) > 5
            }
        }

        /// A free spot for a label: beside the point first, then ever further above and below. One that is nearest its
        /// own mark comes before one that a line leads to, and that before any other; of alike ones one that lies on no
        /// whisker. Nil where it would touch another label or a mark.
        static func place(
            width: Double,
            at centre: (Double, Double),
            avoiding taken: [Box],
            _ whiskers: [Box] = [],
            of others: [(Double, Double)] = [],
            within bounds: Box
        ) -> Box? {
            let height = 16.0
            var candidates: [Box] = []
            for lift in [12.0, -12, 0, 26, -26, 42, -42, 58, -58, 74, -74, 90, -90] {
                for aside in [9, -9 - width, -width / 2, 24, -24 - width] {
                    let (left, top) = (centre.0 + aside, centre.1 - lift - height / 2)
                    candidates.append(Box(left: left, top: top, right: left + width, bottom: top + height))
                }
            }
            func cost(_ box: Box) -> Int {
                let isPlain = Scatter.isPlain(box, of: centre, among: others)
                let naming = isPlain ? 0 : leads(to: box, from: centre, among: others) ? 2 : 4
                return naming + (whiskers.contains { $0.overlaps(box) } ? 1 : 0)
            }
            return candidates.filter { candidate in
                bounds.contains(candidate) && !taken.contains { $0.overlaps(candidate) }
            }.min { cost($0) < cost($1) }
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

        /// Where it comes nearest to a point.
        func nearest(to point: (Double, Double)) -> (Double, Double) {
            (min(max(point.0, left), right), min(max(point.1, top), bottom))
        }

        /// How far a point lies from it; 0 inside.
        func distance(to point: (Double, Double)) -> Double {
            let edge = nearest(to: point)
            return ((edge.0 - point.0) * (edge.0 - point.0) + (edge.1 - point.1) * (edge.1 - point.1)).squareRoot()
        }
    }
}
