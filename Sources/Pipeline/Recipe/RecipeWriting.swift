import TemperModel
import TemperReport
import TemperRisk
import TemperTune
import Yams

/// Writes a recipe back as YAML with every default filled in.
///
/// Reading the text again gives an equal recipe, whatever the environment holds then.
extension Recipe {
    /// The recipe as YAML; variables and overrides are already put in.
    ///
    /// - Throws: ``RecipeError`` if the text cannot be written.
    public func resolvedYAML() throws -> String {
        var pairs: [(String, Node)] = [
            ("run_name", .text(runName)),
            ("output_dir", .text(outputDir)),
            ("model_name_or_path", .text(modelNameOrPath)),
            ("data_dir", .optional(dataDir.map(Node.text))),
            ("seed", .plain("\(seed)")),
            ("dtype", .text(dtype.rawValue)),
            ("device", .text(device)),
            ("quantization_bit", .whole(quantizationBit)),
            ("threads", .plain("\(threads)")),
            ("assess", .section(assess.pairs)),
        ]
        if let align { pairs.append(("align", .section(align.pairs(withCheckpoints: false)))) }
        pairs.append(("tune", .section(tune.pairs(withCheckpoints: true))))
        pairs.append(("defences", .list(defences.map(\.node))))
        if let search { pairs.append(("defend", search.node)) }
        if let continuation { pairs.append(("continue", continuation.node)) }
        pairs.append(("guard", .optional(guardPolicy.map(Node.text))))
        pairs.append(("guard_encoder", .optional(guardEncoder.map(Node.text))))
        if let retrieval {
            pairs.append(("retrieval", .section([("examples", .plain("\(retrieval.examples)"))])))
        }
        if cost != Cost() { pairs.append(("cost", .section(cost.pairs))) }
        do {
            return try Yams.serialize(node: .section(pairs), width: -1, allowUnicode: true)
        } catch {
            throw RecipeError(file: runName, .unreadable("the resolved recipe cannot be written: \(error)"))
        }
    }
}

extension Recipe.Assess {
    fileprivate var pairs: [(String, Node)] {
        var pairs: [(String, Node)] = [
            ("suites", .list(suites.map(\.node))),
            ("utility", .optional(utility?.node)),
            ("max_new_tokens", .plain("\(maxNewTokens)")),
            ("whole_answers", .plain("\(wholeAnswers)")),
            ("batch_size", .plain("\(batchSize)")),
            ("temperature", .plain("\(temperature)")),
            ("step_limit", .whole(stepLimit)),
            ("quantizations", .list(quantizations.map { .text($0.rawValue) })),
            ("controls", .plain("\(controls)")),
            ("attacks", .list(attacks.map(\.node))),
            ("attack_limit", .whole(attackLimit)),
            ("attacker", .optional(attacker.map(Node.text))),
            ("evaluator", .optional(evaluator.map(Node.text))),
        ]
        if let judge { pairs += [("judge", .text(judge)), ("judge_rubric", .text(judgeRubric.rawValue))] }
        if let judgeEncoder { pairs.append(("judge_encoder", .text(judgeEncoder))) }
        return pairs
    }
}

extension Recipe.Suite {
    fileprivate var node: Node {
        let mapping = [
            columns.map { ("columns", Self.node($0)) }, axis.map { ("axis", Node.text($0.rawValue)) },
        ]
        return .line(
            [
                ("name", .text(name)), ("limit", .whole(limit)), ("step_limit", .whole(stepLimit)),
                ("file", .optional(file.map(Node.text))),
                ("format", .optional(format.map(Node.text))),
            ] + mapping.compactMap { $0 }
        )
    }

    private static func node(_ columns: Suites.Columns) -> Node {
        .line([
            ("prompt", .text(columns.prompt)), ("id", .optional(columns.id.map(Node.text))),
            ("category", .optional(columns.category.map(Node.text))),
        ])
    }
}

extension Recipe.Attack {
    fileprivate var node: Node {
        let values = knobs.sorted { $0.key < $1.key }.map { key, value in (key, Node.text(value.description)) }
        return .line(
            [("name", .text(name)), ("suite", .optional(suite.map(Node.text))), ("limit", .whole(limit))] + values
        )
    }
}

extension Recipe.DataSource {
    fileprivate var node: Node {
        .line([
            ("data", .text(data)), ("limit", .whole(limit)), ("weight", .plain("\(weight)")),
            ("format", .optional((format?.rawValue).map(Node.text))),
        ])
    }
}

extension Recipe.Defence {
    fileprivate var node: Node {
        let values = knobs.sorted { $0.key < $1.key }.map { key, value -> (String, Node) in
            switch value {
            case .string(let text): (key, .text(text))
            case .number(let number): (key, .plain("\(number)"))
            case .bool(let flag): (key, .plain("\(flag)"))
            }
        }
        return .line([("name", .text(name)), ("method", .text(method))] + values)
    }
}

extension Recipe.Search {
    fileprivate var node: Node {
        .section([
            ("method", .text("auto")), ("budget", .plain("\(budget)")), ("sentinel", .plain("\(sentinel)")),
            ("gate", .optional(gate.map(Node.text))),
            ("methods", .optional(methods.map { .list($0.map(Node.text), style: .flow) })),
        ])
    }
}

