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
        let base = report.model.path
        let isRepository =
            base.split(separator: "/").count == 2 && !base.hasPrefix("/") && !base.hasPrefix(".")
            && !base.hasSuffix(".gguf")
        var lines = ["---", "library_name: peft", "pipeline_tag: text-generation"]
        if isRepository { lines.append("base_model: \(YAMLText.scalar(base))") }
        if isRepository { lines.append("base_model_relation: adapter") }
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
        for reason in report.invalidity { lines += ["", "**This run is invalid.** " + Markdown.text(reason)] }
        lines += ["", "## Safety change against base", ""] + changes()
        lines += ["", "## Evaluation", ""] + findings.summary.map { "- " + Markdown.text($0) }
        lines += [
            "", "| suite | measures | asked | a hit is | sha256 of the probes |", "| --- | --- | --- | --- | --- |",
        ]
        for suite in report.suites {
            lines.append(row([suite.name, suite.metric, "\(suite.asked) of \(suite.n)", suite.hit, suite.sha256]))
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
        lines += ["", "## Training Details", "", "| setting | value |", "| --- | --- |"]
        for (key, value) in report.settings.sorted(by: { $0.key < $1.key }) { lines.append(row([key, value])) }
        lines += ["", "## Environment", "", "| part | value |", "| --- | --- |"]
        for (key, value) in report.environment.sorted(by: { $0.key < $1.key }) { lines.append(row([key, value])) }
        for (key, value) in report.timing.sorted(by: { $0.key < $1.key }) {
            lines.append(row(["time: \(key)", Format.duration(value)]))
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
