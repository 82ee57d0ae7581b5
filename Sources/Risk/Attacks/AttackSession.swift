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
    /// How the attack puts its requests.
    private let form: RequestForm
    /// The verdict that the beginning of an answer to the probe with this index settles; nil where answers are read to
    /// their end.
    private let settled: (@Sendable (_ probe: Int, _ partial: String) -> Verdict?)?
    private var seeds: SplitMix64

    init(
        probes: [Probe],
        target: any Responder,
        options: SamplingOptions,
        roles: AttackRoles = AttackRoles(),
        seed: UInt64 = 0,
        form: RequestForm = .written,
        settled: (@Sendable (_ probe: Int, _ partial: String) -> Verdict?)? = nil
    ) {
        self.probes = probes
        self.target = target
        self.roles = roles
        self.form = form
        self.settled = settled
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
        if role == .target, stopsEarly, let settled {
            let asked = questions.map(\.probe)
            // What is said back may be the attack's words.
            let requests = chats.map { NoAnswer.Request($0) }
            let words = form == .written ? [] : asked.map { RequestWords(of: probes[$0]) }
            completions = try await target.respond(to: chats, options: options) { index, partial in
                guard !requests[index].mayBeRepeated(by: partial), let verdict = settled(asked[index], partial) else {
                    return false
                }
                // A hit counts once the answer shows what it is about; its last word may be cut.
                guard verdict == .unsafe, !words.isEmpty else { return true }
                let whole = partial.lastIndex(where: \.isWhitespace).map { partial[..<$0] } ?? ""
                return words[index].areSeen(in: chats[index].userTurns + [String(whole)])
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
