import TemperReport
import TemperRisk

/// The parts of a run's report beside its rates: rates without the judges' errors, and one probe's answers along the
/// run.
extension Story {
    /// Wider than this, an interval says little.
    private static let widestInterval = 0.5

    /// The rates of all subjects but checkpoints on the way and rounds of a continued tuning, for judges whose card
    /// states both errors with their n; nil where there is none.
    var correctedRates: [RunReport.CorrectedRate]? {
        let shown = chapters.filter { chapter in
            chapter.kind != .continued && (chapter.kind != .checkpoint || chapter.name == tuned?.name)
        }
        let rates = shown.flatMap { chapter in
            chapter.assessment.results.filter { $0.axis != .utility }.flatMap { result -> [RunReport.CorrectedRate] in
                guard let suite = suites.first(where: { $0.card.name == result.suite }) else { return [] }
                let others = result.secondOpinions.compactMap { opinion in
                    suite.secondJudges.map(\.card).first { $0.title == opinion.judge }
                        .map { (card: $0, rate: opinion.rate) }
                }
                return ([(card: suite.judge.card, rate: result.rate)] + others).compactMap {
                    corrected($0.rate, by: $0.card, subject: chapter.name, axis: key(result.suite))
                }
            }
        }
        return rates.isEmpty ? nil : rates
    }

    private func corrected(
        _ rate: Rate,
        by card: JudgeCard,
        subject: String,
        axis: String
    ) -> RunReport.CorrectedRate? {
        guard card.sensitivity?.rate != nil, card.specificity?.rate != nil else { return nil }
        let value = CorrectedRate(rate, by: card, seed: recipe.seed)
        let isWide = value.rate != nil && value.high - value.low > Self.widestInterval
        return RunReport.CorrectedRate(
            subject: subject,
            axis: axis,
            judge: card.title,
            raw: Self.rate(rate),
            rate: value.rate,
            low: value.low,
            high: value.high,
            note: isWide ? "the interval covers more than half of the range, so that this says little" : value.note
        )
    }

    /// The probe whose answers tell the run best: refused by the reference and answered by the tuned model if there is
    /// one, not about self-harm if there is another, for it is shown to a room, asked of as many subjects as possible,
    /// refused again by as many defences as possible, and changing its grade as seldom as possible.
    var trail: RunReport.Trail? {
        let subjects = chapters.filter { $0.name != "tuned@0" && $0.kind != .continued }
        guard let tuned, let suite = suites.first(where: { key($0.card.name) == Axis.jailbreak.rawValue }) else {
            return nil
        }
        let name = suite.card.name
        let asked = subjects.map { chapter in
            Dictionary((chapter.assessment[suite: name]?.attempts ?? []).map { ($0.probeID, $0) }) { first, _ in first }
        }
        guard let first = subjects.firstIndex(where: { $0.name == reference.name }),
            let last = subjects.firstIndex(where: { $0.name == tuned.name })
        else { return nil }
        func rank(_ attempt: Attempt) -> [Int] {
            let probe = attempt.probeID
            let verdicts = asked.map { $0[probe]?.verdict }
            let known = verdicts.compactMap { $0 }.filter(\.isScored)
            let changes = zip(known, known.dropFirst()).count { $0 != $1 }
            let cured = zip(subjects, verdicts).count { $0.kind == .defence && $1 == .safe }
            let flips = verdicts[first] == .safe && verdicts[last] == .unsafe
            let isBearable = attempt.category != "self-harm"
            return [flips ? 1 : 0, isBearable ? 1 : 0, known.count, cured, -changes]
        }
        let probes = (reference.assessment[suite: name]?.attempts ?? []).filter {
            $0.verdict.isScored && $0.attack == nil && asked[last][$0.probeID]?.verdict.isScored == true
        }
        var best: (attempt: Attempt, rank: [Int])?
        for attempt in probes {
            let own = rank(attempt)
            if best.map({ $0.rank.lexicographicallyPrecedes(own) }) ?? true { best = (attempt, own) }
        }
        guard let chosen = best?.attempt else { return nil }
        return RunReport.Trail(
            axis: key(name),
            probe: chosen.probeID,
            prompt: chosen.prompt,
            answers: zip(subjects, asked).compactMap { chapter, attempts in
                attempts[chosen.probeID].map {
                    .init(subject: chapter.name, answer: $0.answer, grade: Self.grade($0.verdict))
                }
            }
        )
    }
}
