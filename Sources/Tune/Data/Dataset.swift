/// A named list of examples, in order.
///
/// Holds the list and where it came from. Knows nothing about models.
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
}
