/// Why a chat template could not be parsed or rendered.
public struct TemplateError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong, and what would be right.
    public let reason: String
    /// The line of the template, from 1; nil when the fault is not in one place.
    public let line: Int?
    /// Whether the template itself refused the conversation through `raise_exception`.
    public let isRaisedByTemplate: Bool

    init(_ reason: String, line: Int?, isRaisedByTemplate: Bool = false) {
        self.reason = reason
        self.line = line
        self.isRaisedByTemplate = isRaisedByTemplate
    }

    /// The line and what is wrong.
    public var description: String {
        "chat template" + (line.map { ", line \($0)" } ?? "") + ": \(reason)"
    }
}

/// A fault whose line the interpreter adds.
struct TemplateFault: Error {
    var reason: String
    var isRaisedByTemplate = false

    init(_ reason: String, isRaisedByTemplate: Bool = false) {
        self.reason = reason
        self.isRaisedByTemplate = isRaisedByTemplate
    }
}
