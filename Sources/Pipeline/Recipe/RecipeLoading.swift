public import Foundation
import TemperAlign
import TemperModel
import TemperRisk
import TemperTorch
import TemperTune

/// Reads a recipe file into values, strictly: a key or a value that is not understood is an error, never ignored.
extension Recipe {
    /// Reads a recipe file.
    ///
    /// - Parameters:
    ///   - url: The YAML file. Paths inside it are relative to the working directory.
    ///   - overrides: `key=value` texts that win over the file, such as `tune.lora_r=8` or `defences.0.scale=0.3`.
    ///   - environment: What `${NAME}` in a value stands for.
    /// - Throws: ``RecipeError`` with the file, the line, the key and the remedy.
    public static func load(
        _ url: URL,
        overrides: [String] = [],
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> Recipe {
        try parse(RecipeError.text(of: url), file: url.relativePath, overrides: overrides, environment: environment)
    }

    /// Reads a recipe from a text; `file` names it in messages and, without its extension, names the run.
    ///
    /// - Throws: ``RecipeError`` with the file, the line, the key and the remedy.
    public static func parse(
        _ yaml: String,
        file: String,
        overrides: [String] = [],
        environment: [String: String] = [:]
    ) throws -> Recipe {
        var tree = try RecipeNode.parse(yaml, file: file)
        for override in overrides { try tree.apply(override, file: file) }
        var context = RecipeTable.Context(file: file, environment: environment)
        context.dataDir = try RecipeTable(tree, path: "", known: RecipeNames.root, context: context)
            .optionalText("data_dir")
        return try Recipe(RecipeTable(tree, path: "", known: RecipeNames.root, context: context))
    }

    fileprivate init(_ table: RecipeTable) throws {
        let context = table.context
        guard let tune = table.node("tune") else {
            throw table.missing("tune", expected: "a section with at least `train_data`")
        }
        guard let model = try table.optionalText("model_name_or_path"), !model.isEmpty else {
            throw table.missing("model_name_or_path", expected: "a GGUF file, a model folder or ORG/NAME")
        }
        self.init(
            runName: URL(fileURLWithPath: context.file).deletingPathExtension().lastPathComponent,
            modelNameOrPath: model,
            tune: try Training(RecipeTable(tune, path: "tune", known: RecipeNames.tune, context: context))
        )
        runName = try table.optionalText("run_name") ?? runName
        guard RecipeNames.isFileName(runName) else {
            throw table.error(
                "run_name",
                found: "\"\(runName)\"",
                expected: "letters, digits, \".\", \"_\" and \"-\", a letter, a digit or \"_\" first"
            )
        }
        outputDir = try table.text("output_dir", default: outputDir)
        dataDir = context.dataDir
        seed = try table.seed("seed", default: seed)
        dtype = try table.choice("dtype", default: dtype)
        device = try table.text("device", default: device)
        guard Device(named: device) != nil else {
            throw table.error("device", found: "\"\(device)\"", expected: "auto, cpu, cuda or cuda:INDEX")
        }
        quantizationBit = try table.quantizationBit()
        threads = try table.whole("threads", default: threads, in: 0...1024)
        if let node = table.node("assess") {
            assess = try Assess(RecipeTable(node, path: "assess", known: RecipeNames.assess, context: context))
        }
        if let node = table.node("align"), !node.isNull {
            align = try Training(RecipeTable(node, path: "align", known: RecipeNames.align, context: context))
        }
        if let node = table.node("cost") {
            cost = try Cost(RecipeTable(node, path: "cost", known: RecipeNames.cost, context: context))
        }
        defences =
            try table.list("defences", expected: "a list of {method: ..., knob: value}")?.map {
                try Defence(RecipeTable($0.node, path: $0.path, known: nil, context: context))
            } ?? []
        if let node = table.node("defend"), !node.isNull { search = try Search(node, in: table) }
        if let node = table.node("continue"), !node.isNull {
            let section = try RecipeTable(node, path: "continue", known: Continuation.keys, context: context)
            continuation = try Continuation(section)
            // Where nothing is tried there is nothing to choose, unless somebody asks for it.
            if defences.isEmpty, search == nil, section.node("defence") == nil { continuation?.defence = nil }
            try continuation?.check(section, against: self)
        }
        guardPolicy = try table.optionalText("guard")
        guardEncoder = try table.optionalText("guard_encoder")
        guard guardEncoder == nil || guardPolicy != nil else {
            throw table.missing("guard", expected: "the policy whose rails ask the encoder")
        }
        if let node = table.node("retrieval"), !node.isNull {
            retrieval = try Retrieval(
                RecipeTable(node, path: "retrieval", known: Retrieval.keys, context: context)
            )
        }
        try checkWhatIsTrained(table)
        try checkRiskBudget(table)
        if self.tune.settings.stage == .dpo, let index = defences.firstIndex(where: \.changesSupervisedTraining) {
            throw table.error(
                "defences",
                found: "\(defences[index].method), which adds answers to learn to the training",
                expected: "none such with `tune.stage: dpo`: defences that act after it"
            )
        }
        var names: Set<String> = []
        for defence in defences where !names.insert(defence.name).inserted {
            throw table.error("defences", found: "\"\(defence.name)\" twice", expected: "a different `name` for each")
        }
        if search != nil, let taken = defences.first(where: { $0.name.hasPrefix(Search.prefix) }) {
            throw table.error(
                "defences",
                found: "\"\(taken.name)\", a name as `defend` gives them",
                expected: "none that begins with \"\(Search.prefix)\""
            )
        }
    }
}

extension Recipe {
    /// What the budget is counted in has to be asked of the reference, too.
    private func checkRiskBudget(_ table: RecipeTable) throws {
        guard let budget = tune.riskBudget else { return }
        if budget.action == .mix, tune.settings.stage == .dpo {
            throw table.error(
                "tune",
                found: "`risk_budget.action: mix`, which adds answers to learn, with `stage: dpo`",
                expected: "`action: stop` or `rollback`"
            )
        }
        guard !assess.suites.contains(where: { $0.name == budget.suite && $0.file == nil }) else { return }
        let known = assess.suites.map(\.name).joined(separator: ", ")
        throw table.error(
            "tune",
            found: "`risk_budget.suite: \(budget.suite)`, which is no suite of its own that is assessed",
            expected: "one of assess.suites that is not read from a file: \(known)"
        )
    }

