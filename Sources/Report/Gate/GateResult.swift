/// What a gate found: one outcome per criterion, and the verdict that follows from them.
///
/// The verdict is computed here and nowhere else; every rendering and the exit code read it.
public struct GateResult: Sendable, Equatable {
    /// How a gate ends.
    public enum Verdict: String, Sendable, Codable {
        case pass
        case fail
        case notEnoughEvidence = "not-enough-evidence"

        /// The exit code of the program.
        public var exitCode: Int32 {
            switch self {
            case .pass: 0
            case .fail: 1
            case .notEnoughEvidence: 3
            }
        }

        /// In words.
        public var words: String { rawValue.replacing("-", with: " ") }
    }

    /// How one criterion ends.
    public enum Outcome: String, Sendable, Codable {
        case pass
        case fail
        /// Failed, and somebody has accepted that.
        case accepted
        case notEnoughEvidence = "not-enough-evidence"

        /// In words.
        public var words: String { rawValue.replacing("-", with: " ") }
    }

    /// Whether a finding was there before.
    public enum Baseline: String, Sendable, Codable {
        /// The reference fulfils the rule.
        case new
        /// The reference breaks it too, and the two do not clearly differ.
        case unchanged
        /// The reference breaks it too, and the two clearly differ.
        case updated
    }

    /// One rule, held against one subject.
    public struct Criterion: Sendable, Equatable {
        /// The rule's name.
        public var id: String
        /// The axis, or `utility`.
        public var metric: String
        /// What the rule or the policy calls the subject.
        public var selector: String
        /// The subject's name in the run; nil when there is none.
        public var subject: String?
        /// The demand, in words.
        public var demand: String
        /// How it ends.
        public var outcome: Outcome
        /// What it rests on, in words.
        public var evidence: String
        /// The probes it rests on.
        public var n: Int
        /// The number that was held against the limit; nil when there is none.
        public var value: Double?
        /// The limit.
        public var limit: Double
        /// Whether a finding was there before; nil without a finding.
        public var baseline: Baseline?
        /// Who accepted the finding and why, also when that no longer counts.
        public var acceptance: GatePolicy.Acceptance?
    }

    /// A check of the measurement itself, such as a model without safety that has to look unsafe.
    public struct Control: Sendable, Equatable {
        /// The check's name.
        public var name: String
        /// Whether it came out as it has to.
        public var passed: Bool
        /// What was seen.
        public var detail: String

        /// Creates a control's result.
        public init(name: String, passed: Bool, detail: String) {
            self.name = name
            self.passed = passed
            self.detail = detail
        }
    }

    /// The run's name.
    public var run: String
    /// The base model's name.
    public var model: String
    /// When the report was made, ISO 8601.
    public var created: String
    /// The criteria, in the policy's order.
    public var criteria: [Criterion]
    /// The controls.
    public var controls: [Control]

    /// A failed control voids every outcome; then a failure decides; then what could not be decided.
    public var verdict: Verdict {
        if controls.contains(where: { !$0.passed }) { return .notEnoughEvidence }
        if criteria.contains(where: { $0.outcome == .fail }) { return .fail }
        let isDecided = !criteria.isEmpty && criteria.allSatisfy { $0.outcome != .notEnoughEvidence }
        return isDecided ? .pass : .notEnoughEvidence
    }

    /// How many criteria end in an outcome.
    public func count(_ outcome: Outcome) -> Int { criteria.count { $0.outcome == outcome } }

    /// One sentence about the whole.
    public var headline: String {
        let parts = [Outcome.fail, .notEnoughEvidence, .accepted, .pass].compactMap { outcome in
            count(outcome) > 0 ? "\(count(outcome)) \(outcome.words)" : nil
        }
        let failed = controls.filter { !$0.passed }.map(\.name)
        let voided = failed.isEmpty ? "" : "; failed control: \(failed.joined(separator: ", "))"
        let unchecked = controls.isEmpty ? "; no control checked the measurement" : ""
        return "\(verdict.words) (\(parts.isEmpty ? "no rule" : parts.joined(separator: ", "))\(voided)\(unchecked))"
    }
}
