import TemperAlign
import TemperLedger
import TemperModel
import TemperReport
import TemperTune

/// How every result of a run was trained, in a report: the recipe says what was asked for, the events what was done.
///
/// It loads no model and looks at no file of the run, so that a run that is not over is told the same way.
extension Story {
    /// Nil where nothing was trained and nothing is known of the model's licence.
    func provenance(_ events: [RunEvent]) -> RunReport.Provenance? {
        let begun = Self.begun(events)
        let own = [alignment(begun["align"]), tuning(begun["tune"])].compactMap { $0 }
        let trainings = own + defences(begun)
        guard !trainings.isEmpty || license != nil else { return nil }
        return RunReport.Provenance(license: license, trainings: trainings)
    }

    /// That of a known model, in Hugging Face's word.
    private var license: String? {
        switch ModelCatalogue.all.first(where: { $0.sha256 == record.modelSHA256 })?.terms {
        case "Apache 2.0"?: "apache-2.0"
        case let terms? where terms.hasPrefix("Gemma"): "gemma"
        default: nil
        }
    }

    // MARK: The recipe's trainings

    private func alignment(_ begun: Begun?) -> RunReport.Training? {
        guard let align = recipe.align, let subject = chapters.last(where: { $0.kind == .reference }) else {
            return nil
        }
        if let path = align.adapterNameOrPath {
            return RunReport.Training(
                phase: "align",
                subject: subject.name,
                method: "an adapter taken as it is",
                finetuningType: TrainingSettings.FinetuningType.lora.rawValue,
                settings: ["adapter_name_or_path": path]
            )
        }
        var training = entry(align, phase: "align", subject: subject.name, begun)
        training.steps = begun?.steps
        training.folder = begun?.steps.map { "align/\(Checkpoint.name(step: $0))" }
        return training
    }

    private func tuning(_ begun: Begun?) -> RunReport.Training? {
        guard tuned != nil || begun != nil else { return nil }
        var training = entry(recipe.tune, phase: "tune", subject: tuned?.name, begun)
        training.steps = tuned?.step
        training.folder = tuned?.step.map { fittingBase("checkpoints/\(Checkpoint.name(step: $0))") }
        return training
    }

    private func entry(
        _ training: Recipe.Training,
        phase: String,
        subject: String?,
        _ begun: Begun?
    ) -> RunReport.Training {
        RunReport.Training(
            phase: phase,
            subject: subject,
            method: training.settings.stage.rawValue,
            finetuningType: training.settings.finetuningType.rawValue,
            settings: told(training.settings),
            data: training.trainData.map(Self.source),
            dataSHA256: record.data.first { $0.key.hasPrefix("\(phase): ") }?.value,
            rows: begun?.rows,
            rowsPerStep: Self.rowsPerStep(training.settings),
            plannedSteps: begun?.steps,
            parameters: begun?.parameters,
            learningRate: begun?.learningRate
        )
    }

    private static func rowsPerStep(_ settings: TrainingSettings) -> Int {
        settings.perDeviceTrainBatchSize * settings.gradientAccumulationSteps
    }

    /// Where an adapter lies that was trained on top of another one, there is one beside it that fits the base.
    private func fittingBase(_ folder: String) -> String {
        let isOnTop = recipe.tune.settings.finetuningType == .lora && recipe.align?.settings.finetuningType == .lora
        return isOnTop ? "\(folder)/\(Adapter.onBase)" : folder
    }

    /// The settings that act, by their names in a recipe.
    private func told(_ settings: TrainingSettings) -> [String: String] {
        func number(_ value: Double) -> String { RecipeValue.number(value).description }
        var values: [TrainingSettings.CodingKeys: String] = [
            .stage: settings.stage.rawValue, .finetuningType: settings.finetuningType.rawValue,
            .learningRate: number(settings.learningRate), .lrSchedulerType: settings.lrSchedulerType.rawValue,
            .perDeviceTrainBatchSize: "\(settings.perDeviceTrainBatchSize)",
            .gradientAccumulationSteps: "\(settings.gradientAccumulationSteps)", .cutoffLen: "\(settings.cutoffLen)",
            .weightDecay: number(settings.weightDecay), .adamBeta1: number(settings.adamBeta1),
            .adamBeta2: number(settings.adamBeta2), .adamEpsilon: number(settings.adamEpsilon),
            .maxGradNorm: number(settings.maxGradNorm),
        ]
        if settings.finetuningType == .lora {
            values[.loraR] = "\(settings.loraR)"
            values[.loraAlpha] = number(settings.loraAlpha)
            values[.loraDropout] = number(settings.loraDropout)
            values[.loraTarget] = settings.loraTarget.joined(separator: ", ")
        }
        switch settings.stage {
        case .sft: values[.openingWeight] = number(settings.openingWeight)
        case .dpo: values[.prefBeta] = number(settings.prefBeta)
        }
        // Of two that say the same, the one that wins.
        if let steps = settings.maxSteps {
            values[.maxSteps] = "\(steps)"
        } else {
            values[.numTrainEpochs] = number(settings.numTrainEpochs)
        }
        if let steps = settings.warmupSteps {
            values[.warmupSteps] = "\(steps)"
        } else {
            values[.warmupRatio] = number(settings.warmupRatio)
        }
        var told: [String: String] = [:]
        for (key, value) in values { told[key.rawValue] = value }
        if let bits = recipe.quantizationBit { told["quantization_bit"] = "\(bits)" }
        return told
    }

