package import TemperModel
import TemperTorch

/// What a training did to the direction along which a model refuses, layer by layer.
///
/// In each layer the direction is the difference of the mean states of harmful and harmless requests at the prompt's
/// last token (Arditi et al., arXiv 2406.11717, section 2.3; see `RefusalDirection`). Two things are asked: whether the
/// tuned model's direction is still the reference's (the cosine of the two), and how far harmful and harmless requests
/// lie apart along the *reference's* direction, in units of their spread, before and after. The directions come from
/// one half of the requests, the distances from the other. Knows nothing about answers.
package struct RefusalDrift: Codable, Sendable, Hashable {
    /// The layer, from 0.
    package var layer: Int
    /// The cosine of the reference's and the tuned model's direction.
    package var cosine: Double
    /// How far held-out requests lie apart in the reference along its direction, in units of their spread.
    package var separationBefore: Double
    /// The same in the tuned model, along the reference's direction.
    package var separationAfter: Double

    /// Measures two copies for inference, behind each layer.
    ///
    /// - Parameter count: Harmful requests, and as many harmless ones.
    @TorchActor
    package static func between(
        _ reference: LanguageModel,
        _ tuned: LanguageModel,
        count: Int,
        seed: UInt64
    ) throws -> [RefusalDrift] {
        let prompts = try RefusalDirection.Prompts(count: count, seed: seed)
        func states(_ model: LanguageModel) throws -> [(harmful: [[Float]], harmless: [[Float]])] {
            let harmful = try RefusalDirection.states(of: prompts.harmful, in: model).streams
            let harmless = try RefusalDirection.states(of: prompts.harmless, in: model).streams
            return zip(harmful, harmless).map { ($0, $1) }
        }
        return zip(try states(reference), try states(tuned)).enumerated().map { layer, pair in
            of(layer: layer, before: pair.0, after: pair.1)
        }
    }

    /// One layer's, from the states of harmful and harmless requests.
    static func of(
        layer: Int,
        before: (harmful: [[Float]], harmless: [[Float]]),
        after: (harmful: [[Float]], harmless: [[Float]])
    ) -> RefusalDrift {
        let old = RefusalDirection.direction(before.harmful, before.harmless)
        let new = RefusalDirection.direction(after.harmful, after.harmless)
        let cosine = zip(old.vector, new.vector).reduce(0) { $0 + Double($1.0) * Double($1.1) }
        return RefusalDrift(
            layer: layer,
            cosine: min(1, max(-1, cosine)),
            separationBefore: old.separation,
            separationAfter: RefusalDirection.separation(after.harmful, after.harmless, along: old.vector)
        )
    }
}
