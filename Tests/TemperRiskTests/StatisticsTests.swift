import Foundation
import TemperText
import Testing

@testable import TemperRisk

@Suite("Statistics")
struct StatisticsTests {
    /// Values of scipy 1.x `t.interval(0.95, n - 1, mean, sem)`.
    @Test func meansByStudent() {
        let some = Statistics.mean([0.1, 0.2, 0.4], in: -1...1)
        #expect(abs((some.mean ?? 0) - 0.233_333) < 1e-6)
        #expect(abs(some.low - -0.146_126) < 1e-5 && abs(some.high - 0.612_792) < 1e-5)
        #expect(Statistics.mean([0.1, 0.2, 0.4], in: 0...0.5) == (some.mean, 0, 0.5))
        #expect(Statistics.mean([0.3], in: 0...1) == (0.3, 0, 1) && Statistics.mean([], in: 0...1) == (nil, 0, 1))
    }

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

    /// Airway hyper-responsiveness in 21 children, 1 and 7 discordant: the interval that Fagerland, Lydersen and Laake
    /// (Statistics in Medicine 33, 2014) print for Tango's method. Without discordant pairs it is z^2 / (n + z^2).
    @Test func tangoMatchesPublishedValues() {
        let airways = Statistics.pairedDifference(became: 1, ceased: 7, n: 21)
        #expect(abs(airways.low + 0.517) < 5e-4 && abs(airways.high + 0.026) < 5e-4)
        let none = Statistics.pairedDifference(became: 0, ceased: 0, n: 40)
        #expect(abs(none.high - 0.087622) < 1e-6 && abs(none.low + 0.087622) < 1e-6)
        #expect(Statistics.pairedDifference(became: 0, ceased: 0, n: 0) == (-1, 1))
        let all = Statistics.pairedDifference(became: 3, ceased: 0, n: 3)
        #expect(abs(all.low + 0.122994) < 1e-6 && all.high == 1)
    }

    /// However few pairs disagree: the interval holds the estimate and has width, both ways alike, and wherever the
    /// exact test rejects the interval leaves out 0. The reverse does not hold (4 to 0), so that both are asked.
    @Test(arguments: 0...8)
    func intervalAndTestAgree(discordant: Int) {
        for n in [8, 20, 60, 400] {
            for became in 0...discordant {
                let ceased = discordant - became
                let (low, high) = Statistics.pairedDifference(became: became, ceased: ceased, n: n)
                let mirrored = Statistics.pairedDifference(became: ceased, ceased: became, n: n)
                let difference = Double(became - ceased) / Double(n)
                #expect(low <= difference && difference <= high && high - low > 0.005)
                #expect(abs(low + mirrored.high) < 1e-12 && abs(high + mirrored.low) < 1e-12)
                if Statistics.mcNemar(became, ceased) < 0.05 { #expect(low > 0 || high < 0) }
                if low > 0 || high < 0 { #expect(discordant >= 4, "fewer pairs cannot exclude 0") }
            }
        }
        #expect((Statistics.mcNemar(discordant, 0) < 0.05) == (discordant >= 6))
    }

    /// Values of R 4.x `p.adjust(c(0.01, 0.04, 0.03, 0.005, 0.9), "holm")`.
    @Test func holm() {
        let adjusted = Statistics.holm([0.01, 0.04, 0.03, 0.005, 0.9])
        for (own, expected) in zip(adjusted, [0.04, 0.09, 0.09, 0.025, 0.9]) { #expect(abs(own - expected) < 1e-12) }
        #expect(Statistics.holm([]).isEmpty && Statistics.holm([0.7, 0.8]) == [1, 1])
    }

    @Test func splitMixMatchesItsReference() {
        // The reference implementation's first outputs for the seed 1234567.
        var generator = SplitMix64(seed: 1_234_567)
        let first = (0..<3).map { _ in generator.next() }
        #expect(first == [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423])
    }

    /// Complete response before and after therapy in 161 patients: the interval that Fagerland, Lydersen and Laake print
    /// for this method (Statistical Analysis of Contingency Tables, 2017, chapter 8).
    @Test func pairedRatioMatchesPublishedValues() {
        let therapy = Statistics.pairedRatio(both: 59, became: 6, ceased: 16)
        #expect(abs(therapy.low - 0.7579) < 5e-5 && abs(therapy.high - 0.9910) < 5e-5)
        let mirrored = Statistics.pairedRatio(both: 59, became: 16, ceased: 6)
        #expect(abs(mirrored.low * therapy.high - 1) < 1e-12)
        // Pairs that all agree leave doubt, and the less the more there are.
        let few = Statistics.pairedRatio(both: 4, became: 0, ceased: 0)
        let many = Statistics.pairedRatio(both: 20, became: 0, ceased: 0)
        #expect(few.low < many.low && many.low < 1 && 1 < many.high && many.high < few.high)
        #expect(Statistics.pairedRatio(both: 0, became: 0, ceased: 5).low == 0)
    }

    @Test func bootstrapIsRepeatableAndNearTheDeltaMethod() throws {
        // 100 pairs: 20 both, 20 only second, 5 only first, 55 neither. The ratio is 1.6; its logarithm has the variance
        // (b + c) / (hits * hits) = 25 / (25 * 40), so that the interval is near 1.6 * exp(-+ 1.96 * 0.158).
        var pairs = [(over: Int, under: Int)](repeating: (1, 1), count: 20)
        pairs += [(over: Int, under: Int)](repeating: (1, 0), count: 20)
        pairs += [(over: Int, under: Int)](repeating: (0, 1), count: 5)
        pairs += [(over: Int, under: Int)](repeating: (0, 0), count: 55)
        let one = PairedBootstrap.quotient(pairs, seed: 7)
        #expect(one == PairedBootstrap.quotient(pairs, seed: 7))
        #expect(abs(try #require(one.low) - 1.174) < 0.06)
        #expect(abs(try #require(one.high) - 2.181) < 0.2)
        #expect(PairedBootstrap.quotient([(1, 0), (0, 0)], resamples: 500, seed: 1) == (nil, nil))
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
