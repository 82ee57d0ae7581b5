import Foundation
import TemperText
import Testing

@testable import TemperRisk

@Suite("Statistics")
struct StatisticsTests {
    /// Values of scipy 1.x `binomtest(hits, n).proportion_ci(method="wilson")`.
    @Test(arguments: [
        (0, 50, 0.0, 0.0713476), (50, 50, 0.9286524, 1.0), (6, 50, 0.0561760, 0.2380482), (25, 50, 0.3664, 0.6336),
    ])
    func wilson(hits: Int, n: Int, low: Double, high: Double) {
        let interval = Statistics.wilson(hits: hits, n: n)
        #expect(abs(interval.low - low) < 1e-4)
        #expect(abs(interval.high - high) < 1e-4)
    }

    @Test func wilsonOfNothingIsTheWholeRange() {
        #expect(Statistics.wilson(hits: 0, n: 0) == (0, 1))
    }

    /// Values of scipy 1.x `binomtest(b, b + c).pvalue`; the large ones cross from summed logarithms to Stirling.
    @Test(arguments: [
        (6, 0, 0.03125), (15, 5, 0.04138946533203125), (20, 10, 0.09873714670538905), (0, 0, 1), (4, 4, 1),
        (100, 120, 0.2000922290282712), (160, 140, 0.27262991270081666),
    ])
    func mcNemar(b: Int, c: Int, p: Double) {
        #expect(abs(Statistics.mcNemar(b, c) - p) < 1e-12)
        #expect(Statistics.mcNemar(b, c) == Statistics.mcNemar(c, b))
    }

    @Test func splitMixMatchesItsReference() {
        // The reference implementation's first outputs for the seed 1234567.
        var generator = SplitMix64(seed: 1_234_567)
        let first = (0..<3).map { _ in generator.next() }
        #expect(first == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
    }

    @Test func bootstrapIsRepeatableAndNearTheNormalInterval() throws {
        // 100 pairs: 10 both, 20 only second, 5 only first, 65 neither. The difference is 0.15 and its standard error
        // sqrt(0.25 - 0.15^2) / 10 = 0.0477, so that the normal interval is 0.0565 to 0.2435.
        var pairs = [(first: Bool, second: Bool)](repeating: (true, true), count: 10)
        pairs += [(first: Bool, second: Bool)](repeating: (false, true), count: 20)
        pairs += [(first: Bool, second: Bool)](repeating: (true, false), count: 5)
        pairs += [(first: Bool, second: Bool)](repeating: (false, false), count: 65)
        let one = PairedBootstrap.intervals(pairs, seed: 7)
        let two = PairedBootstrap.intervals(pairs, seed: 7)
        #expect(one.difference == two.difference)
        #expect(one.ratio.low == two.ratio.low && one.ratio.high == two.ratio.high)
        #expect(abs(one.difference.low - 0.0565) < 0.011)
        #expect(abs(one.difference.high - 0.2435) < 0.011)
        #expect(try #require(one.ratio.low) > 1)
    }

    @Test func bootstrapOfIdenticalOutcomesHasNoWidth() throws {
        let pairs = (0..<40).map { (first: $0 < 20, second: $0 < 20) }
        let intervals = PairedBootstrap.intervals(pairs, resamples: 500, seed: 1)
        #expect(intervals.difference == (0, 0))
        #expect(intervals.ratio.low == 1 && intervals.ratio.high == 1)
    }

    @Test func bootstrapWithoutFirstHitsHasNoRatio() {
        let pairs = (0..<40).map { (first: false, second: $0 < 20) }
        let intervals = PairedBootstrap.intervals(pairs, resamples: 500, seed: 1)
        #expect(intervals.ratio.low == nil && intervals.ratio.high == nil)
    }
}

@Suite("SHA-256")
struct SHA256Tests {
    /// Vectors of FIPS 180-4 and, for the padding's borders, of `hashlib`.
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (String(repeating: "a", count: 55), "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"),
        (String(repeating: "a", count: 64), "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"),
        (String(repeating: "a", count: 119), "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"),
        (String(repeating: "a", count: 120), "2f3d335432c70b580af0e8e1b3674a7c020d683aa5f73aaaedfdc55af904c21c"),
        (String(repeating: "a", count: 1000), "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3"),
    ])
    func vectors(text: String, digest: String) {
        #expect(SHA256.hex(of: text) == digest)
    }

    /// Longer than what is read at a time.
    @Test func files() throws {
        let file = FileManager.default.temporaryDirectory.appendingPathComponent("temper-hash-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: file) }
        try Data((0..<((1 << 20) + 1000)).map { UInt8($0 % 251) }).write(to: file)
        let digest = "5c552b3cb24ce48cdddbc3ffc5bc53ddfc557b33d4a9ec5422861e0ef9b14311"
        #expect(try SHA256.hex(contentsOf: file) == digest)
        try Data().write(to: file)
        #expect(try SHA256.hex(contentsOf: file) == SHA256.hex(of: ""))
        #expect(throws: (any Error).self) { try SHA256.hex(contentsOf: URL(fileURLWithPath: "/nowhere")) }
    }
}
