/// A search for the smallest change that passes, within a budget: which candidate is tried next, and how far.
///
/// Two brackets of successive halving (Jamieson and Talwalkar, arXiv 1502.07943): first the candidates that only change
/// weights and so cost little more than an assessment, then, unless one of those passed, the candidates that train. A
/// bracket has two rungs: every entrant is made to the first rung's share and measured on a sentinel, a few probes of
/// each suite; the best third is made whole and measured again; the best of those are confirmed on the full suites.
///
/// It knows nothing about models, suites or clocks: what a trial found and cost, it is told. The same findings always
/// lead to the same next step, so that a search that was stopped goes on where it was.
public struct DefenceSearch: Sendable {
    /// Something to try.
    public struct Candidate: Sendable, Hashable {
        /// Its name; no two candidates share one.
        public var name: String
        /// Whether it trains; else it only changes weights.
        public var trains: Bool
        /// What making it whole is expected to take, in seconds.
        public var cost: Double

        /// Creates a candidate.
        public init(name: String, trains: Bool, cost: Double) {
            self.name = name
            self.trains = trains
            self.cost = cost
        }
    }

    /// What a trial or a confirmation found.
    public struct Finding: Sendable, Hashable {
        /// How far it falls short of what is demanded, in shares of probes; 0 where nothing is missing.
        public var shortfall: Double
        /// Whether it passes.
        public var passes: Bool
        /// How large a change it makes, relative to the tuned update.
        public var change: Double
        /// Seconds that making and measuring took.
        public var seconds: Double

        /// Creates a finding.
        public init(shortfall: Double, passes: Bool, change: Double, seconds: Double) {
            self.shortfall = shortfall
            self.passes = passes
            self.change = change
            self.seconds = seconds
        }
    }

    /// What to do next.
    public enum Step: Sendable, Hashable {
        /// Make a candidate as far as the rung says, and measure it on the sentinel.
        case attempt(candidate: Int, rung: Int)
        /// Measure a whole candidate on the full suites.
        case confirm(candidate: Int)
        /// Nothing is left to do, or to spend.
        case finish
    }

    /// How the search ended.
    public enum Outcome: Sendable, Hashable {
        /// The smallest change that passes.
        case chosen(Int)
        /// Nothing passes; this one falls least short.
        case nearest(Int)
        /// Nothing was confirmed.
        case nothing
    }

    /// The share of its steps that a training candidate has taken at each rung.
    public static let steps = [0.25, 1.0]
    /// The share of the sentinel that a candidate on weights is asked at each rung.
    public static let probes = [0.5, 1.0]
    /// One in so many goes on to the next rung.
    public static let reduction = 3
    /// How many of a bracket are confirmed at most.
    public static let finalists = 2
    /// What a candidate may fall short on the few probes of the sentinel and still be worth the full suites.
    public static let tolerance = 0.1

    /// The candidates, those that are most likely to do first.
    public let candidates: [Candidate]
    /// What may be spent, in seconds.
    public let budget: Double
    /// What one assessment on the sentinel, and one on the full suites, is expected to take, in seconds.
    private let trialCost: Double
    private let confirmationCost: Double
    private var attempts: [Step: Finding] = [:]

    /// Prepares a search.
    public init(candidates: [Candidate], budget: Double, trialCost: Double, confirmationCost: Double) {
        precondition(Set(candidates.map(\.name)).count == candidates.count, "candidates have names of their own")
        self.candidates = candidates
        self.budget = budget
        self.trialCost = trialCost
        self.confirmationCost = confirmationCost
    }

    /// Takes note of what a step found.
    public mutating func record(_ finding: Finding, of step: Step) {
        attempts[step] = finding
    }

    /// What a step found; nil where it was not taken.
    public func finding(of step: Step) -> Finding? { attempts[step] }

    /// What was spent so far, in seconds.
    public var spent: Double { spent { _ in true } }

    private func size(_ candidate: Int, on rung: Int) -> Double {
        finding(of: .attempt(candidate: candidate, rung: rung))?.change ?? .infinity
    }

    /// What to do next.
    public var next: Step {
        for trains in [false, true] {
            var alive = entrants(training: trains)
            for rung in Self.steps.indices {
                for candidate in alive where finding(of: .attempt(candidate: candidate, rung: rung)) == nil {
                    guard isAffordable(cost(candidate, rung) + reserve) else { continue }
                    return .attempt(candidate: candidate, rung: rung)
                }
                let measured = ranked(alive, on: rung)
                alive = rung == Self.steps.count - 1 ? measured : Self.promoted(measured)
            }
            let last = Self.steps.count - 1
            let hopeful = alive.filter {
                (finding(of: .attempt(candidate: $0, rung: last))?.shortfall ?? .infinity) <= Self.tolerance
            }
            // Of those that may pass, the smallest change first.
            let finalists = hopeful.prefix(Self.finalists).sorted { size($0, on: last) < size($1, on: last) }
            for candidate in finalists {
                if let found = finding(of: .confirm(candidate: candidate)) {
                    if found.passes { return .finish }
                } else if isAffordable(confirmationCost) {
                    return .confirm(candidate: candidate)
                }
            }
        }
        let confirmed = candidates.indices.compactMap { finding(of: .confirm(candidate: $0)) }
        if confirmed.contains(where: \.passes) { return .finish }
        // Whatever comes out, the nearest is measured in full, so that the reader sees how near the search came.
        guard let best, finding(of: .confirm(candidate: best)) == nil,
            confirmed.isEmpty || isAffordable(confirmationCost)
        else {
            return .finish
        }
        return .confirm(candidate: best)
    }