    /// Weights that are trained themselves are kept whole, and leave no adapter behind that something else could take up.
    private func checkWhatIsTrained(_ table: RecipeTable) throws {
        let (full, alignsFull) = (tune.settings.finetuningType == .full, align?.settings.finetuningType == .full)
        if full || alignsFull, let bits = quantizationBit {
            throw table.error("quantization_bit", found: "\(bits)", expected: "null with `finetuning_type: full`")
        }
        if alignsFull, !full {
            throw table.error(
                "align",
                found: "`finetuning_type: full` before the tuning of an adapter, which would not fit the base",
                expected: "`finetuning_type: lora`, or `full` under `tune` too"
            )
        }
        for defence in defences {
            if case .weights(let method)? = try? defence.make(), method.needsAlignment, align == nil {
                throw table.error(
                    "defences",
                    found: "\(defence.method), which works with what safety alignment changed in the weights",
                    expected: "an `align` section, which makes that change"
                )
            }
            guard full, defence.needsAdapter else { continue }
            throw table.error(
                "defences",
                found: "\(defence.method), which changes an adapter",
                expected: "none such with `tune.finetuning_type: full`: defences that train all weights"
            )
        }
    }
}

extension RecipeTable {
    /// 4 or nothing; the switch `load_in_4bit`, which is another name of the key, says the same.
    fileprivate func quantizationBit() throws -> Int? {
        let key = "quantization_bit"
        guard let text = try optionalText(key), Self.flag(text) != false else { return nil }
        guard text == "4" || Self.flag(text) == true else { throw error(key, found: text, expected: "4 or null") }
        return 4
    }
}

extension RecipeNode {
    var isNull: Bool { if case .null = content { true } else { false } }
}

extension Recipe.Suite {
    fileprivate init(_ node: RecipeNode, path: String, in table: RecipeTable) throws {
        if case .scalar = node.content {
            self.init(name: try table.text(node, path: path, expected: "a suite"))
        } else {
            let suite = try RecipeTable(node, path: path, known: RecipeNames.suite, context: table.context)
            guard let name = try suite.optionalText("name"), !name.isEmpty else {
                throw suite.missing("name", expected: "the suite's name")
            }
            self.init(
                name: name,
                limit: try suite.optionalWhole("limit", in: 1...Int.max),
                stepLimit: try suite.optionalWhole("step_limit", in: 0...Int.max),
                file: try suite.optionalText("file"),
                format: try suite.optionalText("format"),
                columns: try suite.optionalColumns("columns"),
                axis: try suite.optionalText("axis").map { text in
                    guard let axis = Axis(rawValue: text) else {
                        let known = Axis.allCases.map(\.rawValue).joined(separator: ", ")
                        throw suite.error("axis", found: "\"\(text)\"", expected: "one of \(known)")
                    }
                    return axis
                }
            )
            guard format == nil || file != nil else { throw suite.missing("file", expected: "the file in that format") }
            guard columns == nil && axis == nil || file != nil else {
                throw suite.missing("file", expected: "the file with those columns")
            }
        }
        guard file != nil || SuiteCache.knows(name) else {
            let known = SuiteCache.names.joined(separator: ", ")
            throw table.context.error(
                .badValue(found: "\"\(name)\"", expected: "one of \(known), or a `file` to read the suite from"),
                key: path,
                at: node.origin
            )
        }
        // The name becomes a file in the run.
        guard RecipeNames.isFileName(name) else {
            throw table.context.error(
                .badValue(found: "\"\(name)\"", expected: "a suite's name: letters, digits, \".\", \"_\" and \"-\""),
                key: path,
                at: node.origin
            )
        }
    }
}

extension RecipeTable {
    /// Which columns of a file hold what.
    fileprivate func optionalColumns(_ key: String) throws -> Suites.Columns? {
        guard let node = node(key), !node.isNull else { return nil }
        let columns = try RecipeTable(node, path: fullKey(key), known: RecipeNames.columns, context: context)
        return Suites.Columns(
            prompt: try columns.text("prompt", default: "prompt"),
            id: try columns.optionalText("id"),
            category: try columns.optionalText("category")
        )
    }
}

extension Recipe.Assess {
    fileprivate init(_ table: RecipeTable) throws {
        self.init()
        if let items = try table.list("suites", expected: "a list of names or {name: ..., limit: ...}") {
            suites = try items.map { try Recipe.Suite($0.node, path: $0.path, in: table) }
            guard !suites.isEmpty else {
                throw table.error("suites", found: "an empty list", expected: "a suite or more")
            }
        }
        var names: Set<String> = []
        for suite in suites where !names.insert(suite.name).inserted {
            throw table.error("suites", found: "\"\(suite.name)\" twice", expected: "a different `name` for each")
        }
        if let node = table.node("utility"), !node.isNull {
            utility = try Recipe.Suite(node, path: table.fullKey("utility"), in: table)
        }
        maxNewTokens = try table.whole("max_new_tokens", default: maxNewTokens, in: 1...1 << 20)
        wholeAnswers = try table.flag("whole_answers", default: wholeAnswers)
        batchSize = try table.whole("batch_size", default: batchSize, in: 1...65_536)
        temperature = try table.number("temperature", default: temperature, in: 0...100)
        stepLimit = try table.optionalWhole("step_limit", in: 1...Int.max)
        quantizations =
            try table.list("quantizations", expected: "a list of formats such as [q8_0, q4_0]")?.map { path, node in
                let text = try table.text(node, path: path, expected: "a format")
                guard let format = LanguageModel.Quantization(rawValue: text.lowercased()) else {
                    let known = LanguageModel.Quantization.allCases.map(\.rawValue).joined(separator: ", ")
                    throw table.error("quantizations", found: "\"\(text)\"", expected: "formats out of \(known)")
                }
                return format
            } ?? []
        guard Set(quantizations).count == quantizations.count else {
            throw table.error("quantizations", found: "a format twice", expected: "each once")
        }
        controls = try table.flag("controls", default: controls)
        try readAttacks(table)
        judge = try table.optionalText("judge")
        judgeRubric = try table.choice("judge_rubric", default: judgeRubric)
        guard judge != nil || table.node("judge") != nil || table.node("judge_rubric") == nil else {
            throw table.missing("judge", expected: "the model that is asked by that rubric")
        }
        judgeEncoder = try table.optionalText("judge_encoder")
    }
}

extension Recipe.Defence {
    fileprivate init(_ table: RecipeTable) throws {
        guard let method = try table.optionalText("method"), !method.isEmpty else {
            throw table.missing("method", expected: "a defence's method")
        }
        var knobs: [String: RecipeValue] = [:]
        for key in table.keys where key != "name" && key != "method" {
            guard let node = table.node(key), case .scalar(_, let isPlain) = node.content else {
                throw table.error(
                    key,
                    found: table.node(key)?.found ?? "nothing",
                    expected: "a text, a number, true or false"
                )
            }
            let text = try table.text(key, default: "")
            if isPlain, let flag = RecipeTable.flag(text) {
                knobs[key] = .bool(flag)
            } else if isPlain, let number = RecipeTable.number(text) {
                knobs[key] = .number(number)
            } else {
                knobs[key] = .string(text)
            }
        }
        self.init(name: try table.optionalText("name"), method: method, knobs: knobs)
        guard RecipeNames.isFileName(name) else {
            throw table.error(
                "name",
                found: "\"\(name)\"",
                expected: "letters, digits, \".\", \"_\" and \"-\", as for a folder"
            )
        }
        let copies = LanguageModel.Quantization.allCases.map { ".\($0.rawValue)" }
        guard !copies.contains(where: name.hasSuffix) else {
            throw table.error(
                "name",
                found: "\"\(name)\", which ends as quantised copies do",
                expected: "a name that ends in none of \(copies.joined(separator: ", "))"
            )
        }
        guard !name.contains(RecipeNames.continued) else {
            throw table.error(
                "name",
                found: "\"\(name)\", as defences are called that go on after the tuning",
                expected: "a name without \"\(RecipeNames.continued)\""
            )
        }
        guard !RecipeNames.reserved.contains(name) else {
            throw table.error(
                "name",
                found: "\"\(name)\", which every run uses for something of its own",
                expected: "none of \(RecipeNames.reserved.joined(separator: ", "))"
            )
        }
        do {
            _ = try make()
        } catch let error as DefenceError {
            throw table.error(error)
        }
    }
}

extension Recipe.Defence {
    /// The defence with its knobs set.
    func make() throws -> TemperAlign.Defence {
        try Defences.make(method, knobs: knobs.mapValues(\.description))
    }

    /// Whether it has nothing to act on where all weights are trained.
    var needsAdapter: Bool {
        switch try? make() {
        case .weights?: true
        case .training(let method)?: method.needsAdapter
        case .data?, .realignment?, nil: false
        }
    }

    /// Whether it adds rows or a term to the user's own training.
    var changesSupervisedTraining: Bool {
        switch try? make() {
        case .data?, .training?: true
        case .weights?, .realignment?, nil: false
        }
    }
}

extension RecipeTable {
    /// What a defence says of itself, with the line and the key it is about.
    fileprivate func error(_ error: DefenceError) -> RecipeError {
        switch error {
        case .unknownMethod(let name, let known):
            self.error("method", found: "\"\(name)\"", expected: "one of \(known.joined(separator: ", "))")
        case .unknownKnob(let method, let knob, let known):
            self.error(knob, found: "a knob that \(method) does not have", expected: known.joined(separator: ", "))
        case .badKnob(_, let knob, let value, let expected):
            self.error(knob, found: value, expected: expected)
        case .noAlignment(let name), .unsupported(let name, _):
            self.error("method", found: "\(name)", expected: "\(error)")
        }
    }
}
