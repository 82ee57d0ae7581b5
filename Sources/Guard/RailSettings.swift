public import TemperRisk
public import TemperText

/// What a policy's rule says to one rail alone.
///
/// Knows nothing about files. A setting that the rule's rail does not read is a mistake, which reading a policy says.
public struct RailSettings: Sendable, Hashable, Codable {
    /// The words and phrases of `keywords`.
    public var phrases: [String]?
    /// The most bytes of `length`.
    public var limit: Int?
    /// Examples of what `topic` allows.
    public var allowed: [String]?
    /// Examples of what `topic` does not.
    public var disallowed: [String]?
    /// The least likeness of `topic`.
    public var leastLikeness: Double?
    /// The nats for each byte of `suffix`.
    public var nats: Double?
    /// The rails that `encoded` asks.
    public var rails: [String]?

    /// Starts with every rail's own settings.
    public init(
        phrases: [String]? = nil,
        limit: Int? = nil,
        allowed: [String]? = nil,
        disallowed: [String]? = nil,
        leastLikeness: Double? = nil,
        nats: Double? = nil,
        rails: [String]? = nil
    ) {
        self.phrases = phrases
        self.limit = limit
        self.allowed = allowed
        self.disallowed = disallowed
        self.leastLikeness = leastLikeness
        self.nats = nats
        self.rails = rails
    }
}

/// What rails need from the program and no file can hold: models.
public struct RailResources: Sendable {
    /// Replies in Llama Guard's format; for `model`.
    public var safetyModel: (any Responder)?
    /// Says how likely a text is; for `suffix`.
    public var likelihoods: (any LikelihoodModel)?
    /// Embeds texts; for `topic`, which has a plain one of its own.
    public var embedding: (any TextEmbedding)?

    /// Reads a second time what the classifiers of `jailbreak` and `injection` do not let pass.
    public var reader: SecondReader?

    /// Joins what there is.
    public init(
        safetyModel: (any Responder)? = nil,
        likelihoods: (any LikelihoodModel)? = nil,
        embedding: (any TextEmbedding)? = nil,
        reader: SecondReader? = nil
    ) {
        self.safetyModel = safetyModel
        self.likelihoods = likelihoods
        self.embedding = embedding
        self.reader = reader
    }
}
