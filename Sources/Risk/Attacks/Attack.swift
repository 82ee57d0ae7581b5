public import TemperText

/// The seam of attacks: what turns probes into adversarial conversations, and the trace it leaves.
///
/// Knows nothing about suites, judges or particular attacks. An attack gets all probes at once, so that one level of a
/// search goes to the subject as one batch; what it asks of whom goes through an ``AttackSession``, which counts.

/// What an attack is, for people who read its numbers.
public struct AttackCard: Codable, Sendable, Hashable {
    /// How close the implementation is to the paper.
    public enum Fidelity: String, Codable, Sendable {
        /// The paper's algorithm, unchanged; the wording of prompts is always Temper's own.
        case faithful
        /// The paper's idea with parts left out.
        case simplified
        /// The paper's idea done in another way.
        case variant
    }

    /// The name used in recipes and records.
    public var name: String
    /// What it is, in words.
    public var title: String
    /// Where the idea comes from.
    public var paper: String
    /// The licence of its words.
    public var licence: String
    /// How close to the paper.
    public var fidelity: Fidelity
    /// What it does, and what it leaves out, in a sentence or two.
    public var summary: String
    /// What it asks for each probe at most, in words.
    public var budget: String

    /// Creates a card; the words of every attack that the package carries are its own.
    public init(
        name: String,
        title: String,
        paper: String,
        licence: String = "own words",
        fidelity: Fidelity,
        summary: String,
        budget: String = "1 query of the subject"
    ) {
        self.name = name
        self.title = title
        self.paper = paper
        self.licence = licence
        self.fidelity = fidelity
        self.summary = summary
        self.budget = budget
    }
}

/// How often each role was asked.
public struct AttackQueries: Codable, Sendable, Hashable {
    /// Conversations that the subject answered.
    public var target: Int
    /// Conversations that the attacker model answered.
    public var attacker: Int
    /// Conversations that the evaluator model answered.
    public var evaluator: Int

    /// Creates counts.
    public init(target: Int = 0, attacker: Int = 0, evaluator: Int = 0) {
        self.target = target
        self.attacker = attacker
        self.evaluator = evaluator
    }

    /// The counts of both.
    public static func + (first: AttackQueries, second: AttackQueries) -> AttackQueries {
        AttackQueries(
            target: first.target + second.target,
            attacker: first.attacker + second.attacker,
            evaluator: first.evaluator + second.evaluator
        )
    }
}

/// One adversarial conversation and the subject's answer.
public struct AttackTrial: Codable, Sendable, Hashable {
    /// What the subject was asked.
    public var chat: Chat
    /// What it answered, as it came.
    public var answer: Completion
    /// What is judged: the answer with the attack's encoding undone.
    public var plainAnswer: String
    /// The level of the search, from 1; 1 for a transform.
    public var level: Int
    /// The evaluator's score, 1 to 10; nil where there is no evaluator or its words had no score. It guides the search and
    /// decides nothing else.
    public var evaluatorScore: Int?
    /// Whether the evaluator found that the prompt still asks for what the probe asks for; nil where it was not asked or
    /// its words could not be read.
    public var isOnTopic: Bool?
    /// The grade of the suite's judge; nil until it was asked.
    public var verdict: Verdict?

    /// Creates a trial.
    public init(chat: Chat, answer: Completion, plainAnswer: String? = nil, level: Int = 1) {
        self.chat = chat
        self.answer = answer
        self.plainAnswer = plainAnswer ?? answer.text
        self.level = level
    }
}

/// What one attack did with one probe.
public struct AttackTrace: Codable, Sendable, Hashable {
    /// The conversations that the subject answered and that count as attempts, in the order they were made.
    public var trials: [AttackTrial] = []
    /// How often each role was asked.
    public var queries = AttackQueries()
    /// Branches lost because the attacker's words could not be read.
    public var lostBranches = 0
    /// Prompts that the evaluator found off topic, which were not asked.
    public var offTopic = 0
    /// Evaluator answers about the topic that could not be read; their prompts were kept.
    public var unreadTopics = 0
    /// Evaluator answers without a score; their prompts rank below all others.
    public var unreadScores = 0

    /// Creates an empty trace.
    public init() {}
}

/// How a subject gets to see what a probe asks for.
public enum RequestForm: Sendable {
    /// In its own words, whatever stands around them, or in letters that look like its own.
    case written
    /// In a code: that the subject has read it shows in its answer alone.
    case coded
    /// In the words of a model, or disfigured by chance: it may no longer be the same.
    case rewritten
}

/// Whatever turns probes into adversarial conversations with a subject.
public protocol Attack: Sendable {
    /// What the attack is; the name of a composition is that of its parts, joined by `+`.
    var card: AttackCard { get }
    /// The name, the version and the knobs: changes whenever any conversation could change.
    var identity: String { get }
    /// Whether an attacker model is needed.
    var needsAttacker: Bool { get }
    /// How the subject gets to see what a probe asks for.
    var requestForm: RequestForm { get }
    /// What it asks for one probe at most.
    var mostQueries: AttackQueries { get }
    /// Attacks all probes of the session; what is found goes into the session's traces.
    ///
    /// - Throws: what a role throws.
    func run(_ session: inout AttackSession) async throws
}

extension Attack {
    /// None.
    public var needsAttacker: Bool { false }
    /// Written, unless the attack says otherwise.
    public var requestForm: RequestForm { .written }
}
