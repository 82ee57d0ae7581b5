package import TemperRisk

/// A text that a guard's classifier learns from or is measured on.
///
/// Knows nothing about classifiers. What a row may be used for follows from its text (SHA-256), never from its place in a
/// file, so that no text is trained on in one run and measured on in another.
package struct GuardRow: Sendable, Hashable {
    /// The text.
    package var text: String
    /// Whether the classifier has to find it.
    package var isHit: Bool
    /// What the row may be used for.
    package var part: LabelledRow.Part
    /// The data set it is from.
    package var source: String

    /// Whether it is a request or a question as people send them, and nothing that was written to be hard.
    var isOrdinary: Bool { ["instructions", "questions"].contains(source) }

    init(_ text: String, _ isHit: Bool, _ part: LabelledRow.Part, _ source: String) {
        self.text = text
        self.isHit = isHit
        self.part = part
        self.source = source
    }

    /// Seven tenths train, one tenth is for development and two are measured on.
    init(splitting text: String, _ isHit: Bool, _ source: String) {
        let tenth = LabelledRow.number(of: LabelledRow.id(of: text)) % 10
        self.init(text, isHit, tenth < 7 ? .train : tenth < 8 ? .development : .test, source)
    }

    /// Own texts: nine tenths train, one is for development. What is measured on is elsewhere.
    init(own text: String, _ isHit: Bool, _ source: String) {
        let tenth = LabelledRow.number(of: LabelledRow.id(of: text)) % 10
        self.init(text, isHit, tenth < 9 ? .train : .development, source)
    }

    /// The text without case and punctuation, to find the same request twice.
    var key: String {
        text.lowercased().split { !$0.isLetter && !$0.isNumber }.joined(separator: " ")
    }
}

/// The prompts that the alignment sets hold; the layer that has them hands them over.
package struct AlignmentPrompts: Sendable {
    /// Harmful requests.
    package var harmful: [String]
    /// Harmless requests: twins of harmful ones, and ordinary ones.
    package var harmless: [String]

    /// Joins the two.
    package init(harmful: [String], harmless: [String]) {
        self.harmful = harmful
        self.harmless = harmless
    }
}
