import TemperText

/// Counts the tokens that go through a model in a step, whatever an objective sends there: the user's rows, a defence's
/// own, and the same rows again.
package final class TokenCount: Sendable {
    private let counts = Locked((learned: 0, read: 0))

    package init() {}

    /// Tokens that went forward and backward.
    package var learned: Int { counts.withLock { $0.learned } }
    /// Tokens that went forward only, as they do through the model before the training.
    package var read: Int { counts.withLock { $0.read } }

    /// Counts a pass of rows.
    package func add(_ rows: [TokenizedExample], learned: Bool) {
        let tokens = rows.reduce(0) { $0 + $1.tokenCount }
        counts.withLock { counts in
            if learned { counts.learned += tokens } else { counts.read += tokens }
        }
    }
}
