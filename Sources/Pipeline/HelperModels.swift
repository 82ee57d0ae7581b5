import Foundation
import TemperModel
import TemperRisk
import TemperTorch

/// The models of a run beside the subject: those that help attacks, and those that judge. Loaded once, and the same for
/// every subject.
struct HelperModels {
    /// What each is used for, with the model.
    var models: [(use: String, model: LanguageModel)] = []
    var roles = AttackRoles()
    var judges: [any Judge] = []

    /// - Parameter judges: whether the judges are needed.
    @TorchActor
    init(_ assess: Recipe.Assess, judges: Bool = true, device: Device) async throws {
        var known: [String: (model: LanguageModel, responder: LocalResponder)] = [:]
        func helper(
            _ use: String,
            _ name: String?
        ) async throws -> (model: LanguageModel, responder: LocalResponder)? {
            guard let name else { return nil }
            if known[name] == nil {
                let model = try await LanguageModel.load(from: ModelReference.resolve(name), device: device)
                known[name] = (model, LocalResponder(try model.merged(), batchSize: assess.batchSize))
            }
            if let model = known[name]?.model { models.append((use, model)) }
            return known[name]
        }
        if !assess.attacks.isEmpty {
            roles = AttackRoles(
                attacker: try await helper("attacker of attacks", assess.attacker)?.responder,
                evaluator: try await helper("evaluator of attacks", assess.evaluator)?.responder
            )
        }
        if judges, let (model, responder) = try await helper("judge", assess.judge) {
            let patient = ResponderWithinContext(responder)
            self.judges.append(assess.judgeRubric.judge(by: patient, named: ModelReference.name(of: model.url)))
        }
        if judges, let encoder = assess.judgeEncoder {
            self.judges.append(try await EncoderRefusalJudge.load(URL(fileURLWithPath: encoder)))
        }
    }
}

extension [PlannedSuite] {
    /// The suites of harmful requests with more judges; the others as they are.
    func judged(by judges: [any Judge]) -> [PlannedSuite] {
        map { planned in
            var planned = planned
            guard planned.suite.card.axis == .jailbreak, !judges.isEmpty else { return planned }
            planned.suite = SecondOpinionSuite(planned.suite, by: judges)
            return planned
        }
    }

    /// The suites without those judges, where nobody reads what they say.
    var unjudged: [PlannedSuite] {
        map { planned in
            var planned = planned
            planned.suite = (planned.suite as? SecondOpinionSuite)?.base ?? planned.suite
            return planned
        }
    }
}
