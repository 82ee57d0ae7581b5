import Foundation

/// A bill of materials with a model card in it: CycloneDX 1.6, whose `performanceMetrics` carry our intervals.
struct BillOfMaterials {
    let reading: Reading
    let program: String

    private var report: RunReport { reading.report }

    /// The document.
    var text: String {
        let base = report.model
        let suites = report.suites.map { suite in
            component("suite:\(suite.name)", suite.name, suite.title, suite.sha256)
        }
        let sets = trainingSets
        let data = sets.map { component($0.ref, $0.name, $0.description, $0.sha256) } + suites
        let original: JSONText = .object(present: [
            ("type", "machine-learning-model"),
            ("bom-ref", "base-model"),
            ("name", .string(base.name)),
            ("description", "The model that the training started from"),
            ("hashes", hashes(base.sha256)),
            (
                "licenses",
                report.provenance?.license.map { name -> JSONText in [["license": ["name": .string(name)]]] }
            ),
        ])
        let model: JSONText = .object(present: [
            ("type", "machine-learning-model"),
            ("bom-ref", "model"),
            ("name", .string(report.name)),
            ("description", .string(description)),
            (
                "pedigree",
                [
                    "ancestors": [
                        .object(present: [
                            ("type", "machine-learning-model"), ("name", .string(base.name)),
                            ("hashes", hashes(base.sha256)),
                        ])
                    ]
                ]
            ),
            ("modelCard", card),
            ("properties", .list(properties)),
        ])
        let document: JSONText = [
            "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
            "bomFormat": "CycloneDX",
            "specVersion": "1.6",
            "serialNumber": .string(
                "urn:uuid:"
                    + Evidence.identifier("\(report.name) \(base.sha256) \(report.created.timeIntervalSince1970)")
            ),
            "version": .integer(1),
            "metadata": [
                "timestamp": .string(report.created.formatted(.iso8601)),
                "tools": ["components": [["type": "application", "name": "temper", "version": .string(program)]]],
            ],
            "components": .list([model, original] + data),
            "dependencies": [
                [
                    "ref": "model",
                    "dependsOn": .strings(
                        ["base-model"] + sets.map(\.ref) + report.suites.map { "suite:\($0.name)" }
                    ),
                ]
            ],
        ]
        return document.text
    }

    /// What the model is, and which of the metrics are its own.
    private var description: String {
        let takeaway = Findings(reading: reading).takeaway
        guard let subject = reading.released else { return takeaway }
        return "The subject \(subject.name) of the run. Metrics whose slice names another subject are for comparison. "
            + takeaway
    }

    /// What this format has no member for. The base's hash is that of `base-model`, not of this component's own files.
    private var properties: [JSONText] {
        let training = report.training(of: reading.released)
        let values: [(String, String?)] = [
            ("temper:subject", reading.released?.name),
            ("temper:base_model_sha256", hashes(report.model.sha256) == nil ? nil : report.model.sha256.lowercased()),
            ("temper:finetuning_type", training?.finetuningType), ("temper:method", training?.method),
            ("temper:folder", training?.folder),
        ]
        return values.compactMap { name, value -> JSONText? in
            value.map { ["name": .string(name), "value": .string($0)] }
        }
    }

    private func component(_ ref: String, _ name: String, _ description: String, _ sha256: String?) -> JSONText {
        .object(present: [
            ("type", "data"),
            ("bom-ref", .string(ref)),
            ("name", .string(name)),
            ("description", .string(description)),
            ("hashes", sha256.flatMap(hashes)),
        ])
    }

    // MARK: Training data

    /// A set of rows that something was trained on.
    private struct TrainingSet {
        var ref: String
        var name: String
        var description: String
        /// Of the rows as JSON, wherever they were read.
        var sha256: String?
    }