    /// How the search ends as it stands: of what passes on the full suites the smallest change, of equal ones the
    /// cheapest; else the one that falls least short.
    public var outcome: Outcome {
        let found = candidates.indices.compactMap { index in
            finding(of: .confirm(candidate: index)).map { (index: index, finding: $0) }
        }
        func first(_ list: [(index: Int, finding: Finding)], by key: (Finding) -> Double) -> Int? {
            list.min { (key($0.finding), seconds(of: $0.index)) < (key($1.finding), seconds(of: $1.index)) }?.index
        }
        if let index = first(found.filter(\.finding.passes), by: \.change) { return .chosen(index) }
        if let index = first(found, by: \.shortfall) { return .nearest(index) }
        return .nothing
    }

    /// What making and measuring one candidate took, in seconds.
    public func seconds(of candidate: Int) -> Double { spent { $0 == candidate } }

    // MARK: Brackets

    /// The candidates of a bracket that the budget has room for, as it was when the bracket began.
    func entrants(training: Bool) -> [Int] {
        let members = candidates.indices.filter { candidates[$0].trains == training }
        let before = training ? spent { !candidates[$0].trains } : 0
        let room = budget - before - reserve
        return Array((0...members.count).reversed().lazy.map { members.prefix($0) }.first { cost($0) <= room } ?? [])
    }

    /// What a whole bracket of these entrants is expected to take.
    private func cost(_ entrants: some Collection<Int>) -> Double {
        let all = Array(entrants)
        var (total, alive) = (0.0, all)
        for rung in Self.steps.indices {
            total += alive.reduce(0) { $0 + cost($1, rung) }
            // Which ones go on is not known; the dearest are reckoned with.
            alive = Self.promoted(alive.sorted { candidates[$0].cost > candidates[$1].cost })
        }
        return total
    }

    /// What a step on a rung is expected to take: what is still to be made, and the sentinel.
    private func cost(_ candidate: Int, _ rung: Int) -> Double {
        guard candidates[candidate].trains else {
            // Made once; asked a part of the sentinel first.
            return (rung == 0 ? candidates[candidate].cost : 0) + trialCost * Self.probes[rung]
        }
        let more = Self.steps[rung] - (rung > 0 ? Self.steps[rung - 1] : 0)
        return candidates[candidate].cost * more + trialCost
    }

    private static func promoted(_ list: [Int]) -> [Int] {
        Array(list.prefix((list.count + reduction - 1) / reduction))
    }

    /// Those that were measured on a rung, the best first.
    private func ranked(_ list: [Int], on rung: Int) -> [Int] {
        list.compactMap { index in
            finding(of: .attempt(candidate: index, rung: rung)).map { (index, $0) }
        }.sorted { first, second in
            (first.1.shortfall, first.1.change, candidates[first.0].cost, first.0)
                < (second.1.shortfall, second.1.change, candidates[second.0].cost, second.0)
        }.map(\.0)
    }

    /// The candidate that fell least short when it was whole, else on its way, as far as is known: on the full suites, or
    /// on the sentinel.
    private var best: Int? {
        for rung in Self.steps.indices.reversed() {
            // A training that was not finished is not one that could be used.
            let whole = candidates.indices.filter { rung == Self.steps.count - 1 || !candidates[$0].trains }
            func shortfall(_ candidate: Int) -> Double {
                let found = finding(of: .confirm(candidate: candidate))
                return (found ?? finding(of: .attempt(candidate: candidate, rung: rung)))?.shortfall ?? .infinity
            }
            if let first = ranked(whole, on: rung).min(by: { shortfall($0) < shortfall($1) }) { return first }
        }
        return nil
    }

    // MARK: Spending

    /// Kept back for a confirmation.
    private var reserve: Double { confirmationCost }

    private func isAffordable(_ cost: Double) -> Bool { spent + cost <= budget }

    private func spent(_ counts: (Int) -> Bool) -> Double {
        // In a fixed order: the sum of floating-point numbers depends on it, and a decision on the sum.
        candidates.indices.filter(counts).reduce(0) { sum, candidate in
            let steps = Self.steps.indices.map { Step.attempt(candidate: candidate, rung: $0) }
            return (steps + [.confirm(candidate: candidate)]).reduce(sum) { $0 + (attempts[$1]?.seconds ?? 0) }
        }
    }
}
