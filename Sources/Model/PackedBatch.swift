package import TemperTorch

/// Token ids of several sequences laid one after another without padding, with their positions.
///
/// What all sequences begin with, the trunk, is laid once, in front: each attends to it as if it were its own. Rows of
/// one batch often share a system prompt or an attack's template, and it is not computed again for each of them. They may
/// also leave the trunk one after another, as variants of one text do.
package struct PackedBatch {
    /// A common beginning shorter than this is not worth the bookkeeping.
    static let shortestTrunk = 8

    let ids: Tensor
    let positions: Tensor
    /// Tokens of each piece: the trunk first where there is one, then each sequence from where it leaves the trunk.
    let lengths: [Int]
    /// How much of the trunk each piece sees; empty where there is none.
    let shared: [Int]
    /// Whether adapters are applied.
    let adapted: Bool
    /// Of each sequence, how many tokens lie in the trunk, and the row of the first that does not.
    private let branches: [Int]
    private let starts: [Int]

    /// Lays sequences out; with `adapted` false the model is run without the adapters on it.
    package init(_ sequences: [[Int]], adapted: Bool = true, device: Device) throws(TorchError) {
        let trunk = Array((sequences.first ?? []).prefix(Self.commonBeginning(of: sequences)))
        try self.init(sequences, branches: sequences.map { _ in trunk.count }, trunk, adapted: adapted, device: device)
    }

    /// Lays out sequences that follow `trunk` for a while: what each has in common with it is not computed again.
    package init(_ sequences: [[Int]], leaving trunk: [Int], device: Device) throws(TorchError) {
        let branches = sequences.map { sequence in
            zip(trunk, sequence.dropLast()).prefix { $0 == $1 }.count
        }
        let needed = Array(trunk.prefix(branches.max() ?? 0))
        try self.init(sequences, branches: branches, needed, adapted: true, device: device)
    }

    private init(
        _ sequences: [[Int]],
        branches: [Int],
        _ trunk: [Int],
        adapted: Bool,
        device: Device
    ) throws(TorchError) {
        self.adapted = adapted
        self.branches = branches
        let own = zip(sequences, branches).map { $0.dropFirst($1) }
        ids = try Tensor(trunk + own.joined(), device: device)
        positions = try Tensor(Array(trunk.indices) + own.flatMap { Array($0.indices) }, device: device)
        lengths = (trunk.isEmpty ? [] : [trunk.count]) + own.map(\.count)
        shared = trunk.isEmpty ? [] : [0] + branches
        var start = trunk.count
        starts = own.map { piece in
            defer { start += piece.count }
            return start
        }
    }

    init(nextTokens: [Int], positions: [Int], device: Device) throws(TorchError) {
        ids = try Tensor(nextTokens, device: device)
        self.positions = try Tensor(positions, device: device)
        lengths = [Int](repeating: 1, count: nextTokens.count)
        shared = []
        adapted = true
        branches = positions
        starts = Array(nextTokens.indices)
    }

    /// Where the token at `position` of a sequence lies among the rows of the hidden states.
    package func row(of position: Int, in sequence: Int) -> Int {
        position < branches[sequence] ? position : starts[sequence] + position - branches[sequence]
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
