/// Why a tokenizer could not be built.
public enum TokenizerError: Error, Sendable, CustomStringConvertible {
    /// A file is missing or cannot be read.
    case unreadable(file: String, reason: String)
    /// A file or a set of metadata contradicts itself or lacks a key.
    case malformed(source: String, reason: String)
    /// The tokenizer is of a kind this library does not implement.
    case unsupported(source: String, feature: String, remedy: String)

    /// What is wrong, where, and what to do about it.
    public var description: String {
        switch self {
        case .unreadable(let file, let reason):
            "cannot read \(file): \(reason)"
        case .malformed(let source, let reason):
            "\(source) is not a usable tokenizer: \(reason)"
        case .unsupported(let source, let feature, let remedy):
            "\(source) needs \(feature), which is not supported; \(remedy)"
        }
    }
}
