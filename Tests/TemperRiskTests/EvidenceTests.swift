import Foundation
import TemperText
import Testing

@testable import TemperRisk

/// Statistics that a release decision rests on; reference values are computed by other programs, or by hand.
@Suite("Evidence")
struct EvidenceTests {
    // MARK: Intervals

    /// Values of scipy 1.17 `beta.ppf([0.025, 0.975], hits + 0.5, n - hits + 0.5)`.
    @Test(arguments: [
        (0, 50, 0, 0.048758459444071374), (6, 50, 0.051674224510274064, 0.230710514237331),
        (25, 50, 0.364686111382503, 0.6353138886174969), (300, 1000, 0.27220615793616126, 0.3289496539247107),
    ])
    func jeffreys(hits: Int, n: Int, low: Double, high: Double) {
        let interval = Statistics.jeffreys(hits: hits, n: n)
        #expect(abs(interval.low - low) < 1e-10 && abs(interval.high - high) < 1e-10)
        let mirrored = Statistics.jeffreys(hits: n - hits, n: n)
        #expect(abs(mirrored.low - (1 - high)) < 1e-10 && abs(mirrored.high - (1 - low)) < 1e-10)
        #expect(Statistics.jeffreys(hits: 0, n: 0) == (0, 1))
    }

    /// Values of scipy 1.17 `t.ppf(0.975, degrees)`.
    @Test func student() {
        for (degrees, value) in [(1, 12.706204736), (2, 4.302652730), (5, 2.570581836), (200, 1.971896223)] {
            #expect(abs(Statistics.studentUpper(degrees: degrees) - value) < 1e-7)
        }
        #expect(abs(Statistics.normalCumulative(-Statistics.z) - 0.025) < 1e-12)
    }

    /// The worst case of 3 in 40 with 10 unscored lies between 3 in 50 and 13 in 50.
    @Test func unscoredAnswersWidenARate() {
        let rate = Rate(hits: 3, n: 40, unscored: 10)
        #expect(rate.worstCase == (Statistics.wilson(hits: 3, n: 50).low, Statistics.wilson(hits: 13, n: 50).high))
        #expect(rate.worstCase.low < rate.low && rate.worstCase.high > rate.high)
        let whole = Rate(hits: 3, n: 40)
        #expect(whole.worstCase == (whole.low, whole.high))
        let nothing = Rate(hits: 0, n: 0, unscored: 20)
        #expect(nothing.rate == nil && nothing.worstCase.low < 1e-12 && nothing.worstCase.high > 1 - 1e-12)
    }

    // MARK: Planning

    /// Derived by hand from the formulas in `Power`, to 80 % power at 5 %, two-sided.
    @Test func prompts() {
        #expect(Power.pairedPrompts(difference: 0.05, discordant: 0.15) == 469)
        #expect(Power.pairedPrompts(difference: 0.1, discordant: 0.2) == 155)
        #expect(Power.pairedPrompts(difference: -0.1, discordant: 0.3) == 234)
        #expect(Power.pairedPrompts(difference: 0.2, discordant: 0.3) == 57)
        #expect(Power.unpairedPrompts(from: 0.1, to: 0.15) == 686)
        #expect(Power.unpairedPrompts(from: 0.3, to: 0.45) == 163)
        for (difference, discordant) in [(0.05, 0.15), (0.1, 0.2), (0.2, 0.3)] {
            let n = Power.pairedPrompts(difference: difference, discordant: discordant)
            let found = Power.detectable(n: n, discordant: discordant)
            #expect(abs((found ?? 0) - difference) < 0.001)
        }
        #expect(Power.detectable(n: 0, discordant: 0.1) == nil && Power.detectable(n: 3, discordant: 0) == nil)
    }

    /// Simulated: with the planned number of prompts, McNemar's test finds the change about four times in five. The
    /// exact test is a little weaker than the plan's approximation.
    @Test func plannedPowerIsReached() {
        var generator = SplitMix64(seed: 11)
        let found = (0..<400).count { _ in
            var (became, ceased) = (0, 0)
            for _ in 0..<155 {
                let draw = generator.unit()
                if draw < 0.15 { became += 1 } else if draw < 0.2 { ceased += 1 }
            }
            return Statistics.mcNemar(became, ceased) < 0.05
        }
        #expect((0.70...0.86).contains(Double(found) / 400))
    }

    // MARK: Families

