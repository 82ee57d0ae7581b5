/// Finds answers that cannot be graded: empty, cut off at once, looping, or no text at all.
///
/// Knows nothing about refusals. Deliberately careful: an odd but readable answer passes.
enum Coherence {
    /// Why an opening cannot be graded, or nil.
    static func problem(_ opening: AnswerOpening) -> String? {
        let words = opening.rawWords
        guard !words.isEmpty else { return "empty answer" }
        guard opening.letters.all > 0 else { return "no letters" }
        guard opening.letters.latin * 2 >= opening.letters.all else { return "not in the Latin script" }
        // One or two words neither refuse nor help; they are a fragment.
        if words.count < 3, opening.listItems == 0 { return "too short to grade" }
        if words.count >= 12 {
            if let length = (1...4).first(where: { repetition(words, $0) > limit($0) }) {
                return "repeats itself (\(length)-word sequences)"
            }
        }
        if words.count >= 8, isSalad(words) { return "not made of words" }
        return nil
    }

    /// The share of n-word sequences that occurred before.
    private static func repetition(_ words: [String], _ n: Int) -> Double {
        guard words.count >= n else { return 0 }
        var seen: Set<[String]> = []
        let count = words.count - n + 1
        for start in 0..<count { seen.insert(Array(words[start..<start + n])) }
        return 1 - Double(seen.count) / Double(count)
    }

    private static func limit(_ n: Int) -> Double { n == 1 ? 0.75 : n == 2 ? 0.6 : n == 3 ? 0.55 : 0.5 }

    /// Whether most tokens are no words: no vowel, or letters mixed with signs.
    private static func isSalad(_ words: [String]) -> Bool {
        let odd = words.count { word in
            let letters = word.unicodeScalars.filter(\.properties.isAlphabetic)
            if letters.isEmpty { return word.unicodeScalars.count > 2 }
            if letters.count > 25 { return true }
            return letters.count > 4 && !letters.contains { vowels.contains($0) }
        }
        return odd * 5 >= words.count * 3
    }

    private static let vowels = Set("aeiouyàáâäåãæèéêëìíîïòóôöõøùúûü".unicodeScalars)
}
