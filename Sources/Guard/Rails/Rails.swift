import TemperText

/// The rails that a policy can name.
///
/// Knows nothing about what leads to which action.
public enum Rails {
    /// A rail's name, the settings that it reads, and how it is made.
    public struct Method: Sendable {
        /// The name.
        public var name: String
        /// The keys of a rule that only this rail reads, as a policy file spells them.
        public var settings: [String] = []
        let make: @Sendable (RailSettings, RailResources) throws -> any Rail
    }

    /// All of them; the quick and sure ones first.
    public static let all: [Method] = [
        Method(name: "length", settings: ["limit"]) { settings, _ in LengthRail(limit: settings.limit ?? 32_768) },
        Method(name: "unicode") { _, _ in UnicodeRail() },
        Method(name: "repetition") { _, _ in RepetitionRail() },
        Method(name: "keywords", settings: ["phrases"]) { settings, _ in
            guard let phrases = settings.phrases else { throw GuardError.needs("`phrases`", rail: "keywords") }
            return KeywordRail(phrases: phrases)
        },
        Method(name: "secrets") { _, _ in SecretsRail() },
        Method(name: "personal-data") { _, _ in PersonalDataRail() },
        Method(name: "injection") { _, resources in InjectionRail(reader: resources.reader) },
        Method(name: "jailbreak") { _, resources in JailbreakRail(reader: resources.reader) },
        Method(name: "toxicity") { _, _ in ToxicityRail() },
        Method(name: "encoded", settings: ["rails"]) { settings, resources in
            let names = settings.rails ?? ["jailbreak", "injection"]
            guard !names.contains("encoded") else { throw GuardError.needs("other rails than itself", rail: "encoded") }
            return EncodedRail(rails: try names.map { try make(Policy.Rule($0), with: resources) })
        },
        Method(name: "topic", settings: ["allowed", "disallowed", "least_likeness"]) { settings, resources in
            let (allowed, disallowed) = (settings.allowed ?? [], settings.disallowed ?? [])
            guard !allowed.isEmpty || !disallowed.isEmpty else {
                throw GuardError.needs("examples, `allowed` or `disallowed`", rail: "topic")
            }
            return TopicRail(
                allowed: allowed,
                disallowed: disallowed,
                leastLikeness: settings.leastLikeness ?? 0.1,
                embedding: resources.embedding ?? HashedTextEmbedding()
            )
        },
        Method(name: "prompt-leak") { _, _ in PromptLeakRail() },
        Method(name: "groundedness") { _, _ in GroundednessRail() },
        Method(name: "suffix", settings: ["nats"]) { settings, resources in
            guard let model = resources.likelihoods else {
                throw GuardError.needs("a language model that gives likelihoods", rail: "suffix")
            }
            return SuffixRail(model: model, limit: settings.nats ?? 2)
        },
        Method(name: "model") { _, resources in
            guard let model = resources.safetyModel else {
                throw GuardError.needs("a safety model that replies in Llama Guard's format", rail: "model")
            }
            return ModelRail(model: model)
        },
    ]

    /// A rail with the settings of its rule.
    ///
    /// - Throws: `GuardError` where there is no such rail, or it needs what is not there.
    public static func make(
        _ rule: Policy.Rule,
        with resources: RailResources = RailResources()
    ) throws -> any Rail {
        guard let method = all.first(where: { $0.name == rule.rail }) else {
            throw GuardError.unknownRail(rule.rail, known: all.map(\.name))
        }
        return try method.make(rule.settings, resources)
    }

    /// The cards of all rails, those of `model`, `suffix`, `topic` and `keywords` with nothing behind them.
    public static var cards: [RailCard] {
        let resources = RailResources(safetyModel: Nobody(), likelihoods: Nobody())
        let settings = RailSettings(phrases: [], allowed: [""], disallowed: [""])
        return all.compactMap { try? $0.make(settings, resources).card }
    }

    private struct Nobody: Responder, LikelihoodModel {
        func respond(to chats: [Chat], options: SamplingOptions) async throws -> [Completion] { [] }
        func logLikelihoods(of candidates: [Continuation]) async throws -> [Double] { [] }
    }
}