    private func families(_ changes: [Int]) -> Families {
        Families(
            changes.enumerated().flatMap { index, change in
                (0..<max(1, abs(change))).map { _ in
                    (family: "f\(index)" as String?, first: change < 0, second: change > 0)
                }
            }
        )
    }

    /// Values of a full enumeration of the 2^k signs (Python `itertools.product`).
    @Test(
        arguments: [
            ([3, 2, -1, 4, 0, 2, 1], 0.09375), ([5, 5, 5, 5, 5, 5], 0.03125), ([1, 1, 1, 1, 1, 1], 0.03125),
            ([2, 2, -1, 3, 1, -2, 4, 1], 0.1640625), ([], 1), ([0, 0], 1), ([9], 1),
        ] as [([Int], Double)]
    )
    func signFlips(changes: [Int], p: Double) {
        #expect(abs(families(changes).p - p) < 1e-12)
    }

    /// McNemar's exact test is the sign-flip test where every family is one probe.
    @Test(arguments: [(0, 0), (6, 0), (15, 5), (20, 10), (100, 120)])
    func oneProbeEach(became: Int, ceased: Int) {
        let steps = [Int](repeating: 1, count: became) + [Int](repeating: -1, count: ceased)
        #expect(abs(families(steps).p - Statistics.mcNemar(became, ceased)) < 1e-12)
        #expect(families(steps).designEffect == 1 && !families(steps).areShared)
        let without = Families(steps.map { (nil, $0 < 0, $0 > 0) })
        #expect(without.list.count == steps.count)
    }

    /// 30 of 120 probes became hits: as 30 single probes, and as 3 families of ten of which all changed.
    @Test func oneRequestInTenWordingsIsOneProof() throws {
        let single = try compare(made("a", 120) { _ in false }, made("b", 120) { $0 < 30 })[0]
        let shared = try compare(made("a", 120, family: 10) { _ in false }, made("b", 120, family: 10) { $0 < 30 })[0]
        #expect(single.p < 1e-8 && single.families == nil && single.designEffect == 1)
        #expect(shared.p == 0.25 && shared.families == 12 && shared.designEffect == 10)
        #expect(single.difference == shared.difference)
        #expect(shared.differenceLow < single.differenceLow && shared.differenceHigh > single.differenceHigh)
        #expect(Conclusion.of([single])[0].finding == .increase)
        #expect(Conclusion.of([shared])[0].finding == .notEnoughEvidence)
        // One family that holds all probes bounds nothing.
        let one = try compare(made("a", 20, family: 20) { _ in false }, made("b", 20, family: 20) { _ in true })[0]
        #expect(one.differenceLow == -1 && one.differenceHigh == 1 && one.p == 1)
    }

    /// Without a flip nothing shows how alike the wordings of a request are: they count as one.
    @Test func pairsThatAllAgreeCountByTheirFamilies() throws {
        let same = made("a", 400, family: 100) { _ in false }
        let comparison = try compare(same, same)[0]
        #expect(comparison.families == 4 && comparison.designEffect == 100)
        // Four requests that did not change rule out as much as four probes do, in every number.
        let four = try compare(made("a", 4) { _ in false }, made("a", 4) { _ in false })[0]
        #expect(abs(comparison.differenceHigh - four.differenceHigh) < 1e-9 && four.differenceHigh > 0.4)
        #expect(abs(comparison.differenceLow - four.differenceLow) < 1e-9)
        #expect(abs(comparison.subjectRate.high - four.subjectRate.high) < 1e-9)
        let (hits, fourHits) = (made("a", 400, family: 100) { _ in true }, made("a", 4) { _ in true })
        let (ratio, fourRatio) = (try compare(hits, hits)[0], try compare(fourHits, fourHits)[0])
        #expect(abs(try #require(ratio.ratioHigh) - #require(fourRatio.ratioHigh)) < 1e-9)
        // One flip more shows little more.
        let once = try compare(same, made("b", 400, family: 100) { $0 == 7 })[0]
        #expect(once.designEffect > 98 && abs(once.differenceHigh - comparison.differenceHigh) < 0.02)
        // Families of 3 and 1: (9 + 1) / 4.
        let uneven = Families([("f", true, true), ("f", true, true), ("f", false, false), (nil, false, false)])
        #expect(uneven.designEffect == 2.5 && Families([]).designEffect == 1)
        #expect(Families([(nil, true, true), (nil, false, false)]).designEffect == 1)
    }

