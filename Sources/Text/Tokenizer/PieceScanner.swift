/// Finds where the piece that begins at `start` ends; it sees nothing at or past `limit`.
///
/// Written by hand after the patterns, each function for one of them. Knows nothing about vocabularies.
struct PieceScanner {
    let text: ScalarText
    let start: Int
    let limit: Int

    func end(of step: PreTokenizer.Step) -> Int {
        switch step {
        case .digits(let individually): digitsEnd(individually: individually)
        case .gpt2: gpt2End()
        case .lineBreaking(let digits): lineBreakingEnd(digits: digits)
        case .cased(let digits, let contractions): casedEnd(digits: digits, contractions: contractions)
        case .separator(let scalar, let separation): separatorEnd(scalar, separation)
        case .whiteSpace: isSpace ? runEnd(from: start) { $0.isSpace } : runEnd(from: start) { !$0.isSpace }
        case .punctuation: punctuationEnd()
        case .leadingSpace, .metaspace: limit
        }
    }

    /// Whether the piece that begins here is one that a step leaves out.
    func isDropped(by step: PreTokenizer.Step) -> Bool { step == .whiteSpace && isSpace }

    private var isSpace: Bool { text.kinds[start].isSpace }

    private func separatorEnd(_ scalar: UInt32, _ separation: PreTokenizer.Separation) -> Int {
        switch separation {
        case .before: (start..<limit).first { text.scalars[$0] == scalar }.map { $0 + 1 } ?? limit
        case .after: (start + 1..<limit).first { text.scalars[$0] == scalar } ?? limit
        }
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
        switch Unicode.Scalar(scalar)?.category(inUnicode: 8) {
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
        if let end = contractionEnd(at: start, foldingCase: false) { return end }
        let body = text.scalars[start] == 0x20 ? start + 1 : start
        switch kind(body) {
        case .letter: return runEnd(from: body) { $0 == .letter }
        case .number: return runEnd(from: body) { $0 == .number }
        case .other: return runEnd(from: body) { $0 == .other }
        case .space, .lineBreak, nil: return spaceEnd()
        }
    }

    private func lineBreakingEnd(digits: Int) -> Int {
        if let end = contractionEnd(at: start, foldingCase: true) { return end }
        let first = kind(start)
        if first == .letter { return runEnd(from: start) { $0 == .letter } }
        if first != .lineBreak, first != .number, kind(start + 1) == .letter {
            return runEnd(from: start + 1) { $0 == .letter }
        }
        if first == .number {
            return min(runEnd(from: start) { $0 == .number }, start + digits)
        }
        return signsEnd(andSlashes: false)
    }

    private func casedEnd(digits: Int, contractions: Bool) -> Int {
        let first = kind(start)
        if first == .number { return min(runEnd(from: start) { $0 == .number }, start + digits) }
        // One sign may lead a word; where none follows it, a mark may itself be one.
        let places = first == .letter || first == .lineBreak ? [start] : [start + 1, start]
        let ends = places.lazy.compactMap(smallWordEnd).first ?? places.lazy.compactMap(largeWordEnd).first
        guard let end = ends else { return signsEnd(andSlashes: true) }
        return contractions ? contractionEnd(at: end, foldingCase: true) ?? end : end
    }

    /// Signs with a space before them and line breaks after them, or else white space.
    private func signsEnd(andSlashes: Bool) -> Int {
        let body = text.scalars[start] == 0x20 ? start + 1 : start
        if kind(body) == .other {
            var end = runEnd(from: body) { $0 == .other }
            while end < limit, text.kinds[end] == .lineBreak || andSlashes && text.scalars[end] == 0x2F { end += 1 }
            return end
        }
        let run = runEnd(from: start) { $0.isSpace }
        if let last = (start..<run).last(where: { text.kinds[$0] == .lineBreak }) { return last + 1 }
        return spaceEnd()
    }

    /// The end of a word that ends in small letters, capitals first; letters without case and marks count as both.
    private func smallWordEnd(_ place: Int) -> Int? {
        var index = place
        while index < limit, isLarge(index) { index += 1 }
        if index < limit, isSmall(index) {
            while index < limit, isSmall(index) { index += 1 }
            return index
        }
        // The capitals give back what may be a small letter too.
        return (place..<index).last(where: isSmall).map { $0 + 1 }
    }

    /// The end of a word that begins with capitals.
    private func largeWordEnd(_ place: Int) -> Int? {
        var index = place
        while index < limit, isLarge(index) { index += 1 }
        guard index > place else { return nil }
        while index < limit, isSmall(index) { index += 1 }
        return index
    }

    private func isLarge(_ index: Int) -> Bool {
        switch category(index) {
        case .uppercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .nonspacingMark, .spacingMark,
            .enclosingMark:
            true
        default: false
        }
    }

    private func isSmall(_ index: Int) -> Bool {
        switch category(index) {
        case .lowercaseLetter, .modifierLetter, .otherLetter, .nonspacingMark, .spacingMark, .enclosingMark: true
        default: false
        }
    }

    private func category(_ index: Int) -> Unicode.GeneralCategory? {
        Unicode.Scalar(text.scalars[index])?.properties.generalCategory
    }

    /// White space up to the last scalar before something else, which that scalar leads; all of it at the end.
    private func spaceEnd() -> Int {
        let run = runEnd(from: start) { $0.isSpace }
        return run < limit && run - start > 1 ? run - 1 : run
    }

    /// The end of 's 't 're 've 'm 'll 'd; the folded form also takes capitals and the long s (U+017F).
    private func contractionEnd(at place: Int, foldingCase: Bool) -> Int? {
        guard place < limit, text.scalars[place] == 0x27, let first = folded(place + 1, foldingCase) else { return nil }
        switch first {
        case "s", "t", "m", "d": return place + 2
        case "r", "v": return folded(place + 2, foldingCase) == "e" ? place + 3 : nil
        case "l": return folded(place + 2, foldingCase) == "l" ? place + 3 : nil
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
