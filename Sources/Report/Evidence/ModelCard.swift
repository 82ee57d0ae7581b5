/// A model card as Hugging Face reads it: YAML with a `model-index`, then what the run found, in words and tables.
///
/// The numbers of the `model-index` are those of the subject that would be released; its `verified` is always false,
/// because nobody else has measured them.
struct ModelCard {
    let reading: Reading
    let program: String

    private var report: RunReport { reading.report }

    /// The card, `README.md`.
    var text: String {
        let subject = reading.released
        return (header(subject) + body(subject)).joined(separator: "\n") + "\n"
    }

    // MARK: YAML

    private func header(_ subject: RunReport.Subject?) -> [String] {
        let isFull = report.training(of: subject)?.isFull == true
        var lines = ["---", "library_name: \(isFull ? "transformers" : "peft")", "pipeline_tag: text-generation"]
        if let subject, subject.kind != .base, !base.isEmpty {
            lines.append("base_model: \(YAMLText.scalar(base))")
            lines.append("base_model_relation: \(isFull ? "finetune" : "adapter")")
        }
        if let license = report.provenance?.license { lines.append("license: \(YAMLText.scalar(license))") }
        lines += ["tags:", "  - temper", "  - safety-evaluated", "model-index:"]
        lines.append("  - name: \(JSONText.quoted(report.name))")
        let measures = subject.map { reading.measuredRates(of: $0) } ?? []
        lines.append(measures.isEmpty ? "    results: []" : "    results:")
        for (key, metric, rate) in measures {
            let suite = reading.suite(key)
            lines += [
                "      - task:",
                "          type: text-generation",
                "        dataset:",
                "          type: \(JSONText.quoted(suite?.name ?? key))",
                "          name: \(JSONText.quoted(suite?.title ?? key))",
            ]
            if let suite { lines.append("          revision: \(JSONText.quoted(suite.sha256))") }
            lines += [
                "        metrics:",
                "          - type: \(JSONText.quoted(Self.slug(metric)))",
                "            name: \(JSONText.quoted(metric))",
                "            value: \(YAMLText.number(rate.rate))",
                "            verified: false",
                "            args:",
                "              n: \(rate.n)",
                "              unscored: \(rate.unscored)",
                "              ci95_low: \(YAMLText.number(rate.low))",
                "              ci95_high: \(YAMLText.number(rate.high))",
            ]
        }
        return lines + ["---", ""]
    }

    /// The base in its repository where it was taken from one, else its name.
    private var base: String {
        let path = report.model.path
        let isRepository =
            path.split(separator: "/").count == 2 && !path.hasPrefix("/") && !path.hasPrefix(".")
            && !path.hasSuffix(".gguf")
        return isRepository ? path : report.model.name
    }

    /// `attack success rate` as `attack_success_rate`.
    static func slug(_ text: String) -> String {
        let parts = text.lowercased().split { !($0.isASCII && ($0.isLetter || $0.isNumber)) }
        return parts.isEmpty ? "rate" : parts.joined(separator: "_")
    }

    // MARK: Text

    private func body(_ subject: RunReport.Subject?) -> [String] {
        let findings = Findings(reading: reading)
        let name = Markdown.text(report.name)
        var lines = ["# \(name)", ""]
        lines.append("Made from \(Markdown.text(report.model.name)) with Temper \(Markdown.text(program)).")
        if let subject { lines.append("The numbers above are those of `\(Self.code(subject.name))`.") }
        lines += kind(of: subject)
        for reason in report.invalidity { lines += ["", "**This run is invalid.** " + Markdown.text(reason)] }
        lines += ["", "## Safety change against base", ""] + changes()
        lines += ["", "## Evaluation", ""] + findings.summary.map { "- " + Markdown.text($0) }
        lines += [
            "", "| suite | measures | asked | what is counted | sha256 of the probes |",
            "| --- | --- | --- | --- | --- |",
        ]
        for suite in report.suites {
            lines.append(
                row([suite.name, suite.metric, "\(suite.asked) of \(suite.n)", reading.counted(suite), suite.sha256])
            )
        }
        lines += [
            "", "| judge | looks for | sensitivity | specificity | cannot see |", "| --- | --- | --- | --- | --- |",
        ]
        for judge in report.judges {
            lines.append(
                row([
                    judge.name, judge.looksFor, Format.rate(judge.sensitivity), Format.rate(judge.specificity),
                    judge.limits,
                ])
            )
        }
        lines += ["", "## Bias, Risks and Limitations", ""] + report.notes.map { "- " + Markdown.text($0) }
        lines += ["", "## Training Details", ""] + training()
        lines += ["### What decides the numbers", "", "| setting | value |", "| --- | --- |"]
        for (key, value) in report.settings.sorted(by: { $0.key < $1.key }) { lines.append(row([key, value])) }
        lines += ["", "## Environment", "", "| part | value |", "| --- | --- |"]
        for (key, value) in report.environment.sorted(by: { $0.key < $1.key }) { lines.append(row([key, value])) }
        for (key, value) in report.timing.sorted(by: { $0.key < $1.key }) {
            lines.append(row(["time: \(key)", Format.duration(value)]))
        }
        return lines
    }