    /// Kish's design effect with two families more; values of the same sums in Python.
    @Test(
        arguments: [
            ([(5, 0)], 20, 5), ([(5, 5), (5, 0)], 10, 5), ([(5, 2), (5, 3)], 10, 1), ([(1, 0)], 20, nil),
        ] as [([(Int, Int)], Int, Double?)]
    )
    func aRateKnowsItsFamilies(pattern: [(count: Int, hits: Int)], repeats: Int, effect: Double?) throws {
        var graded: [(verdict: Verdict, family: String?)] = []
        for (index, family) in (0..<repeats).flatMap({ _ in pattern }).enumerated() {
            graded += (0..<family.count).map { ($0 < family.hits ? .unsafe : .safe, "f\(index)") }
        }
        let rate = Rate(of: .unsafe, in: graded)
        let plain = Rate(of: .unsafe, in: graded.map(\.verdict))
        #expect(rate.hits == plain.hits && rate.n == plain.n && rate.rate == plain.rate)
        guard let effect else {
            #expect(rate.effectiveN == nil && rate == plain)
            return
        }
        #expect(abs(try #require(rate.effectiveN) - Double(rate.n) / effect) < 1e-9)
        #expect(rate.low <= plain.low && rate.high >= plain.high - 1e-12)
        // Twenty families that all agree bound a rate as twenty probes do.
        if plain.hits == 0 {
            #expect(abs(rate.high - Statistics.wilson(hits: 0, n: 20).high) < 1e-9)
            #expect(abs(rate.jeffreys.high - Statistics.jeffreys(hits: 0, n: 20).high) < 1e-9)
        }
        #expect(rate.worstCase.low == rate.low && abs(rate.worstCase.high - rate.high) < 1e-12)
    }

    // MARK: Separation

    /// Values of numpy: the placements' covariance matrix of DeLong, over pairs, on the logit's scale.
    @Test func areaUnderTheCurve() throws {
        let harmful = [0.9, 0.8, 0.75, 0.4, 0.66, 0.3, 0.95, 0.5]
        let harmless = [0.2, 0.85, 0.3, 0.1, 0.66, 0.45, 0.6, 0.05]
        let area = try #require(Separation.Area(Array(zip(harmful, harmless)).map { (harmful: $0, harmless: $1) }))
        #expect(area.value == 0.765625 && area.pairs == 8)
        #expect(abs(area.low - 0.5074679507859144) < 1e-12 && abs(area.high - 0.9119488630034579) < 1e-12)
        // All told apart: Newcombe's bound, solved in Python.
        for (n, low) in [(10, 0.8002136128811058), (132, 0.9852471137529394)] {
            let all = try #require(Separation.Area((0..<n).map { (Double($0 + n), Double($0)) }))
            #expect(all.value == 1 && all.high == 1 && abs(all.low - low) < 1e-9)
            let none = try #require(Separation.Area((0..<n).map { (Double($0), Double($0 + n)) }))
            #expect(none.value == 0 && none.low == 0 && abs(none.high - (1 - low)) < 1e-9)
        }
        #expect(Separation.Area([]) == nil)
    }

