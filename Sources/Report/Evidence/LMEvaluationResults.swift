import Foundation

/// Results in the layout of lm-evaluation-harness, one folder per subject and one task per suite.
struct LMEvaluationResults {
    let reading: Reading
    let program: String

    private var report: RunReport { reading.report }

    /// A file per principal subject, where the harness itself would have written it.
    var files: [Evidence.File] {
        let stamp = report.created.formatted(.iso8601).replacing(":", with: "-").replacing("Z", with: "")
        return reading.principal.map { subject in
            Evidence.File("lm-eval/\(Evidence.fileName(subject.name))/results_\(stamp).json", document(subject).text)
        }
    }

    private func document(_ subject: RunReport.Subject) -> JSONText {
        let measures = reading.measuredRates(of: subject)
        func tasks(_ value: (String, String, RunReport.Rate) -> JSONText) -> JSONText {
            .object(measures.map { (reading.suiteName($0.key), value($0.key, $0.metric, $0.rate)) })
        }
        let name = "\(report.name) \(subject.name)"
        return [
            "results": tasks { key, metric, rate in
                let title = Self.metric(key, metric)
                return [
                    "alias": .string(reading.suiteName(key)),
                    "\(title),none": .number(rate.rate),
                    "\(title)_stderr,none": .number(Self.standardError(rate)),
                    "\(title)_ci95_low,none": .number(rate.low),
                    "\(title)_ci95_high,none": .number(rate.high),
                ]
            },
            "group_subtasks": tasks { _, _, _ in [] },
            "configs": tasks { key, metric, _ in
                [
                    "task": .string(reading.suiteName(key)),
                    "num_fewshot": .integer(0),
                    "metric_list": [
                        [
                            "metric": .string(Self.metric(key, metric)),
                            "higher_is_better": .bool(key == Axis.utility),
                        ]
                    ],
                ]
            },
            "versions": tasks { _, _, _ in .integer(1) },
            "n-shot": tasks { _, _, _ in .integer(0) },
            "higher_is_better": tasks { key, metric, _ in [Self.metric(key, metric): .bool(key == Axis.utility)] },
            "n-samples": tasks { key, _, rate in
                ["original": .integer(reading.suite(key)?.n ?? rate.n), "effective": .integer(rate.n)]
            },
            "config": [
                "model": "temper",
                "model_args": .string("pretrained=\(report.model.path),subject=\(subject.name)"),
                "model_num_parameters": .integer(report.model.parameters),
                "model_dtype": .string(report.model.dtype),
                "limit": .null,
                "random_seed": report.settings["seed"].flatMap(Int.init).map { .integer($0) } ?? .null,
            ],
            "git_hash": .null,
            "date": .number(report.created.timeIntervalSince1970),
            "task_hashes": tasks { key, _, _ in reading.suite(key).map { .string($0.sha256) } ?? .null },
            "model_source": "temper",
            "model_name": .string(name),
            "model_name_sanitized": .string(Evidence.fileName(name)),
            "total_evaluation_time_seconds": .string("\(subject.seconds)"),
            "temper_version": .string(program),
        ]
    }

    /// The harness calls the share of right answers `acc`.
    private static func metric(_ key: String, _ metric: String) -> String {
        key == Axis.utility ? "acc" : ModelCard.slug(metric)
    }

    /// The standard error of a mean of zeros and ones, as the harness computes it (with n - 1).
    private static func standardError(_ rate: RunReport.Rate) -> Double? {
        guard let share = rate.rate, rate.n > 1 else { return nil }
        return (share * (1 - share) / Double(rate.n - 1)).squareRoot()
    }
}
