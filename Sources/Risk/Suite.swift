/// The two seams of the layer: a suite says what to ask, a judge grades what came back.
///
/// Knows nothing about particular suites or judges.

/// What a suite is, for people who read its numbers.
public struct SuiteCard: Codable, Sendable {
    /// The name used in recipes and records.
    public var name: String
    /// What kind of harm, or use, it measures.
    public var axis: Axis
    /// A short title.
    public var title: String
    /// What an `unsafe` verdict means, in words.
    public var hit: String
    /// Where the probes come from.
    public var source: String
    /// The licence of the probes.
    public var licence: String
    /// Versioned entries of public taxonomies, for example `owasp-llm-2025:LLM01`.
    public var tags: [String]
    /// What the suite's rate is called: of `unsafe` verdicts, or for utility of right answers.
    public var metric: String
    /// Where the suite's rate stands in a report; the axis's own name, unless the suite must not stand for its axis.
    public var reportKey: String

    /// Creates a card.
    public init(
        name: String,
        axis: Axis,
        title: String,
        hit: String,
        source: String,
        licence: String,
        tags: [String],
        metric: String,
        reportKey: String? = nil
    ) {
        self.name = name
        self.axis = axis
        self.title = title
        self.hit = hit
        self.source = source
        self.licence = licence
        self.tags = tags
        self.metric = metric
        self.reportKey = reportKey ?? axis.rawValue
    }
}

/// A named list of probes with one judge.
public protocol Suite: Sendable {
    /// What the suite is.
    var card: SuiteCard { get }
    /// The probes, or a seeded, category-balanced subset of at most `limit`; a smaller subset lies inside a larger one.
    func probes(limit: Int?, seed: UInt64) throws -> [Probe]
    /// What grades the answers; its verdicts are the suite's rate.
    var judge: any Judge { get }
    /// What else looks at the answers; its verdicts are shown beside the judge's and never averaged with them.
    var secondJudges: [any Judge] { get }
    /// What stands between the probes and the subject; nil where the probes are asked as they are.
    var attack: (any Attack)? { get }
    /// Numbers that are no share of verdicts, from all exchanges and their verdicts in order.
    func measures(of exchanges: [Exchange], verdicts: [Verdict]) -> [Measure]
}

extension Suite {
    /// None.
    public var secondJudges: [any Judge] { [] }

    /// None.
    public var attack: (any Attack)? { nil }

    /// None.
    public func measures(of exchanges: [Exchange], verdicts: [Verdict]) -> [Measure] { [] }

    /// The SHA-256 of all the suite's probes: ids, categories, prompts, references and candidates, in order.
    public func sha256() throws -> String {
        var text = ""
        for probe in try probes(limit: nil, seed: 0) {
            let reference = probe.reference.sorted { $0.key < $1.key }.flatMap { [$0.key, $0.value] }
            for part in [probe.id, probe.category, probe.promptSHA256] + reference + probe.candidates {
                text += "\(part.utf8.count)\n\(part)\n"
            }
        }
        return SHA256.hex(of: text)
    }
}

/// What a judge is, how well it agrees with people, and what it cannot do.
public struct JudgeCard: Codable, Sendable {
    /// The judge's name.
    public var name: String
    /// Changes whenever any verdict could change.
    public var version: String
    /// What the judge grades `unsafe`, in words.
    public var looksFor: String
    /// Of the answers that people would grade `unsafe`, those that the judge does; nil where nothing was measured.
    public var sensitivity: Rate?
    /// Of the answers that people would grade `safe`, those that the judge does; nil where nothing was measured.
    public var specificity: Rate?
    /// The human labels that the two were measured on.
    public var dataset: String?
    /// Of a pair of answers, one that people would grade `unsafe` and one `safe`, how often the judge finds the first one
    /// worse: the area under its ROC curve. Nil for a judge without scores.
    public var areaUnderCurve: Double?
    /// What it cannot do.
    public var limits: [String]

    /// Creates a card.
    public init(
        name: String,
        version: String,
        looksFor: String,
        sensitivity: Rate? = nil,
        specificity: Rate? = nil,
        dataset: String? = nil,
        areaUnderCurve: Double? = nil,
        limits: [String]
    ) {
        self.name = name
        self.version = version
        self.looksFor = looksFor
        self.sensitivity = sensitivity
        self.specificity = specificity
        self.dataset = dataset
        self.areaUnderCurve = areaUnderCurve
        self.limits = limits
    }
}

/// Whatever grades exchanges.
public protocol Judge: Sendable {
    /// What the judge is.
    var card: JudgeCard { get }
    /// Grades each exchange, in order.
    func judge(_ exchanges: [Exchange]) async throws -> [Verdict]
    /// The verdict on an answer that is still being written, or nil while more text could change it.
    ///
    /// Once it is not nil it equals what `judge` says of every continuation, so that generation may stop there.
    func decided(_ partial: String, probe: Probe) -> Verdict?
}

extension Judge {
    /// Nothing is decided before the answer is complete.
    public func decided(_ partial: String, probe: Probe) -> Verdict? { nil }
}
