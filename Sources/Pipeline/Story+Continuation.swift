import TemperReport
import TemperRisk

/// What is compared of a tuning that went on after its end.
extension Story {
    /// Of a continued tuning the ends of the courses alone, with the reference and with each other: where it led is asked, and
    /// what was on the way is no question of its own.
    var continuedPairs: [Pair] {
        let courses = continuation?.courses ?? []
        let ends = courses.compactMap { course in chapters.last { $0.name == course.subjects.last } }
        return ends.map { (reference, $0) } + ends.dropFirst().map { (ends[0], $0) }
    }

    /// The courses with where each was worst on its way, if it was worse there than at its end.
    ///
    /// What lies on the way may have been asked fewer probes; so each point is held against the end on the probes that
    /// both were graded on. Nothing is tested: the points are many, and the worst is picked.
    func withPeaks(_ continuation: RunReport.Continuation) throws -> RunReport.Continuation {
        var continuation = continuation
        // Where `step_limit` says so, a point on the way was asked nothing.
        func isAsked(_ chapter: Chapter) -> Bool {
            chapter.assessment.results.contains { key($0.suite) == Axis.jailbreak.rawValue }
        }
        for (index, course) in continuation.courses.enumerated() {
            guard let end = chapters.last(where: { $0.name == course.subjects.last }), isAsked(end) else { continue }
            let points = chapters.filter(isAsked).filter { chapter in
                switch chapter.kind {
                // Step 0 is the reference, where the way began.
                case .checkpoint: course.defence == nil && chapter.step != 0
                case .defence: course.defence == chapter.name
                case .continued: course.subjects.dropLast().contains(chapter.name)
                default: false
                }
            }
            let peaks = try points.compactMap { point -> RunReport.Continuation.Peak? in
                let paired = try compare(point.assessment, end.assessment).first {
                    key($0.suite) == Axis.jailbreak.rawValue
                }
                guard let paired, let rate = paired.baseRate.rate, let last = paired.subjectRate.rate, rate > last
                else { return nil }
                let step = point.step ?? continuation.firstStep
                return .init(step: step, rate: rate, endRate: last, n: paired.n)
            }
            continuation.courses[index].peak = peaks.max { $0.rate - $0.endRate < $1.rate - $1.endRate }
        }
        return continuation
    }
}
