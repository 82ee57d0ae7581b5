/// A gate's result for people: a table for the terminal, Markdown for a review, a badge, and JSON for other programs.
extension GateResult {
    /// The table for a terminal, at most `width` columns wide; without control characters.
    public func table(width: Int = 100) -> String {
        let width = max(60, width)
        var lines = TerminalSummary.wrapped("gate \(run): \(headline)", width: width)
        func add(_ mark: String, _ title: String, _ details: [String]) {
            lines.append("  \(mark.padding(to: 10))\(TerminalSummary.clean(title))")
            for detail in details {
                lines += TerminalSummary.wrapped(detail, width: width - 12).map {
                    String(repeating: " ", count: 12) + $0
                }
            }
        }
        for control in controls {
            add(control.passed ? "pass" : "FAIL", "control \(control.name)", [control.detail])
        }
        for criterion in criteria {
            let title = "\(criterion.id) on \(criterion.subject ?? criterion.selector)"
            switch criterion.outcome {
            case .pass: add("pass", title, [criterion.evidence])
            case .fail: add("FAIL", title, [criterion.evidence, "asked for: \(criterion.demand)"])
            case .notEnoughEvidence: add("?", title, [criterion.evidence, "asked for: \(criterion.demand)"])
            case .accepted: add("accepted", title, [criterion.evidence, "accepted by \(criterion.acceptanceText)"])
            }
        }
        return lines.map { $0.replacing("\u{A0}", with: " ") }.joined(separator: "\n") + "\n"
    }

    /// Markdown for a step summary or a comment on a change.
    public var markdown: String {
        var lines = ["### Safety gate: \(verdict.words)", "", "\(Markdown.text(run)): \(headline)", ""]
        for control in controls where !control.passed {
            lines += ["**The control \(Markdown.text(control.name)) failed:** \(Markdown.text(control.detail))", ""]
        }
        lines += ["| criterion | subject | measured | asked for | outcome |", "| --- | --- | --- | --- | --- |"]
        for criterion in criteria {
            var outcome = criterion.outcome == .pass ? "pass" : "**\(criterion.outcome.words)**"
            if let baseline = criterion.baseline { outcome += " (\(baseline.rawValue))" }
            if criterion.outcome == .accepted { outcome += ": " + Markdown.text(criterion.acceptanceText) }
            let cells = [
                criterion.id, criterion.subject ?? criterion.selector, criterion.evidence, criterion.demand,
            ]
            lines.append("| " + (cells.map(Markdown.text) + [outcome]).joined(separator: " | ") + " |")
        }
        return lines.joined(separator: "\n") + "\n"
    }

    /// A small SVG with the verdict.
    public var badge: String {
        let colour =
            switch verdict {
            case .pass: "#2e7d32"
            case .fail: "#b3261e"
            case .notEnoughEvidence: "#8a5a00"
            }
        let right = 14 + verdict.words.count * 7
        let document: Markup = """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(84 + right)" height="20" role="img" \
            aria-label="safety gate: \(verdict.words)">
            <title>safety gate: \(verdict.words)</title>
            <rect width="84" height="20" fill="#444"/><rect x="84" width="\(right)" height="20" fill="\(colour)"/>
            <g fill="#fff" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">
            <text x="7" y="14">safety gate</text><text x="91" y="14">\(verdict.words)</text></g>
            </svg>

            """
        return document.text
    }

    /// The result as JSON, every key always there.
    public var json: String {
        let criteria = criteria.map { criterion -> JSONText in
            [
                "id": .string(criterion.id),
                "metric": .string(criterion.metric),
                "selector": .string(criterion.selector),
                "subject": criterion.subject.map { .string($0) } ?? .null,
                "demand": .string(criterion.demand),
                "outcome": .string(criterion.outcome.rawValue),
                "evidence": .string(criterion.evidence.replacing("\u{A0}", with: " ")),
                "n": .integer(criterion.n),
                "value": .number(criterion.value),
                "limit": .number(criterion.limit),
                "baseline": criterion.baseline.map { .string($0.rawValue) } ?? .null,
                "acceptance": criterion.acceptance.map { acceptance in
                    [
                        "reason": .string(acceptance.reason), "owner": .string(acceptance.owner),
                        "expires": .string(acceptance.expires),
                    ]
                } ?? .null,
            ]
        }
        let controls = controls.map { control -> JSONText in
            ["name": .string(control.name), "passed": .bool(control.passed), "detail": .string(control.detail)]
        }
        let document: JSONText = [
            "schema": .integer(1), "run": .string(run), "model": .string(model), "created": .string(created),
            "verdict": .string(verdict.rawValue), "exit_code": .integer(Int(verdict.exitCode)),
            "criteria": .list(criteria), "controls": .list(controls),
        ]
        return document.text
    }
}

extension String {
    /// The text with spaces after it.
    fileprivate func padding(to length: Int) -> String {
        self + String(repeating: " ", count: Swift.max(0, length - count))
    }
}
