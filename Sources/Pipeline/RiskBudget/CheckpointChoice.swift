/// Which checkpoint of a tuning to keep: by risk and utility, not the last because it is the last.
///
/// It knows nothing about how either was measured.
struct CheckpointChoice: Sendable, Hashable {
    /// Steps taken.
    var step: Int
    /// The rise of the risk over the reference.
    var increase: Double
    /// Whether the answer was right, by question; nil where none was graded.
    var answers: [String: Bool]?

    /// Of the checkpoints whose measured rise is within the budget the most useful one, of equal ones the one with the
    /// lesser risk, then the later one; where usefulness was not measured, the last one within the budget. Nil where
    /// none is within it.
    ///
    /// Checkpoints before the last may have been asked fewer questions; those that all of them were graded on decide.
    static func best(of checkpoints: [CheckpointChoice], budget: Double) -> CheckpointChoice? {
        let within = checkpoints.filter { $0.increase <= budget }
        // The reference has been asked everything; what was tuned may not have been.
        let tuned = within.filter { $0.step > 0 }
        let asked = within.compactMap(\.answers).map { Set($0.keys) }
        let shared = asked.dropFirst().reduce(asked.first ?? []) { $0.intersection($1) }
        guard tuned.allSatisfy({ $0.answers != nil }), !shared.isEmpty else {
            return within.max { $0.step < $1.step }
        }
        func right(_ checkpoint: CheckpointChoice) -> Int { shared.count { checkpoint.answers?[$0] == true } }
        return within.max { first, second in
            (right(first), -first.increase, first.step) < (right(second), -second.increase, second.step)
        }
    }
}
