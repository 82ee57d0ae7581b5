import Foundation

/// The small chart module: scales, marks and the frame every SVG figure shares.
///
/// It knows nothing about runs, rates or models: it draws estimates with intervals. Colours are classes whose values the
/// page's style sheet sets for light and dark; the hues are Okabe and Ito's palette (Color Universal Design, 2008),
/// and every series also has its own marker shape.
enum Chart {
    /// The meaning of a colour.
    enum Tone: String {
        case risk, refusal, ordinary, utility, neutral
    }

    /// The shape of a mark.
    enum Marker {
        case circle, square, triangle, diamond
    }

    /// A value and its interval.
    struct Estimate: Equatable {
        let value: Double
        let low: Double
        let high: Double
    }

    /// Maps numbers to pixels on a straight scale.
    struct LinearScale: Equatable {
        let lower: Double
        let upper: Double
        let start: Double
        let end: Double

        /// The pixel of a value; values outside stop at the edge.
        func position(_ value: Double) -> Double {
            guard value.isFinite, upper > lower else { return start }
            let share = min(max((value - lower) / (upper - lower), 0), 1)
            return start + share * (end - start)
        }

        /// Round values from edge to edge, about `count` of them.
        func ticks(_ count: Int = 5) -> [Double] {
            let step = LinearScale.niceStep((upper - lower) / Double(max(1, count)))
            guard step > 0, step.isFinite else { return [lower] }
            let first = Int((lower / step - 1e-9).rounded(.up))
            let last = Int((upper / step + 1e-9).rounded(.down))
            guard first <= last else { return [lower] }
            return (first...last).map { Double($0) * step }
        }

        /// The same scale on other pixels.
        func spanning(_ start: Double, _ end: Double) -> LinearScale {
            LinearScale(lower: lower, upper: upper, start: start, end: end)
        }

        /// The scale of shares: 0 to 1.
        static let share = LinearScale(lower: 0, upper: 1, start: 0, end: 1)

        /// A scale around the values with round ends, which stay within what is possible, and on the values' side of 0.
        static func around(_ values: [Double], within bounds: ClosedRange<Double>? = nil) -> LinearScale {
            let finite = values.filter(\.isFinite)
            guard let least = finite.min(), let most = finite.max() else { return share }
            let span = most > least ? most - least : max(abs(most) * 0.2, 1e-6)
            let step = niceStep(span / 4)
            let lower = ((least - span * 0.05) / step).rounded(.down) * step
            let upper = ((most + span * 0.05) / step).rounded(.up) * step
            return LinearScale(
                lower: max(lower, bounds?.lowerBound ?? (least < 0 ? lower : 0)),
                upper: min(upper, bounds?.upperBound ?? upper),
                start: 0,
                end: 1
            )
        }

        /// The smallest of 1, 2 or 5 times a power of ten that is not below `raw`.
        static func niceStep(_ raw: Double) -> Double {
            guard raw > 0, raw.isFinite else { return 0 }
            let power = pow(10, log10(raw).rounded(.down))
            let lead = raw / power
            return power * (lead <= 1.0001 ? 1 : lead <= 2.0001 ? 2 : lead <= 5.0001 ? 5 : 10)
        }
    }

    /// Maps steps such as 0, 1, 2, 4, 8 to evenly spaced pixels.
    struct OrdinalScale: Equatable {
        let steps: [Int]
        let start: Double
        let end: Double

        init(_ steps: [Int], start: Double, end: Double) {
            self.steps = Set(steps).sorted()
            self.start = start
            self.end = end
        }

        /// The pixel of a step; a lone step stands in the middle.
        func position(_ step: Int) -> Double {
            guard steps.count > 1 else { return (start + end) / 2 }
            let index = steps.firstIndex { $0 >= step } ?? steps.count - 1
            return start + (end - start) * Double(index) / Double(steps.count - 1)
        }

