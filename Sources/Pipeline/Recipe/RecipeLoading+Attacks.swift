import TemperRisk

/// Reads the attacks of a recipe: a name, or a line with the attack's knobs.
extension Recipe.Assess {
    /// Reads the keys that attacks have in the section.
    mutating func readAttacks(_ table: RecipeTable) throws {
        attackLimit = try table.optionalWhole("attack_limit", in: 1...Int.max)
        attacker = try table.optionalText("attacker")
        evaluator = try table.optionalText("evaluator")
        attacks =
            try table.list("attacks", expected: "a list of names or {name: ..., knob: value}")?.map {
                try Recipe.Attack($0.node, path: $0.path, in: table, suites: suites)
            } ?? []
        if attacker == nil, let attack = attacks.first(where: { (try? $0.make())?.needsAttacker ?? false }) {
            throw table.missing("attacker", expected: "a model that writes the prompts of \(attack.name)")
        }
        var names: Set<String> = []
        for attack in attacks where !names.insert("\(attack.name) \(attack.suite ?? "")").inserted {
            throw table.error("attacks", found: "\"\(attack.name)\" twice", expected: "each once for a suite")
        }
    }
}

extension Recipe.Attack {
    fileprivate init(_ node: RecipeNode, path: String, in table: RecipeTable, suites: [Recipe.Suite]) throws {
        var knobs: [String: RecipeValue] = [:]
        if case .scalar = node.content {
            self.init(name: try table.text(node, path: path, expected: "an attack"))
        } else {
            let line = try RecipeTable(node, path: path, known: nil, context: table.context)
            guard let name = try line.optionalText("name"), !name.isEmpty else {
                throw line.missing("name", expected: "the attack's name")
            }
            for key in line.keys where !RecipeNames.attack.contains(key) {
                knobs[key] = .string(try line.text(key, default: ""))
            }
            self.init(
                name: name,
                suite: try line.optionalText("suite"),
                limit: try line.optionalWhole("limit", in: 1...Int.max),
                knobs: knobs
            )
            if let suite, !suites.contains(where: { $0.name == suite || suite.hasPrefix("\($0.name)-") }) {
                let known = suites.map(\.name).joined(separator: ", ")
                throw line.error("suite", found: "\"\(suite)\"", expected: "one of assess.suites: \(known)")
            }
        }
        do {
            _ = try make()
        } catch let error as AttackError {
            let fault: (found: String, expected: String, key: String)
            switch error {
            case .unknownAttack(let name, let known):
                fault = ("\"\(name)\"", "one of \(known.joined(separator: ", "))", path)
            case .unknownKnob(let attack, let knob, let known):
                let list = known.isEmpty ? "none" : known.joined(separator: ", ")
                fault = ("a knob that \(attack) does not have", list, "\(path).\(knob)")
            case .badKnob(_, let knob, let value, let expected): fault = (value, expected, "\(path).\(knob)")
            default: fault = ("\"\(name)\"", "\(error)", path)
            }
            throw table.context.error(
                .badValue(found: fault.found, expected: fault.expected),
                key: fault.key,
                at: node.origin
            )
        }
    }

    /// The attack with its knobs set.
    func make() throws -> any Attack {
        try Attacks.make(name, knobs: knobs.mapValues(\.description))
    }
}
