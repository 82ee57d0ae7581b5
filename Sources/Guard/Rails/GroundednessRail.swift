import TemperRisk
import TemperText

/// Finds sentences of an answer that its sources do not bear out.
///
/// Knows nothing about truth or entailment. A sentence's score is the share of its content words that occur in no source; a
/// number that occurs in none is a finding of its own. A plain measure (compare the precision of Lin 2004, ROUGE): a sentence
/// that says the opposite in the same words passes.
public struct GroundednessRail: Rail {
    /// Creates the rail.
    public init() {}

    /// What the rail is.
    public var card: RailCard {
        RailCard(
            name: "groundedness",
            looksFor: "sentences whose words, and numbers that, are in no source",
            labels: ["ungrounded", "number"],
            stages: [.output],
            threshold: 0.6,
            limits: [
                "Compares words, not meaning: a paraphrase is found, a denial in the same words is not.",
                "Without sources nothing is found.",
            ]
        )
    }

    /// Each sentence with the share of it that no source has, and each number that none has.
    public func findings(in passage: Passage) async throws -> [Finding] {
        guard !passage.sources.isEmpty else { return [] }
        let sources = passage.sources.joined(separator: "\n") + "\n" + passage.chat.lastUserText
        let known = Set(ContentWords.of(sources))
        let numbers = Set(Self.numbers(in: Array(sources.utf8)).map(\.value))
        let bytes = Array(passage.text.utf8)
        var findings = Self.numbers(in: bytes).filter { !numbers.contains($0.value) }.map { number in
            Finding("number", range: number.range, replacement: "[NUMBER]", reason: "in no source")
        }
        for range in Self.sentences(of: bytes) {
            let words = ContentWords.of(String(decoding: bytes[range], as: UTF8.self)).filter { word in
                word.contains(where: \.isLetter)
            }
            guard words.count >= 4 else { continue }
            let share = Double(words.count { !known.contains($0) }) / Double(words.count)
            findings.append(Finding("ungrounded", score: share, range: range, replacement: "[UNSUPPORTED]"))
        }
        return findings
    }

    private static func sentences(of bytes: [UInt8]) -> [Range<Int>] {
        var ranges: [Range<Int>] = []
        var start = 0
        for (place, byte) in bytes.enumerated() {
            let isStop = ".!?".utf8.contains(byte) && (place + 1 == bytes.count || bytes[place + 1] <= 0x20)
            guard isStop || byte == 0x0A else { continue }
            ranges.append(start..<place + (isStop ? 1 : 0))
            start = place + 1
        }
        ranges.append(start..<bytes.count)
        return ranges.filter { !$0.isEmpty }
    }

    /// Numbers of two digits and more, without the signs inside them.
    private static func numbers(in bytes: [UInt8]) -> [(value: [UInt8], range: Range<Int>)] {
        var result: [(value: [UInt8], range: Range<Int>)] = []
        var position = 0
        while position < bytes.count {
            guard PersonalDataScanner.isDigit(bytes[position]) else {
                position += 1
                continue
            }
            let start = position
            var digits: [UInt8] = []
            while position < bytes.count {
                if PersonalDataScanner.isDigit(bytes[position]) {
                    digits.append(bytes[position])
                } else if !".,".utf8.contains(bytes[position]) || position + 1 == bytes.count
                    || !PersonalDataScanner.isDigit(bytes[position + 1])
                {
                    break
                }
                position += 1
            }
            if digits.count >= 2 { result.append((digits, start..<position)) }
        }
        return result
    }
}