    /// What the subject is as files: an adapter for the base, or a model of its own; and where they lie.
    private func kind(of subject: RunReport.Subject?) -> [String] {
        guard let subject, let training = report.training(of: subject) else { return [] }
        let name = "`\(Self.code(subject.name))`"
        var text =
            training.isFull
            ? "\(name) is a model of its own: all weights of \(Markdown.text(report.model.name)) were trained."
            : "\(name) is a LoRA adapter, not a model of its own: it is loaded on \(Markdown.text(report.model.name))."
        if let folder = training.folder {
            text += " It lies in `\(Self.code(folder))` of the run's folder, beside the folder `report` of this file."
            if folder.hasSuffix("/on_base") {
                text += " The alignment before it is part of it, so that its rank is the sum of both."
            }
        }
        if report.provenance?.license != nil {
            text += " The license above is that of \(Markdown.text(report.model.name))."
        }
        return ["", text]
    }

    /// How every result was trained, with the settings of the recipe's own trainings.
    private func training() -> [String] {
        let table = TrainingTable(report: report)
        guard !table.rows.isEmpty else { return [] }
        let titles = TrainingTable.columns.map { $0.name.lowercased() }
        var lines = [row(titles), row(Array(repeating: "---", count: titles.count), isText: false)]
        lines += table.rows.map { row($0) } + [""]
        for training in report.provenance?.trainings ?? [] where training.settings["learning_rate"] != nil {
            let settings = TrainingTable.settings(training).map(Markdown.text).joined(separator: ", ")
            lines += ["Settings of `\(Self.code(training.phase))`: \(settings).", ""]
        }
        return lines
    }

    /// Every principal subject beside the model as it came.
    private func changes() -> [String] {
        guard let base = reading.base ?? reading.reference else { return ["Nothing was assessed."] }
        let keys = reading.axes + (report.subjects.contains { $0.utility != nil } ? [Axis.utility] : [])
        let titles = keys.map { $0 == Axis.utility ? reading.utilityMetric : reading.title($0) }
        var lines = [row(["subject"] + titles), row(Array(repeating: "---", count: keys.count + 1), isText: false)]
        for subject in reading.principal {
            let cells = keys.map { key -> String in
                let text =
                    key == Axis.utility
                    ? reading.utilityText(reading.utility(of: subject))
                    : Format.rate(reading.rate(of: subject, on: key))
                guard subject.name != base.name, let change = change(of: subject, from: base, on: key) else {
                    return text
                }
                return "\(text), \(change)"
            }
            lines.append(row([subject.name + (subject.name == base.name ? " (base)" : "")] + cells))
        }
        let source = reading.reference?.name ?? base.name
        lines += [
            "",
            "Brackets are 95 % intervals. Paired comparisons, with tests, are made against `\(Self.code(source))` and stand in "
                + "`report.json`.",
        ]
        return lines
    }

    /// The difference in points; where no paired comparison with the base was made, without an interval.
    private func change(of subject: RunReport.Subject, from base: RunReport.Subject, on key: String) -> String? {
        let paired = report.comparisons.first { $0.base == base.name && $0.subject == subject.name && $0.axis == key }
        if let paired { return Format.points(paired.difference, paired.low, paired.high) }
        func value(_ subject: RunReport.Subject) -> Double? {
            if key == Axis.utility {
                return reading.utilityIsShare ? reading.utility(of: subject)?.value : nil
            }
            return reading.rate(of: subject, on: key)?.rate
        }
        guard let after = value(subject), let before = value(base) else { return nil }
        return (after > before ? "+" : "") + Format.fixed((after - before) * 100, 1) + " points"
    }

    private func row(_ cells: [String], isText: Bool = true) -> String {
        "| " + cells.map { isText ? Markdown.text($0) : $0 }.joined(separator: " | ") + " |"
    }

    /// A name inside backticks.
    private static func code(_ text: String) -> String { TerminalSummary.clean(text).replacing("`", with: "'") }
}
