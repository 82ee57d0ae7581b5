/// Finds texts that loop: a model that cannot stop, or a prompt that wants to make it.
///
/// Knows nothing about meaning. A finding is a run of at most forty words that comes four times in a row over at least
/// twenty words, or a character that comes sixty-four times in a row.
public struct RepetitionRail: Rail {
    private static let mostWords = 40

    /// Creates the rail.
    public init() {}

    /// What the rail is.
    public var card: RailCard {
        RailCard(
            name: "repetition",
            looksFor: "words or characters that repeat in a row",
            labels: ["loop"],
            limits: ["A loop with a small change in every round is not found; a chorus of four lines is."]
        )
    }

    /// Whether the text loops anywhere.
    public func findings(in passage: Passage) async throws -> [Finding] {
        var (last, length) = (UInt8(0), 0)
        for byte in passage.text.utf8 {
            length =
                byte == last && byte != 0x20 && byte != UInt8(ascii: "-") && byte != UInt8(ascii: "=") ? length + 1 : 1
            last = byte
            if length >= 64 { return [Finding("loop", reason: "a character 64 times in a row")] }
        }
        let words = passage.text.split(whereSeparator: \.isWhitespace).prefix(20_000).map(\.hashValue)
        guard words.count >= 20 else { return [] }
        for period in 1...min(Self.mostWords, words.count / 4) {
            var equal = 0
            for place in period..<words.count {
                equal = words[place] == words[place - period] ? equal + 1 : 0
                if equal >= 3 * period, equal + period >= 20 {
                    return [Finding("loop", reason: "\(period) words, four times in a row")]
                }
            }
        }
        return []
    }
}
