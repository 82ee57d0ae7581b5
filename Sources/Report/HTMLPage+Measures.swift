/// The page's tables of what stands beside the rates: measures that are no shares of verdicts, and what second judges say.
extension HTMLPage {
    /// Both tables, where there is anything to put into them.
    var measures: Markup {
        let parts = [measureTable, opinionTable].compactMap { $0 }
        return parts.isEmpty
            ? "<p class=\"none\">The suites of this run measure rates only, with one judge each.</p>" : "\(parts)"
    }

    private var measureTable: Markup? {
        let subjects = reading.principal.filter { !$0.measures.isEmpty }
        guard !subjects.isEmpty else { return nil }
        let names = subjects.flatMap { $0.measures.map { Name(axis: $0.axis, name: $0.name) } }.uniqued()
        let rows: [Markup] = names.map { name in
            let cells: [Markup] = subjects.map { subject in
                guard let found = subject.measures.first(where: { $0.axis == name.axis && $0.name == name.name }),
                    let value = found.value
                else { return cell(Format.dash, nil) }
                return cell("\(Format.fixed(value, 2)) \(Format.interval(found.low, found.high, 2))", (found.n, 0))
            }
            return "<tr><th scope=\"row\">\(reading.suiteName(name.axis))</th><td>\(name.name)</td>\(cells)</tr>"
        }
        return table(
            "What the suites measure besides their rates, with 95 % intervals",
            [("Suite", false), ("Measure", false)] + subjects.map { ($0.name, true) },
            rows
        )
    }

    private var opinionTable: Markup? {
        let subjects = reading.principal.filter { !$0.secondOpinions.isEmpty }
        guard !subjects.isEmpty else { return nil }
        let rows: [Markup] = subjects.flatMap { subject in
            subject.secondOpinions.map { opinion -> Markup in
                let share = opinion.compared == 0 ? nil : Double(opinion.agreeing) / Double(opinion.compared)
                return """
                    <tr><th scope="row">\(subject.name)</th><td>\(reading.suiteName(opinion.axis))</td>\
                    \(cell(Format.rate(subject.axes[opinion.axis]), subject.axes[opinion.axis].map { ($0.n, $0.unscored) }))\
                    <td>\(opinion.judge)</td>\(cell(Format.rate(opinion.rate), (opinion.rate.n, opinion.rate.unscored)))\
                    \(cell(Format.percent(share), (opinion.compared, 0)))</tr>
                    """
            }
        }
        return table(
            "What a second judge says of the same answers; the two are never averaged",
            [
                ("Subject", false), ("Suite", false), ("Rate that counts", true), ("Second judge", false),
                ("Its rate", true), ("Graded alike", true),
            ],
            rows
        )
    }

    private struct Name: Hashable {
        var axis: String
        var name: String
    }
}
