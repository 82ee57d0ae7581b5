package import TemperTorch

/// Token ids of several sequences laid one after another without padding, with their positions.
///
/// What all sequences begin with, the trunk, is laid once, in front: each attends to it as if it were its own. Rows of
/// one batch often share a system prompt or an attack's template, and it is not computed again for each of them.
package struct PackedBatch {
    /// A common beginning shorter than this is not worth the bookkeeping.
    static let shortestTrunk = 8

    let ids: Tensor
    let positions: Tensor
    /// Tokens of each piece: the trunk first where there is one, then each sequence without it.
    let lengths: [Int]
    /// Tokens of the common beginning.
    let trunk: Int
    /// Whether adapters are applied.
    let adapted: Bool
    private let starts: [Int]

    /// Lays sequences out; with `adapted` false the model is run without the adapters on it.
    package init(_ sequences: [[Int]], adapted: Bool = true, device: Device) throws(TorchError) {
        let trunk = Self.commonBeginning(of: sequences)
        self.trunk = trunk
        self.adapted = adapted
        let own = sequences.map { $0.dropFirst(trunk) }
        let beginning = trunk > 0 ? Array(sequences[0].prefix(trunk)) : []
        ids = try Tensor(beginning + own.joined(), device: device)
        positions = try Tensor(Array(0..<trunk) + own.flatMap { Array($0.indices) }, device: device)
        lengths = (trunk > 0 ? [trunk] : []) + own.map(\.count)
        var start = trunk
        starts = own.map { piece in
            defer { start += piece.count }
            return start
        }
    }

    init(nextTokens: [Int], positions: [Int], device: Device) throws(TorchError) {
        ids = try Tensor(nextTokens, device: device)
        self.positions = try Tensor(positions, device: device)
        lengths = [Int](repeating: 1, count: nextTokens.count)
        trunk = 0
        adapted = true
        starts = Array(nextTokens.indices)
    }

    /// Where the token at `position` of a sequence lies among the rows of the hidden states.
    package func row(of position: Int, in sequence: Int) -> Int {
        position < trunk ? position : starts[sequence] + position - trunk
    }

    /// Tokens that all sequences begin with, every one of them keeping at least one of its own.
    private static func commonBeginning(of sequences: [[Int]]) -> Int {
        guard sequences.count > 1, let first = sequences.first else { return 0 }
        var length = (sequences.map(\.count).min() ?? 0) - 1
        for sequence in sequences.dropFirst() {
            length = zip(first, sequence).prefix(max(length, 0)).prefix { $0 == $1 }.count
        }
        return length < shortestTrunk ? 0 : length
    }
}

/// How a forward pass uses the cache.
enum CacheUse {
    /// Where the tokens of a pass go: `tokens` names a row of the pass for each place (`slots`, `positions`).
    struct Destinations {
        var tokens: Tensor
        var slots: Tensor
        var positions: Tensor
    }

    /// Whole prompts: attend within the pass, and store.
    case prefill(Destinations)
    /// One token per sequence: store, then attend to the first `lengths` positions of each slot, this token's included.
    case decode(slots: Tensor, lengths: [Int])
}
