import Foundation

/// Numbers as people read them, the same on every machine and in every language setting.
///
/// It knows nothing about what the numbers mean. Anything that is not a finite number is a dash.
enum Format {
    static let dash = "\u{2013}"
    private static let space = "\u{A0}"

    /// A number with fixed decimals and a true minus sign.
    static func fixed(_ value: Double, _ decimals: Int) -> String {
        guard value.isFinite else { return dash }
        let text = String(format: "%.\(decimals)f", value)
        let isZero = !text.contains { $0 != "0" && $0 != "." && $0 != "-" }
        guard text.hasPrefix("-") else { return text }
        return (isZero ? "" : "\u{2212}") + text.dropFirst()
    }

    /// A share as a percentage with one decimal: `6.0 %`.
    static func percent(_ value: Double?) -> String {
        guard let value else { return dash }
        return value.isFinite ? fixed(value * 100, 1) + space + "%" : dash
    }

    /// How a share went on: `6.0 → 92.5 → 11.0 %`.
    static func course(_ values: [Double?]) -> String {
        values.map { $0.map { fixed($0 * 100, 1) } ?? dash }.joined(separator: " → ") + space + "%"
    }

    /// A rate with its interval: `6.0 % [3.1, 11.2]`.
    static func rate(_ rate: RunReport.Rate?) -> String {
        guard let rate, rate.n > 0, rate.rate?.isFinite == true else { return dash }
        return percent(rate.rate) + " " + interval(rate.low * 100, rate.high * 100, 1)
    }

    /// What a rate could be, whatever its unscored answers are: `2.9 to 14.2 %`; nil where there are none.
    static func worst(_ rate: RunReport.Rate) -> String? {
        guard rate.unscored > 0, let low = rate.worstLow, let high = rate.worstHigh else { return nil }
        return "\(fixed(low * 100, 1)) to \(percent(high)) if they count either way"
    }

    /// A difference of shares in percentage points: `+84.0 points [77.9, 90.1]`.
    static func points(_ difference: Double?, _ low: Double, _ high: Double) -> String {
        guard let difference, difference.isFinite else { return dash }
        let sign = difference > 0 ? "+" : ""
        return sign + fixed(difference * 100, 1) + space + "points " + interval(low * 100, high * 100, 1)
    }

    /// A ratio: two decimals below 1, one below 100, none above.
    static func ratio(_ value: Double) -> String {
        value.isFinite ? factor(value) + "×" : value == .infinity ? "∞×" : dash
    }

    /// A comparison's ratio with its interval, or why there is none.
    static func ratio(_ comparison: RunReport.Comparison) -> String {
        guard let ratio = comparison.ratio, ratio.isFinite else {
            if comparison.axis == Axis.utility { return dash }
            return dash + (comparison.n == 0 ? " (no probe graded on both)" : " (no hits in the reference)")
        }
        guard let low = comparison.ratioLow, let high = comparison.ratioHigh else {
            return Format.ratio(ratio) + " (too few hits)"
        }
        return Format.ratio(ratio) + " [" + factor(low) + ", " + (high.isFinite ? factor(high) : "∞") + "]"
    }

    /// An exact p-value: `< 0.001` or three decimals.
    static func p(_ value: Double?) -> String {
        guard let value, value.isFinite else { return dash }
        return value < 0.001 ? "<\(space)0.001" : fixed(value, 3)
    }

    /// A p-value inside a sentence: `p = 0.031`.
    static func pStatement(_ value: Double) -> String {
        "p\(space)" + (value < 0.001 ? p(value) : "=\(space)" + p(value))
    }

    /// A share of a change with its interval: `92.0 % [70.1, 110.0]`.
    static func share(_ value: Double?, _ evidence: RunReport.ShareEvidence?) -> String {
        guard let value, let evidence else { return percent(value) }
        func end(_ value: Double?) -> String { value.map { fixed($0 * 100, 1) } ?? dash }
        return percent(value) + " [" + end(evidence.low) + "," + space + end(evidence.high) + "]"
    }

    /// What a comparison rests on: `60 probes graded on both, exact McNemar p = 0.031, Holm over 4: 0.124`.
    static func evidence(_ comparison: RunReport.Comparison) -> String {
        var text = "\(comparison.n) probes graded on both"
        if let families = comparison.families { text += " in \(families) families" }
        if let value = comparison.p {
            text += ", exact \(comparison.families == nil ? "McNemar " : "")\(pStatement(value))"
        }
        return comparison.pHolm == nil ? text : text + ", \(holm(comparison))"
    }

    /// The p after Holm's correction, and over how many comparisons that ran: `Holm over 4: 0.124`.
    static func holm(_ comparison: RunReport.Comparison) -> String {
        "Holm\(comparison.holmOver.map { " over\(space)\($0)" } ?? ""):\(space)\(p(comparison.pHolm))"
    }

    /// A length of time: `850 ms`, `12.3 s`, `4 min 05 s`, `2 h 10 min`.
    static func duration(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds >= 0, seconds < 1e9 else { return dash }
        if seconds < 1 { return fixed(seconds * 1000, 0) + space + "ms" }
        if seconds < 60 { return fixed(seconds, 1) + space + "s" }
        let whole = Int(seconds.rounded())
        if whole < 3600 { return "\(whole / 60)\(space)min " + String(format: "%02d", whole % 60) + space + "s" }
        return "\(whole / 3600)\(space)h " + String(format: "%02d", whole % 3600 / 60) + space + "min"
    }

    /// A count with thin groups of three digits: `134 515 008`.
    static func count(_ value: Int) -> String {
        let digits = String(value.magnitude)
        var result = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { result += "\u{202F}" }
            result.append(digit)
        }
        return (value < 0 ? "\u{2212}" : "") + result
    }

    /// A plain number with three significant digits, for metrics that are not shares.
    static func plain(_ value: Double) -> String {
        guard value.isFinite else { return dash }
        let size = abs(value)
        return fixed(value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 || size == 0 ? 2 : 4)
    }

    /// `[low, high]` with the same decimals on both ends.
    static func interval(_ low: Double, _ high: Double, _ decimals: Int) -> String {
        "[" + fixed(low, decimals) + "," + space + fixed(high, decimals) + "]"
    }

    /// A coordinate for SVG; what is not a number lands on zero rather than breaking the figure.
    static func coordinate(_ value: Double) -> String {
        guard value.isFinite else { return "0" }
        let rounded = (value * 10).rounded() / 10
        return rounded == rounded.rounded() ? String(format: "%.0f", rounded) : String(format: "%.1f", rounded)
    }

    /// At most `limit` characters, with an ellipsis when something was cut.
    static func shortened(_ text: String, to limit: Int) -> String {
        text.count <= limit ? text : text.prefix(max(1, limit - 1)) + "…"
    }

    /// The same with both ends kept, for names: two settings of a defence differ at the end.
    static func abridged(_ name: String, to limit: Int) -> String {
        guard name.count > limit else { return name }
        return name.prefix(limit / 2) + "…" + name.suffix(max(0, limit - 1) / 2)
    }

    private static func factor(_ value: Double) -> String {
        fixed(value, value < 1 ? 2 : value < 100 ? 1 : 0)
    }
}