        /// The steps worth a label: all when they fit, else evenly thinned with the last one kept.
        func labelled(minimumGap: Double) -> [Int] {
            guard steps.count > 1 else { return steps }
            let gap = abs(end - start) / Double(steps.count - 1)
            let stride = max(1, Int((minimumGap / max(gap, 0.001)).rounded(.up)))
            let last = steps.count - 1
            return steps.indices.filter { (last - $0) % stride == 0 }.map { steps[$0] }
        }
    }

    /// The parts of a frame that do not depend on what is drawn.
    struct Frame {
        /// Unique on the page.
        let id: String
        /// What the figure shows, for screen readers and on hover.
        let title: String
        /// What is to be seen in it, in words.
        let description: String
    }

    /// Wraps drawn content as an accessible image.
    static func svg(_ frame: Frame, width: Double, height: Double, variant: String, _ content: [Markup]) -> Markup {
        let id = variant.isEmpty ? frame.id : frame.id + "-" + variant
        return """
            <svg class="chart \(variant)" viewBox="0 0 \(width) \(height)" role="img" \
            aria-labelledby="\(id)-title \(id)-desc">
            <title id="\(id)-title">\(frame.title)</title>
            <desc id="\(id)-desc">\(frame.description)</desc>
            \(content)
            </svg>
            """
    }

    /// A line of text; `anchor` is start, middle or end.
    static func text(
        _ string: String,
        x: Double,
        y: Double,
        anchor: String = "start",
        style: String = "label"
    ) -> Markup {
        "<text class=\"\(style)\" x=\"\(x)\" y=\"\(y)\" text-anchor=\"\(anchor)\">\(string)</text>"
    }

    /// A straight line.
    static func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, style: String) -> Markup {
        "<line class=\"\(style)\" x1=\"\(x1)\" y1=\"\(y1)\" x2=\"\(x2)\" y2=\"\(y2)\"/>"
    }

    /// A mark of one shape, about 10 pixels wide.
    static func mark(_ marker: Marker, x: Double, y: Double, tone: Tone, hollow: Bool = false) -> Markup {
        let style = "mark tone-\(tone.rawValue)" + (hollow ? " hollow" : "")
        switch marker {
        case .circle:
            return "<circle class=\"\(style)\" cx=\"\(x)\" cy=\"\(y)\" r=\"4.8\"/>"
        case .square:
            return "<rect class=\"\(style)\" x=\"\(x - 4.3)\" y=\"\(y - 4.3)\" width=\"8.6\" height=\"8.6\"/>"
        case .triangle:
            return polygon([(x, y - 5.8), (x + 5.4, y + 4.2), (x - 5.4, y + 4.2)], style: style)
        case .diamond:
            return polygon([(x, y - 6.2), (x + 6.2, y), (x, y + 6.2), (x - 6.2, y)], style: style)
        }
    }

    /// A closed shape.
    static func polygon(_ points: [(Double, Double)], style: String) -> Markup {
        "<polygon class=\"\(style)\" points=\"\(coordinates(points))\"/>"
    }

    /// An open line through points.
    static func polyline(_ points: [(Double, Double)], style: String) -> Markup {
        "<polyline class=\"\(style)\" points=\"\(coordinates(points))\"/>"
    }

    /// Moves labels apart until each has `gap` pixels, staying between the bounds where there is room.
    static func spread(_ wanted: [Double], gap: Double, within bounds: ClosedRange<Double>) -> [Double] {
        guard !wanted.isEmpty else { return [] }
        let order = wanted.indices.sorted { (wanted[$0], $0) < (wanted[$1], $1) }
        var placed = order.map { min(max(wanted[$0], bounds.lowerBound), bounds.upperBound) }
        for index in placed.indices.dropFirst() {
            placed[index] = max(placed[index], placed[index - 1] + gap)
        }
        var limit = bounds.upperBound
        for index in placed.indices.reversed() {
            placed[index] = min(placed[index], limit)
            limit = placed[index] - gap
        }
        var result = wanted
        for (rank, index) in order.enumerated() { result[index] = placed[rank] }
        return result
    }

    private static func coordinates(_ points: [(Double, Double)]) -> String {
        points.map { Format.coordinate($0.0) + "," + Format.coordinate($0.1) }.joined(separator: " ")
    }
}
