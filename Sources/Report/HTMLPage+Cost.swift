/// The page's section on what the run took. It shows the report's numbers and computes none.
extension HTMLPage {
    /// The phases with their sums, the assumptions, and the share of the one third that European guidelines name.
    var cost: Markup {
        guard let cost = report.cost else { return "<p class=\"none\">What this run took was not counted.</p>" }
        let hasMoney = cost.total.money != nil
        let rows: [Markup] = (cost.phases + [cost.total]).map { phase in
            let isTotal = phase.name == cost.total.name
            let name: Markup = isTotal ? "All phases" : "\(phase.name)"
            let money: Markup = hasMoney ? "<td class=\"num\">\(Format.money(phase.money, cost.currency))</td>" : ""
            return """
                <tr class="\(isTotal ? "total" : "part")"><th scope="row">\(name)</th>\
                <td class="num">\(Format.count(phase.tokens))</td>\
                <td class="num">\(phase.generated == 0 ? Format.dash : Format.count(phase.generated))</td>\
                <td class="num">\(Format.scientific(phase.flops))</td>\
                <td class="num">\(Format.duration(phase.seconds))</td>\
                <td class="num">\(Format.energy(phase.energy))</td>\(money)</tr>
                """
        }
        var columns = [
            ("Phase", false), ("Tokens read", true), ("Tokens written", true), ("FLOP", true), ("Time", true),
            ("Energy", true),
        ]
        if hasMoney { columns.append(("Money", true)) }
        let sentences: [Markup] = CostText.sentences(cost).map { "<li>\($0)</li>" }
        return """
            \(table("Tokens, arithmetic, time and energy by phase", columns, rows))
            <ul class="summary">\(sentences)</ul>
            """
    }
}

/// What is said of a cost in words, on the page and in the terminal.
enum CostText {
    /// How each number came about, and the one third.
    static func sentences(_ cost: RunReport.Cost) -> [String] {
        let power =
            "Energy is time at \(Format.fixed(cost.watts, 0)) W, "
            + (cost.wattsAreAssumed
                ? "which is assumed: give the machine's own power as cost.watts. It was not metered."
                : "as the recipe says; it was not metered.")
        var sentences = [
            "FLOP are floating-point operations, reckoned from counted tokens: 6 for each parameter and trained token where "
                + "all weights are trained, 4 where an adapter is, and 6 for each of the adapter's own; 2 for each parameter "
                + "and token read or written (arXiv 2001.08361). Attention over the context is left out.",
            power,
        ]
        let prices = [
            cost.pricePerHour.map { "\(Format.money($0, cost.currency)) an hour" },
            cost.pricePerKilowattHour.map { "\(Format.money($0, cost.currency)) a kWh" },
        ].compactMap { $0 }
        if !prices.isEmpty { sentences.append("Money is reckoned at \(prices.joined(separator: " and ")).") }
        if let modification = cost.modification { sentences.append(third(modification)) }
        return sentences
    }

    private static func third(_ modification: RunReport.Cost.Modification) -> String {
        let trained = "All trainings of this run took \(Format.scientific(modification.flops)) FLOP, "
        let share = "\(Format.smallShare(modification.share)) of "
        let basis =
            modification.originalFlops.map {
                "one third of the \(Format.scientific($0)) FLOP of the original's training"
            }
            ?? "\(Format.scientific(modification.threshold)) FLOP, one third of 10²³, which stands in where the original's "
            + "training compute is unknown (one third of 10²⁵ for a model with systemic risk); give the original's as "
            + "cost.base_training_flops"
        let reading =
            modification.share > 1
            ? "More than that can make whoever modifies a general-purpose model the provider of what comes out"
            : "Only more than that is an indication that whoever modifies a general-purpose model becomes the provider of what "
                + "comes out"
        return trained + share + basis + ". " + reading
            + " (guidelines of the European Commission of 18 July 2025 on the EU AI Act). This is a helper, not legal advice."
    }

    /// One line: `312 400 tokens, 1.2 × 10¹⁵ FLOP, 12 min 04 s, 20.1 Wh at 100 W (assumed), EUR 0.01`.
    static func line(_ cost: RunReport.Cost) -> String {
        let total = cost.total
        var parts = [
            "\(Format.count(total.tokens + total.generated)) tokens", "\(Format.scientific(total.flops)) FLOP",
            Format.duration(total.seconds),
            "\(Format.energy(total.energy)) at \(Format.fixed(cost.watts, 0)) W\(cost.wattsAreAssumed ? " (assumed)" : "")",
        ]
        if let money = total.money { parts.append(Format.money(money, cost.currency)) }
        return parts.joined(separator: ", ")
    }
}
