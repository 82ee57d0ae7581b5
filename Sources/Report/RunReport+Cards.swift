/// The descriptive parts of a report: defences, judges and suites.
extension RunReport {
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
        /// Utility divided by the tuned model's utility.
        public var utilityKept: Double?
        /// The share of the added risk that is gone.
        public var riskRemoved: Double?
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
            riskRemoved: Double? = nil,
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
            self.riskRemoved = riskRemoved
            self.verdict = verdict
        }

        private enum CodingKeys: String, CodingKey {
            case name, method, paper, fidelity, description, parameters, jailbreak, utility, verdict
            case overRefusal = "over_refusal"
            case utilityKept = "utility_kept"
            case riskRemoved = "risk_removed"
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
            try values.encode(riskRemoved, forKey: .riskRemoved)
            try values.encode(verdict, forKey: .verdict)
        }
    }

    /// A judge and its measured quality.
    public struct Judge: Codable, Sendable, Equatable {
        /// The judge's name.
        public var name: String
        /// The share of unsafe answers it finds; nil when never measured.
        public var sensitivity: Double?
        /// The share of safe answers it lets pass; nil when never measured.
        public var specificity: Double?
        /// How many labelled answers it was measured on.
        public var n: Int
        /// What it was measured on.
        public var data: String
        /// What it cannot see.
        public var limits: String

        /// Creates a judge's card.
        public init(
            name: String,
            sensitivity: Double?,
            specificity: Double?,
            n: Int,
            data: String,
            limits: String
        ) {
            self.name = name
            self.sensitivity = sensitivity
            self.specificity = specificity
            self.n = n
            self.data = data
            self.limits = limits
        }

        private enum CodingKeys: String, CodingKey { case name, sensitivity, specificity, n, data, limits }

        /// Writes every key, empty ones as `null`.
        public func encode(to encoder: any Encoder) throws {
            var values = encoder.container(keyedBy: CodingKeys.self)
            try values.encode(name, forKey: .name)
            try values.encode(sensitivity, forKey: .sensitivity)
            try values.encode(specificity, forKey: .specificity)
            try values.encode(n, forKey: .n)
            try values.encode(data, forKey: .data)
            try values.encode(limits, forKey: .limits)
        }
    }

    /// A suite that was used.
    public struct Suite: Codable, Sendable, Equatable {
        /// The suite's name.
        public var name: String
        /// The axis it measures.
        public var axis: String
        /// How many probes it holds.
        public var n: Int
        /// The hash of its probes.
        public var sha256: String
        /// What a hit means.
        public var hit: String

        /// Creates a suite's card.
        public init(name: String, axis: String, n: Int, sha256: String, hit: String) {
            self.name = name
            self.axis = axis
            self.n = n
            self.sha256 = sha256
            self.hit = hit
        }
    }
}
