import Foundation

/// A bill of materials with a model card in it: CycloneDX 1.6, whose `performanceMetrics` carry our intervals.
struct BillOfMaterials {
    let reading: Reading
    let program: String

    private var report: RunReport { reading.report }

    /// The document.
    var text: String {
        let base = report.model
        let data = report.suites.map { suite -> JSONText in
            .object(present: [
                ("type", "data"),
                ("bom-ref", .string("suite:\(suite.name)")),
                ("name", .string(suite.name)),
                ("description", .string(suite.title)),
                ("hashes", hashes(suite.sha256)),
            ])
        }
        let model: JSONText = .object(present: [
            ("type", "machine-learning-model"),
            ("bom-ref", "model"),
            ("name", .string(report.name)),
            ("description", .string(Findings(reading: reading).takeaway)),
            (
                "pedigree",
                [
                    "ancestors": [
                        .object(present: [
                            ("type", "machine-learning-model"), ("bom-ref", "base-model"), ("name", .string(base.name)),
                            ("hashes", hashes(base.sha256)),
                        ])
                    ]
                ]
            ),
            ("modelCard", card),
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
            "components": .list([model] + data),
            "dependencies": [
                ["ref": "model", "dependsOn": .strings(report.suites.map { "suite:\($0.name)" })]
            ],
        ]
        return document.text
    }

    private var card: JSONText {
        let metrics = reading.principal.flatMap { subject in
            reading.measuredRates(of: subject).map { key, name, rate in
                metric(
                    name,
                    rate.rate,
                    (rate.low, rate.high),
                    slice: "\(subject.name), \(reading.suiteName(key)), n \(rate.n), unscored \(rate.unscored)"
                )
            }
                + subject.measures.filter { $0.value?.isFinite == true }.map { measure in
                    metric(
                        measure.name,
                        measure.value,
                        (measure.low, measure.high),
                        slice: "\(subject.name), \(reading.suiteName(measure.axis)), n \(measure.n)"
                    )
                }
        }
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
                "datasets": .list(report.suites.map { ["ref": .string("suite:\($0.name)")] }),
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
