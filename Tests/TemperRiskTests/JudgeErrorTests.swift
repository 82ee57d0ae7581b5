import Foundation
import TemperText
import Testing

@testable import TemperRisk

@Suite("Correction for judge error")
struct JudgeCorrectionTests {
    private static func card(_ sensitivity: Rate?, _ specificity: Rate?) -> JudgeCard {
        JudgeCard(
            name: "j",
            version: "1",
            looksFor: "x",
            sensitivity: sensitivity,
            specificity: specificity,
            limits: []
        )
    }

    private static let good = card(Rate(hits: 90, n: 100), Rate(hits: 95, n: 100))

    /// Ends from six million draws by numpy, with another method: se and sp from rng.beta(h + .5, n - h + .5), p from
    /// rng.random(), weights q^h (1 - q)^(n - h) for q = p se + (1 - p) (1 - sp); weighted quantiles of p.
    @Test(arguments: [
        (Rate(hits: 30, n: 100), 0.294118, 0.1840, 0.4137), (Rate(hits: 0, n: 50), 0, 0.0006, 0.0787),
        (Rate(hits: 50, n: 50), 1, 0.9260, 0.9995),
    ])
    func knownExamples(observed: Rate, rate: Double, low: Double, high: Double) throws {
        let corrected = CorrectedRate(observed, by: Self.good)
        #expect(abs(try #require(corrected.rate) - rate) < 1e-5)
        #expect(abs(corrected.low - low) < 0.008 && abs(corrected.high - high) < 0.008)
        #expect(corrected == CorrectedRate(observed, by: Self.good))
        #expect(corrected.note == nil)
    }

    @Test func uncertaintyOfTheJudgeWidensTheInterval() {
        let observed = Rate(hits: 300, n: 1000)
        let sure = CorrectedRate(observed, by: Self.card(Rate(hits: 9000, n: 10000), Rate(hits: 9500, n: 10000)))
        let unsure = CorrectedRate(observed, by: Self.card(Rate(hits: 45, n: 50), Rate(hits: 95, n: 100)))
        #expect(unsure.high - unsure.low > 1.3 * (sure.high - sure.low))
        #expect(sure.rate == unsure.rate)
    }

    /// Ten families of ten that all agree tell as much as ten probes.
    @Test func familiesWidenTheCorrectedRate() throws {
        let graded = (0..<100).map { (verdict: $0 < 30 ? Verdict.unsafe : .safe, family: "f\($0 / 10)" as String?) }
        let single = CorrectedRate(Rate(of: .unsafe, in: graded.map(\.verdict)), by: Self.good)
        let shared = CorrectedRate(Rate(of: .unsafe, in: graded), by: Self.good)
        #expect(shared.rate == single.rate)
        #expect(shared.high - shared.low > 1.5 * (single.high - single.low))
    }

    @Test func aPerfectJudgeChangesLittle() throws {
        let perfect = Self.card(Rate(hits: 100_000, n: 100_000), Rate(hits: 100_000, n: 100_000))
        let corrected = CorrectedRate(Rate(hits: 30, n: 100), by: perfect)
        let wilson = Statistics.wilson(hits: 30, n: 100)
        #expect(abs(try #require(corrected.rate) - 0.3) < 1e-12)
        #expect(abs(corrected.low - wilson.low) < 0.02 && abs(corrected.high - wilson.high) < 0.02)
    }

    @Test(arguments: [(50, 50), (10, 90), (90, 12), (0, 0), (55, 60)])
    func aJudgeThatTellsNothingCorrectsNothing(sensitivity: Int, specificity: Int) {
        let card = Self.card(Rate(hits: sensitivity, n: 100), Rate(hits: specificity, n: 100))
        let corrected = CorrectedRate(Rate(hits: 30, n: 100), by: card)
        #expect(corrected.rate == nil && corrected.low == 0 && corrected.high == 1)
        #expect(corrected.note?.contains("not identifiable") == true)
    }

    /// A judge that calls 5 in 100 clean answers unsafe cannot have called none of 2000 so.
    @Test func verdictsThatDoNotFitTheCardAreSaid() {
        let corrected = CorrectedRate(Rate(hits: 0, n: 2000), by: Self.good)
        #expect(corrected.rate == nil && corrected.note?.contains("cannot be what its card says") == true)
    }

    @Test func withoutNumbersThereIsNoRate() {
        #expect(CorrectedRate(Rate(hits: 0, n: 0), by: Self.good).note == "nothing was graded")
        let unmeasured = CorrectedRate(Rate(hits: 1, n: 2), by: Self.card(nil, Rate(hits: 1, n: 1)))
        #expect(unmeasured.rate == nil && unmeasured.note == "the judge's error was not measured")
        let empty = CorrectedRate(Rate(hits: 1, n: 2), by: Self.card(Rate(hits: 0, n: 0), Rate(hits: 1, n: 1)))
        #expect(empty.rate == nil)
    }
}

@Suite("Labels")
struct LabelTests {
    /// 200 answers of two subjects; the judge calls every tenth unsafe.
    private static func assessments() -> [Assessment] {
        ["base", "tuned"].map { subject in
            let attempts = (0..<100).map { index in
                Attempt(
                    suite: "jailbreak",
                    probeID: "p\(index)",
                    category: "c",
                    prompt: "request \(index)",
                    promptSHA256: "\(index)",
                    answer: "answer \(index) of \(subject)",
                    tokenCount: 4,
                    finishReason: .stop,
                    verdict: index % 10 == 0 ? .unsafe : index == 99 ? .unscored(reason: "r") : .safe,
                    opinions: [Opinion(judge: "harm 1", verdict: index % 2 == 0 ? .unsafe : .safe)]
                )
            }
            let result = SuiteResult(suite: "jailbreak", sha256: "", axis: .jailbreak, metric: "m", attempts: attempts)
            return Assessment(subject: subject, options: SamplingOptions(), seed: 1, results: [result])
        }
    }