    // MARK: Their data

    /// The rows of the embedded sets, and their SHA-256: read once, for a report is told again and again.
    private static let embeddedSets: [String: (rows: Int, sha256: String)] = {
        var sets: [String: (rows: Int, sha256: String)] = [:]
        for name in Recipe.DataSource.embeddedNames {
            let source = Recipe.DataSource(data: Recipe.DataSource.embeddedPrefix + name)
            guard let set = try? source.embedded?(), let hash = try? RunRecord.hash(set) else { continue }
            sets[source.data] = (set.count, hash)
        }
        return sets
    }()

    private static func source(_ source: Recipe.DataSource) -> RunReport.Training.Source {
        let known = embeddedSets[source.data]
        let rows = known.map { set in
            Int((Double(min(set.rows, source.limit ?? set.rows)) * source.weight).rounded())
        }
        return .init(name: source.data, rows: rows, weight: source.weight, sha256: known?.sha256)
    }

    // MARK: Defences

    private func defences(_ begun: [String: Begun]) -> [RunReport.Training] {
        (recipe.defences + searched).compactMap { entry in
            guard chapters.contains(where: { $0.kind == .defence && $0.name == entry.name }),
                let card = try? Defences.method(named: entry.method).card
            else { return nil }
            let made = begun[entry.name]
            let isInRows = made != nil && (card.stage == .data || card.stage == .realignment)
            return RunReport.Training(
                phase: entry.name,
                subject: entry.name,
                method: card.title,
                finetuningType: recipe.tune.settings.finetuningType.rawValue,
                settings: entry.knobs.mapValues(\.description),
                remark: Self.remark(card.stage),
                rows: made?.rows,
                rowsPerStep: isInRows ? Self.rowsPerStep(recipe.tune.settings) : nil,
                steps: made?.steps,
                plannedSteps: made?.steps,
                parameters: made?.parameters,
                learningRate: made?.learningRate,
                folder: fittingBase("defences/\(entry.name)/adapter")
            )
        }
    }

    /// What a defence acts on, for it has no sources of its own in the recipe.
    private static func remark(_ stage: DefenceCard.Stage) -> String {
        switch stage {
        case .data: "the rows of the tuning, as the method prepares them"
        case .training: "the rows of the tuning, and those that the method draws beside them"
        case .realignment: "refusals, twins and ordinary rows, after the tuning"
        case .weights: "none: it changes what was tuned"
        }
    }

    // MARK: Events

    /// What a training said of itself as it began, and what it logged.
    private struct Begun {
        var rows: Int?
        var steps: Int?
        var parameters: Int?
        var learningRate: Double?
    }

    private static func begun(_ events: [RunEvent]) -> [String: Begun] {
        var found: [String: Begun] = [:]
        for event in events {
            switch event.kind {
            case .phase:
                // One that was taken up says the same again.
                guard found[event.phase] == nil, event.parameters != nil else { continue }
                found[event.phase] = Begun(
                    rows: rows(in: event.message),
                    steps: event.total,
                    parameters: event.parameters
                )
            case .step:
                // What a continued tuning logs counts on from the last step.
                guard var training = found[event.phase], let rate = event.learningRate,
                    event.done ?? 0 <= training.steps ?? .max
                else { continue }
                training.learningRate = max(training.learningRate ?? 0, rate)
                found[event.phase] = training
            default: continue
            }
        }
        return found
    }

    /// The rows in `484 rows, 32 steps`.
    private static func rows(in message: String?) -> Int? {
        guard let words = message?.split(separator: " "), words.count > 1, words[1] == "rows," else { return nil }
        return Int(words[0])
    }
}
