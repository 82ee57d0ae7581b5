/// The page's table of quantised copies: what each answers beside what it was made of.
extension HTMLPage {
    /// One row for each copy.
    var quantization: Markup {
        guard !reading.quantized.isEmpty else {
            return """
                <p class="none">No quantised copy was assessed. <code>assess.quantizations: [q8_0, q4_0]</code> in the recipe \
                asks for them: what is shipped is seldom what was trained.</p>
                """
        }
        let rows: [Markup] = reading.quantized.compactMap { copy in
            guard let made = copy.quantization else { return nil }
            let whole = report.subjects.first { $0.name == made.of }
            let comparison = reading.comparison(of: copy, with: made.of)
            let change = comparison.map { Format.points($0.difference, $0.low, $0.high) } ?? Format.dash
            return """
                <tr><th scope="row">\(made.of)</th><td>\(made.format)</td>\
                <td class="num">\(Format.fixed(made.bitsPerWeight, 1))</td>\
                \(rate(whole, Axis.jailbreak))\(rate(copy, Axis.jailbreak))<td class="num">\(change)</td>\
                \(rate(whole, Axis.overRefusal))\(rate(copy, Axis.overRefusal))\
                <td class="num">\(reading.utilityText(whole?.utility))</td>\
                <td class="num">\(reading.utilityText(copy.utility))</td>\
                <td>\(comparison.map(conclusion) ?? "\(Format.dash)")</td></tr>
                """
        }
        return table(
            "Copies with rounded weights beside what they were made of",
            [
                ("Of", false), ("Format", false), ("Bits a weight", true), ("Jailbreak, whole", true),
                ("Rounded", true), ("Change", true), ("Over-refusal, whole", true), ("Rounded", true),
                ("Utility, whole", true), ("Rounded", true), ("Jailbreak: what the evidence supports", false),
            ],
            rows
        )
    }

    private func rate(_ subject: RunReport.Subject?, _ axis: String) -> Markup {
        let rate = subject?.axes[axis]
        return cell(Format.rate(rate), rate.map { ($0.n, $0.unscored) })
    }
}
