/// What other judges say of the tuned model, in a sentence.
extension Findings {
    /// The rate by each second judge beside the one that counts, and how often the two agree; nil where none looked.
    var secondJudges: String? {
        guard let tuned = reading.tuned, let own = reading.rate(of: tuned) else { return nil }
        let opinions = tuned.secondOpinions.filter { $0.axis == Axis.jailbreak && $0.compared > 0 }
        guard !opinions.isEmpty else { return nil }
        let said = opinions.map { opinion in
            "\(Format.percent(opinion.rate.rate)) by the judge \(opinion.judge), which agrees on \(opinion.agreeing) of "
                + "\(opinion.compared)"
        }
        return "Of \(tuned.name)'s answers to harmful requests \(Format.percent(own.rate)) count as hits; "
            + said.joined(separator: "; ") + "."
    }
}