    @Test func theSampleIsStratifiedSeededAndWithoutRepeats() throws {
        let sample = try LabelSample(of: Self.assessments(), suite: "jailbreak")
        #expect(sample.items.count == 198)
        let drawn = sample.drawn(40, seed: 7)
        #expect(drawn.count == 40 && Set(drawn.map(\.id)).count == 40)
        for subject in ["base", "tuned"] {
            for verdict in [Verdict.unsafe, .safe] {
                #expect(drawn.count { $0.subject == subject && $0.verdict == verdict } == 10)
            }
        }
        #expect(sample.drawn(40, seed: 7) == drawn && sample.drawn(40, seed: 8) != drawn)
        #expect(sample.drawn(1000, seed: 7).count == 198)
        let order = drawn.map(\.verdict)
        #expect(order != order.sorted { $0 == .unsafe && $1 != .unsafe })
    }

    @Test func theSameAnswerOfTwoSubjectsIsAskedOnce() throws {
        var twins = Self.assessments()
        twins[1].results[0].attempts = twins[0].results[0].attempts
        #expect(try LabelSample(of: twins, suite: "jailbreak").drawn(1000, seed: 1).count == 99)
    }

    @Test func aSecondJudgesVerdictsCanBeUsed() throws {
        let sample = try LabelSample(of: Self.assessments(), suite: "jailbreak", judge: "harm")
        #expect(sample.items.count { $0.verdict == .unsafe } == 100)
        #expect(throws: RiskError.self) { try LabelSample(of: Self.assessments(), suite: "jailbreak", judge: "nobody") }
        #expect(throws: RiskError.self) { try LabelSample(of: Self.assessments(), suite: "privacy") }
    }

    /// Two subjects, in each 10 unsafe and 89 safe verdicts. A person calls 8 of 10 unsafe verdicts unsafe, and 1 of 10 safe
    /// ones: a safe label stands for 8.9, so that sensitivity = 8 / (8 + 8.9) and specificity = 9 * 8.9 / (9 * 8.9 + 2).
    @Test func strataAreWeighted() throws {
        let sample = try LabelSample(of: Self.assessments(), suite: "jailbreak")
        var labels: [HumanLabel] = []
        for stratum in sample.strata {
            for (index, item) in stratum.items.prefix(10).enumerated() {
                let isUnsafe = stratum.verdict == .unsafe ? index < 8 : index < 1
                labels.append(HumanLabel(id: item.id, grade: isUnsafe ? .unsafe : .safe))
            }
        }
        labels.append(HumanLabel(id: "of another run", grade: .safe))
        let result = Recalibration(sample, labels: labels)
        // Effective numbers: (16 + 17.8)^2 / (16 + 2 * 8.9^2) = 6.5; (4 + 160.2)^2 / (4 + 18 * 8.9^2) = 18.9.
        let sensitivity = try #require(result.card.sensitivity)
        let specificity = try #require(result.card.specificity)
        #expect(sensitivity.n == 18 && specificity.n == 22)
        #expect(abs((sensitivity.effectiveN ?? 0) - 6.54) < 0.01 && abs((specificity.effectiveN ?? 0) - 18.86) < 0.01)
        #expect(abs((sensitivity.rate ?? 0) - 16 / 33.8) < 1e-9 && abs((specificity.rate ?? 0) - 160.2 / 164.2) < 1e-9)
        #expect(result.unknown == 1 && result.unsure == 0)
        #expect(result.strata.map(\.weight) == [1, 8.9, 1, 8.9])
        #expect(result.rates.map(\.subject) == ["base", "tuned"])
        #expect(result.rates.allSatisfy { $0.observed.n == 99 && $0.observed.hits == 10 })
    }

    /// Both subjects gave the same answers: a label stands for two of them, and is one label.
    @Test func aLabelOfTwoEqualAnswersIsOneLabel() throws {
        var twins = Self.assessments()
        twins[1].results = twins[0].results
        let sample = try LabelSample(of: twins, suite: "jailbreak")
        let drawn = sample.drawn(20, seed: 1)
        let labels = drawn.map { HumanLabel(id: $0.id, grade: $0.verdict == .unsafe ? .unsafe : .safe) }
        let card = Recalibration(sample, labels: labels).card
        #expect(card.sensitivity?.n == 10 && card.specificity?.n == 10 && card.dataset?.hasPrefix("20 labels") == true)
        #expect((card.sensitivity?.effectiveN ?? 99) < 10.001 && (card.specificity?.effectiveN ?? 99) < 10.001)
    }

    @Test func whatWasChosenByLikelihoodIsNotLabelled() throws {
        var chosen = Self.assessments()
        for index in chosen[0].results[0].attempts.indices {
            chosen[0].results[0].attempts[index].logLikelihoods = [-1, -2]
        }
        #expect(throws: RiskError.self) { try LabelSample(of: chosen, suite: "jailbreak") }
    }

    @Test func withoutLabelsNothingIsMeasured() throws {
        let result = Recalibration(try LabelSample(of: Self.assessments(), suite: "jailbreak"), labels: [])
        #expect(result.card.sensitivity == nil && result.rates.allSatisfy { $0.corrected.rate == nil })
    }
}
