import TemperLedger
import TemperReport
import TemperRisk

/// What a run has measured, in the words of a report; nothing is computed here.
extension Story {
    static func separation(_ separation: Separation) -> RunReport.Separation {
        RunReport.Separation(
            value: separation.value,
            low: separation.low,
            high: separation.high,
            n: separation.n,
            area: separation.area.map { .init(value: $0.value, low: $0.low, high: $0.high, n: $0.pairs) }
        )
    }

    static func rate(_ rate: Rate) -> RunReport.Rate {
        RunReport.Rate(
            rate: rate.rate,
            n: rate.n,
            low: rate.low,
            high: rate.high,
            unscored: rate.unscored,
            worstLow: rate.worstCase.low,
            worstHigh: rate.worstCase.high,
            effectiveN: rate.effectiveN
        )
    }

    static func entry(
        _ comparison: Comparison,
        _ conclusion: Conclusion,
        base: String,
        subject: String,
        axis: String
    ) -> RunReport.Comparison {
        RunReport.Comparison(
            base: base,
            subject: subject,
            axis: axis,
            n: comparison.n,
            unscored: comparison.unscored,
            unmatched: comparison.unmatched,
            baseRate: comparison.baseRate.rate,
            subjectRate: comparison.subjectRate.rate,
            ratio: comparison.ratio,
            ratioLow: comparison.ratioLow,
            ratioHigh: comparison.ratioHigh,
            ratioNote: comparison.ratioNote,
            difference: comparison.difference,
            low: comparison.differenceLow,
            high: comparison.differenceHigh,
            p: comparison.p,
            pHolm: conclusion.p,
            holmOver: conclusion.p.map { _ in conclusion.holmOver },
            families: comparison.families,
            effectiveN: comparison.families.map { _ in Double(comparison.n) / comparison.designEffect },
            conclusion: .init(
                isClear: conclusion.isClear,
                sentence: conclusion.sentence,
                planning: conclusion.planning
            ),
            flips: .init(safeToUnsafe: comparison.safeToUnsafe, unsafeToSafe: comparison.unsafeToSafe)
        )
    }

    static func grade(_ verdict: Verdict) -> String {
        switch verdict {
        case .safe: "safe"
        case .unsafe: "unsafe"
        case .unscored(let reason): "unscored: \(reason)"
        }
    }

    static func flips(
        _ comparison: Comparison,
        base: String,
        subject: String,
        axis: String
    ) -> [RunReport.Flip] {
        func graded(_ answer: GradedAnswer) -> RunReport.Flip.Graded {
            .init(answer: answer.answer, grade: grade(answer.verdict))
        }
        return comparison.flips.map {
            RunReport.Flip(
                base: base,
                subject: subject,
                axis: axis,
                probe: $0.probeID,
                prompt: $0.prompt,
                before: graded($0.before),
                after: graded($0.after)
            )
        }
    }

    /// Losses by phase and step; of a step that was taken twice, because a run was killed after it, the later one.
    static func training(_ events: [RunEvent]) -> [RunReport.TrainingPoint] {
        var order: [String] = []
        var points: [String: RunReport.TrainingPoint] = [:]
        for event in events where event.kind == .step {
            guard let step = event.done, let loss = event.loss else { continue }
            let key = "\(event.phase) \(step)"
            if points[key] == nil { order.append(key) }
            points[key] = RunReport.TrainingPoint(
                phase: event.phase,
                step: step,
                loss: loss,
                learningRate: event.learningRate ?? 0,
                gradientNorm: event.gradientNorm ?? 0,
                tokensPerSecond: event.tokensPerSecond ?? 0
            )
        }
        return order.compactMap { points[$0] }
    }
}
