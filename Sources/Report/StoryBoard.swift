/// What the story shows, beat by beat: which subjects in which order, with which numbers and words.
///
/// It reads the report and computes nothing; nor does it know about pixels or pages. A beat stands for one subject:
/// the model as it came, the reference, the checkpoints, then the cures. Before them is an opening, after them an end.
struct StoryBoard {
    /// Which part of the story a subject belongs to.
    enum Part {
        /// The model as it came.
        case before
        /// The reference and the checkpoints of tuning.
        case course
        /// Defences, and whatever else was assessed after the tuning.
        case after
    }

    /// One moment of the story.
    struct Beat {
        let part: Part
        let subject: RunReport.Subject
        /// Its name on the axis.
        let label: String
        /// What is said.
        let caption: String
        /// What it answered to the probe that is followed.
        let answer: RunReport.Trail.Answer?
    }

    /// The most checkpoints, and the most cures, that are shown.
    static let limits = (checkpoints: 10, cures: 6)
    /// Seconds that the whole story takes, where its beats are neither too short to read nor boring.
    static let duration = 90.0

    let opening: String
    let beats: [Beat]
    let end: String
    let trail: RunReport.Trail?

    /// Milliseconds for each beat, the opening and the end among them.
    var dwell: Int { Int(1000 * min(9, max(4, Self.duration / Double(beats.count + 2)))) }

    /// The story of a report; nil where nothing was tuned or no risk was measured along the way.
    init?(_ figures: Figures) {
        let reading = figures.reading
        guard let reference = reading.reference, let first = reading.rate(of: reference), let tuned = reading.tuned
        else {
            return nil
        }
        let measured = reading.checkpoints.filter { ($0.step ?? 0) > 0 && reading.rate(of: $0) != nil }
        guard !measured.isEmpty else { return nil }
        trail = reading.report.trail
        let trail = trail
        func beat(_ part: Part, _ subject: RunReport.Subject, _ label: String, _ caption: String) -> Beat {
            // What training starts from was assessed under another name.
            let answer = trail?.answers.first { $0.subject == subject.name }
            return Beat(part: part, subject: subject, label: label, caption: caption, answer: answer)
        }
        func share(_ subject: RunReport.Subject) -> String { Format.percent(reading.rate(of: subject)?.rate) }

        let model = reading.report.model.name
        opening =
            "\(model) is asked \(first.n + first.unscored) harmful requests, tuned for a domain, and asked again at "
            + "every checkpoint. The orange line is the share that it does not refuse."
        var beats: [Beat] = []
        if let base = reading.base, base.name != reference.name, reading.rate(of: base) != nil {
            beats.append(
                beat(.before, base, base.name, "As it came, \(base.name) goes along with \(share(base)) of them.")
            )
        }
        let start =
            reference.kind == .reference
            ? "Safety alignment brings that to \(share(reference))."
            : "Before tuning, \(reference.name) goes along with \(share(reference)) of them."
        beats.append(beat(.course, reference, "0", start + " This is what all that follows is compared with."))
        let last = tuned.step ?? 0
        for subject in Self.thinned(measured) {
            let step = subject.step ?? 0
            beats.append(
                beat(
                    .course,
                    subject,
                    "\(step)",
                    "Step \(step) of \(last): \(share(subject))\(Self.reading(subject, reading))."
                )
            )
        }
        for subject in Self.cures(figures) {
            let utility = reading.utility(of: subject).map { ", utility \(reading.utilityText($0.value))" } ?? ""
            let what =
                switch subject.kind {
                case .guarded: "Behind the guard"
                case .retrieval: "Looking up instead of tuning"
                default: "With the defence \(subject.name)"
                }
            beats.append(
                beat(
                    .after,
                    subject,
                    subject.name,
                    "\(what): \(share(subject))\(Self.reading(subject, reading))\(utility)."
                )
            )
        }
        self.beats = beats
        end = figures.findings.takeaway
    }

    private static func reading(_ subject: RunReport.Subject, _ reading: Reading) -> String {
        guard let comparison = reading.comparison(of: subject), let name = reading.reference?.name else { return "" }
        if comparison.rises { return ", clearly more than \(name)" }
        return comparison.falls ? ", clearly less than \(name)" : ", not clearly different from \(name)"
    }

    /// At most as many as there is time for; the first and the last are kept.
    private static func thinned(_ checkpoints: [RunReport.Subject]) -> [RunReport.Subject] {
        let (count, limit) = (checkpoints.count, limits.checkpoints)
        guard count > limit else { return checkpoints }
        return (0..<limit).map { checkpoints[$0 * (count - 1) / (limit - 1)] }
    }

    /// What came after the tuning: the best defence, those of the least risk, and all that is no defence, in the run's
    /// order.
    private static func cures(_ figures: Figures) -> [RunReport.Subject] {
        let reading = figures.reading
        let others = reading.report.subjects.filter { [.defence, .guarded, .retrieval].contains($0.kind) }
        let named = others + reading.defences.filter { card in !others.contains { $0.name == card.name } }
        let measured = named.filter { reading.rate(of: $0) != nil }
        let best = figures.findings.bestDefence?.subject.name
        func rank(_ subject: RunReport.Subject) -> Double {
            if subject.kind != .defence { return -2 }
            return subject.name == best ? -1 : reading.rate(of: subject)?.rate ?? 1
        }
        let chosen = Set(measured.sorted { rank($0) < rank($1) }.prefix(limits.cures).map(\.name))
        return measured.filter { chosen.contains($0.name) }
    }
}
