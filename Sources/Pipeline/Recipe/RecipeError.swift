import Foundation

/// Why a recipe cannot be used: the place, the key, what is wrong and what to do about it.
public struct RecipeError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong.
    public enum Problem: Sendable, Hashable {
        /// The file cannot be read.
        case unreadable(String)
        /// The text is not YAML.
        case syntax(String)
        /// A key nobody knows, with the nearest known one or another remedy.
        case unknownKey(remedy: String)
        /// One setting under two names.
        case twice(String)
        /// A key that must be there is not.
        case missing(expected: String)
        /// A value of the wrong type or outside its range.
        case badValue(found: String, expected: String)
        /// A variable that is not set.
        case unsetVariable(String, remedy: String)
        /// An override that cannot be applied.
        case badOverride(String)
    }

    /// The recipe file, as it was given.
    public let file: String
    /// The line, counted from 1, where it is known.
    public let line: Int?
    /// The override the value came from, where it did not come from the file.
    public let override: String?
    /// The full path of the key, such as `tune.lora_r`; empty for the whole recipe.
    public let key: String
    /// What is wrong.
    public let problem: Problem

    /// Creates an error.
    public init(file: String, line: Int? = nil, override: String? = nil, key: String = "", _ problem: Problem) {
        self.file = file
        self.line = line
        self.override = override
        self.key = key
        self.problem = problem
    }

    /// The place, the key, what is wrong and the remedy, in one line.
    public var description: String {
        let place = override.map { "--set \($0)" } ?? line.map { "\(file):\($0)" } ?? file
        return "\(place): " + (key.isEmpty ? "" : "`\(key)`: ") + explanation
    }

    /// What is wrong and the remedy, without the place.
    package var explanation: String {
        switch problem {
        case .unreadable(let reason): "the file cannot be read: \(reason)"
        case .syntax(let reason): "not valid YAML: \(reason)"
        case .unknownKey(let remedy): "unknown key; \(remedy)"
        case .twice(let other): "already set as `\(other)`; keep one of the two"
        case .missing(let expected): "missing; set it to \(expected)"
        case .badValue(let found, let expected): "found \(found), expected \(expected)"
        case .unsetVariable(let name, let remedy): "the variable \(name) is not set or empty; \(remedy)"
        case .badOverride(let reason): reason
        }
    }
}

extension RecipeError {
    /// The text of a recipe's or a policy's file.
    ///
    /// - Parameter alternative: What else could be done where it cannot be read.
    /// - Throws: ``RecipeError`` with the file and the remedy.
    static func text(of url: URL, or alternative: String? = nil) throws -> String {
        do {
            return try String(contentsOf: url, encoding: .utf8)
        } catch {
            let isThere = FileManager.default.fileExists(atPath: url.path)
            let remedy = isThere ? "check that the path names a UTF-8 text file" : "no such file; check the path"
            throw RecipeError(file: url.relativePath, .unreadable(remedy + (alternative.map { ", or \($0)" } ?? "")))
        }
    }
}
