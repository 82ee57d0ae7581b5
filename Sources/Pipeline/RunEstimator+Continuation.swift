import TemperAlign
import TemperModel
import TemperTorch
import TemperTune

/// Predicts what going on after the tuning takes: rounds are counted token by token at the tuning's pace.
extension RunEstimator {
    /// What a round with a defence that is not known yet is taken to cost: a second loss, or more rows in every step.
    private static let unknownFactor = 1.5

    /// The phases of a continued tuning, plain and with its defence.
    ///
    /// - Parameters:
    ///   - asking: Seconds of all assessments of one course, and the memory they need at most.
    ///   - estimate: What was predicted of the run up to there.
    func continued(
        _ continuation: Recipe.Continuation,
        _ opened: OpenedRecipe,
        after tuned: Cost,
        on reference: LanguageModel,
        asking: (seconds: Double, memory: Int),
        _ estimate: RunEstimate
    ) throws -> [RunEstimate.Phase] {
        var settings = recipe.tune.settings
        settings.maxSteps = tuned.steps
        var ignored = RunEstimate()
        let costs = try opened.continuedData.map { data in
            try train("continued", data, settings, pace: tuned.pace, on: reference, &ignored).phase.seconds
        }
        let rounds = continuation.rounds
        let plain = (0..<rounds).reduce(0) { $0 + costs[$1 % costs.count] }
        var courses = [(name: "continued", factor: 1.0)]
        if let name = continuation.defence {
            let known = opened.defences.filter { $0.0.name == name || name == Recipe.Continuation.best }
            let factors = known.map { entry, defence in
                let own = estimate.phases.first { $0.name == entry.name }.map { $0.seconds / tuned.phase.seconds }
                return switch defence {
                case .weights: 1.0
                case .realignment: 1 + (own ?? 0)
                case .data, .training: own ?? 1
                }
            }
            // Which one is the best is not known yet: at most.
            courses.append((name + RecipeNames.continued, factors.max() ?? Self.unknownFactor))
        }
        return courses.flatMap { name, factor in
            [
                .init(
                    name: name,
                    work: "\(rounds) rounds of \(tuned.steps) steps",
                    seconds: plain * factor,
                    peakMemory: tuned.phase.peakMemory
                ),
                .init(
                    name: "assess \(name)",
                    work: "\(rounds) assessments",
                    seconds: asking.seconds,
                    peakMemory: asking.memory
                ),
            ]
        }
    }
}
