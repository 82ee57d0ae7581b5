import TemperRisk

/// The attacks of a recipe on its suites.
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
