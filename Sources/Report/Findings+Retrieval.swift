/// What looking up does instead of tuning, in a sentence.
extension Findings {
    /// What the reference reaches that finds rows of the tuning's data instead of learning them; nil without it.
    var retrieving: String? {
        guard let retrieval = reading.report.retrieval, let retrieved = reading.retrieved,
            let reference = reading.reference
        else { return nil }
        let rows = retrieval.rows.map { " of \($0) rows" } ?? " rows"
        var text =
            "Without tuning, but with the \(retrieval.examples) most similar\(rows) before each question (retrieval), "
            + reference.name
        let parts = [
            beside(reading.utilityText(reading.utility(of: retrieved)), Axis.utility, reading.utilityMetric),
            beside(Format.rate(reading.rate(of: retrieved)), Axis.jailbreak, "jailbreak rate"),
        ].compactMap { $0 }
        guard !parts.isEmpty else { return nil }
        text += " has " + parts.joined(separator: ", and ")
        if let refused = reading.rate(of: retrieved, on: Axis.overRefusal),
            let before = reading.rate(of: reference, on: Axis.overRefusal)
        {
            text += "; it refuses \(Format.percent(refused.rate)) of the harmless requests that look harmful "
            text += "(before: \(Format.percent(before.rate)))"
        }
        if let more = retrieval.addedTokens { text += ". A question is \(Format.fixed(more, 0)) tokens longer" }
        return text + "."
    }

    /// A number of the subject, and how it lies to the tuned model's.
    private func beside(_ value: String, _ axis: String, _ name: String) -> String? {
        guard value != Format.dash else { return nil }
        guard let retrieved = reading.retrieved, let tuned = reading.tuned,
            let comparison = reading.comparison(of: retrieved, with: tuned.name, on: axis)
        else { return "a \(name) of \(value)" }
        let way = comparison.rises ? "clearly above" : comparison.falls ? "clearly below" : "not clearly different from"
        return "a \(name) of \(value), \(way) tuning"
    }
}
