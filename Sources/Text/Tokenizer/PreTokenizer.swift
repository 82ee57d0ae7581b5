/// Splits text into the pieces inside which bytes may merge, by scanners written by hand for the patterns in use.
///
/// A piece never merges with its neighbour, so these rules are part of the model. Patterns: GPT-2 (Radford et al. 2019),
/// Llama 3 and Qwen 2 as published in their tokenizer files. Knows nothing about vocabularies.
struct PreTokenizer: Sendable {
    /// A way to split each piece further.
    enum Step: Sendable, Equatable {
        /// Numbers apart from everything else; each digit apart if `individually`.
        case digits(individually: Bool)
        /// Words, numbers and punctuation with a leading space, contractions apart.
        case gpt2
        /// As Llama 3: any one sign may lead a word, `digits` digits at most, line breaks close a piece.
        case lineBreaking(digits: Int)
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
        case removed = "Removed"
        case isolated = "Isolated"
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
        (#"\p{N}"#, .digits(individually: true)),
        (#"\p{N}+"#, .digits(individually: false)),
    ]

    /// The pieces of a text as ranges of scalars, and the text they index.
    func pieces(of text: ScalarText) -> (text: ScalarText, pieces: [Range<Int>]) {
        var text = text
        var pieces = text.count > 0 ? [0..<text.count] : []
        for step in steps {
            switch step {
            case .leadingSpace:
                (text, pieces) = text.rewriting(pieces) { piece, rewriter in
                    if text.scalars[piece.lowerBound] != 0x20 { rewriter.put([0x20], for: piece.lowerBound..<piece.lowerBound) }
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
                let scanner = Scanner(text: text, start: start, limit: piece.upperBound)
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

/// Finds where the piece that begins at `start` ends; it sees nothing at or past `limit`.
private struct Scanner {
    let text: ScalarText
    let start: Int
    let limit: Int

    func end(of step: PreTokenizer.Step) -> Int {
        switch step {
        case .digits(let individually): digitsEnd(individually: individually)
        case .gpt2: gpt2End()
        case .lineBreaking(let digits): lineBreakingEnd(digits: digits)
        case .separator(let scalar, let separation): separatorEnd(scalar, separation)
        case .whiteSpace: isSpace ? runEnd(from: start) { $0.isSpace } : runEnd(from: start) { !$0.isSpace }
        case .punctuation: punctuationEnd()
        case .leadingSpace, .metaspace: limit
        }
    }

    /// Whether the piece that begins here is one that a step leaves out.
    func isDropped(by step: PreTokenizer.Step) -> Bool {
        switch step {
        case .whiteSpace: isSpace
        case .separator(let scalar, .removed): text.scalars[start] == scalar
        default: false
        }
    }

    private var isSpace: Bool { text.kinds[start].isSpace }

    private func separatorEnd(_ scalar: UInt32, _ separation: PreTokenizer.Separation) -> Int {
        let next = (start..<limit).first { text.scalars[$0] == scalar && ($0 > start || separation != .after) }
        guard let next else { return limit }
        return separation == .before || next == start ? next + 1 : next
    }

    private func punctuationEnd() -> Int {
        if isPunctuation(start) { return start + 1 }
        return (start..<limit).first(where: isPunctuation) ?? limit
    }

    /// All that ASCII counts as punctuation, and the categories P*.
    private func isPunctuation(_ index: Int) -> Bool {
        let scalar = text.scalars[index]
        switch scalar {
        case 0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E: return true
        case 0..<0x80: return false
        default: break
        }
        switch Unicode.Scalar(scalar)?.properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation,
            .finalPunctuation, .otherPunctuation:
            return true
        default: return false
        }
    }

    private func kind(_ index: Int) -> ScalarText.Kind? {
        index < limit ? text.kinds[index] : nil
    }

    private func runEnd(from index: Int, while matches: (ScalarText.Kind) -> Bool) -> Int {
        var end = index
        while end < limit, matches(text.kinds[end]) { end += 1 }
        return end
    }

    private func digitsEnd(individually: Bool) -> Int {
        if kind(start) == .number {
            return individually ? start + 1 : runEnd(from: start) { $0 == .number }
        }
        return runEnd(from: start) { $0 != .number }
    }

    private func gpt2End() -> Int {
        if let end = contractionEnd(foldingCase: false) { return end }
        let body = text.scalars[start] == 0x20 ? start + 1 : start
        switch kind(body) {
        case .letter: return runEnd(from: body) { $0 == .letter }
        case .number: return runEnd(from: body) { $0 == .number }
        case .other: return runEnd(from: body) { $0 == .other }
        case .space, .lineBreak, nil: return spaceEnd()
        }
    }

    private func lineBreakingEnd(digits: Int) -> Int {
        if let end = contractionEnd(foldingCase: true) { return end }
        let first = kind(start)
        if first == .letter { return runEnd(from: start) { $0 == .letter } }
        if first != .lineBreak, first != .number, kind(start + 1) == .letter {
            return runEnd(from: start + 1) { $0 == .letter }
        }
        if first == .number {
            return min(runEnd(from: start) { $0 == .number }, start + digits)
        }
        let body = text.scalars[start] == 0x20 ? start + 1 : start
        if kind(body) == .other {
            return runEnd(from: runEnd(from: body) { $0 == .other }) { $0 == .lineBreak }
        }
        let run = runEnd(from: start) { $0.isSpace }
        if let last = (start..<run).last(where: { text.kinds[$0] == .lineBreak }) { return last + 1 }
        return spaceEnd()
    }

    /// White space up to the last scalar before something else, which that scalar leads; all of it at the end.
    private func spaceEnd() -> Int {
        let run = runEnd(from: start) { $0.isSpace }
        return run < limit && run - start > 1 ? run - 1 : run
    }

    /// The end of 's 't 're 've 'm 'll 'd; the folded form also takes capitals and the long s (U+017F).
    private func contractionEnd(foldingCase: Bool) -> Int? {
        guard text.scalars[start] == 0x27, let first = folded(start + 1, foldingCase) else { return nil }
        switch first {
        case "s", "t", "m", "d": return start + 2
        case "r", "v": return folded(start + 2, foldingCase) == "e" ? start + 3 : nil
        case "l": return folded(start + 2, foldingCase) == "l" ? start + 3 : nil
        default: return nil
        }
    }

    private func folded(_ index: Int, _ foldingCase: Bool) -> Unicode.Scalar? {
        guard index < limit else { return nil }
        let scalar = text.scalars[index]
        guard foldingCase else { return Unicode.Scalar(scalar) }
        if scalar == 0x17F { return "s" }
        return Unicode.Scalar((0x41...0x5A).contains(scalar) ? scalar + 0x20 : scalar)
    }
}
