import Foundation
import TemperModel
import TemperRisk
import TemperTorch

/// The attacks of a recipe on its suites, and the models that help them.
extension Recipe.Assess {
    /// Each attack on its suite: the one it names, or the first for jailbreaks.
    ///
    /// Checkpoints before the last are not attacked.
    func attacked(_ risks: [PlannedSuite]) throws -> [PlannedSuite] {
        try attacks.map { entry in
            let base = risks.first { risk in
                entry.suite.map { $0 == risk.suite.card.name } ?? (risk.suite.card.axis == .jailbreak)
            }
            guard let base else {
                let wanted = entry.suite.map { "no suite named \($0)" } ?? "no suite on the axis jailbreak"
                throw PipelineError.recipe(
                    key: "assess.attacks",
                    reason: "\(entry.name) has nothing to attack: assess.suites lists \(wanted)"
                )
            }
            return PlannedSuite(
                suite: try AttackedSuite(base.suite, attack: try entry.make()),
                limit: entry.limit ?? attackLimit ?? base.limit,
                stepLimit: 0
            )
        }
    }
}

/// The models of a run beside the subject: those that help attacks, and one that judges. Loaded once, and the same for
/// every subject.
struct HelperModels {
    /// What each is used for, with the model.
    var models: [(use: String, model: LanguageModel)] = []
    var roles = AttackRoles()
    var judge: ModelJudge?

    @TorchActor
    init(_ assess: Recipe.Assess, device: Device) async throws {
        var known: [String: LocalResponder] = [:]
        func responder(_ use: String, _ name: String?) async throws -> LocalResponder? {
            guard let name else { return nil }
            if let same = known[name] { return same }
            let model = try await LanguageModel.load(from: ModelReference.resolve(name), device: device)
            models.append((use, model))
            let made = LocalResponder(try model.merged(), batchSize: assess.batchSize)
            known[name] = made
            return made
        }
        let attacks = !assess.attacks.isEmpty
        roles = AttackRoles(
            attacker: try await responder("attacker of attacks", attacks ? assess.attacker : nil),
            evaluator: try await responder("evaluator of attacks", attacks ? assess.evaluator : nil)
        )
        if let name = assess.judge, let model = try await responder("judge", name) {
            let file = URL(fileURLWithPath: name).deletingPathExtension().lastPathComponent
            judge = assess.judgeRubric.judge(asking: model, named: file)
        }
    }
}
