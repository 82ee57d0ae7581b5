/// Which columns the table has, from the widest to the narrowest layout: intervals go before columns do, and names are cut
/// before the risk, the over-refusal and the utility are parted, for one says little without the others.
extension TerminalSummary {
    struct Layout {
        /// How much of a number is shown.
        enum Detail {
            case none, value, interval
        }

        var jailbreak = Detail.interval
        var ratio = Detail.interval
        var n = true
        var overRefusal = Detail.interval
        var utility = Detail.interval
        /// The signs of a subject's name.
        var name = 20
        /// Whether titles are as short as the values below them.
        var isTerse = false

        /// From the widest to the narrowest; the last fits forty columns.
        static let all = [
            Layout(),
            Layout(ratio: .value),
            Layout(ratio: .value, utility: .value),
            Layout(ratio: .value, n: false, utility: .value),
            Layout(ratio: .value, n: false, overRefusal: .value, utility: .value),
            Layout(ratio: .none, n: false, overRefusal: .value, utility: .value),
            Layout(jailbreak: .value, ratio: .none, n: false, overRefusal: .value, utility: .value),
            terse(name: 20),
            terse(name: 13),
            // A utility that is no share may be long, and longer than what is left.
            terse(name: 8),
            terse(name: 13, utility: .none),
        ]

        private static func terse(name: Int, utility: Detail = .value) -> Layout {
            Layout(
                jailbreak: .value,
                ratio: .none,
                n: false,
                overRefusal: .value,
                utility: utility,
                name: name,
                isTerse: true
            )
        }

        /// The columns, their titles first; those without a number are left out.
        func columns(_ reading: Reading) -> [[String]] {
            let subjects = reading.principal
            func rates(_ axis: String, _ detail: Detail) -> [String] {
                subjects.map { subject in
                    let rate = reading.rate(of: subject, on: axis)
                    return detail == .interval ? Format.rate(rate) : Format.percent(rate?.rate)
                }
            }
            let utilities = subjects.map { subject in
                let value = reading.utility(of: subject)
                return utility == .interval ? reading.utilityText(value) : reading.utilityText(value?.value)
            }
            let ratios = subjects.map { subject in
                guard subject.name != reading.reference?.name else { return TerminalSummary.referenceMark }
                guard let comparison = reading.comparison(of: subject) else { return Format.dash }
                let text =
                    comparison.ratio.map { ratio == .interval ? Format.ratio(comparison) : Format.ratio($0) }
                    ?? Format.dash
                return comparison.isClear ? text + TerminalSummary.clearMark : text
            }
            let measured: [(title: String, cells: [String], isShown: Bool)] = [
                ("n", subjects.map { reading.rate(of: $0).map { String($0.n) } ?? Format.dash }, n),
                (isTerse ? "refused" : "over-refusal", rates(Axis.overRefusal, overRefusal), overRefusal != .none),
                ("utility", utilities, utility != .none),
            ]
            var columns = [
                ["subject"] + subjects.map { Format.abridged(clean($0.name), to: name) },
                [isTerse ? "risk" : "jailbreak"] + rates(Axis.jailbreak, jailbreak),
            ]
            if ratio != .none { columns.append([TerminalSummary.ratioTitle] + ratios) }
            for (title, cells, isShown) in measured where isShown && cells.contains(where: { $0 != Format.dash }) {
                columns.append([title] + cells)
            }
            return columns
        }
    }
}
