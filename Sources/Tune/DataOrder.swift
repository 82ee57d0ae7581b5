import TemperText

/// The order in which rows are seen: a fresh shuffle each epoch, a function of the seed alone; without a seed, as the rows lie.
///
/// Nothing is remembered between steps, so that a resumed run sees what an uninterrupted one would have.
package struct DataOrder: Sendable {
    private let count: Int
    private let rowsPerStep: Int
    private let seed: UInt64?

    package init(rowCount: Int, rowsPerStep: Int, seed: UInt64?) {
        count = rowCount
        self.rowsPerStep = rowsPerStep
        self.seed = seed
    }

    /// Steps in `epochs` passes over the data, the last one perhaps partial.
    package func steps(epochs: Double) -> Int {
        max(1, Int((Double(count) * epochs / Double(rowsPerStep)).rounded(.up)))
    }

    /// The rows of step `index`, counted from 0.
    package func rows(at index: Int) -> [Int] {
        var result: [Int] = []
        var position = index * rowsPerStep
        var epoch = -1
        var order: [Int] = []
        while result.count < rowsPerStep {
            if position / count != epoch {
                epoch = position / count
                order = permutation(epoch)
            }
            result.append(order[position % count])
            position += 1
        }
        return result
    }

    private func permutation(_ epoch: Int) -> [Int] {
        guard let seed else { return Array(0..<count) }
        var generator = SplitMix64(seed: seed &+ UInt64(epoch) &* 0xD1B5_4A32_D192_ED03)
        return generator.permutation(of: count)
    }
}
