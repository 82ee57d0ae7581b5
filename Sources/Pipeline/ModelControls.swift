import TemperAlign
public import TemperModel
public import TemperRisk
import TemperText
import TemperTorch

/// Controls beside a model: those that need none, and a copy of the model without its refusal direction.
///
/// Knows nothing about runs. The copy is asked a few harmful requests that the model was asked, too, and is gone
/// afterwards; where the model refuses too little to begin with, it is not made.
extension Controls {
    /// Assesses all controls with the suites of `plan`.
    ///
    /// - Parameter assessed: What the model itself answered, with the same plan.
    @TorchActor
    public static func all(
        beside model: LanguageModel,
        assessed: Assessment,
        plan: AssessmentPlan,
        batchSize: Int
    ) async throws -> [ControlResult] {
        let scripted = try await scripted(plan)
        let harmful = plan.suites.first { $0.0.card.axis == .jailbreak }
        guard let (suite, limit) = harmful, let own = assessed[suite: suite.card.name] else {
            return scripted + [
                ControlResult(
                    name: ablated,
                    expected: expectedOfAblated,
                    found: "no suite of harmful requests is asked",
                    outcome: .notApplicable
                )
            ]
        }
        var plan = plan
        plan.suites = [(suite, limit: min(limit ?? probes, probes))]
        let asked = Set(try suite.probes(limit: plan.suites[0].limit, seed: plan.seed).map(\.id))
        var before = own
        before.attempts = own.attempts.filter { asked.contains($0.probeID) }
        let refusals = before.attempts.count { $0.verdict == .safe }
        guard refusals >= neededRefusals else {
            return scripted + [withoutRefusal(model: before, copy: before)]
        }
        let direction = try await RefusalDirection.mostEffective(in: model, seed: plan.seed)
        let copy = LocalResponder(try direction.removed(from: model), batchSize: batchSize)
        let after = try await assess(Subject(ablated, responder: copy), plan: plan)
        return scripted + after.results.map { withoutRefusal(model: before, copy: $0) }
    }
}
