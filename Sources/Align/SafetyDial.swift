public import TemperModel
public import TemperTorch
public import TemperTune

/// Safety rows in every step of a training, with a weight that can be raised while it runs.
///
/// The loss is `CE(user rows) + weight * CE(safety rows)`; the safety rows are refusals, look-alike twins and ordinary
/// rows in the shares 2 : 1 : 1, the same ones at the same step. At weight 0 it is the plain objective. This is the
/// safety mix of Bianchi et al. (arXiv 2309.07875) as a term of the loss, so that a training under way can take it up.
/// Who turns the dial, and why, it does not know.
@TorchActor
public final class SafetyDial {
    /// What the safety rows' mean cross-entropy counts beside the user's.
    public var weight: Double = 0
    /// Safety rows in each micro-batch.
    private let count: Int

    /// Creates a dial at 0.
    ///
    /// - Parameter rows: Safety rows in each micro-batch.
    public init(rows: Int = 4) {
        precondition(rows > 0, "a mix has rows")
        count = rows
    }

    /// The objective that follows the dial.
    public func scheme(for model: LanguageModel, seed: UInt64) throws -> TrainingScheme {
        let safety = try AlignmentData.mixed(for: model, seed: seed)
        let count = count
        return TrainingScheme { [self] step throws(TorchError) in
            let crossEntropy = try step.crossEntropy()
            guard weight > 0 else { return TrainingLoss(total: crossEntropy, logged: crossEntropy) }
            let shared = step.turn(count, of: safety)
            guard let mixed = try step.crossEntropy(ofShared: shared) else {
                return TrainingLoss(total: crossEntropy, logged: crossEntropy)
            }
            return TrainingLoss(total: try crossEntropy.adding(mixed, times: weight), logged: crossEntropy)
        }
    }
}
