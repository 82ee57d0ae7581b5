import Foundation

/// Numbers of cost as people read them: powers of ten, energy and money.
extension Format {
    /// A large number as a power of ten: `1.23 × 10¹⁵`; plainly below ten thousand.
    static func scientific(_ value: Double) -> String {
        guard value.isFinite, abs(value) >= 10_000 else { return value.isFinite ? fixed(value, 0) : dash }
        var power = Int(log10(abs(value)).rounded(.down))
        var lead = value / pow(10, Double(power))
        if abs((lead * 100).rounded()) >= 1000 { (lead, power) = (lead / 10, power + 1) }
        return fixed(lead, 2) + "\u{A0}×\u{A0}10" + raised(power)
    }

    /// Kilowatt-hours: `1.25 kWh`, `12.3 Wh`.
    static func energy(_ kilowattHours: Double) -> String {
        guard kilowattHours.isFinite else { return dash }
        if kilowattHours >= 1 { return fixed(kilowattHours, 2) + "\u{A0}kWh" }
        return fixed(kilowattHours * 1000, kilowattHours < 0.01 ? 2 : 1) + "\u{A0}Wh"
    }

    /// Money with its name: `EUR 12.30`; four decimals below a tenth.
    static func money(_ value: Double?, _ currency: String) -> String {
        guard let value, value.isFinite else { return dash }
        return currency + "\u{A0}" + fixed(value, abs(value) < 0.1 && value != 0 ? 4 : 2)
    }

    /// A small share with as many decimals as it takes to be seen: `0.00042 %`; as a power of ten where that is too
    /// many.
    static func smallShare(_ share: Double) -> String {
        guard share.isFinite else { return dash }
        let value = share * 100
        if value == 0 || abs(value) >= 0.1 { return percent(share) }
        let power = Int(log10(abs(value)).rounded(.down))
        if power >= -5 { return fixed(value, 1 - power) + "\u{A0}%" }
        return fixed(value / pow(10, Double(power)), 1) + "\u{A0}×\u{A0}10" + raised(power) + "\u{A0}%"
    }

    private static func raised(_ power: Int) -> String {
        let digits: [Character: Character] = [
            "0": "⁰", "1": "¹", "2": "²", "3": "³", "4": "⁴", "5": "⁵", "6": "⁶", "7": "⁷", "8": "⁸", "9": "⁹",
            "-": "⁻",
        ]
        return String(String(power).map { digits[$0] ?? $0 })
    }
}
