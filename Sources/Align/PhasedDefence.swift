public import TemperModel
import TemperTorch
public import TemperTune

/// A defence whose training has steps on rows of its own, beside those on the user's.
public protocol PhasedDefence: TrainingDefence {
    /// Which steps are on which rows.
    var phases: TrainingScheme.Phases { get }
}

extension PhasedDefence {
    /// The user's settings, the steps on the defence's own rows added.
    public func settings(
        after tuning: TrainingSettings,
        steps: Int,
        on model: LanguageModel
    ) throws -> TrainingSettings {
        var settings = tuning
        settings.maxSteps = phases.total(user: steps)
        return settings
    }
}

extension TrainingStep {
    /// The next of a defence's own rows, by turns: the same ones at the same step, however often a run was resumed.
    func turn(_ count: Int, of rows: [TokenizedExample]) -> [TokenizedExample] {
        (0..<count).map { rows[(microBatch * count + $0) % rows.count] }
    }

    /// The loss of a part of the micro-batch to which none of those rows falls: it has nothing to learn.
    func nothing() throws(TorchError) -> Tensor { try parameters[0].sum().scaled(by: 0) }

    /// This part's share of the mean cross-entropy of such rows.
    func crossEntropy(ofTurn rows: [TokenizedExample]) throws(TorchError) -> Tensor {
        if let loss = try crossEntropy(ofShared: rows) { return loss }
        return try nothing()
    }
}
