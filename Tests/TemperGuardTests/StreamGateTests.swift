import Synchronization
import TemperText
import Testing

@testable import TemperGuard

/// What leaves a gate, over texts and splits drawn from seeds.
///
/// The claim, where phrases are at most `overlap` scalars long as they stand in the text: if the policy refuses, what leaves
/// is a part of the text from its beginning that ends at or before the first phrase, and the message; if it redacts, what
/// leaves is the whole text redacted; if there is no phrase, the text. And nothing leaves that no window had held by then.
@Suite struct StreamGateTests {
    private static let phrases = ["project heron", "ünïcode räuber", "禁止", "zeta"]
    private static let message = "[no]"

    private func shield(_ action: Policy.Action) throws -> Guard {
        try Guard(
            Policy(name: "test", rules: [.init("keywords", action)], message: Self.message),
            rails: [KeywordRail(phrases: Self.phrases)]
        )
    }

    /// A text of words, some long and some of several bytes, with phrases at random places.
    private func text(_ random: inout SplitMix64, phrases: Int) -> String {
        let words = [
            "a", "heron", "project", "räuber", "🦅", "plain", "words,", "ünïcode", "the\nend.", "禁", "zetas", "e\u{301}",
        ]
        var parts = (0..<random.below(160)).map { _ in
            random.below(12) == 0
                ? String(repeating: "long", count: 1 + random.below(8)) : words[random.below(words.count)]
        }
        for _ in 0..<phrases {
            let phrase = Self.phrases[random.below(Self.phrases.count)]
            let spaced = phrase.split(separator: " ").joined(separator: [" ", "\n", " - "][random.below(3)])
            parts.insert(random.below(2) == 0 ? spaced.uppercased() : spaced, at: random.below(parts.count + 1))
        }
        return parts.joined(separator: " ")
    }

    private func windows(_ random: inout SplitMix64) -> StreamGate.Windows {
        StreamGate.Windows(stride: 24 + random.below(60), overlap: 40 + random.below(20), lookback: random.below(80))
    }

    /// The bytes in pieces of 1 to `longest` bytes, wherever that cuts.
    private func pieces(_ bytes: [UInt8], longest: Int, _ random: inout SplitMix64) -> [ArraySlice<UInt8>] {
        var pieces: [ArraySlice<UInt8>] = []
        var position = 0
        while position < bytes.count {
            let end = min(bytes.count, position + 1 + random.below(longest))
            pieces.append(bytes[position..<end])
            position = end
        }
        return pieces
    }

    private func output(of gate: inout StreamGate, _ pieces: [ArraySlice<UInt8>]) async -> String {
        var output = ""
        for piece in pieces { output += await gate.take(piece) }
        return output + (await gate.finish())
    }

    @Test func noPartOfAPhraseLeavesWhateverTheSplits() async throws {
        let (refusing, redacting) = (try shield(.refuse), try shield(.redact))
        var refused = 0
        for seed in 0..<2000 as Range<UInt64> {
            var random = SplitMix64(seed: seed)
            let text = text(&random, phrases: random.below(4))
            let bytes = Array(text.utf8)
            let windows = windows(&random)
            let longest = [1, 2, 7, 40, 400][random.below(5)]
            let whole = await redacting.check(Passage(text, at: .output))
            let first = whole.checks.flatMap(\.findings).compactMap(\.range?.lowerBound).min()

            var gate = StreamGate(refusing, windows: windows)
            let kept = Array(await output(of: &gate, pieces(bytes, longest: longest, &random)).utf8)
            if let first {
                refused += 1
                let ending = Array((kept.starts(with: Array(Self.message.utf8)) ? "" : "\n\n").utf8) + Self.message.utf8
                let released = kept.dropLast(ending.count)
                #expect(gate.isRefused && kept.suffix(ending.count) == ending[...], "seed \(seed)")
                #expect(released.count <= first && bytes.starts(with: released), "seed \(seed)")
            } else {
                #expect(kept == bytes && !gate.isRefused, "seed \(seed)")
            }

            var replacing = StreamGate(redacting, windows: windows)
            let replaced = await output(of: &replacing, pieces(bytes, longest: longest, &random))
            #expect(Array(replaced.utf8) == Array(whole.text.utf8), "seed \(seed)")
        }
        #expect(refused > 1000)
    }

    /// Remembers how far it has seen a text.
    private final class Watcher: Rail {
        let card = RailCard(name: "watcher", looksFor: "nothing", labels: [], limits: [])
        private let text: [UInt8]
        private let seen = Mutex(0)
        var end: Int { seen.withLock { $0 } }

        init(_ text: String) { self.text = Array(text.utf8) }

        func findings(in passage: Passage) async throws -> [Finding] {
            let window = Array(passage.text.utf8)
            for start in stride(from: text.count - window.count, through: 0, by: -1)
            where text[start..<start + window.count].elementsEqual(window) {
                seen.withLock { $0 = max($0, start + window.count) }
                break
            }
            return []
        }
    }

