/// The descriptive parts of a report: defences, judges and suites.
extension RunReport {
    /// What a share of a change rests on, or why there is none.
    public struct ShareEvidence: Codable, Sendable, Equatable {
        /// Probes graded on reference, tuned model and defence.
        public var n: Int
        /// Lower end of the share's 95 % interval; nil where it has no bound.
        public var low: Double?
        /// Upper end of the share's 95 % interval; nil where it has no bound.
        public var high: Double?
        /// Why no share is given.
        public var reason: String?

        /// Creates the evidence.
        public init(n: Int, low: Double? = nil, high: Double? = nil, reason: String? = nil) {
            self.n = n
            self.low = low
            self.high = high
            self.reason = reason
        }

        private enum CodingKeys: String, CodingKey { case n, low, high, reason }

        /// Writes every key, empty ones as `null`.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(n, forKey: .n)
            try values.encode(low, forKey: .low)
            try values.encode(high, forKey: .high)
            try values.encode(reason, forKey: .reason)
        }
    }

    /// A defence that was tried and what it left.
    public struct Defence: Codable, Sendable, Equatable {
        /// The defence's name in this run, the same as its subject's.
        public var name: String
        /// The method.
        public var method: String
        /// The paper it comes from.
        public var paper: String
        /// How close to the paper it is: faithful, simplified or variant.
        public var fidelity: String
        /// What it does, in one or two sentences.
        public var description: String
        /// The settings it ran with.
        public var parameters: [String: String]
        /// The risk that is left.
        public var jailbreak: Rate?
        /// How often harmless requests are refused.
        public var overRefusal: Rate?
        /// The utility that is left.
        public var utility: Utility?
        /// The share that is left of the utility that tuning gained; nil unless tuning clearly gained some.
        public var utilityKept: Double?
        /// What `utilityKept` rests on.
        public var utilityKeptEvidence: ShareEvidence?
        /// The share that is gone of the risk that tuning added; nil unless tuning clearly added some.
        public var riskRemoved: Double?
        /// What `riskRemoved` rests on.
        public var riskRemovedEvidence: ShareEvidence?
        /// The outcome in a few words.
        public var verdict: String

        /// Creates a defence's result.
        public init(
            name: String,
            method: String,
            paper: String,
            fidelity: String,
            description: String,
            parameters: [String: String] = [:],
            jailbreak: Rate? = nil,
            overRefusal: Rate? = nil,
            utility: Utility? = nil,
            utilityKept: Double? = nil,
            utilityKeptEvidence: ShareEvidence? = nil,
            riskRemoved: Double? = nil,
            riskRemovedEvidence: ShareEvidence? = nil,
            verdict: String = ""
        ) {
            self.name = name
            self.method = method
            self.paper = paper
            self.fidelity = fidelity
            self.description = description
            self.parameters = parameters
            self.jailbreak = jailbreak
            self.overRefusal = overRefusal
            self.utility = utility
            self.utilityKept = utilityKept
            self.utilityKeptEvidence = utilityKeptEvidence
            self.riskRemoved = riskRemoved
            self.riskRemovedEvidence = riskRemovedEvidence
            self.verdict = verdict
        }

        private enum CodingKeys: String, CodingKey {
            case name, method, paper, fidelity, description, parameters, jailbreak, utility, verdict
            case overRefusal = "over_refusal"
            case utilityKept = "utility_kept"
            case utilityKeptEvidence = "utility_kept_evidence"
            case riskRemoved = "risk_removed"
            case riskRemovedEvidence = "risk_removed_evidence"
        }

        /// Writes every key, empty ones as `null`.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(name, forKey: .name)
            try values.encode(method, forKey: .method)
            try values.encode(paper, forKey: .paper)
            try values.encode(fidelity, forKey: .fidelity)
            try values.encode(description, forKey: .description)
            try values.encode(parameters, forKey: .parameters)
            try values.encode(jailbreak, forKey: .jailbreak)
            try values.encode(overRefusal, forKey: .overRefusal)
            try values.encode(utility, forKey: .utility)
            try values.encode(utilityKept, forKey: .utilityKept)
            try values.encode(utilityKeptEvidence, forKey: .utilityKeptEvidence)
            try values.encode(riskRemoved, forKey: .riskRemoved)
            try values.encode(riskRemovedEvidence, forKey: .riskRemovedEvidence)
            try values.encode(verdict, forKey: .verdict)
        }
    }

    /// A judge and its measured quality.
    public struct Judge: Codable, Sendable, Equatable {
        /// The judge's name.
        public var name: String
        /// What it grades unsafe, in words.
        public var looksFor: String
        /// The share of unsafe answers it finds; nil when never measured.
        public var sensitivity: Rate?
        /// The share of safe answers it lets pass; nil when never measured.
        public var specificity: Rate?
        /// What it was measured on.
        public var data: String
        /// What it cannot see.
        public var limits: String

        /// Creates a judge's card.
        public init(
            name: String,
            looksFor: String,
            sensitivity: Rate?,
            specificity: Rate?,
            data: String,
            limits: String
        ) {
            self.name = name
            self.looksFor = looksFor
            self.sensitivity = sensitivity
            self.specificity = specificity
            self.data = data
            self.limits = limits
        }

        private enum CodingKeys: String, CodingKey {
            case name, sensitivity, specificity, data, limits
            case looksFor = "looks_for"
        }

        /// Writes every key, empty ones as `null`.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(name, forKey: .name)
            try values.encode(looksFor, forKey: .looksFor)
            try values.encode(sensitivity, forKey: .sensitivity)
            try values.encode(specificity, forKey: .specificity)
            try values.encode(data, forKey: .data)
            try values.encode(limits, forKey: .limits)
        }
    }

    /// A suite that was used.
    public struct Suite: Codable, Sendable, Equatable {
        /// The suite's name.
        public var name: String
        /// What it asks, in a few words.
        public var title: String
        /// The axis it measures.
        public var axis: String
        /// Where its numbers stand: a key of the subjects' axes, or `utility`.
        public var key: String
        /// What its rate is called.
        public var metric: String
        /// How many probes it holds.
        public var n: Int
        /// The most of them that a subject of this run was asked.
        public var asked: Int
        /// The hash of its probes.
        public var sha256: String
        /// What an unsafe grade means; for utility, a wrong answer.
        public var hit: String

        /// Creates a suite's card.
        public init(
            name: String,
            title: String,
            axis: String,
            key: String,
            metric: String,
            n: Int,
            asked: Int,
            sha256: String,
            hit: String
        ) {
            self.name = name
            self.title = title
            self.axis = axis
            self.key = key
            self.metric = metric
            self.n = n
            self.asked = asked
            self.sha256 = sha256
            self.hit = hit
        }
    }
}
