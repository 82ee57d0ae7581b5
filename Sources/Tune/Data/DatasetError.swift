/// Why a data set could not be read: the file, the line, what is wrong and what to do about it.
public struct DatasetError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong.
    public enum Problem: Error, Sendable, Hashable {
        /// The file or folder cannot be opened; the text says why.
        case unreadable(String)
        /// The file, or every file of the folder, holds no example.
        case empty
        /// The line is not JSON; the text says where it breaks.
        case brokenJSON(String)
        /// The line is longer than the limit, in bytes.
        case lineTooLong(bytes: Int, limit: Int)
        /// The keys fit no known format; the text adds what they look like, when that is known.
        case unknownShape(keys: [String], hint: String?)
        /// The row's keys do not fit the format of the rest of the file.
        case wrongFormat(keys: [String], expected: String)
        /// The row has no assistant turn to learn from.
        case missingAssistantTurn
        /// The turns come in an order no conversation has.
        case wrongOrder(String)
        /// A field that must be text is something else.
        case notText(field: String, found: String)
        /// A field that must not be empty is.
        case emptyText(field: String)
        /// A speaker nobody knows.
        case unknownRole(String, known: [String])
        /// A field whose value cannot be used.
        case badValue(field: String, found: String, expected: String)
        /// A field whose meaning cannot be kept.
        case unsupported(field: String, remedy: String)
    }

    /// The file or folder, as it was given.
    public let file: String
    /// The line, counted from 1; nil when the whole file is meant.
    public let line: Int?
    /// What is wrong.
    public let problem: Problem

    /// Creates an error.
    public init(file: String, line: Int? = nil, _ problem: Problem) {
        self.file = file
        self.line = line
        self.problem = problem
    }

    /// What to do with rows in a form that is not read.
    static let asJSONLines = "write its rows as JSON Lines, one object per line"

    /// The place, what is wrong and the remedy, in one line.
    public var description: String {
        let place = line.map { "\(file):\($0)" } ?? file
        return "\(place): \(problem.explanation)"
    }
}

extension DatasetError.Problem {
    fileprivate var explanation: String {
        switch self {
        case .unreadable(let reason):
            "cannot be read: \(reason)"
        case .empty:
            "holds no example; give a file with at least one row, in one of these formats: \(Dataset.Format.shapes)"
        case .brokenJSON(let reason):
            "not valid JSON: \(reason); write one object per line, or one array of objects"
        case .lineTooLong(let bytes, let limit):
            "the row has \(bytes) bytes, the limit is \(limit); split it, or write one object per line"
        case .unknownShape(let keys, let hint):
            "no known format has the keys \(quoted(keys))\(hint.map { "; \($0)" } ?? ""); "
                + "known formats: \(Dataset.Format.shapes)"
        case .wrongFormat(let keys, let expected):
            "found the keys \(quoted(keys)), expected \(expected); keep one format per file"
        case .missingAssistantTurn:
            "no assistant turn to learn from; add the answer, or remove the row"
        case .wrongOrder(let reason):
            "turns in a wrong order: \(reason)"
        case .notText(let field, let found):
            "`\(field)` must be text, found \(found); write it as one string"
        case .emptyText(let field):
            "`\(field)` is empty; fill it in, or remove the row"
        case .unknownRole(let role, let known):
            "unknown role \"\(role)\"; known roles: \(known.joined(separator: ", "))"
        case .badValue(let field, let found, let expected):
            "`\(field)` is \(found), expected \(expected)"
        case .unsupported(let field, let remedy):
            "`\(field)` cannot be learned from; \(remedy)"
        }
    }

    private func quoted(_ keys: [String]) -> String {
        keys.isEmpty ? "(none)" : keys.sorted().map { "\"\($0)\"" }.joined(separator: ", ")
    }
}
