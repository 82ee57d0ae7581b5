import Foundation
import TemperText
import Testing

@testable import TemperRisk

@Suite("Text classifier")
struct TextClassifierTests {
    private static let bad = [
        "you are a stupid fool", "what an idiot", "shut up you moron", "stupid idiot", "such a fool",
    ]
    private static let good = [
        "have a nice day", "the sun is warm", "thank you for the help", "a good book", "nice work",
    ]

    private static func examples(_ repeats: Int = 4) -> [LinearTextClassifier.Example] {
        (0..<repeats).flatMap { _ in
            bad.map { LinearTextClassifier.Example($0, labels: [0]) }
                + good.map { LinearTextClassifier.Example($0, labels: []) }
        }
    }

    private static func trained(bits: Int = 10) throws -> LinearTextClassifier {
        try LinearTextClassifier.train(
            examples(),
            labels: ["insult"],
            trainingData: "ten sentences",
            settings: LinearTextClassifier.Training(bits: bits, l2: 1e-3, iterations: 40)
        )
    }

    @Test func learnsAndGivesProbabilities() throws {
        let classifier = try Self.trained()
        for text in Self.bad { #expect(classifier.probability(of: text) > 0.5, "\(text)") }
        for text in Self.good { #expect(classifier.probability(of: text) < 0.5, "\(text)") }
        #expect(classifier.labels == ["insult"])
    }

    @Test func theSameRowsGiveTheSameBytes() throws {
        #expect(try Self.trained().encoded() == Self.trained().encoded())
    }

    /// The analytic gradient against (L(w + h) - L(w - h)) / 2h.
    @Test func gradientAgreesWithFiniteDifferences() {
        let texts = Self.bad + Self.good
        let objective = LogisticObjective(
            rows: texts.map { TextFeatures($0, bits: 6) },
            targets: texts.indices.map { $0 < 5 },
            rowWeights: texts.indices.map { 1 + Double($0) / 10 },
            l2: 0.05,
            bits: 6
        )
        var generator = SplitMix64(seed: 3)
        let point = (0..<objective.parameterCount).map { _ in generator.unit() - 0.5 }
        var gradient = point
        var unused = point
        _ = objective.value(at: point, gradient: &gradient)
        for index in stride(from: 0, to: objective.parameterCount, by: 4) {
            var (up, down) = (point, point)
            up[index] += 1e-5
            down[index] -= 1e-5
            let rise = objective.value(at: up, gradient: &unused) - objective.value(at: down, gradient: &unused)
            #expect(abs(rise / 2e-5 - gradient[index]) < 1e-8)
        }
        #expect(gradient.last != 0)
    }

    /// f(x, y) = (x - 3)^2 + 10 (y + 1)^2 + x y has its minimum where 2x + y = 6 and x + 20 y = -20: (140/39, -46/39).
    @Test func theOptimiserFindsAKnownMinimum() {
        let found = LimitedMemoryBFGS.minimum(from: [0, 0], iterations: 50, tolerance: 1e-14) { point, gradient in
            let (x, y) = (point[0], point[1])
            gradient = [2 * (x - 3) + y, 20 * (y + 1) + x]
            return (x - 3) * (x - 3) + 10 * (y + 1) * (y + 1) + x * y
        }
        #expect(abs(found[0] - 140.0 / 39) < 1e-6 && abs(found[1] + 46.0 / 39) < 1e-6)
    }

    /// Margins of 1 with 3 of 4 hits and of -1 with 1 of 4: smoothed targets are 5/6 and 1/6, so both groups' mean target is
    /// 3/4 * 5/6 + 1/4 * 1/6 = 2/3 and 1/3, and the fit that meets them has slope log 2 and offset 0.
    @Test func calibrationHasTheKnownAnswer() {
        let margins: [Double] = [1, 1, 1, 1, -1, -1, -1, -1]
        let targets = [true, true, true, false, false, false, false, true]
        let (slope, offset) = LinearTextClassifier.platt(margins, targets)
        #expect(abs(slope - log(2)) < 1e-6 && abs(offset) < 1e-6)
    }

    @Test func weightsAreRoundedToSteps() {
        let (weights, scale) = LinearTextClassifier.rounded([0.5, -1.27, 0.004, 0][...])
        #expect(weights == [50, -127, 0, 0] && abs(scale - 0.01) < 1e-12)
        #expect(LinearTextClassifier.rounded([0, 0][...]).weights == [0, 0])
    }

    @Test func aLabelNeedsBothKindsOfRows() throws {
        let error = try #require(throws: RiskError.self) {
            try LinearTextClassifier.train(
                Self.good.map { LinearTextClassifier.Example($0, labels: []) },
                labels: ["insult"],
                trainingData: ""
            )
        }
        #expect(error.description.contains("'insult'"))
    }

    /// Spellings that look alike have the same features; an order of words has its own.
    @Test(arguments: [
        ("Stupid FOOL", "stupid fool"), ("ｓｔｕｐｉｄ fool", "stupid fool"), ("stu\u{200B}pid fool", "stupid fool"),
        ("stúpid fool", "stupid fool"), ("you\u{2019}re it", "you're it"), ("e\u{301}t\u{E9}", "ete"),
        ("a\u{A0}b", "a b"),
    ])
    func normalises(one: String, other: String) {
        #expect(TextFeatures.normalised(one) == TextFeatures.normalised(other))
        #expect(TextFeatures(one, bits: 12).buckets == TextFeatures(other, bits: 12).buckets)
    }

    @Test func featuresAreWhatTheyShouldBe() {
        // Words: a, b and the pair; pieces of " a " and " b ": one of three bytes each.
        let features = TextFeatures("a b a", bits: 20)
        #expect(features.wordCount == 4 && features.buckets.count == 6)
        #expect(features.wordValue == 0.5 && features.pieceValue == 1 / Float(2).squareRoot())
        #expect(TextFeatures("b a", bits: 20).buckets != TextFeatures("a b", bits: 20).buckets)
    }

    @Test(arguments: ["", " ", "\n\t", "\u{200B}", "\u{0}", "🙂", "日本語の文章です", "\u{301}\u{301}", "a"])
    func oddTextsHaveAProbability(text: String) throws {
        let probability = try Self.trained().probability(of: text)
        #expect(probability > 0 && probability < 1)
    }

    @Test func aHugeTextIsRead() throws {
        let classifier = try Self.trained()
        let long = String(repeating: "have a nice day ", count: 5_000)
        #expect(classifier.probability(of: long).isFinite)
        #expect(classifier.probability(of: String(repeating: "x", count: 100_000)).isFinite)
        let hidden = String(repeating: "have a nice day ", count: 50) + "you stupid idiot " + long.prefix(800)
        #expect(
            classifier.highestProbability(in: hidden, stretch: 10)
                > classifier.highestProbability(in: long, stretch: 10)
        )
    }

