import Foundation
import TemperRisk

// Numbers on the terminal, the same in every language setting.

/// A number with fixed decimals.
func decimal(_ value: Double, _ digits: Int) -> String {
    String(format: "%.\(digits)f", value)
}

/// A share as a percentage, `6.0 %`; what was not measured says so.
func percent(_ value: Double?) -> String {
    value.map { "\(decimal($0 * 100, 1)) %" } ?? "not measured"
}

/// The ends of an interval of shares, `[3.1, 11.2]` in per cent.
func interval(_ low: Double?, _ high: Double?) -> String {
    func end(_ value: Double?) -> String { value.map { decimal($0 * 100, 1) } ?? "no bound" }
    return "[\(end(low)), \(end(high))]"
}

/// A rate with its interval, `6.0 % [3.1, 11.2]`.
func share(_ rate: Rate) -> String {
    rate.rate == nil ? percent(nil) : "\(percent(rate.rate)) \(interval(rate.low, rate.high))"
}

/// A difference of shares in points, with its sign.
func points(_ value: Double?) -> String {
    value.map { Conclusion.points($0, signed: true) } ?? "not measured"
}