    /// The sources of the recipe's trainings, what they were put together to, and what defences draw rows from.
    private var trainingSets: [TrainingSet] {
        var sets: [TrainingSet] = []
        let trainings = report.provenance?.trainings ?? []
        for training in trainings {
            let isAlone = training.data.count == 1
            for (index, source) in training.data.enumerated() {
                var text = "Training data of \(training.phase)"
                if let rows = (isAlone ? training.rows : nil) ?? source.rows { text += ", \(rows) rows" }
                if source.weight != 1 { text += ", weight \(YAMLText.number(source.weight))" }
                sets.append(
                    TrainingSet(
                        ref: "data:\(training.phase):\(index + 1)",
                        name: source.name,
                        description: text + "; the hash is that of the rows",
                        sha256: (isAlone ? training.dataSHA256 : nil) ?? source.sha256
                    )
                )
            }
            guard !isAlone, let hash = training.dataSHA256 else { continue }
            let rows = training.rows.map { ", \($0) rows" } ?? ""
            sets.append(
                TrainingSet(
                    ref: "data:\(training.phase)",
                    name: training.data.map(\.name).joined(separator: " + "),
                    description: "All data of \(training.phase), put together\(rows); the hash is that of the rows",
                    sha256: hash
                )
            )
        }
        // The settings have the hashes alone, and so has all of an earlier report.
        for (key, hash) in report.settings.sorted(by: { $0.key < $1.key }) where key.hasPrefix("data ") {
            let parts = key.dropFirst(5).split(separator: ": ", maxSplits: 1).map(String.init)
            guard parts.count == 2 else { continue }
            let (use, name) = (parts[0], parts[1])
            let isTold = trainings.contains { $0.phase == use } || sets.contains { $0.sha256 == hash }
            switch use {
            case "align", "tune":
                guard !isTold else { continue }
                let text = "Training data of \(use); the hash is that of the rows"
                sets.append(TrainingSet(ref: "data:\(use)", name: name, description: text, sha256: hash))
            case "defences":
                guard !isTold else { continue }
                let text = "Training data that defences draw rows from; the hash is that of the rows"
                sets.append(
                    TrainingSet(ref: "data:defences:\(name)", name: "embedded:\(name)", description: text, sha256: hash)
                )
            default: continue
            }
        }
        return sets
    }

    // MARK: The card

    /// The metrics of the model itself, then those of the others, with their names.
    private var metrics: [JSONText] {
        let own = reading.released
        let others = reading.principal.filter { $0.name != own?.name }
        return ([own].compactMap { $0 } + others).flatMap { subject -> [JSONText] in
            let whose = subject.name == own?.name ? "" : "another subject, \(subject.name): "
            let rates = reading.measuredRates(of: subject).map { key, name, rate in
                metric(
                    name,
                    rate.rate,
                    (rate.low, rate.high),
                    slice: "\(whose)\(reading.suiteName(key)), n \(rate.n), unscored \(rate.unscored)"
                )
            }
            let measures = subject.measures.filter { $0.value?.isFinite == true }.map { measure in
                metric(
                    measure.name,
                    measure.value,
                    (measure.low, measure.high),
                    slice: "\(whose)\(reading.suiteName(measure.axis)), n \(measure.n)"
                )
            }
            return rates + measures
        }
    }

    private var card: JSONText {
        let refs = trainingSets.map(\.ref) + report.suites.map { "suite:\($0.name)" }
        let datasets = refs.map { ref -> JSONText in ["ref": .string(ref)] }
        let concerns = report.defences.map { defence -> JSONText in
            [
                "name": .string("Loss of safety in fine-tuning, with \(defence.name)"),
                "mitigationStrategy": .string(
                    "\(defence.method) (\(defence.paper), \(defence.fidelity)): \(defence.verdict)"
                ),
            ]
        }
        return [
            "modelParameters": [
                "approach": ["type": "supervised"],
                "task": "text-generation",
                "datasets": .list(datasets),
                "inputs": [["format": "text"]],
                "outputs": [["format": "text"]],
            ],
            "quantitativeAnalysis": ["performanceMetrics": .list(metrics)],
            "considerations": [
                "technicalLimitations":
                    .strings(report.invalidity + report.notes + report.judges.map { "\($0.name): \($0.limits)" }),
                "ethicalConsiderations": .list(concerns),
            ],
        ]
    }

    private func metric(_ name: String, _ value: Double?, _ ends: (Double, Double), slice: String) -> JSONText {
        [
            "type": .string(name),
            "value": .string(JSONText.number(value).compact),
            "slice": .string(slice),
            "confidenceInterval": [
                "lowerBound": .string(JSONText.number(ends.0).compact),
                "upperBound": .string(JSONText.number(ends.1).compact),
            ],
        ]
    }

    /// A hash, where the text is one.
    private func hashes(_ sha256: String) -> JSONText? {
        let isHash = sha256.utf8.count == 64 && sha256.allSatisfy { $0.isASCII && $0.isHexDigit }
        return isHash ? [["alg": "SHA-256", "content": .string(sha256.lowercased())]] : nil
    }
}
