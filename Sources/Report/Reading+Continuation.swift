/// The courses of a continued tuning: who was assessed at which step.
extension Reading {
    /// One way of going on, from what it started from.
    struct Course {
        /// The defence that took part; nil for the plain tuning.
        let defence: String?
        /// What was assessed along the way, by step: the plain course begins with the tuning itself, the other with the
        /// defence's result at the tuning's end.
        let points: [(step: Int, subject: RunReport.Subject)]
        /// The end of the last round.
        let end: RunReport.Subject
        /// Where it was worse than there.
        let peak: RunReport.Continuation.Peak?

        /// What people read.
        var name: String { defence.map { "with \($0)" } ?? "plain tuning" }
    }

    /// The courses whose end was assessed, the plain one first; empty where the tuning did not go on.
    var courses: [Course] {
        guard let continuation = report.continuation else { return [] }
        return continuation.courses.compactMap { course in
            let rounds = course.subjects.compactMap { name in report.subjects.first { $0.name == name } }
            guard let end = rounds.last else { return nil }
            let before: [RunReport.Subject] =
                if let defence = course.defence { defences.filter { $0.name == defence } } else { checkpoints }
            let points = (before + rounds).map { ($0.step ?? continuation.firstStep, $0) }
            return Course(defence: course.defence, points: points, end: end, peak: course.peak)
        }
    }
}
