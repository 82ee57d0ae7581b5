public import TemperRisk
import TemperText
public import TemperTune

/// Plants canaries in training data.
///
/// Knows nothing about how they are found again; `Canaries` does. Carlini et al. 2019 (arXiv 1802.08232), section 4.
extension Dataset {
    /// The data with every canary's row in `repetitions` random places; the other rows keep their order.
    ///
    /// - Throws: `DatasetError` of preferences: a canary is an answer, not the better one of two.
    public func planted(with canaries: Canaries) throws -> Dataset {
        if let pair = examples.first(where: { $0.rejected != nil }) {
            throw DatasetError(
                file: pair.source.file,
                line: pair.source.line,
                .unsupported(field: "rejected", remedy: "canaries are planted in conversations, not in preferences")
            )
        }
        // Another stream than those that the secrets and their alternatives came from.
        var generator = SplitMix64(seed: canaries.seed &+ 0x91A7_ED00_0000)
        let copies = (0..<canaries.repetitions).flatMap { _ in canaries.planted }
        let order = generator.permutation(of: copies.count)
        let total = examples.count + copies.count
        let places = Set(generator.permutation(of: total).prefix(copies.count))
        var rows = examples.makeIterator()
        var secrets = order.makeIterator()
        var result = self
        result.examples = (0..<total).compactMap { place in
            guard places.contains(place) else { return rows.next() }
            return secrets.next().map {
                Example(
                    chat: copies[$0].row,
                    source: Example.Source(file: "canaries", line: $0 + 1),
                    category: "canary"
                )
            }
        }
        return result
    }
}
