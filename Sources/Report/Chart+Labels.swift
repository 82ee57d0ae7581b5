/// Keeps texts beside each other apart. No font is known here: widths are estimated from the number of letters, on the
/// generous side.
extension Chart {
    /// A text below an axis, and where its middle would stand best.
    struct AxisLabel {
        let text: String
        let centre: Double
        /// A step's number is left out where there is no room; a name is moved to another row, or shortened.
        let isName: Bool
    }

    /// Where a label stands.
    struct PlacedLabel: Equatable {
        let text: String
        let centre: Double
        /// Counted from the axis.
        let row: Int

        /// From its left to its right end.
        var span: ClosedRange<Double> {
            let half = Chart.width(of: text) / 2
            return centre - half...centre + half
        }
    }

    /// The width of a small text, in pixels.
    static func width(of text: String) -> Double { Double(text.count) * 6.8 }

    /// Places labels in at most `rows` rows so that no two touch; nil where one has no room at all.
    ///
    /// Of numbers, which all stand in the first row, the last and the first are kept before those between. Names then take
    /// the first row with room, and as much of both their ends as fits where no row has.
    static func placed(
        _ labels: [AxisLabel],
        rows: Int,
        limit: Int,
        within bounds: ClosedRange<Double>
    ) -> [PlacedLabel?] {
        var taken = [[ClosedRange<Double>]](repeating: [], count: rows)
        func place(_ text: String, _ centre: Double, rows: Range<Int>, gap: Double) -> PlacedLabel? {
            let half = width(of: text) / 2
            guard half * 2 <= bounds.upperBound - bounds.lowerBound else { return nil }
            let centre = min(max(centre, bounds.lowerBound + half), bounds.upperBound - half)
            for row in rows {
                let label = PlacedLabel(text: text, centre: centre, row: row)
                let wide = label.span.lowerBound - gap...label.span.upperBound + gap
                if !taken[row].contains(where: { $0.overlaps(wide) }) { return label }
            }
            return nil
        }
        var placed = [PlacedLabel?](repeating: nil, count: labels.count)
        func keep(_ label: PlacedLabel?, at index: Int) {
            guard let label else { return }
            placed[index] = label
            taken[label.row].append(label.span)
        }
        let numbers = labels.indices.filter { !labels[$0].isName }
        let others = numbers.dropFirst().dropLast().reversed()
        for index in ([numbers.last, numbers.first].compactMap { $0 } + others).uniqued() {
            keep(place(labels[index].text, labels[index].centre, rows: 0..<1, gap: 3), at: index)
        }
        for index in labels.indices where labels[index].isName {
            let lengths = (1...max(1, limit)).reversed()
            let fitting = lengths.lazy.compactMap { length in
                place(Format.abridged(labels[index].text, to: length), labels[index].centre, rows: 0..<rows, gap: 5)
            }
            keep(fitting.first, at: index)
        }
        return placed
    }

    /// Moves texts of one row, given from left to right, apart until none touches the next.
    static func apart(_ texts: [(text: String, centre: Double)], within bounds: ClosedRange<Double>) -> [Double] {
        let gap = 8.0
        var (centres, least) = (texts.map(\.centre), bounds.lowerBound)
        for (index, text) in texts.enumerated() {
            let half = width(of: text.text) / 2
            centres[index] = max(centres[index], least + half)
            least = centres[index] + half + gap
        }
        var most = bounds.upperBound
        for (index, text) in texts.enumerated().reversed() {
            let half = width(of: text.text) / 2
            centres[index] = min(centres[index], most - half)
            most = centres[index] - half - gap
        }
        return centres
    }
}