    @Test func aFileIsReadBackAsItWas() throws {
        let classifier = try Self.trained()
        let bytes = try classifier.encoded()
        let again = try LinearTextClassifier(bytes, file: "f")
        #expect(again == classifier)
        #expect(try again.encoded() == bytes)
    }

    @Test func brokenFilesAreRefused() throws {
        let bytes = try Self.trained().encoded()
        func reason(_ bytes: [UInt8]) -> String {
            do {
                _ = try LinearTextClassifier(bytes, file: "weights.classifier")
                return "read"
            } catch {
                return "\(error)"
            }
        }
        #expect(reason([]).contains("does not begin with TEMPERLC"))
        #expect(reason(Array(bytes.prefix(12))).contains("ends early"))
        var version = bytes
        version[8] = 9
        #expect(reason(version).contains("form 9"))
        // Any changed or missing byte.
        for place in stride(from: 12, to: bytes.count, by: 97) {
            var changed = bytes
            changed[place] ^= 1
            #expect(reason(changed).contains("checksum"), "\(place)")
        }
        for count in [40, 200, bytes.count - 1] {
            #expect(reason(Array(bytes.prefix(count))).contains("weights.classifier: "))
            #expect(reason(Array(bytes.prefix(count))) != "read")
        }
        #expect(throws: RiskError.self) {
            try LinearTextClassifier(contentsOf: URL(fileURLWithPath: "/nowhere/at/all"))
        }
    }

    @Test(arguments: TrainedClassifier.allCases)
    func thePackagesWeightsLoad(which: TrainedClassifier) throws {
        let url = projectRoot.appendingPathComponent("Sources/Risk/Resources/\(which.rawValue).classifier")
        let classifier = try LinearTextClassifier(contentsOf: url)
        #expect(classifier.labels.count == 1 && !classifier.trainingData.isEmpty)
        #expect(try classifier.encoded().count < 300_000)
    }
}
