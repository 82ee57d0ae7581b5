/// What attacks came to: success within k attempts, success of any of several attacks, and what it cost.
///
/// Counts what the attempts of suites under attack hold; knows nothing about how they were made.
public struct AttackSummary: Codable, Sendable {
    /// Success within the first attempts.
    public struct Within: Codable, Sendable {
        /// How many attempts at each probe count.
        public var attempts: Int
        /// The probes with a hit among them.
        public var rate: Rate
    }

    /// The suite under attack, as in `jailbreak+base64`.
    public var suite: String
    /// The probes with a hit on any attempt.
    public var rate: Rate
    /// Hits among all attempts.
    public var attempts: Rate
    /// The share of hits if every probe without a grade were safe. The rate itself leaves them out.
    public var least: Double
    /// The share of hits if every probe without a grade were a hit.
    public var most: Double
    /// ASR@k for k = 1, 2, 4, 8 ... and the most attempts at any probe.
    public var within: [Within]
    /// What was asked, over all probes.
    public var queries: AttackQueries
    /// Branches lost because the attacker's words could not be read.
    public var lostBranches: Int
    /// Prompts dropped as off topic.
    public var offTopic: Int
    /// Evaluator answers, about topic or score, that could not be read.
    public var unread: Int

    /// Sums up one suite under attack; nil for a suite without attack.
    public init?(_ result: SuiteResult) {
        let traces = result.attempts.compactMap(\.attack)
        guard !traces.isEmpty else { return nil }
        suite = result.suite
        rate = result.rate
        attempts = Rate(in: traces.lazy.flatMap(\.trials).map { $0.verdict ?? .unscored(reason: "not judged") })
        let all = Double(rate.n + rate.unscored)
        least = Double(rate.hits) / all
        most = Double(rate.hits + rate.unscored) / all
        let longest = traces.map(\.trials.count).max() ?? 0
        let steps = longest == 0 ? [] : Array(sequence(first: 1) { $0 * 2 < longest ? $0 * 2 : nil }) + [longest]
        within = Set(steps).sorted().map { count in
            Within(attempts: count, rate: Rate(in: traces.map { $0.verdict(within: count) }))
        }
        queries = traces.reduce(AttackQueries()) { $0 + $1.queries }
        lostBranches = traces.reduce(0) { $0 + $1.lostBranches }
        offTopic = traces.reduce(0) { $0 + $1.offTopic }
        unread = traces.reduce(0) { $0 + $1.unreadTopics + $1.unreadScores }
    }

    /// The share of probes that any of the attacks hits, of those that all of them tried.
    public static func ensemble(_ results: [SuiteResult]) -> Rate {
        let grades = results.map { result in
            Dictionary(result.attempts.map { ($0.probeID, $0.verdict) }) { first, _ in first }
        }
        guard let first = results.first else { return Rate(hits: 0, n: 0) }
        let verdicts = first.attempts.compactMap { attempt -> Verdict? in
            let own = grades.compactMap { $0[attempt.probeID] }
            return own.count == grades.count ? .ofAny(own) : nil
        }
        return Rate(in: verdicts)
    }
}
