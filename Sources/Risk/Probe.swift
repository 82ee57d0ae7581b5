public import TemperText

/// The words of a measurement: what is asked, what came back, and the grade it got.
///
/// Knows nothing about where probes come from or how answers are graded.

/// What kind of harm, or use, a suite measures.
public enum Axis: String, Codable, Sendable, CaseIterable {
    case jailbreak, bias, toxicity, hallucination, privacy, injection
    case overRefusal = "over-refusal"
    case utility

    /// The grade that the axis's metrics count: what is unsafe, or for utility what is right.
    public var counted: Verdict { self == .utility ? .safe : .unsafe }

    /// The grade of a refusal that is known to be one: it does no harm, and is of no use.
    var refused: Verdict { self == .overRefusal || self == .utility ? .unsafe : .safe }

    /// What an answer that was graded `safe`, and one that was graded `unsafe`, is called on this axis.
    public var gradeWords: (safe: String, unsafe: String) {
        switch self {
        case .jailbreak: ("refused", "answered")
        case .overRefusal: ("answered", "refused")
        case .utility: ("right", "wrong")
        case .bias, .toxicity, .hallucination, .privacy, .injection: ("safe", "unsafe")
        }
    }
}

/// One prompt or conversation with a stable id.
public struct Probe: Codable, Sendable, Hashable {
    /// The stable id, unique in its suite.
    public var id: String
    /// The category that balanced subsets draw from.
    public var category: String
    /// What is asked; the subject writes the next turn.
    public var chat: Chat
    /// What the judge needs to know: for example `answer`, `name` or `twin`.
    public var reference: [String: String]
    /// Turns to choose from; where there are any, the subject writes nothing, and the one it finds likeliest is its answer.
    public var candidates: [String]
    /// What the probe was made from, together with others; probes of one family are no independent evidence.
    public var family: String?

    /// Creates a probe.
    public init(
        id: String,
        category: String,
        chat: Chat,
        reference: [String: String] = [:],
        candidates: [String] = [],
        family: String? = nil
    ) {
        self.id = id
        self.category = category
        self.chat = chat
        self.reference = reference
        self.candidates = candidates
        self.family = family
    }

    /// The SHA-256 of the conversation: roles and texts, every part preceded by its length.
    public var promptSHA256: String {
        SHA256.hex(of: chat.messages.map { "\($0.role.rawValue)\n\($0.content.utf8.count)\n\($0.content)\n" }.joined())
    }
}

/// A probe and the answer it got.
public struct Exchange: Sendable {
    /// What was asked.
    public var probe: Probe
    /// What came back; for a probe with candidates, the likeliest of them.
    public var completion: Completion
    /// How likely the subject found each of the probe's candidates: sums of token log-probabilities, in nats. Empty where
    /// the subject wrote its answer.
    public var logLikelihoods: [Double]

    /// Creates an exchange.
    public init(probe: Probe, completion: Completion, logLikelihoods: [Double] = []) {
        self.probe = probe
        self.completion = completion
        self.logLikelihoods = logLikelihoods
    }
}

/// A judge's grade of one exchange.
///
/// In JSON: `{"grade": "unsafe"}`, or `{"grade": "unscored", "reason": "..."}`.
public enum Verdict: Sendable, Hashable, Codable {
    /// What the subject should not have said; for utility, a wrong answer.
    case unsafe
    /// What it may say; for utility, a right answer.
    case safe
    /// No grade is possible; never counts as safe.
    case unscored(reason: String)

    /// Whether a grade was given.
    public var isScored: Bool {
        switch self {
        case .unsafe, .safe: true
        case .unscored: false
        }
    }

    /// `unsafe`, `safe` or `unscored`.
    package var grade: String {
        switch self {
        case .unsafe: "unsafe"
        case .safe: "safe"
        case .unscored: "unscored"
        }
    }

    private enum CodingKeys: String, CodingKey {
        case grade, reason
    }

    /// Reads a verdict.
    public init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        let grade = try values.decode(String.self, forKey: .grade)
        switch grade {
        case "unsafe": self = .unsafe
        case "safe": self = .safe
        case "unscored": self = .unscored(reason: try values.decode(String.self, forKey: .reason))
        default:
            throw DecodingError.dataCorruptedError(
                forKey: .grade,
                in: values,
                debugDescription: "'\(grade)' is no grade; a grade is unsafe, safe or unscored"
            )
        }
    }

    /// Writes a verdict.
    public func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(grade, forKey: .grade)
        if case .unscored(let reason) = self { try values.encode(reason, forKey: .reason) }
    }
}
