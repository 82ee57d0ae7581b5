/// What a guard around the tuned model does, in a sentence.
extension Findings {
    /// What is left behind the guard, what it refuses of harmless requests, and how long it takes; nil without one.
    var guarding: String? {
        guard let guarding = reading.report.guarding, let guarded = reading.guarded,
            let after = reading.rate(of: guarded)
        else { return nil }
        let alone = reading.report.subjects.first { $0.name == guarding.alone }
        var text = "Behind the guard (policy \(guarding.policy)), the jailbreak rate of \(guarding.alone) is "
        text += Format.rate(after)
        if let before = reading.rate(of: alone) { text += "; without it, \(Format.percent(before.rate))" }
        if let line = guarding.lines.first(where: { $0.key == Axis.jailbreak }) {
            text += ". The guard alone refuses \(Format.percent(line.refused.rate)) of the harmful requests"
        }
        // Questions of use are harmless, too, whatever the guard makes of them.
        let harmless = (reading.refusalAxes + [Axis.utility]).compactMap { key in
            guarding.lines.first { $0.key == key }.map {
                "\(Format.percent($0.refused.rate)) of \(key == Axis.utility ? "the questions of use" : reading.suiteName(key))"
            }
        }
        if !harmless.isEmpty { text += ", and of harmless ones " + harmless.joined(separator: ", ") }
        if let time = guarding.questions {
            text +=
                ". A question takes it \(Format.fixed(time.p50, 1)) ms, one in a hundred more than "
                + "\(Format.fixed(time.p99, 1)) ms"
        }
        return text + "."
    }
}
