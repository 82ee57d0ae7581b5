import Testing

@testable import TemperReport

/// What a run took: the arithmetic, and how it is said.
@Suite struct CostTests {
    /// 6 N for all weights; 4 N + 6 A for an adapter; 2 N for an answer. By hand for N = 1000, A = 10.
    @Test func operations() {
        var account = CostAccount(parameters: 1000, prices: .init(watts: 360, perHour: 2, perKilowattHour: 0.5))
        account.train("full", tokens: 100, adapter: nil, seconds: 3600)
        account.train("lora", tokens: 100, adapter: 10, seconds: 1800)
        account.assess("assess raw", read: 30, generated: 20, seconds: 900)
        let cost = account.cost
        #expect(cost.phases.map(\.flops) == [600_000, 406_000, 100_000])
        #expect(cost.phases.map(\.energy) == [0.36, 0.18, 0.09])
        #expect(cost.phases.map(\.money) == [2.18, 1.09, 0.545])
        #expect(cost.total.tokens == 230 && cost.total.generated == 20 && cost.total.flops == 1_106_000)
        #expect(cost.total.seconds == 6300 && !cost.wattsAreAssumed)
    }

    @Test func withoutPrices() {
        var account = CostAccount(parameters: 1000, prices: .init())
        account.assess("assess raw", read: 1, generated: 1, seconds: 36)
        let cost = account.cost
        #expect(cost.watts == 100 && cost.wattsAreAssumed && cost.total.money == nil && cost.modification == nil)
        #expect(CostAccount(parameters: 1, prices: .init(), usesAccelerator: true).cost.watts == 700)
    }

    /// A third of what the original took; where that is unknown, of 1e23.
    @Test func oneThird() throws {
        func modification(_ original: Double?) throws -> RunReport.Cost.Modification {
            var account = CostAccount(parameters: 1000, prices: .init(baseTrainingFlops: original))
            account.assess("assess raw", read: 500, generated: 0, seconds: 1)
            account.train("tune", tokens: 1000, adapter: nil, seconds: 1)
            return try #require(account.cost.modification)
        }
        let known = try modification(9e6)
        #expect(known.flops == 6e6 && known.threshold == 3e6 && known.share == 2)
        let unknown = try modification(nil)
        #expect(unknown.threshold == 1e23 / 3 && unknown.originalFlops == nil && unknown.share < 1e-15)
    }

    @Test func reading() {
        #expect(Format.scientific(1.234e15) == "1.23\u{A0}×\u{A0}10¹⁵" && Format.scientific(9999) == "9999")
        #expect(Format.scientific(9.999e9) == "1.00\u{A0}×\u{A0}10¹⁰")
        #expect(Format.energy(0.0123) == "12.3\u{A0}Wh" && Format.energy(0.00012) == "0.12\u{A0}Wh")
        #expect(Format.energy(2) == "2.00\u{A0}kWh")
        #expect(Format.money(0.0034, "EUR") == "EUR\u{A0}0.0034" && Format.money(nil, "EUR") == Format.dash)
        #expect(Format.smallShare(0.00000042) == "0.000042\u{A0}%" && Format.smallShare(0.5) == "50.0\u{A0}%")
        #expect(Format.smallShare(3e-12) == "3.0\u{A0}×\u{A0}10⁻¹⁰\u{A0}%")
    }

    @Test func everyPlaceShowsIt() throws {
        let report = Sample.report
        let cost = try #require(report.cost)
        let page = HTMLReport.render(report)
        for phase in cost.phases { #expect(page.contains(Format.scientific(phase.flops))) }
        #expect(page.contains("as the recipe says"))
        #expect(page.contains("one third of the 1.60\u{A0}×\u{A0}10²¹ FLOP of the original"))
        #expect(page.contains("not legal advice"))
        let terminal = TerminalSummary.render(report, width: 400)
        let line = CostText.line(cost).replacing("\u{A0}", with: " ").replacing("\u{202F}", with: " ")
        #expect(terminal.contains("Cost: \(line)."))
        let table = try #require(csvFiles(report).first { $0.name == "cost.csv" }?.text)
        #expect(table.split(separator: "\r\n").count == cost.phases.count + 2)
        #expect(try RunReport(json: report.json()).cost == cost)
        var old = report
        old.cost = nil
        #expect(HTMLReport.render(old).contains("was not counted"))
    }

    @Test func correctedRatesStandBesideTheRawOnes() throws {
        let page = HTMLReport.render(Sample.report)
        let entry = try #require(Sample.report.correctedRates?.first)
        let text = "\(Format.percent(entry.rate)) \(Format.interval(entry.low * 100, entry.high * 100, 1))"
        #expect(page.contains(text))
        #expect(page.contains("not identifiable"))
        #expect(page.contains("their errors were not measured: exact-match"))
        #expect(csvFiles(Sample.report).contains { $0.name == "corrected-rates.csv" })
    }
}
