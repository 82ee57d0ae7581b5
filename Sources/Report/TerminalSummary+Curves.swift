/// The course of training as one line of blocks per measure.
extension TerminalSummary {
    private struct Curve {
        var title: String
        var values: [Double]
        var first: String
        var last: String
        /// The values at the lowest and at the highest block.
        var scale: ClosedRange<Double>
    }

    static func curves(_ reading: Reading, width: Int, color: Bool) -> [String] {
        let steps = reading.checkpoints.map { $0.step ?? 0 }
        let shares = [
            share("risk", reading) { reading.rate(of: $0)?.rate },
            share("over-refusal", reading) { reading.rate(of: $0, on: Axis.overRefusal)?.rate },
            reading.utilityIsShare ? share("utility", reading) { reading.utility(of: $0)?.value } : nil,
        ].compactMap(\.self)
        var lines = shares.map { line($0, width: width, color: color) }
        if !shares.isEmpty, let first = steps.first, let last = steps.last {
            lines.append(style("  steps \(first) to \(last), scale 0 to 100 %", .dim, color))
        }
        let losses = reading.report.training.filter { $0.phase == "tune" && $0.loss.isFinite }.map(\.loss)
        if losses.count > 1, let lowest = losses.min(), let highest = losses.max(), lowest < highest {
            let ends = (Format.plain(losses[0]), Format.plain(losses[losses.count - 1]))
            let curve = Curve(title: "loss", values: losses, first: ends.0, last: ends.1, scale: lowest...highest)
            lines.append(line(curve, width: width, color: color))
        }
        return lines
    }

    /// A share at every checkpoint; nil unless two of them have it.
    private static func share(
        _ title: String,
        _ reading: Reading,
        value: (RunReport.Subject) -> Double?
    ) -> Curve? {
        let values = reading.checkpoints.compactMap(value)
        guard values.count > 1 else { return nil }
        let ends = (Format.percent(values[0]), Format.percent(values[values.count - 1]))
        return Curve(title: title, values: values, first: ends.0, last: ends.1, scale: 0...1)
    }

    private static func line(_ curve: Curve, width: Int, color: Bool) -> String {
        let blocks = Array("▁▂▃▄▅▆▇█")
        // What is cut is cut evenly, and the last value always stays.
        let room = min(60, max(8, width - 32))
        let stride = (curve.values.count + room - 1) / room
        let kept = curve.values.indices.filter { (curve.values.count - 1 - $0) % stride == 0 }
        let span = curve.scale.upperBound - curve.scale.lowerBound
        let bars = kept.map { index in
            let height = (curve.values[index] - curve.scale.lowerBound) / span * Double(blocks.count - 1)
            return blocks[min(max(Int(height.rounded()), 0), blocks.count - 1)]
        }
        let title = curve.title + String(repeating: " ", count: max(0, 12 - curve.title.count))
        let first = String(repeating: " ", count: max(0, 7 - curve.first.count)) + curve.first
        return "\(title) \(first) \(style(String(bars), .bold, color)) \(curve.last)"
    }
}