extension Recipe.Continuation {
    fileprivate var node: Node {
        .section([
            ("rounds", .plain("\(rounds)")), ("train_data", .optional(trainData.map { .list($0.map(\.node)) })),
            ("defence", .optional(defence.map(Node.text))),
        ])
    }
}

extension Recipe.RiskBudget {
    fileprivate var node: Node {
        .line(
            [
                ("suite", .text(suite)), ("increase", .plain("\(increase)")), ("action", .text(action.rawValue)),
                ("probes", .plain("\(probes)")),
            ] + (sign == .verdicts ? [] : [("sign", .text(sign.rawValue))])
        )
    }
}

extension Recipe.Cost {
    fileprivate var pairs: [(String, Node)] {
        func number(_ value: Double?) -> Node { .optional(value.map { .plain("\($0)") }) }
        return [
            ("watts", number(watts)), ("price_per_hour", number(perHour)), ("price_per_kwh", number(perKilowattHour)),
            ("currency", .text(currency)), ("base_training_flops", number(baseTrainingFlops)),
        ]
    }
}

extension Recipe.Training {
    fileprivate func pairs(withCheckpoints: Bool) -> [(String, Node)] {
        if let adapterNameOrPath { return [("adapter_name_or_path", .text(adapterNameOrPath))] }
        var pairs: [(String, Node)] = [("train_data", .list(trainData.map(\.node)))]
        if withCheckpoints {
            let steps = checkpointSteps.map { Node.list($0.map { .plain("\($0)") }, style: .flow) }
            pairs.append(("checkpoint_steps", .optional(steps)))
            if let riskBudget { pairs.append(("risk_budget", riskBudget.node)) }
        }
        let unused = settings.finetuningType == .full ? TrainingSettings.adapterKeys : []
        let keys = TrainingSettings.CodingKeys.allCases.filter { !unused.contains($0) }
        return pairs + keys.map { ($0.rawValue, settings.node($0)) }
    }
}

extension TrainingSettings {
    fileprivate func node(_ key: CodingKeys) -> Node {
        switch key {
        case .stage: .text(stage.rawValue)
        case .finetuningType: .text(finetuningType.rawValue)
        case .prefBeta: .plain("\(prefBeta)")
        case .learningRate: .plain("\(learningRate)")
        case .numTrainEpochs: .plain("\(numTrainEpochs)")
        case .maxSteps: .whole(maxSteps)
        case .perDeviceTrainBatchSize: .plain("\(perDeviceTrainBatchSize)")
        case .gradientAccumulationSteps: .plain("\(gradientAccumulationSteps)")
        case .gradientCheckpointing: .plain("\(gradientCheckpointing)")
        case .cutoffLen: .plain("\(cutoffLen)")
        case .loraR: .plain("\(loraR)")
        case .loraAlpha: .plain("\(loraAlpha)")
        case .loraDropout: .plain("\(loraDropout)")
        case .loraTarget: .list(loraTarget.map(Node.text), style: .flow)
        case .warmupRatio: .plain("\(warmupRatio)")
        case .warmupSteps: .whole(warmupSteps)
        case .lrSchedulerType: .text(lrSchedulerType.rawValue)
        case .weightDecay: .plain("\(weightDecay)")
        case .adamBeta1: .plain("\(adamBeta1)")
        case .adamBeta2: .plain("\(adamBeta2)")
        case .adamEpsilon: .plain("\(adamEpsilon)")
        case .maxGradNorm: .plain("\(maxGradNorm)")
        case .openingWeight: .plain("\(openingWeight)")
        }
    }
}

extension Node {
    fileprivate static func plain(_ text: String) -> Node {
        .scalar(Scalar(text, Tag(.implicit), .plain))
    }

    /// A text, quoted unless every reader takes it for a text as it stands.
    fileprivate static func text(_ text: String) -> Node {
        let reserved: Set = ["true", "false", "yes", "no", "on", "off", "y", "n", "null"]
        let isSafe =
            (text.utf8.first.map { (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0) } ?? false)
            && text.allSatisfy { RecipeNames.isFileNameCharacter($0) || $0 == "/" }
            && !reserved.contains(text.lowercased())
        return isSafe ? plain(text) : .scalar(Scalar(RecipeVariables.escape(text), Tag(.implicit), .doubleQuoted))
    }

    fileprivate static func whole(_ value: Int?) -> Node { plain(value.map { "\($0)" } ?? "null") }

    fileprivate static func optional(_ node: Node?) -> Node { node ?? plain("null") }

    fileprivate static func list(_ items: [Node], style: Sequence.Style = .block) -> Node {
        .sequence(Sequence(items, Tag(.implicit), items.isEmpty ? .flow : style))
    }

    fileprivate static func section(_ pairs: [(String, Node)]) -> Node {
        .mapping(Mapping(pairs.map { (text($0), $1) }, Tag(.implicit), .block))
    }

    fileprivate static func line(_ pairs: [(String, Node)]) -> Node {
        .mapping(Mapping(pairs.map { (text($0), $1) }, Tag(.implicit), .flow))
    }
}
