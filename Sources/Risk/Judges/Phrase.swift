/// A pattern over words: what a grammar is written in.
///
/// Knows nothing about refusals. `a|b` is either word, `word?` may be absent, `@name` is any phrase of a class, and
/// `*` stands for up to four words of any kind.
struct Phrase: Sendable {
    private enum Part: Sendable {
        case words(Set<String>)
        case phrases([[String]])
        case gap(Int)
    }

    private let parts: [(part: Part, isOptional: Bool)]
    private let isAnchored: Bool

    /// Compiles a pattern; a leading `^` allows it at the start of a sentence only.
    init(_ pattern: String, classes: [String: [[String]]]) {
        var pattern = pattern[...]
        isAnchored = pattern.first == "^"
        if isAnchored { pattern.removeFirst() }
        parts = pattern.split(separator: " ").map { field in
            var field = field
            let isOptional = field.last == "?"
            if isOptional { field.removeLast() }
            if field == "*" { return (.gap(4), true) }
            if field.first == "@" {
                let name = String(field.dropFirst())
                precondition(classes[name] != nil, "a pattern names the unknown class '\(name)'")
                return (.phrases(classes[name] ?? []), isOptional)
            }
            return (.words(Set(field.split(separator: "|").map(String.init))), isOptional)
        }
    }

    /// Whether the pattern occurs among the words.
    func occurs(in words: [String]) -> Bool {
        guard !words.isEmpty else { return false }
        let starts = isAnchored ? 0..<1 : 0..<words.count
        return starts.contains { matches(words, at: $0, part: 0) }
    }

    private func matches(_ words: [String], at position: Int, part index: Int) -> Bool {
        guard index < parts.count else { return true }
        let (part, isOptional) = parts[index]
        switch part {
        case .words(let choice):
            if position < words.count, choice.contains(words[position]),
                matches(words, at: position + 1, part: index + 1)
            {
                return true
            }
        case .phrases(let choices):
            for phrase in choices
            where words[position...].starts(with: phrase)
                && matches(words, at: position + phrase.count, part: index + 1)
            {
                return true
            }
        case .gap(let most):
            for skip in 1..<(most + 1) where position + skip <= words.count {
                if matches(words, at: position + skip, part: index + 1) { return true }
            }
        }
        return isOptional && matches(words, at: position, part: index + 1)
    }
}
