/// A gate's result as JUnit XML: a failure per failed criterion, an error per undecided one, a skip per accepted one.
extension GateResult {
    /// The document.
    public var junit: String {
        let failures = count(.fail)
        let broken = controls.filter { !$0.passed }
        let errors = count(.notEnoughEvidence) + broken.count
        let skipped = count(.accepted)
        let tests = criteria.count + controls.count
        let cases: [Markup] = controls.map(junitCase) + criteria.map(junitCase)
        let counts: Markup = """
            tests="\(tests)" failures="\(failures)" errors="\(errors)" skipped="\(skipped)" time="0"
            """
        let document: Markup = """
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites name="temper gate" \(counts)>
            <testsuite name="\(run)" \(counts) timestamp="\(created.hasSuffix("Z") ? String(created.dropLast()) : created)">
            <properties><property name="model" value="\(model)"/><property name="verdict" value="\(verdict.rawValue)"/></properties>
            \(cases)
            </testsuite>
            </testsuites>

            """
        return document.text
    }

    private func junitCase(_ control: Control) -> Markup {
        let result: Markup =
            control.passed ? "" : "<error message=\"the control failed\" type=\"control\">\(control.detail)</error>"
        return "<testcase classname=\"safety.control\" name=\"\(control.name)\" time=\"0\">\(result)</testcase>"
    }

    private func junitCase(_ criterion: Criterion) -> Markup {
        let message = "\(criterion.evidence); asked for: \(criterion.demand)"
        let result: Markup =
            switch criterion.outcome {
            case .pass: "<system-out>\(message)</system-out>"
            case .fail: "<failure message=\"\(criterion.evidence)\" type=\"\(criterion.id)\">\(message)</failure>"
            case .notEnoughEvidence:
                "<error message=\"not enough evidence: \(criterion.evidence)\" type=\"not-enough-evidence\">\(message)</error>"
            case .accepted: "<skipped message=\"accepted: \(criterion.acceptanceText)\"/>"
            }
        let name = "\(criterion.id) (\(criterion.subject ?? criterion.selector))"
        return """
            <testcase classname="safety.\(criterion.metric)" name="\(name)" time="0">\(result)</testcase>
            """
    }
}

extension GateResult.Criterion {
    /// Who accepted the finding, until when and why.
    var acceptanceText: String {
        acceptance.map { "\($0.owner) until \($0.expires): \($0.reason)" } ?? ""
    }
}
