import TemperText

/// A named list of examples, in order.
///
/// Holds the list and what can be done with it without a model: shuffle, split, shorten. Every operation is
/// deterministic: the same examples and the same seed give the same order on every machine.
public struct Dataset: Sendable, Hashable {
    /// A file that examples were read from, and how it was understood.
    public struct File: Sendable, Hashable, Codable, CustomStringConvertible {
        /// The file, as it was given.
        public var path: String
        /// The format its rows were read in.
        public var format: Format
        /// Whether the format was found from the file's first row rather than given.
        public var wasDetected: Bool
        /// How many examples it held.
        public var examples: Int

        /// One line for a log.
        public var description: String {
            "\(path): \(examples) examples, format \(format.rawValue) (\(wasDetected ? "detected" : "given"))"
        }
    }

    /// What the data set is called.
    public var name: String
    /// The examples, in order.
    public var examples: [Example]
    /// The files they were read from.
    public var files: [File]
    /// What a user should know about the reading: parts of the data that are not used.
    public var notes: [String]

    /// Creates a data set from its examples.
    public init(name: String, examples: [Example], files: [File] = [], notes: [String] = []) {
        self.name = name
        self.examples = examples
        self.files = files
        self.notes = notes
    }

    /// How many examples there are.
    public var count: Int { examples.count }

    /// The same examples in an order that depends on the count and the seed alone.
    public func shuffled(seed: UInt64) -> Dataset {
        var result = self
        result.examples = examples.shuffled(seed: seed)
        return result
    }

    /// Two data sets: what to train on and what is held out, each in the original order.
    ///
    /// - Parameter holdout: The share to hold out, 0 to 1, rounded to the nearest whole example. With a share between
    ///   0 and 1 and two examples or more, neither part is empty.
    public func split(holdout: Double, seed: UInt64) -> (train: Dataset, holdout: Dataset) {
        precondition((0...1).contains(holdout), "the share to hold out lies between 0 and 1")
        var taken = Int((Double(count) * holdout).rounded())
        if holdout > 0, holdout < 1, count > 1 { taken = min(max(taken, 1), count - 1) }
        var generator = SplitMix64(seed: seed)
        let held = Set(generator.permutation(of: count).prefix(taken))
        var train = self
        var rest = self
        train.examples = examples.indices.filter { !held.contains($0) }.map { examples[$0] }
        rest.examples = examples.indices.filter { held.contains($0) }.map { examples[$0] }
        rest.name = "\(name) (held out)"
        return (train, rest)
    }

    /// The first `count` examples, or all of them when there are fewer.
    public func prefix(_ count: Int) -> Dataset {
        var result = self
        result.examples = Array(examples.prefix(max(0, count)))
        return result
    }
}
