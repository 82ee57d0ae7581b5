import Foundation
import TemperModel
import TemperText
public import TemperTune

/// The embedded data of safety alignment, in our own words.
///
/// Three sets: harmful requests with refusals; harmless requests that look harmful, with answers; ordinary requests
/// with answers. Refusals alone teach a small model to refuse by surface form: the other two are what keeps it useful
/// (contrast data as in Bianchi et al., arXiv 2309.07875). All are disjoint from the suites, and a test says so.
public enum AlignmentData: String, CaseIterable, Sendable {
    /// Harmful requests, refused.
    case refusals
    /// Harmless requests that look harmful, answered.
    case twins
    /// Ordinary requests, answered.
    case ordinary

    /// Loads the set.
    public func load() throws -> Dataset {
        let name = "\(rawValue).jsonl"
        let url = Bundle.module.bundleURL.appendingPathComponent("Resources/\(name)")
        return try Dataset.parse(try Data(contentsOf: url), file: name, name: "embedded:\(rawValue)")
    }

    /// `count` rows, the sets in turn; a set that is named twice has two turns. No row of a set comes again before the
    /// set is used up.
    static func draw(_ count: Int, from sets: [AlignmentData], seed: UInt64) throws -> [Example] {
        var pools: [AlignmentData: [Example]] = [:]
        for set in Set(sets) { pools[set] = try set.load().examples.shuffled(seed: seed) }
        var taken: [AlignmentData: Int] = [:]
        return (0..<count).compactMap { index in
            let set = sets[index % sets.count]
            let position = taken[set, default: 0]
            taken[set] = position + 1
            return pools[set].map { $0[position % $0.count] }
        }
    }

    /// Refusals and twins by turns as a model's token ids, each refusal once.
    static func contrast(for model: LanguageModel, seed: UInt64) throws -> [TokenizedExample] {
        try rows(of: [.refusals, .twins], for: model, seed: seed)
    }

    /// Refusals, twins and ordinary rows in the shares 2 : 1 : 1.
    static let mixture: [AlignmentData] = [.refusals, .twins, .refusals, .ordinary]

    /// The mixture, as a model's token ids, each refusal once.
    static func mixed(for model: LanguageModel, seed: UInt64) throws -> [TokenizedExample] {
        try rows(of: mixture, for: model, seed: seed)
    }

    private static func rows(
        of sets: [AlignmentData],
        for model: LanguageModel,
        seed: UInt64
    ) throws -> [TokenizedExample] {
        try Dataset(name: "safety rows", examples: draw(refusals.load().count * 2, from: sets, seed: seed))
            .tokenized(for: model, cutoffLength: 512).rows
    }
}
