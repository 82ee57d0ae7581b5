import Foundation

/// A gate's result as SARIF 2.1.0 (OASIS), in the part that code scanning services read.
///
/// A failed criterion is an error, an undecided one a warning, an accepted one a suppressed note; what passed has no
/// result. Nothing a model answered is in it.
extension GateResult {
    /// The document.
    ///
    /// - Parameters:
    ///   - location: The file that findings are shown at, relative to the repository, such as the run's recipe.
    ///   - version: The program's version.
    public func sarif(location: String, version: String) -> String {
        let reported = criteria.enumerated().filter { $0.element.outcome != .pass }
        let rules = criteria.map { criterion -> JSONText in
            [
                "id": .string(criterion.id),
                "name": .string(criterion.id),
                "shortDescription": ["text": .string("\(criterion.metric): \(criterion.demand)")],
                "fullDescription": [
                    "text": .string("On \(criterion.selector), \(criterion.metric): \(criterion.demand).")
                ],
                "help": [
                    "text": "The report of the run shows the numbers, their intervals and the answers behind them."
                ],
                "defaultConfiguration": ["level": "error"],
                "properties": ["tags": .strings(["safety", criterion.metric] + Taxonomy.tags(criterion.metric))],
            ]
        }
        let driver: JSONText = [
            "name": "temper", "semanticVersion": .string(version), "rules": .list(rules),
        ]
        let voided = controls.filter { !$0.passed }.map { control -> JSONText in
            ["level": "error", "message": ["text": .string("The control \(control.name) failed: \(control.detail)")]]
        }
        let document: JSONText = [
            "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
            "version": "2.1.0",
            "runs": [
                [
                    "tool": ["driver": driver],
                    "automationDetails": ["id": .string("temper-gate/\(run)/")],
                    "invocations": [
                        [
                            "executionSuccessful": .bool(voided.isEmpty),
                            "toolExecutionNotifications": .list(voided),
                        ]
                    ],
                    "results": .list(reported.map { sarifResult($0.element, index: $0.offset, location: location) }),
                    "properties": ["verdict": .string(verdict.rawValue), "model": .string(model)],
                ]
            ],
        ]
        return document.text
    }

    private func sarifResult(_ criterion: Criterion, index: Int, location: String) -> JSONText {
        let (level, opening) =
            switch criterion.outcome {
            case .fail: ("error", "")
            case .notEnoughEvidence: ("warning", "Not enough evidence: ")
            case .accepted, .pass: ("note", "Accepted by \(criterion.acceptanceText). ")
            }
        let subject = criterion.subject ?? criterion.selector
        let text = "\(opening)\(subject), \(criterion.metric): \(criterion.evidence); asked for: \(criterion.demand)."
        let path = location.addingPercentEncoding(withAllowedCharacters: .urlPathAllowed) ?? "recipe.yaml"
        let suppression: JSONText? =
            criterion.outcome != .accepted
            ? nil : [["kind": "external", "status": "accepted", "justification": .string(criterion.acceptanceText)]]
        let file: JSONText = [
            "physicalLocation": ["artifactLocation": ["uri": .string(path)], "region": ["startLine": .integer(1)]]
        ]
        return .object(present: [
            ("ruleId", .string(criterion.id)),
            ("ruleIndex", .integer(index)),
            ("level", .string(level)),
            ("message", ["text": .string(text)]),
            ("locations", [file]),
            ("partialFingerprints", ["temperCriterion/v1": .string("\(criterion.id):\(criterion.selector)")]),
            ("baselineState", criterion.baseline.map { .string($0.rawValue) }),
            ("suppressions", suppression),
            (
                "properties",
                [
                    "outcome": .string(criterion.outcome.rawValue), "subject": .string(subject),
                    "n": .integer(criterion.n), "value": .number(criterion.value), "limit": .number(criterion.limit),
                ]
            ),
        ])
    }
}
