import TemperModel
import TemperRisk
import TemperTorch

/// The models of a run beside the subject: those that help attacks, and one that judges. Loaded once, and the same for
/// every subject.
struct HelperModels {
    /// What each is used for, with the model.
    var models: [(use: String, model: LanguageModel)] = []
    var roles = AttackRoles()
    var judge: ModelJudge?

    /// - Parameter judges: whether the judge is needed.
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
            judge = assess.judgeRubric.judge(by: patient, named: ModelReference.name(of: model.url))
        }
    }
}

extension [PlannedSuite] {
    /// The suites of harmful requests with one more judge; the others as they are.
    func judged(by judge: ModelJudge?) -> [PlannedSuite] {
        guard let judge else { return self }
        return map { planned in
            var planned = planned
            if planned.suite.card.axis == .jailbreak { planned.suite = SecondOpinionSuite(planned.suite, by: judge) }
            return planned
        }
    }

    /// The suites without that judge, where nobody reads what it says.
    var unjudged: [PlannedSuite] {
        map { planned in
            var planned = planned
            planned.suite = (planned.suite as? SecondOpinionSuite)?.base ?? planned.suite
            return planned
        }
    }
}
