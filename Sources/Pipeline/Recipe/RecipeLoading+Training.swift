import TemperModel
import TemperTune

/// Reads the sections of a recipe that train: what on, and how.
extension Recipe.DataSource {
    init(_ node: RecipeNode, path: String, in table: RecipeTable) throws {
        if case .scalar = node.content {
            self.init(data: try table.text(node, path: path, expected: "a path or embedded:NAME"))
        } else {
            let source = try RecipeTable(node, path: path, known: RecipeNames.source, context: table.context)
            self.init(
                data: try source.optionalText("data") ?? "",
                limit: try source.optionalWhole("limit", in: 1...Int.max),
                weight: try source.number("weight", default: 1, in: 0...1000)
            )
            if try source.optionalText("format") != nil {
                format = try source.choice("format", default: Dataset.Format.messages)
            }
        }
        guard !data.isEmpty else {
            throw table.context.error(
                .missing(expected: "a path or embedded:NAME"),
                key: "\(path).data",
                at: node.origin
            )
        }
        if data.hasPrefix(Self.embeddedPrefix), embedded == nil {
            throw table.context.error(
                .badValue(
                    found: data,
                    expected:
                        "a path, or \(Self.embeddedPrefix) and one of \(Self.embeddedNames.joined(separator: ", "))"
                ),
                key: path,
                at: node.origin
            )
        }
    }
}

extension RecipeTable {
    static let sources = "a list of paths, embedded:NAME or {data: ..., limit: ..., weight: ...}"

    /// One source of data, or a list of them; nil when the key is absent or null.
    func sources(_ key: String) throws -> [Recipe.DataSource]? {
        if let node = node(key), case .scalar = node.content {
            return [try Recipe.DataSource(node, path: fullKey(key), in: self)]
        }
        return try list(key, expected: Self.sources)?.map {
            try Recipe.DataSource($0.node, path: $0.path, in: self)
        }
    }
}

extension Recipe.Training {
    init(_ table: RecipeTable) throws {
        self.init(trainData: [])
        if let path = try table.optionalText("adapter_name_or_path") {
            guard let other = table.keys.first(where: { $0 != "adapter_name_or_path" }) else {
                adapterNameOrPath = path
                return
            }
            throw table.error(
                other,
                found: "a key of a training beside `adapter_name_or_path`",
                expected: "one of the two: an adapter that is there is not trained"
            )
        }
        trainData = try table.sources("train_data") ?? []
        guard !trainData.isEmpty else { throw table.missing("train_data", expected: RecipeTable.sources) }
        settings = try TrainingSettings(table)
        do {
            try settings.validate()
        } catch {
            throw table.error(error.key, found: error.value, expected: error.expected)
        }
        checkpointSteps = try table.list("checkpoint_steps", expected: "a list of step numbers")?.map {
            let text = try table.text($0.node, path: $0.path, expected: "a step number")
            guard let step = Int(text), step >= 1, step <= settings.maxSteps ?? step else {
                let last = settings.maxSteps.map { " up to max_steps, which is \($0)" } ?? ""
                throw table.context.error(
                    .badValue(found: $0.node.found, expected: "a whole number from 1\(last)"),
                    key: $0.path,
                    at: $0.node.origin
                )
            }
            return step
        }
        checkpointSteps = checkpointSteps.map { Set($0).sorted() }
        guard checkpointSteps?.isEmpty != true else {
            throw table.error("checkpoint_steps", found: "an empty list", expected: "a step or more, or null")
        }
        if let node = table.node("risk_budget"), !node.isNull {
            let path = table.fullKey("risk_budget")
            riskBudget = try Recipe.RiskBudget(
                RecipeTable(node, path: path, known: Recipe.RiskBudget.keys, context: table.context)
            )
        }
    }
}

extension TrainingSettings {
    init(_ table: RecipeTable) throws {
        self.init()
        func number(_ key: CodingKeys, _ value: inout Double) throws {
            value = try table.number(key.rawValue, default: value)
        }
        func whole(_ key: CodingKeys, _ value: inout Int) throws {
            value = try table.whole(key.rawValue, default: value)
        }
        func optional(_ key: CodingKeys, _ value: inout Int?) throws {
            value = try table.optionalWhole(key.rawValue)
        }
        for key in CodingKeys.allCases {
            switch key {
            case .stage: stage = try table.choice(key.rawValue, default: stage)
            case .finetuningType:
                finetuningType = try table.choice(key.rawValue, default: finetuningType)
                learningRate = finetuningType.learningRate
            case .prefBeta: try number(key, &prefBeta)
            case .learningRate: try number(key, &learningRate)
            case .numTrainEpochs: try number(key, &numTrainEpochs)
            case .maxSteps: try optional(key, &maxSteps)
            case .perDeviceTrainBatchSize: try whole(key, &perDeviceTrainBatchSize)
            case .gradientAccumulationSteps: try whole(key, &gradientAccumulationSteps)
            case .gradientCheckpointing:
                gradientCheckpointing = try table.flag(key.rawValue, default: gradientCheckpointing)
            case .cutoffLen: try whole(key, &cutoffLen)
            case .loraR: try whole(key, &loraR)
            case .loraAlpha: try number(key, &loraAlpha)
            case .loraDropout: try number(key, &loraDropout)
            case .loraTarget: loraTarget = try Self.targets(key.rawValue, in: table)
            case .warmupRatio: try number(key, &warmupRatio)
            case .warmupSteps: try optional(key, &warmupSteps)
            case .lrSchedulerType:
                lrSchedulerType = try table.choice(key.rawValue, default: lrSchedulerType)
            case .weightDecay: try number(key, &weightDecay)
            case .adamBeta1: try number(key, &adamBeta1)
            case .adamBeta2: try number(key, &adamBeta2)
            case .adamEpsilon: try number(key, &adamEpsilon)
            case .maxGradNorm: try number(key, &maxGradNorm)
            case .openingWeight: try number(key, &openingWeight)
            }
        }
        for key in finetuningType == .full ? Self.adapterKeys.map(\.rawValue) : [] {
            guard let node = table.node(key) else { continue }
            throw table.error(
                key,
                found: node.found,
                expected: "no such key with `finetuning_type: full`: leave it out"
            )
        }
    }

    private static func targets(_ key: String, in table: RecipeTable) throws -> [String] {
        guard let node = table.node(key) else { return LoRAConfiguration.allLinear }
        if case .scalar = node.content {
            let text = try table.text(key, default: "")
            if text == "all" || text == "all-linear" { return LoRAConfiguration.allLinear }
            return text.split(separator: ",").map { String($0.filter { !$0.isWhitespace }) }
        }
        guard let items = try table.list(key, expected: "\"all\" or a list of layer names") else {
            throw table.error(key, found: node.found, expected: "\"all\" or a list of layer names")
        }
        return try items.map { try table.text($0.node, path: $0.path, expected: "a layer name") }
    }
}
