/// A suite whose probes are a list, read once.
///
/// Knows nothing about where the list came from.
struct ListedSuite: Suite {
    let card: SuiteCard
    let judge: any Judge
    let list: [Probe]

    init(card: SuiteCard, judge: any Judge, probes: [Probe]) {
        self.card = card
        self.judge = judge
        list = probes
    }

    func probes(limit: Int?, seed: UInt64) throws -> [Probe] {
        BalancedSubset.of(list, limit: limit, seed: seed)
    }
}

/// A suite whose probes lie in the package, as `Resources/NAME.jsonl`; the file is read on every call.
struct EmbeddedSuite: Suite {
    let card: SuiteCard
    let judge: any Judge
    var secondJudges: [any Judge] = []

    func probes(limit: Int?, seed: UInt64) throws -> [Probe] {
        BalancedSubset.of(try EmbeddedProbes.read(card.name), limit: limit, seed: seed)
    }
}
