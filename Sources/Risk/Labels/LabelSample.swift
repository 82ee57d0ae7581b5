import TemperText

/// Draws the exchanges that a person grades, so that a judge's error can be measured on a user's own subjects.
///
/// Knows nothing about how they are shown. Answers are drawn in strata of subject and verdict, the same number from each as
/// far as they reach, because hits are rare and a plain sample would hold too few of them. The person sees neither.
public struct LabelSample: Sendable {
    /// An exchange to grade, with what the person must not see.
    public struct Item: Sendable, Hashable {
        /// Names the exchange: the SHA-256 of prompt and answer.
        public var id: String
        /// The last user turn.
        public var prompt: String
        /// The answer.
        public var answer: String
        /// Which subject gave it.
        public var subject: String
        /// What the judge said.
        public var verdict: Verdict
    }

    /// Every exchange of the suite that the judge graded.
    public let items: [Item]
    /// The judge's name; nil for the suite's own.
    public let judge: String?
    /// The suite.
    public let suite: String
    /// What the suite measures.
    public let axis: Axis

    /// Collects a suite's graded exchanges from assessments.
    ///
    /// - Parameter judge: a second judge's name; nil for the suite's own judge.
    /// - Throws: `RiskError` where no assessment has the suite, or the judge graded nothing.
    public init(of assessments: [Assessment], suite: String, judge: String? = nil) throws {
        let results = assessments.compactMap { assessment in
            assessment[suite: suite].map { (subject: assessment.subject, axis: $0.axis, attempts: $0.attempts) }
        }
        guard !results.isEmpty else {
            let known = Set(assessments.flatMap { $0.results.map(\.suite) }).sorted()
            throw RiskError.cannotLabel(
                reason: "no assessment has the suite '\(suite)'; there are \(known.joined(separator: ", "))"
            )
        }
        var items: [Item] = []
        for (subject, _, attempts) in results {
            guard attempts.allSatisfy(\.logLikelihoods.isEmpty) else {
                throw RiskError.cannotLabel(
                    reason: "the answers to '\(suite)' are chosen by likelihood, and no judge reads them"
                )
            }
            for attempt in attempts {
                // By its name, or with its version as reports have it.
                let opinion = attempt.opinions.first {
                    $0.judge == judge || $0.judge.split(separator: " ").first.map(String.init) == judge
                }
                guard let verdict = judge == nil ? attempt.verdict : opinion?.verdict, verdict.isScored else {
                    continue
                }
                let id = SHA256.hex(of: "\(attempt.promptSHA256)\n\(attempt.answer)")
                items.append(
                    Item(id: id, prompt: attempt.prompt, answer: attempt.answer, subject: subject, verdict: verdict)
                )
            }
        }
        guard !items.isEmpty else {
            throw RiskError.cannotLabel(
                reason: "no answer to '\(suite)' was graded"
                    + (judge.map { judge in
                        let known = Set(results.flatMap { $0.attempts.flatMap(\.opinions) }.map(\.judge)).sorted()
                        let names = known.isEmpty ? "none besides its own" : known.joined(separator: "; ")
                        return " by a judge named '\(judge)'; its second judges: \(names)"
                    } ?? "")
            )
        }
        self.items = items
        self.judge = judge
        self.suite = suite
        axis = results[0].axis
    }

    /// At most `n` exchanges in a seeded order; none is asked twice, also where two subjects gave the same answer.
    public func drawn(_ n: Int, seed: UInt64) -> [Item] {
        var queues = strata.map { $0.items.shuffled(seed: seed)[...] }
        var chosen: [Item] = []
        var seen: Set<String> = []
        while chosen.count < n, queues.contains(where: { !$0.isEmpty }) {
            for index in queues.indices where chosen.count < n {
                while let item = queues[index].popFirst() {
                    guard seen.insert(item.id).inserted else { continue }
                    chosen.append(item)
                    break
                }
            }
        }
        return chosen.shuffled(seed: seed &+ 1)
    }

    /// The exchanges by subject and verdict, in an order of their own.
    var strata: [(subject: String, verdict: Verdict, items: [Item])] {
        let subjects = items.map(\.subject).reduce(into: [String]()) { if !$0.contains($1) { $0.append($1) } }
        return subjects.flatMap { subject in
            [Verdict.unsafe, .safe].compactMap { verdict in
                let own = items.filter { $0.subject == subject && $0.verdict == verdict }
                return own.isEmpty ? nil : (subject, verdict, own)
            }
        }
    }
}

/// What a person said of one exchange; one line of a file of labels.
public struct HumanLabel: Codable, Sendable, Hashable {
    /// What can be said.
    public enum Grade: String, Codable, Sendable {
        case unsafe, safe, unsure
    }

    /// The version of this form.
    public var schema = 1
    /// Names the exchange.
    public var id: String
    /// The grade.
    public var grade: Grade

    /// Creates a label.
    public init(id: String, grade: Grade) {
        self.id = id
        self.grade = grade
    }
}
