public import TemperText

/// The words of a guard: what is checked, what a rail finds in it, and what a rail says of itself.
///
/// A rail only finds. What a finding leads to is the policy's business, so that one threshold and one action stand in one
/// place. Knows nothing about particular rails.

/// Where a text stands in an exchange.
public enum Stage: String, Codable, Sendable, CaseIterable {
    /// What a user says to the model.
    case input
    /// What a program hands to the model: a retrieved page, a file, a tool's result.
    case retrieved
    /// What the model says.
    case output
}

/// A text to check, with what surrounds it.
public struct Passage: Sendable {
    /// Where it stands.
    public var stage: Stage
    /// The text.
    public var text: String
    /// The conversation before it; for an output, with the turn that it answers.
    public var chat: Chat
    /// Texts that the output has to rest on, where there are any.
    public var sources: [String]

    /// Creates a passage.
    public init(_ text: String, at stage: Stage, in chat: Chat = Chat([]), sources: [String] = []) {
        self.stage = stage
        self.text = text
        self.chat = chat
        self.sources = sources
    }
}

/// Something a rail found in a passage.
public struct Finding: Codable, Sendable, Hashable {
    /// What it is, one of the labels on the rail's card.
    public var label: String
    /// How sure the rail is, from 0 to 1; a rule that holds or does not says 1.
    public var score: Double
    /// Where it stands in the passage's text, as UTF-8 offsets; nil for the text as a whole.
    public var range: Range<Int>?
    /// What may stand in its place, where it can be redacted; the kind of placeholder for a reversible finding.
    public var replacement: String?
    /// Whether the place is kept as a numbered placeholder from which the original can be restored.
    public var isReversible: Bool
    /// Why, in words, without the text itself.
    public var reason: String?

    /// Creates a finding.
    public init(
        _ label: String,
        score: Double = 1,
        range: Range<Int>? = nil,
        replacement: String? = nil,
        isReversible: Bool = false,
        reason: String? = nil
    ) {
        self.label = label
        self.score = score
        self.range = range
        self.replacement = replacement
        self.isReversible = isReversible
        self.reason = reason
    }
}

/// What a rail is, for people who rely on it.
public struct RailCard: Codable, Sendable {
    /// The name used in policies and records.
    public var name: String
    /// What it looks for.
    public var looksFor: String
    /// The labels of its findings.
    public var labels: [String]
    /// Where it may stand.
    public var stages: [Stage]
    /// The score from which a finding counts, unless the policy says otherwise.
    public var threshold: Double
    /// What was measured on which data, in one line each; empty where nothing was.
    public var measured: [String]
    /// What it cannot do.
    public var limits: [String]

    /// Creates a card.
    public init(
        name: String,
        looksFor: String,
        labels: [String],
        stages: [Stage] = Stage.allCases,
        threshold: Double = 0.5,
        measured: [String] = [],
        limits: [String]
    ) {
        self.name = name
        self.looksFor = looksFor
        self.labels = labels
        self.stages = stages
        self.threshold = threshold
        self.measured = measured
        self.limits = limits
    }
}

/// Whatever checks text.
public protocol Rail: Sendable {
    /// What the rail is.
    var card: RailCard { get }
    /// What it finds; an error means that the passage was not checked, which a guard treats as refused.
    func findings(in passage: Passage) async throws -> [Finding]
}
