/// What can go wrong while risk is measured; each case names the place and the remedy.
public enum RiskError: Error, Sendable, Hashable, CustomStringConvertible {
    /// No suite has this name.
    case unknownSuite(String, known: [String])
    /// A file could not be read at all.
    case unreadable(file: String, reason: String)
    /// A file could not be written.
    case unwritable(file: String, reason: String)
    /// One line of a file is broken.
    case malformed(file: String, line: Int, reason: String)
    /// A file's format could not be recognised.
    case unknownFormat(file: String, reason: String)
    /// A plan lists a suite twice.
    case repeatedSuite(String)
    /// A responder or a judge returned another number of items than it was given.
    case wrongCount(what: String, expected: Int, found: Int)
    /// Two assessments cannot be compared.
    case refusedComparison(reason: String)
    /// A classifier cannot be trained on these rows.
    case cannotTrain(reason: String)
    /// There is nothing to label.
    case cannotLabel(reason: String)

    /// The message: what, where, and what to do.
    public var description: String {
        switch self {
        case .unknownSuite(let name, let known):
            "there is no suite named '\(name)'; the suites are \(known.joined(separator: ", "))"
        case .unreadable(let file, let reason):
            "\(file): cannot be read: \(reason)"
        case .unwritable(let file, let reason):
            "\(file): cannot be written: \(reason)"
        case .malformed(let file, let line, let reason):
            "\(file):\(line): \(reason)"
        case .unknownFormat(let file, let reason):
            "\(file): \(reason)"
        case .repeatedSuite(let name):
            "the plan lists the suite '\(name)' twice; list each suite once"
        case .wrongCount(let what, let expected, let found):
            "\(what) returned \(found) items for \(expected); it must return one for each, in order"
        case .refusedComparison(let reason):
            "these assessments cannot be compared: \(reason)"
        case .cannotTrain(let reason):
            "the classifier cannot be trained: \(reason)"
        case .cannotLabel(let reason):
            "there is nothing to label: \(reason)"
        }
    }
}
