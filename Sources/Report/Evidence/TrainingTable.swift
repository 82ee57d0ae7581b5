/// How the results of a run were trained, as the cells of a table: for the page and for the model card.
struct TrainingTable {
    let report: RunReport

    /// What the columns hold.
    static let columns: [(name: String, isNumber: Bool)] = [
        ("Training", false), ("Method", false), ("Data", false), ("Rows", true), ("Steps", true), ("Passes", true),
        ("Learning rate", true), ("What is trained", false), ("Parameters", true), ("Lies in", false),
    ]

    /// A row for each training, and for each defence that changed weights without one.
    var rows: [[String]] {
        (report.provenance?.trainings ?? []).map { training in
            [
                training.phase,
                Self.method(training),
                Self.data(training),
                training.rows.map { Format.count($0) } ?? Format.dash,
                Self.steps(training),
                training.passes(after: training.steps).map { Format.plain($0) } ?? Format.dash,
                Self.learningRate(training),
                Self.trained(training),
                training.parameters.map { Format.count($0) } ?? Format.dash,
                training.folder ?? Format.dash,
            ]
        }
    }

    private static func method(_ training: RunReport.Training) -> String {
        switch training.method {
        case "sft": "SFT"
        case "dpo": "DPO" + (training.settings["pref_beta"].map { ", beta \($0)" } ?? "")
        default: ([training.method] + settings(training)).joined(separator: ", ")
        }
    }

    /// `lora_r 16`, in the order of their names.
    static func settings(_ training: RunReport.Training) -> [String] {
        training.settings.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }
    }

    private static func data(_ training: RunReport.Training) -> String {
        let sources = training.data.map { source in
            let weight = source.weight == 1 ? "" : ", weight \(YAMLText.number(source.weight))"
            let rows = source.rows.map { "\($0) rows" } ?? "rows not counted"
            return "\(source.name) (\(rows)\(weight))"
        }
        let parts = [sources.joined(separator: " + "), training.remark ?? ""].filter { !$0.isEmpty }
        return parts.isEmpty ? Format.dash : parts.joined(separator: "; ")
    }

    /// `32 of 64, 8 rows each`.
    private static func steps(_ training: RunReport.Training) -> String {
        guard let steps = training.steps else { return Format.dash }
        let planned = training.plannedSteps.map { $0 == steps ? "" : " of \($0)" } ?? ""
        return "\(steps)\(planned)" + (training.rowsPerStep.map { ", \($0) rows each" } ?? "")
    }

    private static func learningRate(_ training: RunReport.Training) -> String {
        let rate = training.settings["learning_rate"] ?? training.learningRate.map { YAMLText.number($0) }
        guard let rate else { return Format.dash }
        return rate + (training.settings["lr_scheduler_type"].map { ", \($0)" } ?? "")
    }

    /// `LoRA, rank 16, alpha 32, all-linear`.
    static func trained(_ training: RunReport.Training) -> String {
        guard training.finetuningType == "lora" else { return "all weights" }
        let parts = [("lora_r", "rank "), ("lora_alpha", "alpha "), ("lora_target", "")].compactMap { key, title in
            training.settings[key].map { title + $0 }
        }
        return (["LoRA"] + parts).joined(separator: ", ")
    }
}

extension RunReport.Training {
    /// How often the data was seen after so many steps; nil where that is not known.
    func passes(after steps: Int?) -> Double? {
        guard let steps, let rows, let rowsPerStep, rows > 0 else { return nil }
        return Double(steps) * Double(rowsPerStep) / Double(rows)
    }

    /// Whether a model of its own came of it and not an adapter.
    var isFull: Bool { finetuningType == "full" }
}

extension RunReport {
    /// How a subject was trained.
    func training(of subject: Subject?) -> Training? {
        guard let subject else { return nil }
        return provenance?.trainings.first { $0.subject == subject.name }
    }

    /// The training of the recipe's section `tune`.
    var tuning: Training? { provenance?.trainings.first { $0.phase == "tune" } }
}

extension Reading {
    /// What a suite's rate counts. Its card tells what a hit is, which on utility is a wrong answer: there, the right
    /// ones are counted.
    func counted(_ suite: RunReport.Suite) -> String {
        guard suite.axis == Axis.utility || suite.key == Axis.utility else { return "a hit: \(suite.hit)" }
        let turns = [
            (" is not the right one, or it names none", " is the right one"),
            ("chooses a wrong option, or none", "chooses the right option"),
        ]
        for (wrong, right) in turns where suite.hit.hasSuffix(wrong) {
            return "a right answer: \(suite.hit.dropLast(wrong.count))\(right)"
        }
        return "a right answer; a wrong one is: \(suite.hit)"
    }
}
