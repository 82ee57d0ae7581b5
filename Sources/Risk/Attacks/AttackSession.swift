public import TemperText

/// Who plays which part in an attack.
public struct AttackRoles: Sendable {
    /// What writes adversarial prompts; nil where no attack needs it.
    public var attacker: (any Responder)?
    /// What scores answers during a search; the attacker where it is nil.
    public var evaluator: (any Responder)?

    /// Creates roles.
    public init(attacker: (any Responder)? = nil, evaluator: (any Responder)? = nil) {
        self.attacker = attacker
        self.evaluator = evaluator ?? attacker
    }
}

/// The probes under one attack, and the only way to ask anybody anything about them: every query is counted with its
/// probe, and every batch has a seed of its own.
///
/// Knows nothing about what is asked.
public struct AttackSession: Sendable {
    /// Who is asked.
    public enum Role: String, Sendable {
        case target, attacker, evaluator
    }

    /// The probes under attack.
    public let probes: [Probe]
    /// What happened to each probe so far.
    public internal(set) var traces: [AttackTrace]
    /// Random numbers for the attack's own choices.
    public var generator: SplitMix64

    private let target: any Responder
    private let roles: AttackRoles
    private let targetOptions: SamplingOptions
    /// Whether the beginning of an answer to the probe with this index settles its verdict; nil where answers are read to
    /// their end.
    private let isEnough: (@Sendable (_ probe: Int, _ partial: String) -> Bool)?
    private var seeds: SplitMix64

    init(
        probes: [Probe],
        target: any Responder,
        options: SamplingOptions,
        roles: AttackRoles = AttackRoles(),
        seed: UInt64 = 0,
        isEnough: (@Sendable (_ probe: Int, _ partial: String) -> Bool)? = nil
    ) {
        self.probes = probes
        self.target = target
        self.roles = roles
        self.isEnough = isEnough
        targetOptions = options
        traces = Array(repeating: AttackTrace(), count: probes.count)
        seeds = SplitMix64(seed: options.seed ^ seed &* 0x9E37_79B9_7F4A_7C15)
        generator = SplitMix64(seed: seeds.next())
    }

    /// A question about one probe.
    public struct Question: Sendable {
        /// The probe's index.
        public var probe: Int
        /// What is asked.
        public var chat: Chat

        /// Creates a question.
        public init(probe: Int, chat: Chat) {
            self.probe = probe
            self.chat = chat
        }
    }

    /// Asks one role all questions as one batch; the subject is asked as the plan says, the others as their options say.
    ///
    /// - Parameter stopsEarly: whether an answer of the subject may end once its verdict is settled.
    /// - Returns: one answer a question, in order.
    public mutating func ask(
        _ role: Role,
        _ questions: [Question],
        options: SamplingOptions? = nil,
        stopsEarly: Bool = false
    ) async throws -> [Completion] {
        guard !questions.isEmpty else { return [] }
        try Task.checkCancellation()
        var options = options ?? targetOptions
        options.seed = seeds.next()
        let chats = questions.map(\.chat)
        let completions: [Completion]
        if role == .target, stopsEarly, let isEnough {
            let asked = questions.map(\.probe)
            // What is said back may be the attack's words.
            let requests = chats.map { NoAnswer.Request($0) }
            let words = asked.map { RequestWords(of: probes[$0]) }
            let shown = zip(words, chats).map { $0.areSeen(in: $1) }
            completions = try await target.respond(to: chats, options: options) {
                !requests[$0].mayBeRepeated(by: $1) && isEnough(asked[$0], $1)
                    && (shown[$0] || words[$0].areSeen(in: chats[$0], answer: $1))
            }
        } else {
            completions = try await responder(role).respond(to: chats, options: options)
        }
        guard completions.count == questions.count else {
            throw RiskError.wrongCount(what: "the \(role)", expected: questions.count, found: completions.count)
        }
        for question in questions {
            switch role {
            case .target: traces[question.probe].queries.target += 1
            case .attacker: traces[question.probe].queries.attacker += 1
            case .evaluator: traces[question.probe].queries.evaluator += 1
            }
        }
        return completions
    }

    /// Changes what is known of one probe.
    mutating func note(_ probe: Int, _ change: (inout AttackTrace) -> Void) { change(&traces[probe]) }

    private func responder(_ role: Role) throws -> any Responder {
        let found: (any Responder)? =
            switch role {
            case .target: target
            case .attacker: roles.attacker
            case .evaluator: roles.evaluator
            }
        guard let found else { throw AttackError.missingRole(role.rawValue) }
        return found
    }
}
