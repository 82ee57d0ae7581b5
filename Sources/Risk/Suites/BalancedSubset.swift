import TemperText

/// Draws seeded subsets of probes that are balanced over categories and nested in one another.
///
/// Knows nothing about what the probes ask. Each category is put into a seeded order and the categories take turns, so
/// there is one order of all probes and a subset is its beginning: the subset of 30 lies inside the subset of 60.
/// A probe with a `twin` takes its twin's place, so that paired suites draw paired subsets.
enum BalancedSubset {
    /// At most `limit` probes, in the order the suite lists them.
    static func of(_ probes: [Probe], limit: Int?, seed: UInt64) -> [Probe] {
        guard let limit, limit < probes.count else { return probes }
        var places: [String: [(key: UInt64, index: Int)]] = [:]
        for (index, probe) in probes.enumerated() {
            let name = probe.reference["twin"] ?? probe.id
            places[probe.category, default: []].append((key(name, seed), index))
        }
        let categories = places.keys.sorted { (key($0, seed), $0) < (key($1, seed), $1) }
        let queues = categories.map { (places[$0] ?? []).sorted { ($0.key, $0.index) < ($1.key, $1.index) } }
        var order: [Int] = []
        for turn in 0..<(queues.map(\.count).max() ?? 0) {
            for queue in queues where turn < queue.count { order.append(queue[turn].index) }
        }
        return order.prefix(max(0, limit)).sorted().map { probes[$0] }
    }

    /// A seeded number for a name: FNV-1a, stirred by SplitMix64.
    private static func key(_ name: String, _ seed: UInt64) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
        var generator = SplitMix64(seed: hash ^ seed &* 0x9E37_79B9_7F4A_7C15)
        return generator.next()
    }
}