    @Test func nothingLeavesBeforeItsWindowIsJudged() async throws {
        // Numbers count up, so a window lies at one place only.
        let text = (1000..<1400).map { "\($0)é" }.joined(separator: " ")
        for (seed, windows) in [
            StreamGate.Windows(stride: 1, overlap: 10, lookback: 12), .init(stride: 50, overlap: 20, lookback: 40),
            .init(stride: 200, overlap: 120, lookback: 200),
        ].enumerated() {
            let watcher = Watcher(text)
            let shield = try Guard(Policy(name: "test", rules: [.init("watcher")]), rails: [watcher])
            var gate = StreamGate(shield, windows: windows)
            var random = SplitMix64(seed: UInt64(seed))
            var left = 0
            for piece in pieces(Array(text.utf8), longest: 9, &random) {
                left += await gate.take(piece).utf8.count
                #expect(left == 0 || left + windows.overlap <= watcher.end)
            }
            left += await gate.finish().utf8.count
            #expect(left == text.utf8.count && watcher.end == left)
        }
    }

    @Test func whatIsNoTextIsMendedBeforeItIsJudged() async throws {
        let bytes: [UInt8] = [0x61, 0xFF, 0x20, 0xE2, 0x82, 0x20, 0xF0, 0x9F, 0xA6, 0x85, 0x20, 0xC3]
        for longest in 1...12 {
            var random = SplitMix64(seed: UInt64(longest))
            var gate = StreamGate(try shield(.refuse))
            let output = await output(of: &gate, pieces(bytes, longest: longest, &random))
            #expect(output == String(decoding: bytes, as: UTF8.self))
        }
    }

    /// Longer than the overlap: its beginning may leave, its end does not.
    @Test func aPhraseLongerThanTheOverlapEndsTheAnswer() async throws {
        let phrase = (0..<30).map { "word\($0)" }.joined(separator: " ")
        let shield = try Guard(
            Policy(name: "test", rules: [.init("keywords")], message: Self.message),
            rails: [KeywordRail(phrases: [phrase])]
        )
        let windows = StreamGate.Windows(stride: 50, overlap: 40, lookback: 400)
        var gate = StreamGate(shield, windows: windows)
        let text = "Before it. \(phrase). After it. " + String(repeating: "More of it. ", count: 20)
        var output = await gate.take(text)
        output += await gate.finish()
        #expect(
            gate.isRefused && output.hasSuffix(Self.message) && !output.contains("After") && !output.contains("word29")
        )
        let more = await gate.take("more")
        let last = await gate.finish()
        #expect(more.isEmpty && last.isEmpty)
    }

    private struct Everything: Rail {
        let card = RailCard(name: "everything", looksFor: "letters x", labels: ["x"], limits: [])
        func findings(in passage: Passage) async throws -> [Finding] {
            let bytes = Array(passage.text.utf8)
            guard let first = bytes.firstIndex(of: 0x78), let last = bytes.lastIndex(of: 0x78) else { return [] }
            return [Finding("x", range: first..<last + 1, replacement: "[X]")]
        }
    }

    /// A secret without an end fills every window: it cannot be replaced as a whole, so it is refused.
    @Test func whatIsToBeReplacedAndFillsAWindowIsRefused() async throws {
        let policy = Policy(name: "test", rules: [.init("everything", .redact)], message: Self.message)
        let shield = try Guard(policy, rails: [Everything()])
        let windows = StreamGate.Windows(stride: 20, overlap: 10, lookback: 10)
        var gate = StreamGate(shield, windows: windows)
        var output = await gate.take("some words, " + String(repeating: "x", count: 100) + " end")
        output += await gate.finish()
        #expect(gate.isRefused && !output.contains("x"))
        var short = StreamGate(shield, windows: windows)
        output = await short.take("some words, then xxxxxxxxxxxx and the end of all of this")
        output += await short.finish()
        #expect(output == "some words, then [X] and the end of all of this")
    }

    /// One original has one placeholder, whichever window it stands in.
    @Test func placeholdersAreTheSameInEveryWindow() async throws {
        let shield = try Guard(Policy(name: "test", rules: [.init("personal-data", .redact)]))
        let text = (0..<40).map { "Line \($0) is of a\($0 % 3)@example.org, says somebody. " }.joined()
        let whole = await shield.check(Passage(text, at: .output))
        var gate = StreamGate(shield, windows: StreamGate.Windows(stride: 60, overlap: 40, lookback: 50))
        var random = SplitMix64(seed: 7)
        let output = await output(of: &gate, pieces(Array(text.utf8), longest: 30, &random))
        #expect(output == whole.text && output.contains("_2>") && !output.contains("@"))
    }

    private struct Broken: Rail {
        struct Failure: Error {}
        let card = RailCard(name: "broken", looksFor: "a test", labels: [], limits: [])
        func findings(in passage: Passage) async throws -> [Finding] { throw Failure() }
    }

    @Test func aBrokenRailLetsNothingThrough() async throws {
        let shield = try Guard(Policy(name: "test", rules: [.init("broken")], message: Self.message), rails: [Broken()])
        var gate = StreamGate(shield)
        let first = await gate.take(String(repeating: "text ", count: 100))
        #expect(first == Self.message && gate.checks.first?.failure != nil)
    }
}
