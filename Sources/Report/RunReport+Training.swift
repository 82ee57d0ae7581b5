/// How the results of a run were trained, in a report: what the recipe asked for, and what was done.
///
/// Only the values of `report.json`; `TrainingTable` puts them into words.
extension RunReport {
    /// What a report's models came of.
    public struct Provenance: Codable, Sendable, Equatable {
        /// The licence of the model that the run started from, as Hugging Face writes it; nil where it is not known.
        public var license: String?
        /// The trainings in the order of the run, and the defences that changed weights without one.
        public var trainings: [Training]

        /// Creates a record.
        public init(license: String? = nil, trainings: [Training]) {
            self.license = license
            self.trainings = trainings
        }

        private enum CodingKeys: String, CodingKey { case license, trainings }

        /// Writes every key, empty ones as `null`.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(license, forKey: .license)
            try values.encode(trainings, forKey: .trainings)
        }
    }

    /// How one result came about.
    public struct Training: Codable, Sendable, Equatable {
        /// What it was trained on, one of the recipe's sources.
        public struct Source: Codable, Sendable, Equatable {
            /// The source as the recipe names it.
            public var name: String
            /// The rows that it gives to a pass over the data; nil where that is not known.
            public var rows: Int?
            /// How often each of its rows is seen in a pass.
            public var weight: Double
            /// SHA-256 of all its rows; nil where it is not known.
            public var sha256: String?

            /// Creates a source.
            public init(name: String, rows: Int? = nil, weight: Double = 1, sha256: String? = nil) {
                self.name = name
                self.rows = rows
                self.weight = weight
                self.sha256 = sha256
            }

            private enum CodingKeys: String, CodingKey { case name, rows, weight, sha256 }

            /// Writes every key, empty ones as `null`.
            public func encode(to encoder: any Encoder) throws {
                var values = encoder.container(keyedBy: CodingKeys.self)
                try values.encode(name, forKey: .name)
                try values.encode(rows, forKey: .rows)
                try values.encode(weight, forKey: .weight)
                try values.encode(sha256, forKey: .sha256)
            }
        }

        /// `align`, `tune` or a defence's name, as in the log of losses.
        public var phase: String
        /// The subject that came of it; nil where none was assessed.
        public var subject: String?
        /// `sft`, `dpo`, or what the defence is called.
        public var method: String
        /// `lora` or `full`.
        public var finetuningType: String
        /// The recipe's settings by their names; of a defence, its knobs.
        public var settings: [String: String]
        /// The recipe's sources; empty for a defence, whose rows `remark` tells.
        public var data: [Source]
        /// SHA-256 of the rows as they were trained on; nil where it is not known.
        public var dataSHA256: String?
        /// What there is to know of the rows beside the sources.
        public var remark: String?
        /// Rows with something to learn in them; nil where nothing was trained, or it is not known.
        public var rows: Int?
        /// Those of one step; nil where a method decides that anew at every step.
        public var rowsPerStep: Int?
        /// The steps that were taken for the result; nil where nothing was trained, or it is not known.
        public var steps: Int?
        /// The steps of the whole training, also where it was ended before the last.
        public var plannedSteps: Int?
        /// How many parameters were trained.
        public var parameters: Int?
        /// The highest learning rate of the log.
        public var learningRate: Double?
        /// What to load on the model that the run started from, below the run's folder; nil where there is nothing.
        public var folder: String?

        /// Creates a record.
        public init(
            phase: String,
            subject: String?,
            method: String,
            finetuningType: String,
            settings: [String: String] = [:],
            data: [Source] = [],
            dataSHA256: String? = nil,
            remark: String? = nil,
            rows: Int? = nil,
            rowsPerStep: Int? = nil,
            steps: Int? = nil,
            plannedSteps: Int? = nil,
            parameters: Int? = nil,
            learningRate: Double? = nil,
            folder: String? = nil
        ) {
            self.phase = phase
            self.subject = subject
            self.method = method
            self.finetuningType = finetuningType
            self.settings = settings
            self.data = data
            self.dataSHA256 = dataSHA256
            self.remark = remark
            self.rows = rows
            self.rowsPerStep = rowsPerStep
            self.steps = steps
            self.plannedSteps = plannedSteps
            self.parameters = parameters
            self.learningRate = learningRate
            self.folder = folder
        }

        private enum CodingKeys: String, CodingKey {
            case phase, subject, method, settings, data, remark, rows, steps, parameters, folder
            case finetuningType = "finetuning_type"
            case dataSHA256 = "data_sha256"
            case rowsPerStep = "rows_per_step"
            case plannedSteps = "planned_steps"
            case learningRate = "learning_rate"
        }

        /// Writes every key, empty ones as `null`.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(phase, forKey: .phase)
            try values.encode(subject, forKey: .subject)
            try values.encode(method, forKey: .method)
            try values.encode(finetuningType, forKey: .finetuningType)
            try values.encode(settings, forKey: .settings)
            try values.encode(data, forKey: .data)
            try values.encode(dataSHA256, forKey: .dataSHA256)
            try values.encode(remark, forKey: .remark)
            try values.encode(rows, forKey: .rows)
            try values.encode(rowsPerStep, forKey: .rowsPerStep)
            try values.encode(steps, forKey: .steps)
            try values.encode(plannedSteps, forKey: .plannedSteps)
            try values.encode(parameters, forKey: .parameters)
            try values.encode(learningRate, forKey: .learningRate)
            try values.encode(folder, forKey: .folder)
        }
    }
}
