import Foundation

/// Logs in the layout of Inspect's `EvalLog`, version 2: a header per subject and suite, without samples.
struct InspectLogs {
    let reading: Reading
    let program: String

    private var report: RunReport { reading.report }

    /// A log per principal subject and measure.
    var files: [Evidence.File] {
        reading.principal.flatMap { subject in
            reading.measuredRates(of: subject).map { key, metric, rate in
                let name = "\(Evidence.fileName(subject.name))_\(Evidence.fileName(reading.suiteName(key))).json"
                return Evidence.File("inspect/\(name)", log(subject, key, metric, rate).text)
            }
        }
    }

    private func log(_ subject: RunReport.Subject, _ key: String, _ metric: String, _ rate: RunReport.Rate) -> JSONText
    {
        let task = reading.suiteName(key)
        let identity = "\(report.name) \(report.created.timeIntervalSince1970) \(subject.name) \(task)"
        let created = report.created.formatted(.iso8601).replacing("Z", with: "+00:00")
        let total = rate.n + rate.unscored
        func value(_ name: String, _ value: Double?) -> (String, JSONText) {
            (name, ["name": .string(name), "value": .number(value), "params": .object([])])
        }
        let slug = ModelCard.slug(metric)
        let metrics = [
            value(slug, rate.rate), value("\(slug)_ci95_low", rate.low), value("\(slug)_ci95_high", rate.high),
        ]
        return [
            "version": .integer(2),
            "status": "success",
            "eval": [
                "eval_id": .string(Evidence.identifier("eval " + identity)),
                "run_id": .string(Evidence.identifier("run \(report.name) \(report.created.timeIntervalSince1970)")),
                "created": .string(created),
                "task": .string(task),
                "task_id": .string(Evidence.identifier("task " + identity)),
                "task_version": .integer(0),
                "task_attribs": .object([]),
                "task_args": .object([]),
                "dataset": ["name": .string(task), "samples": .integer(total), "shuffled": .bool(false)],
                "model": .string("temper/\(report.name)/\(subject.name)"),
                "model_args": .object([]),
                "config": .object([]),
                "packages": ["temper": .string(program)],
                "metadata": [
                    "model_sha256": .string(report.model.sha256),
                    "suite_sha256": reading.suite(key).map { .string($0.sha256) } ?? .null,
                ],
            ],
            "plan": ["name": "plan", "steps": [], "config": .object([])],
            "results": [
                "total_samples": .integer(total),
                "completed_samples": .integer(total),
                "scores": [
                    [
                        "name": .string(slug),
                        "scorer": .string(slug),
                        "scored_samples": .integer(rate.n),
                        "unscored_samples": .integer(rate.unscored),
                        "params": .object([]),
                        "metrics": .object(metrics.map { ($0.0, $0.1) }),
                    ]
                ],
            ],
            "stats": [
                "started_at": .string(created), "completed_at": .string(created), "model_usage": .object([]),
            ],
        ]
    }
}
