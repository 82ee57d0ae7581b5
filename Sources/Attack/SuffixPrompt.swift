package import TemperModel
package import TemperText

/// A conversation with a place for a suffix behind the user's last words, and the answer's opening that is wanted: as token
/// ids, and as text to see whether ids and text belong together.
///
/// A suffix counts only if the text it decodes to is read as the same ids again, inside the model's own chat template: a
/// user can only send text. It knows nothing about gradients.
package struct SuffixPrompt: Sendable {
    /// Ids before, behind, and after the suffix.
    package let prefix: [Int]
    package let closing: [Int]
    package let target: [Int]
    /// What the search starts from: exclamation marks.
    package let start: [Int]
    private let chat: Chat
    private let tokenizer: Tokenizer?
    private let before: String
    private let after: String

    /// A word that no request holds, to see where a suffix comes to stand.
    private static let mark = "TEMPERSUFFIX"

    /// Reads a conversation by the model's template.
    ///
    /// - Parameter length: Tokens of the suffix.
    /// - Throws: `AttackError.noPlace` where template or tokenizer leave no place for a suffix.
    package init(_ chat: Chat, probe: String, target: String, length: Int, for model: LanguageModel) throws {
        let tokenizer = try model.requireTokenizer()
        guard let turn = chat.messages.lastIndex(where: { $0.role == .user }) else {
            throw AttackError.noPlace(probe: probe, reason: "the conversation has no user turn")
        }
        var marked = chat
        marked.messages[turn].content += Self.mark
        let parts = try model.promptText(marked).split(separator: Self.mark, omittingEmptySubsequences: false)
            .map(String.init)
        guard parts.count == 2 else {
            throw AttackError.noPlace(probe: probe, reason: "the template does not write the user's last turn once")
        }
        (before, after) = (parts[0], parts[1])
        self.chat = chat
        self.tokenizer = tokenizer
        // Most vocabularies have " !" as a token; where it is read as two, fewer marks give the length.
        var found: Split?
        for count in stride(from: length, through: 1, by: -1) {
            let text = String(repeating: " !", count: count)
            found = Self.split(tokenizer, before, text, after)
            if let found, found.suffix.count <= length { break }
        }
        guard let found, !found.prefix.isEmpty else {
            throw AttackError.noPlace(probe: probe, reason: "the tokenizer joins it with what stands beside it")
        }
        (prefix, start, closing) = (found.prefix, found.suffix, found.closing)
        let short = tokenizer.encode(before + after)
        let whole = tokenizer.encode(before + after + target)
        self.target = whole.starts(with: short) ? Array(whole.dropFirst(short.count)) : tokenizer.encode(target)
        let limit = model.configuration.contextLength
        let length = sequence(start).count
        guard length <= limit else { throw ModelError.contextLength(tokens: length, limit: limit) }
    }

    /// A prompt of ids alone, which no text stands behind.
    package init(prefix: [Int], start: [Int], closing: [Int], target: [Int]) {
        (self.prefix, self.start, self.closing, self.target) = (prefix, start, closing, target)
        (chat, before, after, tokenizer) = (Chat([]), "", "", nil)
    }

    /// The whole sequence with a suffix in its place.
    package func sequence(_ suffix: [Int]) -> [Int] { prefix + suffix + closing + target }

    /// The text of a suffix, as it is appended to the user's words; nil where it is not whole characters.
    package func text(of suffix: [Int]) -> String? {
        String(validating: suffix.flatMap { tokenizer?.bytes(of: $0) ?? [] }, as: UTF8.self)
    }

    /// Whether the suffix can be sent as one line of text behind a space, and is read as the same ids.
    package func accepts(_ suffix: [Int]) -> Bool {
        guard let tokenizer, let text = text(of: suffix), text.first == " ", let first = text.dropFirst().first,
            let last = text.last, first != "#", !first.isWhitespace, !last.isWhitespace,
            !text.contains(where: \.isNewline), let split = Self.split(tokenizer, before, text, after)
        else { return false }
        return split.suffix == suffix && split.prefix == prefix && split.closing == closing
    }

    /// The conversation with a suffix's text behind the user's last words.
    package func chat(with suffix: String) -> Chat {
        var chat = chat
        if let turn = chat.messages.lastIndex(where: { $0.role == .user }) { chat.messages[turn].content += suffix }
        return chat
    }

    private struct Split {
        var prefix: [Int] = []
        var suffix: [Int] = []
        var closing: [Int] = []
    }

    /// The ids of the three texts one after another; nil where a token lies in two of them.
    private static func split(_ tokenizer: Tokenizer, _ before: String, _ suffix: String, _ after: String) -> Split? {
        let start = before.utf8.count
        let end = start + suffix.utf8.count
        var split = Split()
        for token in tokenizer.encodeWithOffsets(before + suffix + after) {
            if token.utf8.upperBound <= start {
                split.prefix.append(token.id)
            } else if token.utf8.lowerBound >= end {
                split.closing.append(token.id)
            } else if token.utf8.lowerBound >= start, token.utf8.upperBound <= end {
                split.suffix.append(token.id)
            } else {
                return nil
            }
        }
        return split
    }
}
