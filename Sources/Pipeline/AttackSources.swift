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

/// The models that help attacks in a run: loaded once, and the same for every subject.
struct AttackHelpers {
    /// What the recipe calls each, with the model.
    var models: [(role: String, model: LanguageModel)] = []
    var roles = AttackRoles()

    @TorchActor
    init(_ assess: Recipe.Assess, device: Device) async throws {
        var responders: [String: LocalResponder] = [:]
        for (role, name) in [("attacker", assess.attacker), ("evaluator", assess.evaluator)] {
            guard let name, !assess.attacks.isEmpty else { continue }
            let same = responders.first { $0.key == "attacker" && assess.attacker == name }?.value
            if let same {
                responders[role] = same
                continue
            }
            let model = try await LanguageModel.load(from: ModelReference.resolve(name), device: device)
            models.append((role, model))
            responders[role] = LocalResponder(try model.merged(), batchSize: assess.batchSize)
        }
        roles = AttackRoles(attacker: responders["attacker"], evaluator: responders["evaluator"])
    }
}
