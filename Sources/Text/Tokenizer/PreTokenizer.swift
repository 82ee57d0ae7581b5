/// Splits text into the pieces inside which bytes may merge, by scanners written by hand for the patterns in use.
///
/// A piece never merges with its neighbour, so these rules are part of the model. Patterns: GPT-2 (Radford et al. 2019),
/// Llama 3, Qwen 2, GPT-4o and Mistral's Tekken as published in their tokenizer files. Knows nothing about vocabularies.
struct PreTokenizer: Sendable {
    /// A way to split each piece further.
    enum Step: Sendable, Equatable {
        /// Numbers apart from everything else; each digit apart if `individually`.
        case digits(individually: Bool)
        /// Words, numbers and punctuation with a leading space, contractions apart.
        case gpt2
        /// As Llama 3: any one sign may lead a word, `digits` digits at most, line breaks close a piece.
        case lineBreaking(digits: Int)
        /// As GPT-4o: words end before a capital that follows a small letter, and their contractions stay with them.
        case cased(digits: Int, contractions: Bool)
        /// A space before each piece that lacks one.
        case leadingSpace
        /// Spaces written as a sign, perhaps one put in front, and perhaps a new piece from each sign on.
        case metaspace(sign: UInt32, prepend: Prepend, splits: Bool)
        /// Cut at a character.
        case separator(UInt32, Separation)
        /// Cut at white space, which is left out.
        case whiteSpace
        /// Each sign of punctuation apart, as BERT sees it.
        case punctuation
    }

    /// Which pieces get a sign for a space in front.
    enum Prepend: String, Sendable {
        case always, first, never
    }

    /// Where a separator goes.
    enum Separation: String, Sendable {
        case before = "MergedWithPrevious"
        case after = "MergedWithNext"
    }

    /// The steps, applied in order, each to the pieces of the one before.
    let steps: [Step]

    /// Regular expressions as tokenizer files spell them, and the scanner each stands for.
    static let patterns: [(regex: String, step: Step)] = [
        (#"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#, .gpt2),
        (
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|"#
                + #"\s*[\r\n]+|\s+(?!\S)|\s+"#, .lineBreaking(digits: 3)
        ),
        (
            #"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|"#
                + #"\s*[\r\n]+|\s+(?!\S)|\s+"#, .lineBreaking(digits: 1)
        ),
        (
            casedWord(#"*"#, #"+"#, contraction) + "|" + casedWord(#"+"#, #"*"#, contraction) + "|"
                + casedRest(#"{1,3}"#),
            .cased(digits: 3, contractions: true)
        ),
        (
            casedWord(#"*"#, #"+"#, "") + "|" + casedWord(#"+"#, #"*"#, "") + "|" + casedRest(""),
            .cased(digits: 1, contractions: false)
        ),
        (#"\p{N}"#, .digits(individually: true)),
        (#"\p{N}+"#, .digits(individually: false)),
    ]

    private static let contraction = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?"

    private static func casedWord(_ large: String, _ small: String, _ end: String) -> String {
        #"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]"# + large + #"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"# + small + end
    }

    private static func casedRest(_ digits: String) -> String {
        #"\p{N}"# + digits + #"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"#
    }

    /// The pieces of a text as ranges of scalars, and the text they index.
    func pieces(of text: ScalarText) -> (text: ScalarText, pieces: [Range<Int>]) {
        var text = text
        var pieces = text.count > 0 ? [0..<text.count] : []
        for step in steps {
            switch step {
            case .leadingSpace:
                (text, pieces) = text.rewriting(pieces) { piece, rewriter in
                    if text.scalars[piece.lowerBound] != 0x20 {
                        rewriter.put([0x20], for: piece.lowerBound..<piece.lowerBound)
                    }
                    rewriter.keep(piece)
                }
            case .metaspace(let sign, let prepend, let splits):
                (text, pieces) = text.writingSpaces(as: sign, prepend: prepend, in: pieces)
                if splits { pieces = Self.cut(pieces, of: text, by: .separator(sign, .after)) }
            default:
                pieces = Self.cut(pieces, of: text, by: step)
            }
        }
        return (text, pieces)
    }

    private static func cut(_ pieces: [Range<Int>], of text: ScalarText, by step: Step) -> [Range<Int>] {
        var finer: [Range<Int>] = []
        finer.reserveCapacity(text.count / 4 + 1)
        for piece in pieces {
            var start = piece.lowerBound
            while start < piece.upperBound {
                let scanner = PieceScanner(text: text, start: start, limit: piece.upperBound)
                let end = scanner.end(of: step)
                if !scanner.isDropped(by: step) { finer.append(start..<end) }
                start = end
            }
        }
        return finer
    }
}

extension ScalarText {
    /// The text changed piece by piece, and the pieces where they lie afterwards; what is between them is left out.
    fileprivate func rewriting(
        _ pieces: [Range<Int>],
        _ change: (Range<Int>, inout Rewriter) -> Void
    ) -> (text: ScalarText, pieces: [Range<Int>]) {
        var rewriter = Rewriter(self)
        var moved: [Range<Int>] = []
        for piece in pieces where !piece.isEmpty {
            let start = rewriter.count
            change(piece, &rewriter)
            moved.append(start..<rewriter.count)
        }
        return (rewriter.finish(), moved)
    }

    fileprivate func writingSpaces(
        as sign: UInt32,
        prepend: PreTokenizer.Prepend,
        in pieces: [Range<Int>]
    ) -> (text: ScalarText, pieces: [Range<Int>]) {
        let signBytes = Unicode.Scalar(sign)?.utf8Bytes ?? []
        return rewriting(pieces) { piece, rewriter in
            let first = piece.lowerBound
            let isWanted =
                switch prepend {
                case .always: true
                case .first: origin(of: byteRange(piece)).lowerBound == 0
                case .never: false
                }
            if isWanted, scalars[first] != sign, scalars[first] != 0x20 { rewriter.put(signBytes, for: first..<first) }
            for index in piece {
                if scalars[index] == 0x20 {
                    rewriter.put(signBytes, for: index..<index + 1)
                } else {
                    rewriter.keep(index..<index + 1)
                }
            }
        }
    }
}