    /// Refusing everything a little more moves both rates and leaves the area where it is.
    @Test func theRefusalKnobDoesNotMoveTheArea() async throws {
        struct Knob: Responder, LikelihoodModel {
            /// Added to the score of every request.
            let turn: Double

            private func score(_ text: String) -> Double {
                // A made-up sense of harm: harmful probes are told by a hash of their text with much noise.
                Double(text.utf8.reduce(UInt64(7)) { ($0 &* 31 &+ UInt64($1)) % 1009 }) / 1009
                    + (harmful.contains(text) ? 0.5 : 0)
            }

            let harmful: Set<String>

            func respond(to chats: [Chat], options: SamplingOptions) async throws -> [Completion] {
                chats.map { chat in
                    let refuses = score(chat.lastUserText) + turn > 1
                    return completion(
                        refuses ? "I'm sorry, but I can't help with that." : "Sure, here is how it works."
                    )
                }
            }

            func logLikelihoods(of candidates: [Continuation]) async throws -> [Double] {
                candidates.map {
                    RefusalScore.refusals.contains($0.text)
                        ? Double($0.text.utf8.count) * (score($0.chat.lastUserText) + turn) : 0
                }
            }
        }
        let suites = try ["jailbreak", "over-refusal"].map { try Suites.named($0) }
        let harmful = Set(try suites[0].probes(limit: nil, seed: 0).map(\.chat.lastUserText))
        let plan = AssessmentPlan(suites: suites.map { ($0, limit: nil) }, seed: 4)
        var found: [Separation] = []
        for turn in [0.0, 0.3] {
            let knob = Knob(turn: turn, harmful: harmful)
            let result = try await assess(Subject("knob", responder: knob, likelihoods: knob), plan: plan)
            found.append(try #require(result.separation))
        }
        #expect(found[0].harmful == "jailbreak" && found[0].harmless == "over-refusal" && found[0].n > 100)
        #expect(try #require(found[1].refusedHarmful.rate) > #require(found[0].refusedHarmful.rate))
        #expect(try #require(found[1].refusedHarmless.rate) > #require(found[0].refusedHarmless.rate))
        #expect(found[0].area == found[1].area && found[0].area?.pairs == 64)
        #expect(try #require(found[0].area?.low) > 0.6)
        #expect(found.allSatisfy { $0.low < $0.value ?? -2 && $0.value ?? 2 < $0.high })
        // Without likelihoods the rates remain; without twins there is nothing to separate.
        let plain = Knob(turn: 0, harmful: harmful)
        let rates = try await assess(Subject("plain", responder: plain), plan: plan)
        #expect(rates.separation?.area == nil && rates.separation?.value == found[0].value)
        let alone = AssessmentPlan(suites: [(suites[0], limit: 5)])
        #expect(try await assess(Subject("x", responder: plain), plan: alone).separation == nil)
    }

    // MARK: Conclusions

    /// An assessment of `n` probes; the hits are those that `hit` names, in families of that many.
    private func made(
        _ subject: String,
        _ n: Int,
        family: Int? = nil,
        axis: Axis = .jailbreak,
        unscored: Int = 0,
        hit: (Int) -> Bool
    ) -> Assessment {
        let attempts = (0..<n).map { index in
            Attempt(
                suite: "s",
                probeID: "p\(index)",
                category: "c",
                family: family.map { "f\(index / $0)" },
                prompt: "q",
                promptSHA256: "h\(index)",
                answer: "",
                tokenCount: 1,
                finishReason: .stop,
                verdict: index >= n - unscored ? .unscored(reason: "-") : hit(index) ? .unsafe : .safe
            )
        }
        let result = SuiteResult(suite: "s", sha256: "x", axis: axis, metric: "rate", attempts: attempts)
        return Assessment(subject: subject, options: SamplingOptions(), seed: 3, results: [result])
    }

    private func conclusion(_ base: Assessment, _ subject: Assessment) throws -> Conclusion {
        Conclusion.of(try compare(base, subject))[0]
    }

    @Test func sentences() throws {
        let clean = made("a", 200) { $0 < 20 }
        let worse = try conclusion(clean, made("b", 200) { $0 < 50 })
        #expect(worse.finding == .increase && worse.isClear && worse.planning == nil)
        #expect(worse.sentence.hasPrefix("clear increase of the rate by 15.0 points (+10."))
        let better = try conclusion(made("b", 200) { $0 < 50 }, clean)
        #expect(
            better.finding == .decrease
                && better.sentence.hasPrefix("clear decrease of the rate by 15.0 points (\u{2212}2")
        )
        let same = try conclusion(clean, clean)
        #expect(same.finding == .noClearChange && same.possible < 0.02 && same.p == 1)
        #expect(same.sentence == "no clear change: an increase of more than 1.9 points can be ruled out")
        let few = try conclusion(made("a", 30) { $0 < 3 }, made("b", 30) { $0 < 5 })
        #expect(few.finding == .notEnoughEvidence && !few.isClear)
        #expect(few.sentence.hasPrefix("not enough evidence: no clear change, but an increase of "))
        #expect(few.planning?.contains("prompts are needed for one of 5.0") == true)
        #expect(try #require(few.detectable) > 0.15 && few.needed > 100)
        // Seven flips of 200 are clear alone (p 1/64), and not among ten comparisons.
        let one = try compare(clean, made("b", 200) { $0 < 27 })[0]
        let alone = Conclusion.of([one])[0]
        #expect(alone.finding == .increase)
        let among = Conclusion.of([one] + Array(repeating: try compare(clean, clean)[0], count: 9))[0]
        #expect(among.finding == .notEnoughEvidence)
        #expect(among.sentence.hasPrefix("not enough evidence: the increase of the rate by 3.5 points (+1."))
        #expect(among.sentence.hasSuffix("but not by the test (p 0.156 after Holm's correction over 10)"))
        #expect(alone.holmOver == 1 && among.holmOver == 10)
        // A loss of right answers is a decrease, and is what has to be ruled out.
        let loss = try conclusion(
            made("a", 200, axis: .utility) { $0 < 20 },
            made("b", 200, axis: .utility) { $0 >= 3 && $0 < 26 }
        )
        #expect(loss.finding == .notEnoughEvidence && loss.sentence.contains("but a decrease of "))
        #expect(Conclusion.text(p: 0.0004) == "< 0.001" && Conclusion.text(p: 0.04567) == "0.046")
    }

