import TemperAlign
import TemperModel
import TemperTorch
import TemperTune

extension Defence {
    /// Whether it starts from what was tuned, so that there is nothing for it to do where a tuning ended at its start.
    var needsTuned: Bool {
        switch self {
        case .data, .training: false
        case .realignment, .weights: true
        }
    }
}

/// The training that a defence does: on what, how, and for what objective.
@TorchActor
struct DefenceTraining {
    var data: Dataset
    var settings: TrainingSettings
    /// nil for the objective of the settings' stage.
    var scheme: TrainingScheme?
    /// Whether it goes on from the tuned adapter.
    var startsTuned = false

    /// Said where a defence has left out every row.
    static let nothingNote = "No row was left to train on, so the result is the model it would have started from."

    /// Whether the defence has left out every row that something can be learned from.
    private(set) var trainsNothing = false

    /// Whether it would do what the user's tuning has done.
    func repeatsTuning(on data: Dataset) -> Bool {
        scheme == nil && !startsTuned && self.data.examples == data.examples
    }

    /// The step at which a share of the user's steps is done, in a training of so many steps in all.
    func step(at share: Double, of total: Int) -> Int {
        func part(_ steps: Int) -> Int { max(1, Int((Double(steps) * share).rounded())) }
        guard let phases = scheme?.phases else { return part(total) }
        return phases.total(user: part(phases.userStep(total)))
    }

    /// - Parameter tuned: Rows and steps of the user's own training.
    /// - Returns: nil where the defence trains nothing.
    init?(
        _ defence: Defence,
        after tuning: TrainingSettings,
        on data: Dataset,
        tuned: (rows: Int, steps: Int),
        reference: LanguageModel,
        seed: UInt64
    ) throws {
        self.data = data
        settings = tuning
        switch defence {
        case .weights: return nil
        case .data(let method):
            self.data = try method.prepare(data, for: reference, seed: seed)
            let rows: Int
            do {
                rows = try self.data.tokenized(for: reference, settings: settings).rows.count
            } catch TrainingError.nothingToLearn {
                trainsNothing = true
                return
            }
            // The user's rows are to be seen as often as without the added ones; what counts is what is learned from.
            settings.maxSteps = max(1, Int((Double(tuned.steps) * Double(rows) / Double(tuned.rows)).rounded()))
        case .training(let method):
            settings = try method.settings(after: tuning, steps: tuned.steps, on: reference)
            scheme = try method.scheme(for: reference, seed: seed)
        case .realignment(let method):
            self.data = try method.data(seed: seed)
            settings = method.settings(after: tuning)
            startsTuned = true
        }
    }
}
