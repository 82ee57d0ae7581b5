import Testing

@testable import TemperAlign

/// The search's decisions on made-up findings; nothing is trained or measured.
struct DefenceSearchTests {
    private typealias Search = DefenceSearch

    /// `weights` cheap candidates named w0, w1 ... and `training` ones named t0, t1 ... of 40 seconds each.
    private func search(weights: Int, training: Int, budget: Double, cost: Double = 40) -> DefenceSearch {
        let cheap = (0..<weights).map { Search.Candidate(name: "w\($0)", trains: false, cost: 1) }
        let dear = (0..<training).map { Search.Candidate(name: "t\($0)", trains: true, cost: cost) }
        return DefenceSearch(candidates: cheap + dear, budget: budget, trialCost: 4, confirmationCost: 10)
    }

    /// Runs to the end; `shortfall` says what a candidate lacks, by name, and `change` how far it moves the weights.
    private func run(
        _ search: inout DefenceSearch,
        shortfall: (String) -> Double,
        change: (String) -> Double = { _ in 1 },
        inFull: ((String) -> Double)? = nil
    ) -> [String] {
        var log: [String] = []
        while search.next != .finish {
            let step = search.next
            guard log.count < 100 else { return log }
            let (index, seconds, text): (Int, Double, String)
            switch step {
            case .attempt(let candidate, let rung):
                let whole = search.candidates[candidate]
                let share = whole.trains ? (rung == 0 ? 0.25 : 0.75) * whole.cost + 4 : rung == 0 ? 3 : 4
                (index, seconds, text) = (candidate, share, "\(whole.name)/\(rung)")
            case .confirm(let candidate):
                (index, seconds, text) = (candidate, 10, "\(search.candidates[candidate].name)!")
            case .finish: return log
            }
            let name = search.candidates[index].name
            let lack = if case .confirm = step, let inFull { inFull(name) } else { shortfall(name) }
            search.record(
                .init(shortfall: lack, passes: lack == 0, change: change(name), seconds: seconds),
                of: step
            )
            log.append(text)
        }
        return log
    }

    @Test func aCheapOneThatPassesEndsIt() {
        var search = search(weights: 4, training: 2, budget: 1000)
        // w1 and w3 both pass; w3 changes less.
        let log = run(&search) {
            ["w1", "w3"].contains($0) ? 0 : 0.5
        } change: {
            $0 == "w3" ? 0.3 : 0.7
        }
        // Four entrants, the best third, rounded up, goes on.
        #expect(log == ["w0/0", "w1/0", "w2/0", "w3/0", "w3/1", "w1/1", "w3!"])
        #expect(search.outcome == .chosen(3))
        #expect(search.spent == 4 * 3 + 2 * 4 + 10)
        #expect(search.seconds(of: 3) == 3 + 4 + 10)
    }

    @Test func trainingComesWhenNoCheapOneWill() {
        var search = search(weights: 3, training: 4, budget: 1000)
        let log = run(&search) { $0 == "t2" ? 0 : $0.hasPrefix("w") ? 0.5 : 0.2 }
        // The cheap finalist falls too far short to be worth the full suites.
        #expect(log == ["w0/0", "w1/0", "w2/0", "w0/1", "t0/0", "t1/0", "t2/0", "t3/0", "t2/1", "t0/1", "t2!"])
        #expect(search.outcome == .chosen(5))
    }

    @Test func nothingPassesAndTheNearestIsMeasuredInFull() {
        var search = search(weights: 3, training: 3, budget: 1000)
        let log = run(&search) { $0 == "w1" ? 0.2 : 0.4 }
        #expect(log.last == "w1!" && log.count { $0.hasSuffix("!") } == 1)
        #expect(search.outcome == .nearest(1))
        // The sentinel may be wrong: what looked fine fails on the full suites, and the training ones get their turn.
        var misled = self.search(weights: 2, training: 1, budget: 1000)
        var full: [String] = []
        while misled.next != .finish {
            let step = misled.next
            if case .confirm(let candidate) = step { full.append(misled.candidates[candidate].name) }
            let fails = if case .confirm = step { true } else { false }
            misled.record(.init(shortfall: fails ? 0.3 : 0, passes: !fails, change: 1, seconds: 1), of: step)
        }
        #expect(full == ["w0", "t0"] && misled.outcome == .nearest(0))
        // One that looked fine is far off, and one that was not worth the full suites is nearer.
        var distant = self.search(weights: 1, training: 1, budget: 1000)
        let steps = run(&distant) {
            $0 == "w0" ? 0.05 : 0.11
        } inFull: {
            $0 == "w0" ? 0.5 : 0.11
        }
        #expect(steps == ["w0/0", "w0/1", "w0!", "t0/0", "t0/1", "t0!"] && distant.outcome == .nearest(1))
    }

    @Test(arguments: [0, 5, 20, 60, 120, 200, 400, 1000]) func theBudgetHolds(budget: Double) {
        var search = search(weights: 5, training: 6, budget: budget)
        let log = run(&search) { _ in 0.3 }
        // At worst the one confirmation that is always made comes on top.
        #expect(search.spent <= max(budget, 10), "\(log)")
        #expect(Set(log).count == log.count)
        if budget == 0 { #expect(log.isEmpty && search.outcome == .nothing) }
        if budget == 1000 { #expect(log.count { $0.hasPrefix("t") && $0.hasSuffix("/0") } == 6) }
    }

    @Test func aSmallBudgetTakesTheFirst() {
        let search = search(weights: 0, training: 6, budget: 100)
        // One to the end costs 48; three cost 3 * 14 + 34 = 76, four 4 * 14 + 2 * 34; 10 are kept for the confirmation.
        #expect(search.entrants(training: true) == [0, 1, 2])
        #expect(self.search(weights: 0, training: 6, budget: 57).entrants(training: true).isEmpty)
        #expect(self.search(weights: 0, training: 6, budget: 58).entrants(training: true) == [0])
    }

    /// The next step is a function of the findings, in whatever order they came.
    @Test func aStoppedSearchGoesOn() {
        var whole = search(weights: 4, training: 3, budget: 400)
        let log = run(&whole) { Double($0.utf8.last ?? 0) / 1000 }
        for count in 0...log.count {
            var part = search(weights: 4, training: 3, budget: 400)
            var done: [(DefenceSearch.Step, DefenceSearch.Finding)] = []
            while done.count < count, part.next != .finish, let finding = whole.finding(of: part.next) {
                done.append((part.next, finding))
                part.record(finding, of: part.next)
            }
            var again = search(weights: 4, training: 3, budget: 400)
            for (step, finding) in done.reversed() { again.record(finding, of: step) }
            #expect(again.next == part.next && again.spent == part.spent)
        }
    }

    @Test func frontHasWhatNothingBeats() {
        let points: [[Double?]] = [[0, 3], [1, 1], [2, 2], [3, 0], [1, 1], [nil, 0]]
        #expect(ParetoFront.indices(points) == [0, 1, 3, 4, 5])
        #expect(ParetoFront.indices([]).isEmpty)
    }

    @Test func everyEntryOfTheSpaceIsPossible() throws {
        var seen: Set<SearchSpace.Entry> = []
        for entry in SearchSpace.all {
            _ = try Defences.make(entry.method, knobs: entry.knobs)
            #expect(seen.insert(entry).inserted, "\(entry)")
        }
        let tried = Set(SearchSpace.all.map(\.method)).union(["prompted-serving"])
        #expect(tried == Set(Defences.all.map(\.card.method)))
    }
}
