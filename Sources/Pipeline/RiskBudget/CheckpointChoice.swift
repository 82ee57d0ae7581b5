/// Which checkpoint of a tuning to keep: by risk and utility, not the last because it is the last.
///
/// It knows nothing about how either was measured.
struct CheckpointChoice: Sendable, Hashable {
    /// Steps taken.
    var step: Int
    /// The rise of the risk over the reference.
    var increase: Double
    /// The rate of right answers; nil where none was measured.
    var utility: Double?

    /// Of the checkpoints whose measured rise is within the budget the most useful one, of equal ones the one with the
    /// lesser risk, then the later one; where usefulness was not measured, the last one within the budget. Where none
    /// is within it, the one with the least rise.
    static func best(of checkpoints: [CheckpointChoice], budget: Double) -> CheckpointChoice? {
        let within = checkpoints.filter { $0.increase <= budget }
        guard !within.isEmpty else {
            return checkpoints.min { ($0.increase, $0.step) < ($1.increase, $1.step) }
        }
        // The reference has been asked everything; what was tuned may not have been.
        let tuned = within.filter { $0.step > 0 }
        guard tuned.allSatisfy({ $0.utility != nil }) else { return within.max { $0.step < $1.step } }
        return within.max { first, second in
            (first.utility ?? 0, -first.increase, first.step) < (second.utility ?? 0, -second.increase, second.step)
        }
    }
}
