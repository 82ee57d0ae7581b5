import Testing

@testable import TemperTune

/// Learning rates as the formulas of `transformers` give them, for 3 steps of warm-up out of 10.
@Suite struct ScheduleTests {
    private func rates(_ kind: TrainingSettings.Scheduler, _ change: (inout TrainingSettings) -> Void) -> [Double] {
        var settings = TrainingSettings()
        settings.learningRate = 2
        settings.lrSchedulerType = kind
        change(&settings)
        let schedule = Schedule(settings, totalSteps: 10)
        return (0...10).map(schedule.rate)
    }

    private func expect(_ found: [Double], _ factors: [Double], at location: SourceLocation = #_sourceLocation) {
        #expect(zip(found, factors).allSatisfy { abs($0 - 2 * $1) < 1e-12 }, "\(found)", sourceLocation: location)
    }

    @Test func linear() {
        expect(
            rates(.linear) { $0.warmupSteps = 3 },
            [
                0, 0.3333333333333333, 0.6666666666666666, 1, 0.8571428571428571, 0.7142857142857143,
                0.5714285714285714, 0.42857142857142855, 0.2857142857142857, 0.14285714285714285, 0,
            ]
        )
    }

    @Test func cosine() {
        expect(
            rates(.cosine) { $0.warmupSteps = 3 },
            [
                0, 0.3333333333333333, 0.6666666666666666, 1, 0.9504844339512095, 0.8117449009293668,
                0.6112604669781572, 0.38873953302184283, 0.18825509907063326, 0.04951556604879048, 0,
            ]
        )
    }

    @Test func constant() {
        expect(rates(.constant) { $0.warmupSteps = 3 }, [0, 1.0 / 3, 2.0 / 3, 1, 1, 1, 1, 1, 1, 1, 1])
        expect(rates(.constant) { $0.warmupSteps = 0 }, [Double](repeating: 1, count: 11))
    }

    /// A share of the steps is rounded up, and a number of steps wins over it.
    @Test func warmupRatio() {
        let three = rates(.linear) { $0.warmupSteps = 3 }
        #expect(rates(.linear) { $0.warmupRatio = 0.25 } == three)
        #expect(rates(.linear) { $0.warmupRatio = 0.3 } == three)
        #expect(
            rates(.linear) {
                $0.warmupRatio = 0.9
                $0.warmupSteps = 3
            } == three
        )
        #expect(rates(.linear) { $0.warmupRatio = 0 }[0] == 2)
        #expect(rates(.linear) { $0.warmupRatio = 1 }[9] == 2 * 0.9)
    }
}
