/// A report for the AI Vulnerability Database (AVID, data model of avidtools, taxonomy 0.2).
///
/// Where a paired comparison was made, its exact test is named as a significance test; else nothing is claimed beyond
/// the measurement.
struct AVIDReport {
    let reading: Reading

    private var report: RunReport { reading.report }

    /// The document.
    var text: String {
        let findings = Findings(reading: reading)
        let tuned = reading.tuned
        let risen = reading.axes.filter { key in tuned.flatMap { reading.comparison(of: $0, on: key) }?.rises == true }
        let effects = (risen.isEmpty ? [Axis.jailbreak] : risen).compactMap(Taxonomy.sep)
        let document: JSONText = [
            "data_type": "AVID",
            "data_version": "0.2",
            "metadata": ["report_id": .string("temper-\(Evidence.fileName(report.name))")],
            "affects": [
                "developer": [],
                "deployer": [],
                "artifacts": [["type": "Model", "name": .string("\(report.name), from \(report.model.name)")]],
            ],
            "problemtype": [
                "classof": "LLM Evaluation",
                "type": .string(risen.isEmpty ? "Measurement" : "Detection"),
                "description": ["lang": "eng", "value": .string(findings.takeaway)],
            ],
            "metrics": .list(metrics),
            "references": [],
            "description": [
                "lang": "eng",
                "value": .string(
                    (report.invalidity.map { "Invalid: \($0)" } + findings.summary).joined(separator: " ")
                ),
            ],
            "impact": [
                "avid": [
                    // AVID gives this number when it takes the report.
                    "vuln_id": "",
                    "risk_domain": .strings(effects.map(\.domain).uniqued()),
                    "sep_view": .strings(effects.map(\.view).uniqued()),
                    "lifecycle_view": ["L04: Model Development", "L05: Evaluation"],
                    "taxonomy_version": "0.2",
                ]
            ],
            "credit": [],
            "reported_date": .string(Gate.day(report.created)),
        ]
        return document.text
    }

    private var metrics: [JSONText] {
        guard let subject = reading.tuned ?? reading.reference else { return [] }
        return reading.measuredRates(of: subject).map { key, metric, rate in
            let comparison = reading.comparison(of: subject, on: key)
            let method: JSONText =
                comparison?.p == nil
                ? ["type": "Static Threshold", "name": "rate with Wilson's 95 % interval, no threshold"]
                : [
                    "type": "Significance Test",
                    "name": .string(
                        (comparison?.families == nil ? "exact McNemar test" : "exact test of families")
                            + " against the reference, Holm-adjusted"
                    ),
                ]
            return [
                "name": .string("\(metric), \(reading.suiteName(key))"),
                "detection_method": method,
                "results": .object(present: [
                    ("subject", .string(subject.name)),
                    ("rate", .number(rate.rate)),
                    ("n", .integer(rate.n)),
                    ("unscored", .integer(rate.unscored)),
                    ("ci95_low", .number(rate.low)),
                    ("ci95_high", .number(rate.high)),
                    ("reference", comparison.map { .string($0.base) }),
                    ("difference", comparison.map { .number($0.difference) }),
                    ("difference_ci95_low", comparison.map { .number($0.low) }),
                    ("difference_ci95_high", comparison.map { .number($0.high) }),
                    ("p", comparison?.p.map { .number($0) }),
                    ("p_holm", comparison?.pHolm.map { .number($0) }),
                ]),
            ]
        }
    }
}