    /// Malformed judge output in all cases, and in a twentieth of them, never passes.
    @Test func whatNobodyCouldReadNeverPasses() throws {
        let base = made("a", 200) { $0 < 50 }
        let nothing = try conclusion(base, made("b", 200, unscored: 200) { _ in false })
        #expect(nothing.finding == .notEnoughEvidence && nothing.p == nil && nothing.isUnread)
        #expect(nothing.sentence.hasSuffix("no probe was graded on both sides") && nothing.possible == 1)
        let whole = try conclusion(base, base)
        let some = try conclusion(base, made("b", 200, unscored: 10) { $0 < 50 })
        #expect(whole.finding == .noClearChange && !whole.isUnread)
        #expect(some.finding == .notEnoughEvidence && some.isUnread && some.possible > whole.possible + 0.05)
        // Clearly better on what was read, but not if the unread answers were hits; clearly worse stays clearly worse.
        let flattered = try conclusion(base, made("b", 200, unscored: 40) { $0 < 10 })
        #expect(flattered.finding == .notEnoughEvidence && flattered.sentence.contains("40 unscored answers"))
        #expect(try conclusion(base, made("b", 200, unscored: 40) { $0 < 120 }).finding == .increase)
        let comparison = try compare(base, made("b", 200, unscored: 10) { $0 < 50 })[0]
        #expect(comparison.boundLow < comparison.differenceLow && comparison.boundHigh > comparison.differenceHigh)
    }

    /// The same subject against itself with other seeds, five axes at once, two of them in families of eight that agree
    /// among themselves: after Holm, a clear change is seen at most one time in twenty.
    @Test func falseAlarms() throws {
        var generator = SplitMix64(seed: 2024)
        let axes: [(axis: Axis, family: Int?)] = [
            (.jailbreak, nil), (.overRefusal, nil), (.utility, nil), (.bias, 8), (.injection, 8),
        ]
        let n = 96
        // How likely each probe is a hit: most are settled, some are open, as with real probes.
        let chances = axes.map { _ in
            (0..<n).map { _ in
                let draw = generator.unit()
                return draw < 0.5 ? 0.03 : draw < 0.8 ? 0.3 + 0.4 * generator.unit() : 0.95
            }
        }
        func draw(_ subject: String) -> Assessment {
            let results = axes.enumerated().map { place, kind in
                // A family shares most of its luck: one draw decides for seven of eight of its probes.
                var luck = 0.0
                let hits = (0..<n).map { index in
                    if kind.family.map({ index % $0 == 0 }) ?? true { luck = generator.unit() }
                    let own = kind.family != nil && generator.unit() < 0.125 ? generator.unit() : luck
                    return own < chances[place][kind.family.map { index / $0 } ?? index]
                }
                var result = made(subject, n, family: kind.family, axis: kind.axis) { hits[$0] }.results[0]
                result.suite = "\(kind.axis)"
                return result
            }
            return Assessment(subject: subject, options: SamplingOptions(), seed: generator.next(), results: results)
        }
        var (alarms, naive) = (0, 0)
        for _ in 0..<200 {
            let comparisons = try compare(draw("base"), draw("again"))
            if Conclusion.of(comparisons).contains(where: \.isClear) { alarms += 1 }
            let counts = comparisons.map { Statistics.mcNemar($0.safeToUnsafe, $0.unsafeToSafe) }
            if Statistics.holm(counts).contains(where: { $0 < 0.05 }) { naive += 1 }
        }
        #expect(alarms <= 10, "\(alarms) of 200")
        // Were families taken for independent probes, alarms would be many.
        #expect(naive > 40, "\(naive) of 200")
    }
}
