/// The beginning of an answer, cut into sentences of plain words.
///
/// Knows nothing about refusals. Only the first `wordLimit` words (and at most `scalarLimit` scalars) are looked at, and
/// every step goes from left to right, so what was read once is never read differently when more text follows. That is
/// what lets a judge decide before an answer is complete.
struct AnswerOpening {
    /// The most words that are looked at.
    static let wordLimit = 60
    /// The most scalars that are looked at, for scripts without spaces.
    static let scalarLimit = 640

    /// One sentence.
    struct Sentence: Hashable {
        /// Lower-case words without punctuation and without quoted passages; contractions are written out.
        var words: [String]
        /// Whether its end was seen, so that no later text can change it.
        var isComplete: Bool
    }

    /// The sentences in order.
    let sentences: [Sentence]
    /// The words as they stand, for coherence checks and layout.
    let rawWords: [String]
    /// Whether no later text can change anything here.
    let isComplete: Bool
    /// Letters that were seen, and those of them in the Latin script.
    let letters: (all: Int, latin: Int)
    /// Lines that start as an item of a list or as code.
    let listItems: Int

    /// Cuts the beginning of an answer.
    init(_ text: String) {
        var reader = Reader()
        for scalar in text.unicodeScalars {
            guard !reader.isFull else { break }
            reader.read(scalar)
        }
        isComplete = reader.isFull
        if !isComplete { reader.finish() }
        sentences = reader.sentences
        rawWords = reader.rawWords
        letters = reader.letters
        listItems = reader.listItems
    }

    /// The state while reading.
    private struct Reader {
        var sentences: [Sentence] = []
        var rawWords: [String] = []
        var letters = (all: 0, latin: 0)
        var listItems = 0
        private var words: [String] = []
        private var token = String.UnicodeScalarView()
        private var scalarCount = 0
        private var isQuoted = false
        private var isLineStart = true
        private var isDone = false

        var isFull: Bool { isDone }

        mutating func read(_ scalar: Unicode.Scalar) {
            scalarCount += 1
            if scalar.properties.isWhitespace {
                endToken()
                if scalar == "\n" || scalar == "\r" {
                    endSentence()
                    isLineStart = true
                }
            } else {
                token.append(scalar)
                if scalar.properties.isAlphabetic {
                    letters.all += 1
                    if scalar.value < 0x250 { letters.latin += 1 }
                }
            }
            if rawWords.count >= wordLimit || scalarCount >= scalarLimit {
                finish()
                isDone = true
            }
        }

        mutating func finish() {
            endToken()
            if !words.isEmpty { sentences.append(Sentence(words: Plain.written(words), isComplete: false)) }
            words = []
        }

        private mutating func endSentence() {
            if !words.isEmpty { sentences.append(Sentence(words: Plain.written(words), isComplete: true)) }
            words = []
            // A quotation that was never closed must not swallow the rest.
            isQuoted = false
        }

        private mutating func endToken() {
            guard !token.isEmpty else { return }
            let raw = token
            token = String.UnicodeScalarView()
            if isLineStart, Plain.isListMark(raw) { listItems += 1 }
            isLineStart = false
            let isFirst = rawWords.isEmpty
            rawWords.append(String(raw).lowercased())
            var plain = ""
            for scalar in raw {
                if Plain.quotes.contains(scalar) {
                    // An answer that opens with a quotation mark is quoted as a whole; that mark opens no passage.
                    if !(isFirst && plain.isEmpty) { isQuoted = scalar == "\u{201C}" || (scalar == "\"" && !isQuoted) }
                } else if scalar.properties.isAlphabetic || scalar.properties.numericType != nil {
                    if !isQuoted { plain.unicodeScalars.append(scalar) }
                } else if scalar == "'" || scalar == "\u{2019}" {
                    if !isQuoted, !plain.isEmpty { plain.append("'") }
                } else if !plain.isEmpty, scalar != "." {
                    words.append(plain)
                    plain = ""
                }
            }
            if !plain.isEmpty { words.append(plain) }
            if Plain.endsSentence(raw) { endSentence() }
        }
    }
}

/// Plain spelling of words.
private enum Plain {
    static let quotes: Set<Unicode.Scalar> = ["\"", "\u{201C}", "\u{201D}"]
    private static let enders: Set<Unicode.Scalar> = [".", "!", "?"]
    private static let closers: Set<Unicode.Scalar> = ["\"", "\u{201D}", "'", "\u{2019}", ")", "*"]

    /// Whether a sentence ends with this word; a number and some abbreviations end none.
    static func endsSentence(_ token: String.UnicodeScalarView) -> Bool {
        guard let last = token.last(where: { !closers.contains($0) }), enders.contains(last) else { return false }
        let text = String(token).lowercased()
        if ["e.g.", "i.e.", "dr.", "mr.", "mrs.", "u.s.", "vs.", "a."].contains(text) { return false }
        return token.contains { $0.properties.isAlphabetic }
    }

    static func isListMark(_ token: String.UnicodeScalarView) -> Bool {
        let text = String(token)
        if ["-", "*", "+", "\u{2022}"].contains(text) || text.hasPrefix("```") { return true }
        guard let first = token.first, ("0"..."9").contains(first), let last = token.last else { return false }
        return last == "." || last == ")"
    }

    /// Lower case, contractions written out, and the ways of saying "cannot" made one word.
    static func written(_ words: [String]) -> [String] {
        var plain: [String] = []
        for word in words {
            var word = word.lowercased()
            while word.hasSuffix("'") { word.removeLast() }
            guard !word.isEmpty else { continue }
            if let whole = contractions[word] {
                plain += whole
            } else if word.hasSuffix("n't") {
                plain += [String(word.dropLast(3)), "not"]
            } else if let (end, whole) = endings.first(where: { word.hasSuffix($0.0) }) {
                plain += [String(word.dropLast(end.count)), whole]
            } else {
                plain.append(word)
            }
        }
        return plain
    }

    private static let contractions: [String: [String]] = [
        "can't": ["can", "not"], "cannot": ["can", "not"], "cant": ["can", "not"], "won't": ["will", "not"],
        "wont": ["will", "not"], "dont": ["do", "not"], "shan't": ["will", "not"], "im": ["i", "am"],
        "let's": ["let", "us"], "ai's": ["ai"],
    ]
    private static let endings = [
        ("'m", "am"), ("'re", "are"), ("'ll", "will"), ("'ve", "have"), ("'d", "would"), ("'s", "is"),
    ]
}
